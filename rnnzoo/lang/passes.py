"""IR -> IR with the same meaning: what does not depend on the previous step leaves the time loop.

In: the step of a cell.  Out: a `Schedule`: equations to compute over the whole sequence at once, and those of the loop.  In
an LSTM the first are the four projections `W @ x + b`, so that they become one matrix product over (time x batch).  The
same rule hoists the embedding of MUT1, the lower layer's cell in a depth-gated LSTM, and all of a cell without recurrence.

Each pass is a small function; the schedule is checked against the reference like every other reader of the IR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rnnzoo.lang import ir

HOISTED = "hoisted"  # names of new equations; `$` keeps them apart from the user's


@dataclass(frozen=True, slots=True)
class Schedule:
    """A step in two parts.

    Attributes:
        before: computed for all steps at once; each after those that it needs.
        loop: computed step by step; reads values of `before` as it reads `x`.
        sequences: names of `before` that the loop reads.
    """

    before: tuple[ir.Equation, ...]
    loop: tuple[ir.Equation, ...]

    @property
    def sequences(self) -> tuple[str, ...]:
        names = {one.name for one in self.before}
        used = (ref.name for one in self.loop for ref in ir.refs(one.expr, "value") if ref.name in names)
        return tuple(dict.fromkeys(used))


def schedule(step: ir.Step) -> Schedule:
    """Split a step into what is hoisted and what stays in the loop."""
    stateful = ir.depending(step.equations)
    before = [one for one in step.equations if one.name not in stateful]
    hoist = _Hoist(stateful, before)
    loop = tuple(
        ir.Equation(one.name, hoist.rewrite(one.expr), one.size) for one in step.equations if one.name in stateful
    )
    return Schedule(tuple(before), loop)


@dataclass(slots=True)
class _Hoist:
    stateful: frozenset[str]
    before: list[ir.Equation]
    known: dict[ir.Expr, ir.Ref] = field(default_factory=dict)

    def rewrite(self, expr: ir.Expr) -> ir.Expr:
        """The expression with every part that does not depend on the previous step replaced by a name of `before`."""
        if not isinstance(expr, ir.Apply):
            return self.sequence(expr)
        if not ir.depends(expr, self.stateful):
            return self.hoist(expr) if self.worth(expr) else expr
        if expr.op in ("add", "sub"):
            return self.rewrite_sum(expr)
        return ir.Apply(expr.op, tuple(self.rewrite(arg) for arg in expr.args), expr.shape)

    def rewrite_sum(self, expr: ir.Apply) -> ir.Expr:
        """`W @ x + R @ h[t-1] + b` becomes `W @ x` before the loop and `zx + R @ h[t-1] + b` in it.

        One sequence is read in the loop and not two; what is the same at every step costs less in the loop, where it joins
        other sums, than a pass over all steps would.
        """
        terms = list(ir.terms(expr))
        still = [(self.rewrite(term), sign) for term, sign in terms if ir.depends(term, self.stateful)]
        moved = [(term, sign) for term, sign in terms if not ir.depends(term, self.stateful)]
        steps = [one for one in moved if self.worth(one[0])]
        fixed = [one for one in moved if not self.worth(one[0])]
        if not steps:
            return _sum([*still, *fixed])
        return _sum([(self.hoist(_sum(steps)), True), *still[:1], *fixed, *still[1:]])

    def worth(self, expr: ir.Expr) -> bool:
        """Whether an expression differs from step to step at all; what does not is as cheap in the loop."""
        return any(_is_sequence(node) for node in ir.walk(expr))

    def sequence(self, expr: ir.Expr) -> ir.Expr:
        """`x` and `below.c` themselves become values of `before`, so that the loop reads one kind of sequence."""
        return self.hoist(expr) if isinstance(expr, ir.Ref) and expr.kind in ("input", "below") else expr

    def hoist(self, expr: ir.Expr) -> ir.Ref:
        if isinstance(expr, ir.Ref) and expr.kind == "value":
            return expr
        if expr not in self.known:
            name = f"${HOISTED}{len(self.known)}"
            self.before.append(ir.Equation(name, expr, expr.shape[0]))
            self.known[expr] = ir.Ref("value", name, expr.shape)
        return self.known[expr]


def _is_sequence(expr: ir.Expr) -> bool:
    return isinstance(expr, ir.Ref) and expr.kind in ("input", "below", "value")


def _sum(terms: Sequence[tuple[ir.Expr, bool]]) -> ir.Expr:
    """Terms with signs as one expression; a positive term first, where there is one."""
    ordered = sorted(terms, key=lambda term: not term[1])
    (total, positive), *others = ordered
    if not positive:
        total = ir.Apply("neg", (total,), total.shape)
    for term, sign in others:
        shape = total.shape or term.shape
        total = ir.Apply("add" if sign else "sub", (total, term), shape)
    return total


@dataclass(frozen=True, slots=True)
class Ticked:
    """A cell of clocks: each unit of `state` is computed at multiples of its period only, and kept between them.

    Attributes:
        period: the constant that holds a period for each unit.
        step: the step as if every unit were always due.
    """

    state: str
    period: str
    step: ir.Step


def ticked(step: ir.Step) -> Ticked | None:
    """The clocks of a step of the form `h = where(t % T == 0, E, h[t-1])`, where E reads h[t-1] in products only."""
    if len(step.equations) != 1:
        return None
    (one,) = step.equations
    match one.expr:
        case ir.Apply(
            op="where",
            args=(
                ir.Apply(
                    op="equal", args=(ir.Apply(op="mod", args=(ir.Ref(kind="time"), period)), ir.Number(value=0.0))
                ),
                value,
                ir.Ref(kind="previous", name=one.name),
            ),
        ) if isinstance(period, ir.Ref) and period.kind == "constant":
            lagged = [ref for ref in ir.walk(value) if isinstance(ref, ir.Ref) and ref.kind == "previous"]
            multiplied = [node for node in ir.products(value) if isinstance(node.args[1], ir.Ref)]
            if (
                len(lagged) == 1 == sum(1 for node in multiplied if node.args[1] == lagged[0])
                and lagged[0].name == one.name
            ):
                return Ticked(one.name, period.name, ir.Step((ir.Equation(one.name, value, one.size),), step.weights))
    return None


def products(equations: Sequence[ir.Equation]) -> dict[ir.Expr, tuple[ir.Ref, ...]]:
    """Operand -> the matrices that multiply it: those become one stacked product."""
    found: dict[ir.Expr, dict[ir.Ref, None]] = {}
    for one in equations:
        for node in ir.products(one.expr):
            weight, operand = node.args
            assert isinstance(weight, ir.Ref)  # `lang.check` lets nothing else stand before @
            found.setdefault(operand, {})[weight] = None
    return {operand: tuple(weights) for operand, weights in found.items()}
