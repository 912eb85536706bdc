"""Matrices that a step computes: made of vectors, multiplied with vectors, and scaled.

The entries of such a matrix lie in one vector, row by row (`ir.Grid`), so that everything that
works unit by unit, and every loop, takes it as it takes a vector.  The last operand of each
operation is a number of heads: the operation works within each head, on its share of the units,
and the matrices of the heads lie one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.primitives.base import (
    CALL,
    PRODUCT,
    Array,
    Operands,
    Primitive,
    ShapeError,
    Written,
)

if TYPE_CHECKING:
    from rnnzoo.lang.adjoint import Reverse
    from rnnzoo.lang.program import Atom, Instruction

Tensor = Any


@dataclass(frozen=True, eq=False, repr=False)
class OfMatrices(Primitive):
    """An operation on a matrix that a step computes, or one that makes such a matrix of vectors.

    Attributes:
        lowered: what it computes of tensors: a function of `keras.ops`, the operands, which are
            rows, and the number of heads.
        written: how users write it, for a list of operations.
        note: what to know about it, for docs/language.md.
        squares: whether it squares matrices many times, for which half precision is too little.
    """

    name: str
    lowered: Callable[..., Tensor] | None = None
    written: str = ""
    note: str = ""
    costly: bool = False
    linear_in: tuple[tuple[int, ...], ...] = ((0,), (1,))
    over_units: bool = True
    squares: bool = False
    arity: int = 2  # and the number of heads
    unicode: str = ""
    label: str = ""

    def numpy(self, *operands: Array) -> Array:
        assert self.lowered is not None
        *values, heads = operands
        return np.asarray(self.lowered(np, *values, int(heads.flat[0])))

    def form(self) -> str:
        """The operation on operands that are called by letters."""
        return self.written


class _Outer(OfMatrices):
    """`outer(a, b)`: a_i * b_j in row i and column j.  The last operand has the matrix's shape."""

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        rows, columns, grid = _three(self, operands)
        if not ir.is_matrix(grid):
            raise ShapeError(f"outer makes {grid}")
        assert isinstance(grid[0], ir.Grid)
        if ((grid[0].rows,), (grid[0].columns,)) != (rows, columns):
            raise ShapeError(f"outer makes {grid} of {rows} and {columns}")
        return grid

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        """C = a b^T: the adjoint of a is d.C b, that of b is d.C^T a."""
        rows, columns, heads = instruction.inputs
        heads = replace(heads, shape=())
        apply = reverse.builder.apply
        if reverse.wants(rows):
            reverse.give(rows, apply(times, [adjoint, columns, heads]))
        if reverse.wants(columns):
            reverse.give(columns, apply(times_turned, [adjoint, rows, heads]))

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        rows, columns, heads = operands.texts
        more = () if is_one_head(operands.exprs[2]) else (heads,)
        return f"outer({', '.join((rows, columns, *more))})", CALL

    def latex(self, operands: Operands) -> Written:
        product = (
            f"{operands.enclosed(0, PRODUCT + 1)} \\, {{{operands.enclosed(1, CALL)}}}^{{\\top}}"
        )
        if is_one_head(operands.exprs[2]):
            return product, PRODUCT
        opening, closing = operands.brackets
        return f"{{{opening}{product}{closing}}}_{{{operands.texts[2]}}}", CALL


class _Times(OfMatrices):
    """`C @ q`: a vector of the size of the rows."""

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        grid, vector = _matrix_and_vector(self, operands)
        if vector != (grid.columns,):
            raise ShapeError(f"multiplies {operands[0]} with {vector}")
        return (grid.rows,)

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        """y = C q: the adjoint of q is C^T d.y, that of C is d.y q^T."""
        matrix, vector, heads = instruction.inputs
        apply = reverse.builder.apply
        if reverse.wants(vector):
            reverse.give(vector, apply(times_turned, [matrix, adjoint, heads]))
        if reverse.wants(matrix):
            grid = replace(heads, shape=matrix.shape)
            reverse.give(matrix, apply(outer_product, [adjoint, vector, grid]))

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"{operands.enclosed(0, CALL)} @ {operands.enclosed(1, PRODUCT + 1)}", PRODUCT

    def latex(self, operands: Operands) -> Written:
        return f"{operands.enclosed(0, CALL)} {operands.enclosed(1, PRODUCT + 1)}", PRODUCT


class _TimesTurned(OfMatrices):
    """`C' @ q`: a vector of the size of the columns."""

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        grid, vector = _matrix_and_vector(self, operands)
        if vector != (grid.rows,):
            raise ShapeError(f"multiplies the transposed {operands[0]} with {vector}")
        return (grid.columns,)

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        """y = C^T q: the adjoint of q is C d.y, that of C is q d.y^T."""
        matrix, vector, heads = instruction.inputs
        apply = reverse.builder.apply
        if reverse.wants(vector):
            reverse.give(vector, apply(times, [matrix, adjoint, heads]))
        if reverse.wants(matrix):
            grid = replace(heads, shape=matrix.shape)
            reverse.give(matrix, apply(outer_product, [vector, adjoint, grid]))

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"{operands.enclosed(0, CALL)}' @ {operands.enclosed(1, PRODUCT + 1)}", PRODUCT

    def latex(self, operands: Operands) -> Written:
        left = f"{{{operands.enclosed(0, CALL)}}}^{{\\top}}"
        return f"{left} {operands.enclosed(1, PRODUCT + 1)}", PRODUCT


class _RowsScaled(OfMatrices):
    """`diag(a) @ C`: each row times a unit of a vector."""

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        grid, vector = _matrix_and_vector(self, (operands[1], operands[0], *operands[2:]))
        if vector != (grid.rows,):
            raise ShapeError(f"scales the rows of {operands[1]} by {vector}")
        return (grid,)

    def formula(self, operands: Sequence[ir.Expr]) -> tuple[str, dict[str, ir.Expr]] | None:
        scale, matrix, heads = operands
        return _scaling("outer(a, n, g) * c", scale, matrix, heads)

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"diag({operands.texts[0]}) @ {operands.enclosed(1, PRODUCT + 1)}", PRODUCT

    def latex(self, operands: Operands) -> Written:
        return (
            rf"\mathrm{{diag}}\left({operands.texts[0]}\right) {operands.enclosed(1, PRODUCT + 1)}",
            PRODUCT,
        )


class _ColumnsScaled(OfMatrices):
    """`C @ diag(a)`: each column times a unit of a vector."""

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        grid, vector = _matrix_and_vector(self, operands)
        if vector != (grid.columns,):
            raise ShapeError(f"scales the columns of {operands[0]} by {vector}")
        return (grid,)

    def formula(self, operands: Sequence[ir.Expr]) -> tuple[str, dict[str, ir.Expr]] | None:
        matrix, scale, heads = operands
        return _scaling("c * outer(n, a, g)", scale, matrix, heads)

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"{operands.enclosed(0, CALL)} @ diag({operands.texts[1]})", PRODUCT

    def latex(self, operands: Operands) -> Written:
        scale = rf"\mathrm{{diag}}\left({operands.texts[1]}\right)"
        return f"{operands.enclosed(0, CALL)} {scale}", PRODUCT


class _Diagonal(OfMatrices):
    """`diag(a)`, which is written beside `@` and a matrix only: `lang.check` makes it a scaling."""


class _Entries(Primitive):
    """A matrix of weights as one that a step computes with: its entries in one vector."""

    name, arity, linear_in = "entries", 1, ((0,),)

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        if len(operands) != 1 or len(operands[0]) != 2:
            raise ShapeError(f"takes the entries of {', '.join(map(str, operands))}")
        rows, columns = operands[0]
        assert isinstance(rows, str | int)
        assert isinstance(columns, str | int)
        return (ir.Grid(rows, columns),)

    def numpy(self, *operands: Array) -> Array:
        return operands[0].reshape(-1)

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        reverse.give(instruction.inputs[0], reverse.builder.apply(as_weight, [adjoint]))

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return operands.written[0]

    def latex(self, operands: Operands) -> Written:
        return operands.written[0]


class _AsWeight(Primitive):
    """A matrix as one of weights, of its entries in one vector: what is computed of weights alone,
    and so once, or a gradient.
    """

    name, arity, linear_in = "as_weight", 1, ((0,),)

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        (grid,) = operands[0]
        if not isinstance(grid, ir.Grid) or grid.heads != 1:
            raise ShapeError(f"makes a matrix of weights of {operands[0]}")
        return grid.rows, grid.columns

    def evaluator(self, instruction: Instruction, sizes: ir.Sizes) -> Callable[..., Array]:
        return lambda entries: entries.reshape(sizes.shape(instruction.shape))

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        reverse.give(instruction.inputs[0], reverse.builder.apply(entries, [adjoint]))

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return operands.written[0]


def is_one_head(heads: ir.Expr) -> bool:
    """Whether a number of heads is 1, and not an option that may be 1."""
    return isinstance(heads, ir.Number) and heads.value == 1


def _three(op: Primitive, operands: Sequence[ir.Shape]) -> tuple[ir.Shape, ir.Shape, ir.Shape]:
    if len(operands) != 3 or any(len(shape) != 1 for shape in operands[:2]):
        raise ShapeError(f"{op.name} of {', '.join(map(str, operands))}")
    first, second, third = operands
    return first, second, third


def _matrix_and_vector(op: Primitive, operands: Sequence[ir.Shape]) -> tuple[ir.Grid, ir.Shape]:
    matrix, vector, heads = _three(op, operands)
    (grid,) = matrix
    if not isinstance(grid, ir.Grid) or heads:
        raise ShapeError(f"{op.name} of {', '.join(map(str, operands))}")
    return grid, vector


def _scaling(
    written: str, scale: ir.Expr, matrix: ir.Expr, heads: ir.Expr
) -> tuple[str, dict[str, ir.Expr]]:
    """A scaling as a product of two matrices entry by entry; `n` is a vector of ones."""
    (grid,) = matrix.shape
    assert isinstance(grid, ir.Grid)
    assert not isinstance(heads, ir.Apply)
    other = grid.columns if written.startswith("outer") else grid.rows
    names: dict[str, ir.Expr] = {
        "a": scale, "c": matrix, "n": ir.Number(1.0, (other,)),
        "g": replace(heads, shape=matrix.shape),
    }  # fmt: skip
    return written, names


def _in_heads(ops: Any, vector: Tensor, heads: int) -> Tensor:
    """(..., units) as (..., heads, units / heads)."""
    *axes, units = ops.shape(vector)
    return ops.reshape(vector, (*axes, heads, units // heads))


def _flat(ops: Any, value: Tensor, axes: int) -> Tensor:
    """The last so many axes as one."""
    shape = tuple(ops.shape(value))
    width = 1
    for length in shape[-axes:]:
        width *= length
    return ops.reshape(value, (*shape[:-axes], width))


def _outer(ops: Any, a: Tensor, b: Tensor, heads: int) -> Tensor:
    rows, columns = _in_heads(ops, a, heads), _in_heads(ops, b, heads)
    return _flat(ops, rows[..., :, None] * columns[..., None, :], 3)


def _as_matrix(ops: Any, entries: Tensor, heads: int, columns: int) -> Tensor:
    """(..., entries) as (..., heads, rows / heads, columns / heads)."""
    *axes, width = ops.shape(entries)
    return ops.reshape(entries, (*axes, heads, width // columns, columns // heads))


def _times(ops: Any, matrix: Tensor, vector: Tensor, heads: int) -> Tensor:
    whole = _as_matrix(ops, matrix, heads, ops.shape(vector)[-1])
    product = ops.matmul(whole, _in_heads(ops, vector, heads)[..., None])
    return _flat(ops, product[..., 0], 2)


def _times_turned(ops: Any, matrix: Tensor, vector: Tensor, heads: int) -> Tensor:
    rows = ops.shape(vector)[-1]
    columns = ops.shape(matrix)[-1] * heads // rows
    whole = _as_matrix(ops, matrix, heads, columns)
    product = ops.matmul(_in_heads(ops, vector, heads)[..., None, :], whole)
    return _flat(ops, product[..., 0, :], 2)


def _rows_scaled(ops: Any, scale: Tensor, matrix: Tensor, heads: int) -> Tensor:
    columns = ops.shape(matrix)[-1] * heads // ops.shape(scale)[-1]
    whole = _as_matrix(ops, matrix, heads, columns)
    return _flat(ops, _in_heads(ops, scale, heads)[..., :, None] * whole, 3)


def _columns_scaled(ops: Any, matrix: Tensor, scale: Tensor, heads: int) -> Tensor:
    whole = _as_matrix(ops, matrix, heads, ops.shape(scale)[-1])
    return _flat(ops, whole * _in_heads(ops, scale, heads)[..., None, :], 3)


outer_product = _Outer(
    "outer", _outer, written="outer(a, b)", note="`a_i * b_j` in row i and column j",
    label="\N{CIRCLED TIMES}",
)  # fmt: skip
times = _Times("times", _times, costly=True, label="@")
times_turned = _TimesTurned(
    "times_turned", _times_turned, costly=True, label="\N{MODIFIER LETTER CAPITAL T}@"
)
rows_scaled = _RowsScaled("rows_scaled", _rows_scaled, label="diag")
columns_scaled = _ColumnsScaled("columns_scaled", _columns_scaled, label="diag")
diagonal = _Diagonal(
    "diag", written="diag(a)", arity=1,
    note="`diag(a) @ C` scales each row of a matrix, `C @ diag(a)` each column",
)  # fmt: skip
entries = _Entries()
as_weight = _AsWeight()
