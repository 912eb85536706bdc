"""Operations over the units of a vector, and sums over steps and sequences.

The former read all units: `sum` and `max` make one number of them, `softmax` and `cumsum` a vector.
`mean`, `norm`, `dot`, `layer_norm` and `cumax` are computed by means of these: each has a formula,
which programs have in its place, so that its adjoint follows.  A further operand is a number of
groups of neighbouring units, as of heads: the operation works within each, and each unit of a group
gets the group's number.

The latter are what an adjoint needs: what is computed less often gets the sum of what is computed
more often.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.primitives.arithmetic import div, mul, sub
from rnnzoo.lang.primitives.base import (
    CALL,
    ONE,
    OPERANDS,
    Array,
    Operands,
    Primitive,
    ShapeError,
    Written,
    is_number,
)

if TYPE_CHECKING:
    from rnnzoo.lang.adjoint import Reverse
    from rnnzoo.lang.program import Atom, Instruction

Tensor = Any
EPSILON = "1e-5"  # added to the variance in a layer normalisation


@dataclass(frozen=True, eq=False, repr=False)
class OverUnits(Primitive):
    """An operation on all units of a vector, or on those of each group.

    Attributes:
        function: what it computes of the last axis of its operands, which stays, in float64.
        yields_number: whether that axis has the length 1 then.
        lowering: the same of tensors, as a function of `keras.ops` and the operand; None where a
            formula stands for it.
        written: its formula in the cell language; `n` is the number of units, or of those in each
            group, and `{g}` stands where the number of groups is to follow.
        back: the adjoint of its operand: a function of the reverse, the instruction, the adjoint of
            its result, and the number of groups as a list of one or none.
        note: what to know about it, for docs/language.md.
    """

    name: str
    function: Callable[..., Array]
    arity: int = 1
    yields_number: bool = True
    lowering: Callable[..., Tensor] | None = None
    written: str = ""
    back: Callable[[Reverse, Instruction, Atom, list[Atom]], Atom] | None = None
    latex_form: str = ""
    linear_in: tuple[tuple[int, ...], ...] = ()
    costly: bool = False
    singular: bool = False
    over_units: bool = True
    label: str = ""
    unicode: str = ""
    note: str = ""

    @property
    def has_adjoint(self) -> bool:
        """Whether an adjoint reaches its operand, so that users can write it."""
        return self.back is not None or bool(self.written)

    def reduces_to_number(self, operands: int) -> bool:
        """Whether the result of so many operands is one number."""
        return self.yields_number and operands == self.arity

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        vectors, groups = operands[: self.arity], operands[self.arity :]
        are_vectors = len(set(vectors)) == 1 and len(vectors[0]) == 1
        if not are_vectors or isinstance(vectors[0][0], tuple) or [*groups] not in ([], [()]):
            raise ShapeError(f"{self.name} of {', '.join(map(str, operands))}")
        return ONE if self.reduces_to_number(len(operands)) else vectors[0]

    def numpy(self, *operands: Array) -> Array:
        vectors, groups = operands[: self.arity], operands[self.arity :]
        vectors = tuple(np.broadcast_arrays(*vectors))
        if not groups:
            return self.function(*vectors)
        shape = vectors[0].shape
        split = [vector.reshape(*shape[:-1], int(groups[0]), -1) for vector in vectors]
        return np.broadcast_to(self.function(*split), split[0].shape).reshape(shape)

    def lowered(self, ops: Any, operand: Tensor, groups: int | None) -> Tensor:
        """The result as a tensor; vectors are rows."""
        assert self.lowering is not None
        if groups is None:
            return self.lowering(ops, operand)
        *axes, units = ops.shape(operand)
        split = ops.reshape(operand, (*axes, groups, units // groups))
        value = ops.broadcast_to(self.lowering(ops, split), ops.shape(split))
        return ops.reshape(value, (*axes, units))

    def simplified(self, operands: Sequence[ir.Expr]) -> ir.Expr | None:
        if self.linear_in and operands[0] == ir.Number(0.0):
            return ir.Number(0.0)
        return None

    def formula(self, operands: Sequence[ir.Expr]) -> tuple[str, dict[str, ir.Expr]] | None:
        if not self.written:
            return None
        names = dict(zip(OPERANDS, operands[: self.arity]))
        (size,) = operands[0].shape
        groups = operands[self.arity :]
        count: ir.Expr = _in_a_row(size) if isinstance(size, ir.Grid) else _count(size)
        if groups:
            names["g"] = groups[0]
        if groups and not isinstance(size, ir.Grid):
            count = ir.Apply(div, (count, groups[0]))
        return self.written.replace("{g}", ", g" if groups else ""), {**names, "n": count}

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        assert self.back is not None
        groups = list(instruction.inputs[self.arity :])
        reverse.give(instruction.inputs[0], self.back(reverse, instruction, adjoint, groups))

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"{self.name}({', '.join(self._as_written(operands))})", CALL

    def _as_written(self, operands: Operands) -> list[str]:
        """The operands that people write: of matrices without the number of rows."""
        of_matrix = any(ir.is_matrix(operand.shape) for operand in operands.exprs)
        return operands.texts[: self.arity] if of_matrix else operands.texts

    def latex(self, operands: Operands) -> Written:
        form = self.latex_form or rf"\mathrm{{{{{self.name}}}}}{{}}\left({{}}\right)"
        texts = self._as_written(operands)
        vectors, groups = texts[: self.arity], texts[self.arity :]
        below = f"_{{{groups[0]}}}" if groups else ""
        return form.format(below, *vectors), CALL

    def form(self) -> str:
        """The operation on operands that are called `a` and `b`."""
        return f"{self.name}({', '.join(OPERANDS[: self.arity])})"


def _count(size: ir.Size) -> ir.Number | ir.Ref:
    """A size as a number."""
    assert isinstance(size, str | int)
    return ir.Number(float(size)) if isinstance(size, int) else ir.Ref("size", size)


def _in_a_row(grid: ir.Grid) -> ir.Expr:
    """How many entries a row of a matrix has, in each head."""
    columns = _count(grid.columns)
    return columns if grid.heads == 1 else ir.Apply(div, (columns, grid.count))


def by_rows(grid: ir.Grid) -> ir.Number | ir.Ref:
    """The number of groups of an operation that works in each row of a matrix by itself."""
    return _count(grid.rows)


def _sum(a: Array) -> Array:
    total: Array = a.sum(axis=-1, keepdims=True)
    return total


def _max(a: Array) -> Array:
    largest: Array = a.max(axis=-1, keepdims=True)
    return largest


def _mean(a: Array) -> Array:
    mean: Array = a.mean(axis=-1, keepdims=True)
    return mean


def _peaks(a: Array) -> Array:
    shares: Array = (a == _max(a)) / _sum(a == _max(a))
    return shares


def _lowered_peaks(ops: Any, a: Tensor) -> Tensor:
    hits = ops.cast(ops.equal(a, ops.max(a, axis=-1, keepdims=True)), a.dtype)
    return hits / ops.sum(hits, axis=-1, keepdims=True)


def _softmax(a: Array) -> Array:
    e = np.exp(a - _max(a))
    shares: Array = e / _sum(e)
    return shares


def _layer_norm(a: Array) -> Array:
    centred = a - _mean(a)
    normalised: Array = centred / np.sqrt(_mean(centred**2) + float(EPSILON))
    return normalised


def _cumsum(a: Array) -> Array:
    sums: Array = np.cumsum(a, axis=-1)
    return sums


def _back_of_sum(
    reverse: Reverse, instruction: Instruction, adjoint: Atom, groups: list[Atom]
) -> Atom:
    """Each unit of a group gets the sum of the group's adjoints; all units get that of a number."""
    if groups:
        return reverse.builder.apply(sum_units, [adjoint, *groups])
    like = ir.Number(0.0, instruction.inputs[0].shape)
    return reverse.builder.apply(spread, [adjoint, like])


def _back_of_max(
    reverse: Reverse, instruction: Instruction, adjoint: Atom, groups: list[Atom]
) -> Atom:
    """The units that are largest share the adjoint."""
    builder = reverse.builder
    shares = builder.apply(peaks, [instruction.inputs[0], *groups])
    total = builder.apply(sum_units, [adjoint, *groups]) if groups else adjoint
    return builder.apply(mul, [shares, total])


def _back_of_softmax(
    reverse: Reverse, instruction: Instruction, adjoint: Atom, groups: list[Atom]
) -> Atom:
    """y * d.y less y times the sum of that."""
    builder, value = reverse.builder, instruction.value
    scaled = builder.apply(mul, [value, adjoint])
    total = builder.apply(sum_units, [scaled, *groups])
    return builder.apply(sub, [scaled, builder.apply(mul, [value, total])])


def _back_of_cumsum(
    reverse: Reverse, instruction: Instruction, adjoint: Atom, groups: list[Atom]
) -> Atom:
    return reverse.builder.apply(cumsum_back, [adjoint, *groups])


class _Spread(Primitive):
    """A number as a vector as long as its second operand, which is zeros."""

    name, arity = "spread", 2

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        number, like = operands
        if not is_number(number) or len(like) != 1:
            raise ShapeError(f"spreads {number} over {like}")
        return like

    def numpy(self, *operands: Array) -> Array:
        number, like = operands
        return np.broadcast_to(number, (*number.shape[:-1], *like.shape))

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        reverse.give(instruction.inputs[0], adjoint)  # which adds up over units

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"spread({operands.texts[0]})", CALL


class _SumOverSteps(Primitive):
    """The sum over all steps and sequences."""

    name, arity, reduces = "sum_steps", 1, True

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        (shape,) = operands
        return shape

    def numpy(self, *operands: Array) -> Array:
        (values,) = operands
        total: Array = values.sum(axis=tuple(range(values.ndim - 1)))
        return total

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"sum_t({operands.texts[0]})", CALL


sum_units = OverUnits(
    "sum", _sum, lowering=lambda ops, a: ops.sum(a, axis=-1, keepdims=True), back=_back_of_sum,
    latex_form=r"\sum{}\left({}\right)", linear_in=((0,),), label="\N{N-ARY SUMMATION}",
)  # fmt: skip
mean = OverUnits("mean", _mean, written="sum(a{g}) / n", linear_in=((0,),))
largest = OverUnits(
    "max", _max, lowering=lambda ops, a: ops.max(a, axis=-1, keepdims=True), back=_back_of_max,
    latex_form=r"\max{}\left({}\right)", note="units that are equally large share the gradient",
)  # fmt: skip
norm = OverUnits(
    "norm", lambda a: np.sqrt(_sum(a * a)),
    written="where(sum(a * a{g}) > 0, sqrt(where(sum(a * a{g}) > 0, sum(a * a{g}), 1)), 0)",
    latex_form=r"\left\|{1}\right\|{0}",
    note="the root of the sum of squares; its gradient at 0 is 0",
)  # fmt: skip
dot = OverUnits(
    "dot", lambda a, b: _sum(a * b), arity=2, written="sum(a * b{g})", linear_in=((0,), (1,)),
    latex_form=r"\left\langle {1}, {2} \right\rangle{0}", note="the sum of a * b",
)  # fmt: skip
softmax = OverUnits(
    "softmax", _softmax, yields_number=False, lowering=lambda ops, a: ops.softmax(a, axis=-1),
    back=_back_of_softmax, costly=True, note="exp(a) / sum(exp(a)), which cannot overflow",
)  # fmt: skip
layer_norm = OverUnits(
    "layer_norm", _layer_norm, yields_number=False,
    written=f"(a - mean(a{{g}})) / sqrt(mean((a - mean(a{{g}})) ** 2{{g}}) + {EPSILON})",
    latex_form=r"\mathrm{{LN}}{}\left({}\right)", label="layer norm",
    note=f"(a - mean(a)) / sqrt(variance + {EPSILON}), without weights",
)  # fmt: skip
cumsum = OverUnits(
    "cumsum", _cumsum, yields_number=False, lowering=lambda ops, a: ops.cumsum(a, axis=-1),
    back=_back_of_cumsum, linear_in=((0,),), note="each unit and all before it, added up",
)  # fmt: skip
cumax = OverUnits(
    "cumax", lambda a: _cumsum(_softmax(a)), yields_number=False,
    written="cumsum(softmax(a{g}){g})", note="cumsum(softmax(a))",
)  # fmt: skip
# what their adjoints need
peaks = OverUnits("peaks", _peaks, yields_number=False, lowering=_lowered_peaks)
cumsum_back = OverUnits(
    "cumsum_back", lambda a: _cumsum(a[..., ::-1])[..., ::-1], yields_number=False,
    lowering=lambda ops, a: ops.flip(ops.cumsum(ops.flip(a, axis=-1), axis=-1), axis=-1),
)  # fmt: skip
spread = _Spread()
sum_steps = _SumOverSteps()
