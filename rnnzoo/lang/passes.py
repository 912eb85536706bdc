"""Two views of a step: what leaves the time loop (`schedule`), and clockwork steps
(`periodic_update`).

Loop-invariant code motion: expressions that do not depend on the previous step or on `t` leave the
time loop.  In: the step of a cell.  Out: a `Schedule`: equations to compute over the whole sequence
at once, and those of the loop.  In an LSTM the former are the four projections `W @ x`, so that
they become one matrix product over (time x batch).  The same rule hoists the embedding of MUT1, the
lower layer's cell in a depth-gated LSTM, and all of a cell without recurrence.

Clockwork steps (Koutnik et al. 2014) update each unit at multiples of its period only, so that a
backend can leave out the rows of the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnnzoo.lang import ir
from rnnzoo.lang.primitives import (
    add,
    as_weight,
    columns,
    equal,
    is_one_head,
    matmul,
    mod,
    neg,
    not_equal,
    sub,
    times,
    times_turned,
    together,
    transposed,
    where,
)

HOISTED = "hoisted"  # names of new equations; `$` keeps them apart from the user's
SignedTerm = tuple[ir.Expr, bool]  # of a sum, and whether it is added


@dataclass(frozen=True, slots=True)
class Schedule:
    """A step in two parts.

    Attributes:
        before: computed for all steps at once, in topological order.
        loop: computed step by step; reads values of `before` as it reads `x`.
        sequences: names of `before` that the loop reads.
    """

    before: tuple[ir.Equation, ...]
    loop: tuple[ir.Equation, ...]

    @property
    def sequences(self) -> tuple[str, ...]:
        names = {equation.name for equation in self.before}
        used = (ref.name for ref in ir.refs_in(self.loop, "value"))
        return tuple(dict.fromkeys(name for name in used if name in names))


def schedule(step: ir.Step) -> Schedule:
    """Split a step into hoisted equations and those of the loop."""
    step = with_weights_computed(apart(step))
    fixed = ir.fixed_names(step.equations)
    stateful = _in_loop(step, fixed)
    before = [equation for equation in step.equations if equation.name not in stateful]
    hoist = _Hoist(stateful, fixed, before)
    loop = tuple(
        ir.Equation(equation.name, hoist.rewrite(equation.expr), equation.size)
        for equation in step.equations
        if equation.name in stateful
    )
    return Schedule(tuple(before), loop)


def _in_loop(step: ir.Step, fixed: Collection[str]) -> frozenset[str]:
    """Names of the equations that are computed step by step: those that depend on a previous step
    or on time; and matrices with what is made of them, since those of all steps at once would be
    many times as large as all else, but for those of weights alone.
    """
    names: set[str] = set()
    for equation in step.equations:  # in order: what an equation needs stands before it
        if ir.moves_matrix(equation.expr, fixed) or ir.is_stateful(equation.expr, names):
            names.add(equation.name)
    return frozenset(names)


def with_weights_computed(step: ir.Step) -> ir.Step:
    """The same step in which a matrix that is computed of weights alone multiplies as a matrix of
    weights does.

    So it is a kernel that products are stacked with, and its adjoint is one product over all steps.
    """
    fixed = ir.fixed_names(step.equations)
    equations = tuple(
        replace(equation, expr=_with_weights_computed(equation.expr, fixed))
        for equation in step.equations
    )
    return step if equations == step.equations else replace(step, equations=equations)


def _with_weights_computed(expr: ir.Expr, fixed: Collection[str]) -> ir.Expr:
    if not isinstance(expr, ir.Apply):
        return expr
    args = tuple(_with_weights_computed(arg, fixed) for arg in expr.args)
    is_product = expr.op in (times, times_turned) and is_one_head(args[2])
    if not is_product or not ir.is_fixed(args[0], fixed):
        return expr if args == expr.args else replace(expr, args=args)
    (grid,) = args[0].shape
    assert isinstance(grid, ir.Grid)
    matrix = ir.Apply(as_weight, args[:1], (grid.rows, grid.columns))
    if expr.op is times_turned:
        matrix = ir.Apply(transposed, (matrix,), matrix.shape[::-1])
    return ir.Apply(matmul, (matrix, args[1]), expr.shape)


def apart(step: ir.Step) -> ir.Step:
    """The same step with `W @ [a, b]` as a sum of two products, each with its columns of W.

    So the part of the inputs leaves the loop, as that of a matrix of its own does.
    """
    equations = tuple(
        replace(equation, expr=_joined_apart(equation.expr)) for equation in step.equations
    )
    return step if equations == step.equations else replace(step, equations=equations)


def _joined_apart(expr: ir.Expr) -> ir.Expr:
    if not isinstance(expr, ir.Apply):
        return expr
    args = tuple(map(_joined_apart, expr.args))
    vectors = ir.joined(args[1]) if expr.op.is_product else ()
    if len(vectors) < 2:
        return expr if args == expr.args else replace(expr, args=args)
    matrix, rows = args[0], args[0].shape[0]
    products: list[SignedTerm] = []
    for number, vector in enumerate(vectors):
        own = ir.Apply(columns, (matrix,), (rows, vector.shape[0]), (number,))
        products.append((ir.Apply(expr.op, (own, vector), expr.shape), True))
    return _sum(products)


@dataclass(slots=True)
class _Hoist:
    stateful: frozenset[str]
    fixed: frozenset[str]
    before: list[ir.Equation]
    known: dict[ir.Expr, ir.Ref] = field(default_factory=dict)

    def rewrite(self, expr: ir.Expr) -> ir.Expr:
        """The expression with every part that does not depend on the previous step or on `t`
        replaced by a name of `before`.
        """
        if not isinstance(expr, ir.Apply):
            return self.as_sequence(expr)
        if not self.is_in_loop(expr):
            is_weight = len(expr.shape) == 2
            return self.hoist(expr) if self.reads_sequence(expr) and not is_weight else expr
        if expr.op.signs and not ir.is_matrix(expr.shape):
            return self.rewrite_sum(expr)
        return replace(expr, args=tuple(self.rewrite(arg) for arg in expr.args))

    def is_in_loop(self, expr: ir.Expr) -> bool:
        """Whether an expression depends on the previous step or on `t`, or computes a matrix that
        differs from step to step.
        """
        return ir.moves_matrix(expr, self.fixed) or ir.is_stateful(expr, self.stateful)

    def rewrite_sum(self, expr: ir.Apply) -> ir.Expr:
        """`W @ x + R @ h[t-1] + b` becomes `W @ x` before the loop and `zx + R @ h[t-1] + b` in it.

        The loop then reads one sequence instead of two.  A constant term stays in the loop, where
        it joins other sums: that costs less than a pass over all steps.
        """
        recurrent: list[SignedTerm] = []
        sequences: list[SignedTerm] = []
        constants: list[SignedTerm] = []
        for term, positive in ir.terms(expr):
            if self.is_in_loop(term):
                recurrent.append((self.rewrite(term), positive))
            elif self.reads_sequence(term):
                sequences.append((term, positive))
            else:
                constants.append((term, positive))
        if not sequences:
            return _sum([*recurrent, *constants])
        # Constants right after the first term of the loop: before it, they would be added over all
        # steps; after a further term, which is often a gate's own, they could not be added for
        # several gates at once.
        return _sum(
            [(self.hoist(_sum(sequences)), True), *recurrent[:1], *constants, *recurrent[1:]]
        )

    def reads_sequence(self, expr: ir.Expr) -> bool:
        """Whether an expression reads x, the layer below or an equation.

        Only such ones are hoisted: a constant one is as cheap in the loop.
        """
        return any(_is_sequence(node) for node in ir.walk(expr))

    def as_sequence(self, expr: ir.Expr) -> ir.Expr:
        """`x` and `below.c` themselves become values of `before`, so that the loop reads one kind
        of sequence.
        """
        if isinstance(expr, ir.Ref) and expr.kind in ("input", "below"):
            return self.hoist(expr)
        return expr

    def hoist(self, expr: ir.Expr) -> ir.Ref:
        """The name in `before` of an expression, written there unless it is there already."""
        if isinstance(expr, ir.Ref) and expr.kind == "value":
            return expr
        if expr not in self.known:
            name = f"${HOISTED}{len(self.known)}"
            self.before.append(ir.Equation(name, expr, expr.shape[0]))
            self.known[expr] = ir.Ref("value", name, expr.shape)
        return self.known[expr]


def _is_sequence(expr: ir.Expr) -> bool:
    return isinstance(expr, ir.Ref) and expr.kind in ("input", "below", "value")


def _sum(terms: Sequence[SignedTerm]) -> ir.Expr:
    """Signed terms as one expression, a positive term first if there is one."""
    ordered = sorted(terms, key=lambda term: not term[1])
    (total, positive), *others = ordered
    if not positive:
        total = ir.Apply(neg, (total,), total.shape)
    for term, is_added in others:
        shape = together([total.shape, term.shape])
        total = ir.Apply(add if is_added else sub, (total, term), shape)
    return total


@dataclass(frozen=True, slots=True)
class PeriodicUpdate:
    """A clockwork step: each unit of `state` is updated at multiples of its period only, and keeps
    its value in between.

    Attributes:
        period: the constant that holds a period for each unit.
        step: the step as if every unit were always due.
    """

    state: str
    period: str
    step: ir.Step


def periodic_update(step: ir.Step) -> PeriodicUpdate | None:
    """The clocks of a step of the form `h = where(t % T == 0, E, h[t-1])`, where E reads h[t-1] in
    one product only.

    However it is spelt: `0 == t % T`; `t % T != 0` with the branches exchanged; with names for the
    condition or a branch; `1 * h[t-1]`.
    """
    step = apart(step)
    states = {ref.name for ref in ir.refs_in(step.equations, "previous")}
    if len(states) != 1:
        return None
    (state,) = states
    named = {equation.name: equation.expr for equation in step.equations}
    choice = _resolved(named[state], named)
    if not (isinstance(choice, ir.Apply) and choice.op is where):
        return None
    condition, if_true, if_false = choice.args
    clock = _clock(condition, named)
    if clock is None:
        return None
    period, when_due = clock
    value, held = (if_true, if_false) if when_due else (if_false, if_true)
    held = _resolved(held, named)
    if not (isinstance(held, ir.Ref) and (held.kind, held.name) == ("previous", state)):
        return None
    value = _resolved(value, named)
    equations = (
        *needed_equations(step.equations, {ref.name for ref in ir.refs(value, "value")}),
        ir.Equation(state, value, step.equation(state).size),
    )
    if not _computes_units_apart([equation.expr for equation in equations]):
        return None
    return PeriodicUpdate(state, period, ir.Step(equations, step.weights))


def _clock(condition: ir.Expr, named: Mapping[str, ir.Expr]) -> tuple[str, bool] | None:
    """The periods of `t % T == 0`, and True; of `t % T != 0`, and False; None for any other
    condition.
    """
    tree = _resolved(condition, named)
    if not (isinstance(tree, ir.Apply) and tree.op in (equal, not_equal)):
        return None
    phase, zero = (_resolved(arg, named) for arg in tree.args)
    if isinstance(phase, ir.Number):
        phase, zero = zero, phase
    if not (isinstance(phase, ir.Apply) and phase.op is mod and zero == ir.Number(0.0)):
        return None
    match phase.args:
        case (ir.Ref(kind="time"), ir.Ref(kind="constant", name=period)):
            return period, tree.op is equal
    return None


def _resolved(expr: ir.Expr, named: Mapping[str, ir.Expr]) -> ir.Expr:
    """What a name stands for, without terms and factors that change nothing."""
    while True:
        if (
            isinstance(expr, ir.Ref)
            and expr.kind == "value"
            and named[expr.name].shape == expr.shape
        ):
            expr = named[expr.name]
            continue
        simpler = expr.op.simplified(expr.args) if isinstance(expr, ir.Apply) else None
        if simpler is None or simpler.shape != expr.shape:
            return expr
        expr = simpler


def needed_equations(
    equations: Sequence[ir.Equation], wanted: Collection[str]
) -> list[ir.Equation]:
    """The equations of these names and those that they need, in their order."""
    names = set(wanted)
    kept = []
    for equation in reversed(equations):
        if equation.name in names:
            kept.append(equation)
            names |= {ref.name for ref in ir.refs(equation.expr, "value")}
    return kept[::-1]


def _computes_units_apart(exprs: Sequence[ir.Expr]) -> bool:
    """Whether a unit that is not due may be left out: other units read it through the one product
    with the state only, and no operation works over all units.

    A second product with the same operand would be stacked with the first, and each unit would then
    lie in two places of one row.
    """
    lagged = [ref for expr in exprs for ref in ir.refs(expr, "previous")]
    operands = [node.args[1] for expr in exprs for node in ir.products(expr)]
    are_names = all(
        isinstance(operand, ir.Ref) and operand.kind in ("input", "below", "previous")
        for operand in operands
    )
    are_distinct = len(set(operands)) == len(operands)
    if any(_is_over_units(node) for expr in exprs for node in ir.walk(expr)):
        return False
    return are_names and are_distinct and len(lagged) == 1 and lagged[0] in operands


def _is_over_units(expr: ir.Expr) -> bool:
    return isinstance(expr, ir.Apply) and expr.op.over_units
