"""A cell without the signs that its weights can carry: `a - W @ x` is `a + W @ x`.

In: a checked cell.  Out: one that computes the same functions, as a class: with the sign of some
weights turned, each of them is one of the other cell.  Where those weights begin alike with either
sign, the two are trained alike.

A value is *free* where it can be negated by turning weights that nothing else reads: a product with
such a weight, a product with a free factor, a sum of free terms, an odd function of a free value.
Signs are moved outwards, from operands through products, matrices and odd functions, and are lost
where they meet a free value.  An equation that is read once stands where it is read; what is read
twice keeps its sign, as do states and the output.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from rnnzoo.lang import ir
from rnnzoo.lang.formulas import names_at_start
from rnnzoo.lang.primitives import PRIMITIVES, Primitive, add, matmul, mul, neg, sub
from rnnzoo.spec.cell import BY_COLUMNS, Init

ZERO = ir.Number(0.0)
# operations f with f(-a) = -f(a)
_ODD: Collection[Primitive] = [PRIMITIVES[name] for name in ("tanh", "softsign", "erf", "sin")]
# initialisers whose values are as likely with the other sign, whatever their own numbers are
_EVEN = frozenset(
    {
        "zeros",
        "orthogonal",
        "normal",
        "glorot_uniform",
        "glorot_normal",
        "he_uniform",
        "he_normal",
        "lecun_uniform",
        "lecun_normal",
        "spectral_radius",
    }
)


def without_free_signs(cell: ir.Cell) -> ir.Cell:
    """The cell with `+` wherever a weight can carry the sign."""
    first = _of_step(cell, cell.first)
    step = first if cell.step == cell.first else _of_step(cell, cell.step)
    return replace(cell, step=step, first=first)


def _of_step(cell: ir.Cell, step: ir.Step) -> ir.Step:
    """One layer's step; layers share no weights."""
    kept = {cell.output, *(state.name for state in cell.states)}
    kept |= {ref.name for ref in ir.refs_in(step.equations, "previous", "below")}
    signs = _Signs(turnable(step), _inlined(step, kept))
    equations = (
        replace(equation, expr=signs.whole(equation.expr))
        for equation in step.equations
        if equation.name not in signs.inlined
    )
    return replace(step, equations=tuple(equations))


def _inlined(step: ir.Step, kept: Collection[str]) -> dict[str, ir.Expr]:
    """The equations that are read once, by name; not those that make a vector of one number."""
    read = Counter(ref.name for ref in ir.refs_in(step.equations, "value"))
    return {
        equation.name: equation.expr
        for equation in step.equations
        if read[equation.name] == 1
        and equation.name not in kept
        and equation.expr.shape == (equation.size,)
    }


def turnable(step: ir.Step) -> frozenset[str]:
    """The weights that are read once, and begin alike with either sign."""
    read = Counter(ref.name for ref in ir.refs_in(step.equations, *ir.WEIGHTS))
    beginnings = names_at_start(step.weights)
    return frozenset(
        weight.name
        for weight in step.weights
        if read[weight.name] == 1 and weight.name not in beginnings and is_even(weight.init)
    )


def is_even(init: Init) -> bool:
    """Whether a weight that begins so is as likely to begin with the other sign."""
    if init.name == BY_COLUMNS:
        return all(is_even(Init(str(name))) for name in init.values)
    if init.name == "constant":
        return init.values[0] == 0.0
    if init.name == "uniform":  # one bound is that of both sides
        return len(init.values) == 1 or init.values[0] == _negated(init.values[1])
    return init.name in _EVEN


def _negated(bound: float | str) -> float | None:
    return None if isinstance(bound, str) else -bound


@dataclass(frozen=True, slots=True)
class _Signed:
    """A value as a sign and the rest.

    Attributes:
        is_free: whether its sign can be turned by weights; it is positive then.
    """

    expr: ir.Expr
    is_positive: bool = True
    is_free: bool = False

    @property
    def whole(self) -> ir.Expr:
        return self.expr if self.is_positive else ir.Apply(neg, (self.expr,), self.expr.shape)


@dataclass(frozen=True, slots=True)
class _Signs:
    """Moves signs outwards in the expressions of a step."""

    turnable: Collection[str]
    inlined: Mapping[str, ir.Expr] = field(default_factory=dict)

    def whole(self, expr: ir.Expr) -> ir.Expr:
        """An expression that keeps its sign."""
        return self.signed(expr).whole

    def signed(self, expr: ir.Expr) -> _Signed:
        if isinstance(expr, ir.Ref):
            if expr.kind == "value" and expr.name in self.inlined:
                return self.signed(self.inlined[expr.name])
            return _Signed(expr, is_free=expr.kind in ir.WEIGHTS and expr.name in self.turnable)
        if isinstance(expr, ir.Number):
            return _Signed(expr)
        if expr.op.signs or expr.op is neg:
            return self.of_sum(expr)
        if expr.op in (mul, matmul) or expr.op in _ODD:
            return self.of_product(expr)
        return _Signed(replace(expr, args=tuple(map(self.whole, expr.args))))

    def of_product(self, expr: ir.Apply) -> _Signed:
        """A product, or an odd function: a sign of an operand is one of the whole."""
        operands = [self.signed(operand) for operand in expr.args]
        is_free = any(operand.is_free for operand in operands)
        negative = sum(not operand.is_positive for operand in operands)
        bare = replace(expr, args=tuple(operand.expr for operand in operands))
        return _Signed(bare, is_free or negative % 2 == 0, is_free)

    def of_sum(self, expr: ir.Expr) -> _Signed:
        """A sum: terms that are free take the sign of the others, where these have one sign."""
        every = list(self.terms(expr, True))
        terms = [term for term in every if term.expr != ZERO] or every
        fixed = {term.is_positive for term in terms if not term.is_free}
        if len(fixed) > 1:
            return _Signed(_sum(terms, expr.shape))
        bare = [replace(term, is_positive=True) for term in terms]
        return _Signed(_sum(bare, expr.shape), fixed != {False}, not fixed)

    def terms(self, expr: ir.Expr, is_positive: bool) -> Iterator[_Signed]:
        """The terms of a sum, including those of sums within it."""
        if isinstance(expr, ir.Ref) and expr.kind == "value" and expr.name in self.inlined:
            yield from self.terms(self.inlined[expr.name], is_positive)
        elif isinstance(expr, ir.Apply) and (expr.op.signs or expr.op is neg):
            signs = expr.op.signs or (-1,)
            for sign, operand in zip(signs, expr.args):
                yield from self.terms(operand, is_positive == (sign > 0))
        else:
            term = self.signed(expr)
            yield replace(term, is_positive=term.is_free or term.is_positive == is_positive)


def _sum(terms: list[_Signed], shape: ir.Shape) -> ir.Expr:
    """A sum of terms, the positive ones first."""
    ordered = sorted(terms, key=lambda term: not term.is_positive)
    total = ordered[0].whole
    for term in ordered[1:]:
        operation = add if term.is_positive else sub
        reached = shape if shape in (total.shape, term.expr.shape) else total.shape
        total = ir.Apply(operation, (total, term.expr), reached)
    return total
