"""Sums that an adjoint needs: what is computed less often gets the sum of what is computed more
often.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnzoo.lang.primitives.base import CALL, Array, Operands, Primitive, ShapeError, Written

if TYPE_CHECKING:
    from rnnzoo.lang import ir


class _SumOverSteps(Primitive):
    """The sum over all steps and sequences."""

    name, arity, reduces = "sum", 1, True

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        (shape,) = operands
        return shape

    def numpy(self, *operands: Array) -> Array:
        (values,) = operands
        total: Array = values.sum(axis=tuple(range(values.ndim - 1)))
        return total

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"sum_t({operands.texts[0]})", CALL


class _SumOverUnits(Primitive):
    """The sum over the units of a vector."""

    name, arity = "total", 1

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        (shape,) = operands
        if len(shape) != 1:
            raise ShapeError(f"sums over the units of {shape}")
        return ()

    def numpy(self, *operands: Array) -> Array:
        (vectors,) = operands
        total: Array = vectors.sum(axis=-1, keepdims=True)
        return total

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"sum_units({operands.texts[0]})", CALL


sum_steps = _SumOverSteps()
sum_units = _SumOverUnits()
