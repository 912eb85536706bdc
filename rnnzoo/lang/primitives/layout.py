"""Values side by side: vectors, or the rows of matrices, joined into one and taken out of it
again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rnnzoo.lang.primitives.base import CALL, Array, Operands, Primitive, ShapeError, Written

if TYPE_CHECKING:
    from rnnzoo.lang import ir
    from rnnzoo.lang.adjoint import Reverse
    from rnnzoo.lang.program import Atom, Instruction


def members(shape: ir.Shape) -> tuple[ir.Size, ...]:
    """Sizes of the vectors that lie side by side in a value of this shape."""
    first = shape[0]
    return first if isinstance(first, tuple) else (first,)


class _Stack(Primitive):
    """Its operands side by side."""

    name, arity, regroups, joins = "stack", None, True, True

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        if not operands or not all(operands) or len({shape[1:] for shape in operands}) > 1:
            raise ShapeError(f"stacks {', '.join(str(shape) for shape in operands)}")
        return tuple(size for shape in operands for size in members(shape)), *operands[0][1:]

    def evaluator(self, instruction: Instruction, sizes: ir.Sizes) -> Callable[..., Array]:
        return _rows_of_matrices if len(instruction.shape) == 2 else _vectors

    def numpy(self, *operands: Array) -> Array:
        return _vectors(*operands)  # equations join vectors only

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        for operand, first, last in instruction.stacked():
            reverse.give(operand, reverse.builder.part(adjoint, first, last))

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"[{', '.join(operands.texts)}]", CALL

    def latex(self, operands: Operands) -> Written:
        return rf"\left[{', '.join(operands.texts)}\right]", CALL


class _Part(Primitive):
    """Members `first` to `last` of its operand, which are its static parameters."""

    name, arity, regroups = "part", 1, True

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        if len(operands) != 1 or len(params) != 2 or not operands[0]:
            raise ShapeError(f"takes {params} of {', '.join(str(shape) for shape in operands)}")
        (whole,), (first, last) = operands, params
        taken = members(whole)[first : last + 1]
        if not taken:
            raise ShapeError(f"takes nothing of {whole}")
        return (taken if len(taken) > 1 else taken[0]), *whole[1:]

    def evaluator(self, instruction: Instruction, sizes: ir.Sizes) -> Callable[..., Array]:
        begin, end = instruction.extent(sizes)
        if len(instruction.shape) == 2:
            return lambda matrix: matrix[begin:end]
        return lambda vectors: vectors[..., begin:end]

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        first, last = instruction.params
        reverse.give_part(instruction.inputs[0], first, last, adjoint)

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        first, last = params
        taken = str(first) if first == last else f"{first}:{last + 1}"
        return f"{operands.enclosed(0, CALL)}[{taken}]", CALL


class _Columns(Primitive):
    """The columns of a matrix that multiply one of the vectors which it multiplies side by side;
    the number of the vector is its static parameter.
    """

    name, arity, regroups = "columns", 1, True

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        if len(operands) != 1 or len(params) != 1 or len(operands[0]) != 2:
            raise ShapeError(f"takes columns {params} of {', '.join(map(str, operands))}")
        rows, columns = operands[0]
        return rows, members((columns,))[params[0]]

    def extent(self, instruction: Instruction, sizes: ir.Sizes) -> tuple[int, int]:
        """The first column, and the one after the last."""
        (number,) = instruction.params
        widths = [sizes.of(size) for size in members(instruction.inputs[0].shape[1:])]
        return sum(widths[:number]), sum(widths[: number + 1])

    def evaluator(self, instruction: Instruction, sizes: ir.Sizes) -> Callable[..., Array]:
        begin, end = self.extent(instruction, sizes)
        return lambda matrix: matrix[:, begin:end]

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        reverse.give_columns(instruction.inputs[0], instruction.params[0], adjoint)

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"{operands.enclosed(0, CALL)}[:, {params[0]}]", CALL


class _Beside(Primitive):
    """Matrices side by side, the columns of one after those of the other."""

    name, arity, regroups = "beside", None, True

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        rows = {shape[:1] for shape in operands}
        if len(rows) != 1 or any(len(shape) != 2 for shape in operands):
            raise ShapeError(f"lays side by side {', '.join(map(str, operands))}")
        return operands[0][0], tuple(shape[1] for shape in operands)

    def numpy(self, *operands: Array) -> Array:
        return np.concatenate(operands, axis=1)

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"[:, {', '.join(operands.texts)}]", CALL


def _rows_of_matrices(*matrices: Array) -> Array:
    return np.concatenate(matrices, axis=0)


def _vectors(*vectors: Array) -> Array:
    axes = np.broadcast_shapes(*(value.shape[:-1] for value in vectors))
    return np.concatenate(
        [np.broadcast_to(value, (*axes, value.shape[-1])) for value in vectors], axis=-1
    )


stack = _Stack()
part = _Part()
columns = _Columns()
beside = _Beside()
