"""Matrices that a step computes: outer products, their products with vectors, and `diag`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnzoo.errors import Span
from rnnzoo.lang import ir
from rnnzoo.lang.check.operations import wrong_groups
from rnnzoo.lang.check.scope import is_diagonal
from rnnzoo.lang.check.trees import MISTAKEN, UNKNOWN, as_written, in_words, mistaken
from rnnzoo.lang.parse import Call, Joined, Lag, Name, Tree
from rnnzoo.lang.primitives import (
    columns_scaled,
    diagonal,
    outer_product,
    rows_scaled,
    times,
    times_turned,
    transposed,
)
from rnnzoo.lang.primitives.base import is_number

if TYPE_CHECKING:
    from rnnzoo.lang.check.layer import Layer

_PRIME = "'"
_SCALINGS = "diag(a) @ C for rows, or C @ diag(a) for columns"


def outer(layer: Layer, tree: Call) -> ir.Expr:
    """`outer(a, b)`, or `outer(a, b, heads)`: a matrix of two vectors."""
    vectors = [layer.typed(arg) for arg in tree.args[:2]]
    heads = layer.typed(tree.args[2]) if len(tree.args) > 2 else ir.Number(1.0)
    if any(vector.shape == (UNKNOWN,) for vector in vectors):
        return MISTAKEN
    for vector, written in zip(vectors, tree.args):
        if not _is_vector(vector.shape):
            problem = f"outer makes a matrix of two vectors, and this is {_words(vector.shape)}"
            layer.mistakes.add(written.span, problem, "give it a vector, such as W @ x")
            return MISTAKEN
    for vector in vectors if len(tree.args) > 2 else ():
        problem, fix = wrong_groups(outer_product, vector.shape[0], heads, layer.shared.spec)
        if problem:
            layer.mistakes.add(tree.args[2].span, problem, fix)
            return MISTAKEN
    rows, columns = (vector.shape[0] for vector in vectors)
    assert isinstance(rows, str | int)
    assert isinstance(columns, str | int)
    grid = ir.Grid(rows, columns, heads_of(heads))
    return ir.Apply(outer_product, (*vectors, _with_shape(heads, (grid,))), (grid,))


def heads_of(heads: ir.Expr) -> int | str:
    """A number of heads, as the size of a matrix has it."""
    if isinstance(heads, ir.Number):
        return int(heads.value)
    assert isinstance(heads, ir.Ref)
    return heads.name


def _with_shape(heads: ir.Expr, shape: ir.Shape) -> ir.Expr:
    return (
        ir.Number(heads.value, shape)
        if isinstance(heads, ir.Number)
        else ir.Ref("option", heads_of(heads), shape)  # type: ignore[arg-type]
    )


def _words(shape: ir.Shape) -> str:
    return "a number" if is_number(shape) else in_words(shape)


def _is_vector(shape: ir.Shape) -> bool:
    return len(shape) == 1 and not ir.is_matrix(shape) and not is_number(shape)


def is_product(layer: Layer, left: Tree, right: Tree) -> bool:
    """Whether this is a product with a matrix that the step computes, or with `diag`."""
    sides = (left, right)
    return any(is_diagonal(side) or _computes(layer, side) for side in sides)


def _computes(layer: Layer, tree: Tree) -> bool:
    """Whether this is a matrix that the step computes, or one with a prime."""
    if isinstance(tree, Call) and tree.op is transposed:
        return layer.computes_matrix(tree.args[0])
    return layer.computes_matrix(tree) and not layer.is_of_weights(tree)


def product(layer: Layer, tree: Call) -> ir.Expr:
    """`C @ q`, `C' @ q`, `diag(a) @ C` or `C @ diag(a)`."""
    left, right = tree.args
    if is_diagonal(left) or is_diagonal(right):
        return scaled(layer, left, right, tree.span)
    if isinstance(right, Joined) or _computes(layer, right):
        problem = "a matrix that the step computes multiplies one vector"
        fix = "write A @ (B @ q), or outer(A @ v, k) for A @ outer(v, k)"
        if isinstance(right, Joined):
            fix = "bring what is joined to one vector with a matrix of weights: W @ [a, b]"
        layer.mistakes.add(right.span, problem, fix)
        return MISTAKEN
    is_turned = isinstance(left, Call) and left.op is transposed
    matrix = layer.typed(left.args[0] if is_turned and isinstance(left, Call) else left)
    vector = layer.typed(right)
    if (UNKNOWN,) in (matrix.shape, vector.shape) or not ir.is_matrix(matrix.shape):
        return MISTAKEN
    (grid,) = matrix.shape
    assert isinstance(grid, ir.Grid)
    taken, given = (grid.rows, grid.columns) if is_turned else (grid.columns, grid.rows)
    if vector.shape != (taken,):
        name = as_written(left)
        problem = f"{name} multiplies a vector [{taken}], and this is {_words(vector.shape)}"
        fix = f"{name.rstrip(_PRIME)} is {in_words(matrix.shape)}"
        if is_number(vector.shape):
            fix = "write * for a product with a number"
        elif vector.shape == (given,) and is_turned:
            fix = f"write {name.rstrip(_PRIME)} @ ..."
        elif vector.shape == (given,) and isinstance(left, Name | Lag):
            fix = f"write {name}' @ ... for the transposed matrix"
        layer.mistakes.add(right.span, problem, fix)
        return mistaken(given)
    operation = times_turned if is_turned else times
    return ir.Apply(operation, (matrix, vector, grid.count), (given,))


def scaled(layer: Layer, left: Tree, right: Tree, span: Span) -> ir.Expr:
    """`diag(a) @ C` or `C @ diag(a)`."""
    of_rows = is_diagonal(left)
    diag, other = (left, right) if of_rows else (right, left)
    assert isinstance(diag, Call)
    scale = layer.typed(diag.args[0])
    if is_diagonal(other):
        layer.mistakes.add(span, "two of diag are not multiplied", "write diag(a * b)")
        return MISTAKEN
    matrix = layer.typed_as_matrix(other)
    if (UNKNOWN,) in (scale.shape, matrix.shape):
        return MISTAKEN
    if not ir.is_matrix(matrix.shape):
        problem = f"diag scales a matrix, and this is {in_words(matrix.shape)}"
        fix = f"write {as_written(diag.args[0])} * ..." if len(matrix.shape) < 2 else (
            "declare the matrix under `weights:`, with its shape"
        )  # fmt: skip
        layer.mistakes.add(other.span, problem, fix)
        return MISTAKEN
    (grid,) = matrix.shape
    assert isinstance(grid, ir.Grid)
    along = grid.rows if of_rows else grid.columns
    if scale.shape != (along,):
        sides = ("rows", "columns") if of_rows else ("columns", "rows")
        problem = (
            f"diag scales the {sides[0]} here, of which there are {ir.size_text(along)}, and this"
            f" is {_words(scale.shape)}"
        )
        fix = "write a * C" if is_number(scale.shape) else f"write {_SCALINGS}"
        layer.mistakes.add(diag.args[0].span, problem, fix)
        return MISTAKEN
    operands = (scale, matrix) if of_rows else (matrix, scale)
    operation = rows_scaled if of_rows else columns_scaled
    return ir.Apply(operation, (*operands, grid.count), matrix.shape)


def lone(layer: Layer, tree: Call) -> tuple[str, str]:
    """What to say of `diag(a)`, or of `C'`, that multiplies nothing."""
    if tree.op is diagonal:
        return "diag(a) stands beside @ and a matrix", f"write {_SCALINGS}"
    (matrix,) = tree.args
    if layer.computes_matrix(matrix):
        return "a transposed matrix stands only before @", f"write {as_written(tree)} @ a"
    problem = "only a matrix is transposed"
    if isinstance(matrix, Name):  # some papers mean the previous step
        return problem, f"write {matrix.name}[t-1] for the previous step"
    return problem, "write R' @ h[t-1]"
