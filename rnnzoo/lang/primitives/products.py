"""Products of matrices, the two that their adjoints need, and the transposed matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rnnzoo.lang.primitives.base import (
    CALL,
    PRODUCT,
    Array,
    Operands,
    Primitive,
    ShapeError,
    Written,
)
from rnnzoo.lang.primitives.layout import members

if TYPE_CHECKING:
    from rnnzoo.lang import ir
    from rnnzoo.lang.adjoint import Reverse
    from rnnzoo.lang.program import Atom, Instruction


def _sides(operands: Sequence[ir.Shape]) -> tuple[ir.Size, ir.Size, ir.Size]:
    """Rows and columns of a matrix, and the size of the vector that it multiplies."""
    if len(operands) != 2 or len(operands[0]) != 2 or len(operands[1]) != 1:
        raise ShapeError(f"multiplies {' with '.join(str(shape) for shape in operands)}")
    (rows, columns), (size,) = operands
    return rows, columns, size


def _same(size: ir.Size, other: ir.Size) -> bool:
    """Whether two sizes are the same; one vector alone is a tuple of one."""
    return members((size,)) == members((other,))


def _rows(vectors: Array, axes: tuple[int, ...]) -> Array:
    """Vectors at all these steps and sequences, one row after the other."""
    size = vectors.shape[-1]
    return np.broadcast_to(vectors, (*axes, size)).reshape(-1, size)


class _Matmul(Primitive):
    """`W @ v`."""

    name, arity, symbol, is_product = "matmul", 2, "@", True
    linear_in = ((0,), (1,))

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        rows, columns, size = _sides(operands)
        if not _same(columns, size):
            raise ShapeError(f"multiplies {operands[0]} with {operands[1]}")
        return (rows,)

    def numpy(self, *operands: Array) -> Array:
        weight, vectors = operands
        return vectors @ weight.T

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        """y = W v: the adjoint of v is W^T d.y, that of W is d.y v^T, summed over all steps and
        sequences.
        """
        weight, vector = instruction.inputs
        if reverse.wants(vector):
            reverse.give(vector, reverse.builder.apply(matmul_t, [weight, adjoint]))
        if reverse.wants(weight):
            reverse.give(weight, reverse.builder.apply(outer, [adjoint, vector]))

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"{operands.enclosed(0, CALL)} @ {operands.enclosed(1, PRODUCT + 1)}", PRODUCT

    def latex(self, operands: Operands) -> Written:
        return f"{operands.texts[0]} {operands.enclosed(1, PRODUCT + 1)}", PRODUCT


class _TransposedMatmul(Primitive):
    """`W' @ d`: the adjoint of what a matrix multiplies."""

    name, arity = "matmul_t", 2

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        rows, columns, size = _sides(operands)
        if not _same(rows, size):
            raise ShapeError(f"multiplies the transposed {operands[0]} with {operands[1]}")
        return (columns,)

    def numpy(self, *operands: Array) -> Array:
        weight, vectors = operands
        return vectors @ weight

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"{operands.enclosed(0, CALL)}' @ {operands.enclosed(1, PRODUCT + 1)}", PRODUCT


class _Outer(Primitive):
    """The gradient of a matrix: the sum over all steps and sequences of d v^T."""

    name, arity, reduces = "outer_sum", 2, True

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        if len(operands) != 2 or any(len(shape) != 1 for shape in operands):
            raise ShapeError(
                f"is the outer product of {' and '.join(str(shape) for shape in operands)}"
            )
        (rows,), (columns,) = operands
        return rows, columns

    def numpy(self, *operands: Array) -> Array:
        adjoint, vectors = operands
        axes = np.broadcast_shapes(adjoint.shape[:-1], vectors.shape[:-1])
        return _rows(adjoint, axes).T @ _rows(vectors, axes)

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"sum_t({operands.enclosed(0, PRODUCT)} @ {operands.enclosed(1, CALL)}')", CALL


class _Transposed(Primitive):
    """`W'`: a matrix whose rows are the columns of `W`."""

    name, arity = "transposed", 1

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        if len(operands) != 1 or len(operands[0]) != 2:
            raise ShapeError(f"transposes {', '.join(str(shape) for shape in operands)}")
        rows, columns = operands[0]
        return columns, rows

    def numpy(self, *operands: Array) -> Array:
        (matrix,) = operands
        return matrix.T

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        reverse.give(instruction.inputs[0], reverse.builder.apply(transposed, [adjoint]))

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"{operands.enclosed(0, CALL)}'", CALL

    def latex(self, operands: Operands) -> Written:
        return f"{{{operands.texts[0]}}}^{{\\top}}", CALL


matmul = _Matmul()
matmul_t = _TransposedMatmul()
outer = _Outer()
transposed = _Transposed()
