"""Matrices that a step computes: outer products, their products with vectors, and `diag`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnzoo.errors import Span
from rnnzoo.lang import ir
from rnnzoo.lang.check.operations import wrong_groups
from rnnzoo.lang.check.scope import declared_name, entry_by_entry, is_diagonal
from rnnzoo.lang.check.sizes import size_of
from rnnzoo.lang.check.trees import MISTAKEN, UNKNOWN, as_written, in_words, mistaken, walk
from rnnzoo.lang.primitives import (
    OverUnits,
    by_rows,
    columns_scaled,
    diagonal,
    expm,
    matrix_exponential,
    mul,
    outer_product,
    rows_scaled,
    times,
    times_turned,
    transposed,
)
from rnnzoo.lang.primitives.base import is_number
from rnnzoo.lang.tree import Call, Joined, Lag, Name, Primed, Tree

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


def by_row(layer: Layer, tree: Call) -> ir.Expr:
    """An operation over units on a matrix: over the entries of each row by itself."""
    operation = tree.op
    assert isinstance(operation, OverUnits)
    operands, groups = tree.args[: operation.arity], tree.args[operation.arity :]
    if report_undeclared(layer, operands):
        return MISTAKEN
    typed = [layer.typed_as_matrix(operand) for operand in operands]
    shapes = [operand.shape for operand in typed]
    if (UNKNOWN,) in shapes:
        return MISTAKEN
    for shape, operand in zip(shapes, operands):
        if not ir.is_matrix(shape):
            problem = f"{operation.name} is of a vector or a matrix, and this is {_words(shape)}"
            fix = f"multiply it first: {operation.name}({as_written(operand)} @ x)"
            layer.mistakes.add(operand.span, problem, fix)
            return MISTAKEN
    if groups:
        problem = f"{operation.name} of a matrix is taken over each row by itself, without groups"
        fix = f"write {operation.name}({', '.join(map(as_written, operands))})"
        layer.mistakes.add(groups[0].span, problem, fix)
        return MISTAKEN
    if len(set(shapes)) > 1:
        problem = (
            f"the operands of {operation.name} differ in size: {in_words(shapes[0])} and"
            f" {in_words(shapes[1])}"
        )
        fix = "matrices have one shape: as many rows, columns and heads"
        layer.mistakes.add(tree.span, problem, fix)
        return MISTAKEN
    (grid,) = shapes[0]
    assert isinstance(grid, ir.Grid)
    return ir.Apply(operation, (*typed, by_rows(grid)), (grid,))


def exponential(layer: Layer, tree: Call) -> ir.Expr:
    """`expm(A)` of a square matrix of weights."""
    if tree.op is not expm:
        problem = f"{tree.op.name} is of constant matrices, and stands in no equation"
        fix = f"write `E = {tree.op.name}(...)` under `constants:`, and E @ h[t-1] here"
        layer.mistakes.add(tree.span, problem, fix)
        return MISTAKEN
    (operand,) = tree.args
    if report_undeclared(layer, tree.args):
        return MISTAKEN
    matrix = layer.typed_as_matrix(operand)
    if matrix.shape == (UNKNOWN,):
        return MISTAKEN
    declared = "`weights: {A: {shape: [units, units]}}`"
    problem, fix = "", ""
    if not ir.is_matrix(matrix.shape):
        problem = f"expm is of a square matrix of weights, and this is {_words(matrix.shape)}"
        fix = f"write expm(A - A') @ h[t-1], and declare {declared}"
    elif _square(matrix.shape) is None:
        problem = f"only a square matrix has an exponential, and this is {in_words(matrix.shape)}"
        fix = f"declare its shape, as in {declared}"
        if isinstance(operand, Name) and layer.stands_for_matrix(operand):
            fix = f"declare it square: `weights: {{{operand.name}: {{shape: [units, units]}}}}`"
    elif not ir.is_fixed(matrix, layer.fixed):
        problem = "expm is of weights and constants, and this differs from step to step"
        fix = "leave x, `t`, and what depends on them or on states, out of it"
    if problem:
        layer.mistakes.add(operand.span, problem, fix)
        return MISTAKEN
    return ir.Apply(matrix_exponential, (matrix, ir.Number(1.0)), matrix.shape)


def report_undeclared(layer: Layer, operands: Sequence[Tree]) -> bool:
    """Report matrices of weights that are computed with and have no declared shape."""
    names: dict[str, Name | Primed] = {}
    for operand in operands:
        for node in entry_by_entry(operand):
            names.setdefault(node.name, node)
    undeclared = [
        node
        for name, node in names.items()
        if layer.stands_for_matrix(node) and layer.shared.shape_of(name) is None
    ]
    for node in undeclared:
        report_without_shape(layer, node)
    return bool(undeclared)


def report_without_shape(layer: Layer, node: Name | Primed) -> None:
    """Report, once, a matrix of weights or constants that is computed with and has no shape."""
    name = declared_name(node)
    if layer.is_reported(name) or layer.is_reported(node.name):
        return
    layer.shared.reported |= {name, node.name}
    problem = f"'{name}' is a matrix that is computed with, and its shape is not declared"
    declared = f"`weights: {{{name}: {{shape: [{_shape_meant(layer, node.name)}]}}}}`"
    fix = f"declare it: {declared}"
    if name == "I" and name not in layer.shared.spec.trainable:
        fix = f"for the identity, write `I = row == col` under `constants:`, and {declared}"
    layer.mistakes.add(node.span, problem, fix)


def _shape_meant(layer: Layer, name: str) -> str:
    """The shape that a matrix probably has: that of one beside it, or of the one matrix that is
    computed; or as many columns as what is multiplied by it has units.
    """
    beside = _shape_beside(layer, name)
    if beside is not None:
        return ", ".join(map(ir.size_text, beside))
    grids = {size for size in layer.sizes.values() if isinstance(size, ir.Grid)}
    if len(grids) == 1:
        (grid,) = grids
        return f"{ir.size_text(grid.rows)}, {ir.size_text(grid.columns)}"
    made = {name}  # the matrix, and the equations that compute with it
    for _ in layer.trees:  # until there are no more
        made |= {
            equation
            for equation, tree in layer.trees.items()
            if made & {node.name for node in entry_by_entry(_scaled(tree))}
        }
    if layer.is_primed_beside_itself(name):
        return "units, units"
    for tree in layer.trees.values():
        for node in walk(tree):
            match node:
                case Call(op=op, args=(left, Name() as right)) if op.is_product:
                    names = {part.name for part in entry_by_entry(_scaled(left))}
                    columns = size_of(layer, right)
                    is_meant = bool(names & made) and not _is_primed(left)
                    if is_meant and isinstance(columns, str | int) and columns != UNKNOWN:
                        return f"units, {columns}"
    return "units, units"


def _shape_beside(layer: Layer, name: str) -> ir.Shape | None:
    """The declared shape of a matrix that is computed with beside this one."""
    for tree in layer.trees.values():
        nodes = [*entry_by_entry(tree)]
        if name not in {node.name for node in nodes}:
            continue
        for node in nodes:
            if layer.shared.declares_matrix(node.name):
                shape = layer.shared.shape_of(node.name)
                assert shape is not None  # it is declared
                return shape[::-1] if isinstance(node, Primed) else shape
    return None


def _scaled(tree: Tree) -> Tree:
    """The matrix that `diag` scales; any other expression itself."""
    match tree:
        case Call(op=op, args=(left, right)) if op.is_product and is_diagonal(left):
            return right
        case Call(op=op, args=(left, right)) if op.is_product and is_diagonal(right):
            return left
    return tree


def _is_primed(tree: Tree) -> bool:
    return isinstance(tree, Primed) or (isinstance(tree, Call) and tree.op is transposed)


def _square(shape: ir.Shape) -> ir.Grid | None:
    """The size of a matrix with one head and as many rows as columns."""
    (grid,) = shape
    assert isinstance(grid, ir.Grid)
    return grid if grid == grid.turned and grid.heads == 1 else None


def report_beside_vector(layer: Layer, tree: Call, beside: Tree) -> ir.Expr:
    """Report a matrix as an operand beside a vector; mistakes of the others are told too."""
    for arg in tree.args:
        if arg is not beside:
            layer.typed(arg)
    is_by_rows = isinstance(beside, Call) and isinstance(beside.op, OverUnits)
    mistakes_before = len(layer.mistakes.collected)
    if not is_by_rows and not ir.is_matrix(layer.typed_as_matrix(beside).shape):
        return MISTAKEN
    if len(layer.mistakes.collected) > mistakes_before:
        return MISTAKEN
    problem = f"{as_written(beside)} is a matrix, and stands beside a vector"
    fix = f"multiply it by a vector: {as_written(beside)} @ a"
    named = beside.name if isinstance(beside, Name) else ""
    if meant := layer.declared_to_be_matrix(named):
        layer.mistakes.add(beside.span, problem, meant)
        return MISTAKEN
    if isinstance(beside, Call) and isinstance(beside.op, OverUnits):
        of = beside.op.name
        if beside.op.reduces_to_number(len(beside.args)):
            problem = f"{of} of a matrix is a number for each row, so a matrix, beside a vector"
        fix = f"give {of} a vector, such as {of}(h[t-1])"
    elif tree.op is mul:
        (vector,) = [arg for arg in tree.args if arg is not beside]
        fix = f"write {as_written(beside)} @ {as_written(vector)}"
    layer.mistakes.add(beside.span, problem, fix)
    return MISTAKEN


def is_product(layer: Layer, left: Tree, right: Tree) -> bool:
    """Whether this is a product with a matrix that the step computes, or with `diag`."""
    sides = (left, right)
    return any(is_diagonal(side) or _computes(layer, side) for side in sides)


def _computes(layer: Layer, tree: Tree) -> bool:
    """Whether this is a matrix that the step computes, or one with a prime."""
    if isinstance(tree, Call) and tree.op is transposed:
        return layer.computes_matrix(tree.args[0])
    is_sum = isinstance(tree, Call) and bool(tree.op.symbol) and layer.is_of_weights(tree)
    return layer.computes_matrix(tree) and not is_sum


def product(layer: Layer, tree: Call) -> ir.Expr:
    """`C @ q`, `C' @ q`, `diag(a) @ C` or `C @ diag(a)`."""
    left, right = tree.args
    if is_diagonal(left) or is_diagonal(right):
        return scaled(layer, left, right, tree.span)
    if isinstance(right, Joined) or _computes(layer, right) or layer.is_of_weights(right):
        _report_no_vector(layer, right)
        return MISTAKEN
    is_turned = isinstance(left, Call) and left.op is transposed
    inner = left.args[0] if is_turned and isinstance(left, Call) else left
    matrix = layer.typed_as_matrix(inner)
    vector = layer.typed(right)
    if (UNKNOWN,) in (matrix.shape, vector.shape) or not ir.is_matrix(matrix.shape):
        return MISTAKEN
    (grid,) = matrix.shape
    assert isinstance(grid, ir.Grid)
    taken, given = (grid.rows, grid.columns) if is_turned else (grid.columns, grid.rows)
    if vector.shape != (taken,):
        problem = f"{as_written(left)} multiplies a vector [{taken}], "
        problem += f"and this is {_words(vector.shape)}"
        fix = _fix_of_length(left, matrix.shape, vector.shape, given)
        layer.mistakes.add(right.span, problem, fix)
        return mistaken(given)
    operation = times_turned if is_turned else times
    return ir.Apply(operation, (matrix, vector, grid.count), (given,))


def _report_no_vector(layer: Layer, right: Tree) -> None:
    """After `@` stands a matrix, or several vectors that are joined."""
    problem = "a matrix multiplies a vector, and this is another matrix"
    fix = "write A @ (B @ q), or outer(A @ v, k) for A @ outer(v, k)"
    if isinstance(right, Call) and right.op.signs:
        fix += ", so C - outer(C @ k, k) for C @ (I - outer(k, k))"
    if isinstance(right, Joined):
        problem = "a matrix that is computed multiplies one vector"
        fix = "bring what is joined to one vector with a matrix of weights: W @ [a, b]"
    layer.mistakes.add(right.span, problem, fix)


def _fix_of_length(left: Tree, matrix: ir.Shape, vector: ir.Shape, given: ir.Size) -> str:
    """What to write where a vector is not as long as the rows of the matrix before it.

    Args:
        given: how long the product is: the vector may be meant for the other side of the matrix.
    """
    is_turned = isinstance(left, Call) and left.op is transposed
    name = as_written(left).rstrip(_PRIME)
    if is_number(vector):
        return "write * for a product with a number"
    if vector == (given,) and is_turned:
        return f"write {name} @ ..."
    if vector == (given,) and isinstance(left, Name | Lag):
        return f"write {name}' @ ... for the transposed matrix"
    return f"{name} is {in_words(matrix)}"


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
        problem = "a matrix that is computed is transposed only before @"
        return problem, f"write {as_written(tree)} @ a"
    problem = "only a matrix is transposed"
    if isinstance(matrix, Name):  # some papers mean the previous step
        return problem, f"write {matrix.name}[t-1] for the previous step"
    return problem, "write R' @ h[t-1]"
