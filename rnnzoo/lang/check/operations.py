"""Operations on vectors, with sizes that fit."""

from __future__ import annotations

from collections.abc import Sequence

from rnnzoo.errors import Mistakes, Span
from rnnzoo.lang import ir
from rnnzoo.lang.check.trees import MISTAKEN, UNKNOWN, in_words, mistaken
from rnnzoo.lang.primitives import (
    OfMatrices,
    OverUnits,
    Primitive,
    ShapeError,
    div,
    largest,
    mul,
    together,
)
from rnnzoo.lang.primitives.base import ONE
from rnnzoo.lang.tree import Call, Tree
from rnnzoo.spec.cell import CellSpec


def apply(
    op: Primitive, args: tuple[ir.Expr, ...], span: Span, spec: CellSpec, mistakes: Mistakes
) -> ir.Expr:
    """An elementwise operation: its operands have one size, or are numbers."""
    shapes = list(dict.fromkeys(arg.shape for arg in args if arg.shape))
    if any(len(shape) > 1 for shape in shapes):
        problem, fix = "a matrix of weights stands before @, or among matrices", "write W @ a"
        if any(isinstance(size, ir.Grid) for shape in shapes for size in shape[:-1]):
            problem, fix = "a weight of three sizes stands before @ only", "write T @ x, a matrix"
        mistakes.add(span, problem, fix)
        return MISTAKEN
    if (UNKNOWN,) in shapes:
        return MISTAKEN
    try:
        return ir.Apply(op, args, together(shapes))
    except ShapeError:
        shapes = [shape for shape in shapes if shape != ONE]
        symbol = f"'{op.symbol}'" if op.symbol else op.name
        sizes = f"{in_words(shapes[0])} and {in_words(shapes[1])}"
        problem = f"the operands of {symbol} differ in size: {sizes}"
        fix = _to_one_size(args, spec)
        if all(map(ir.is_matrix, shapes)):
            fix = "matrices have one shape: as many rows, columns and heads"
        elif any(map(ir.is_matrix, shapes)):
            fix = "multiply the matrix by a vector, C @ q, or make one of vectors, outer(a, b)"
            if op is mul or (op is div and ir.is_matrix(shapes[0])):
                fix = "write diag(a) @ C to scale rows by a vector, C @ diag(a) to scale columns"
            elif made := _made_matrix(args):
                fix = f"{fix}; {made}"
        mistakes.add(span, problem, fix)
        return MISTAKEN


def _made_matrix(args: Sequence[ir.Expr]) -> str:
    """How a product of weights beside a matrix would be one; empty where none stands there."""
    grids = [arg.shape[0] for arg in args if ir.is_matrix(arg.shape)]
    for arg in args:
        match grids[0], arg:
            case (
                ir.Grid(rows=rows, columns=columns, heads=1),
                ir.Apply(op=op, args=(ir.Ref(name=name, shape=(_, size)), _)),
            ) if op.is_product:
                declared = f"`weights: {{{name}: {{shape: [{rows}, {columns}, {size}]}}}}`"
                return f"with {declared}, {name} @ ... is a matrix"
    return ""


def _to_one_size(vectors: Sequence[ir.Expr], spec: CellSpec) -> str:
    """What to write where vectors differ in size: of a weight that is as large as the units for
    want of a declaration, the declaration.
    """
    names = [
        vector.name
        for vector in vectors
        if isinstance(vector, ir.Ref) and vector.kind in ir.WEIGHTS
    ]
    free = [name for name in names if name not in spec.shapes]
    sizes = [vector.shape[0] for vector in vectors if vector.shape and vector.shape != ("units",)]
    if len(free) == 1 and len(sizes) == 1:
        declared = f"`weights: {{{free[0]}: {{shape: [{ir.size_text(sizes[0])}]}}}}`"
        return f"declare the weight as large: {declared}; or bring both to one size: W @ x"
    return "bring both to one size with a matrix: W @ x"


def reduces_to_number(tree: Tree) -> bool:
    """Whether this is an operation that makes one number of all units."""
    match tree:
        case Call(op=OverUnits() as op, args=args):
            return op.reduces_to_number(len(args))
    return False


def over_units(
    op: OverUnits, args: tuple[ir.Expr, ...], tree: Call, spec: CellSpec, mistakes: Mistakes
) -> ir.Expr:
    """An operation over the units of vectors of one size, or over those of groups of them."""
    vectors, trees = args[: op.arity], tree.args[: op.arity]
    instead = MISTAKEN if not op.reduces_to_number(len(args)) else mistaken(1)
    shapes = [vector.shape for vector in vectors]
    if (UNKNOWN,) in shapes:
        return instead
    for shape, operand in zip(shapes, trees):
        if len(shape) != 1 or ir.is_matrix(shape):
            problem = (
                f"{op.name} is taken over the units of a vector, and this is {in_words(shape)}"
            )
            example = "C @ q" if ir.is_matrix(shape) else "h[t-1] or W @ x"
            mistakes.add(operand.span, problem, f"give it a vector, such as {example}")
            return instead
    if len(set(shapes)) > 1:
        sizes = f"{in_words(shapes[0])} and {in_words(shapes[1])}"
        problem = f"the operands of {op.name} differ in size: {sizes}"
        mistakes.add(tree.span, problem, _to_one_size(vectors, spec))
        return instead
    if len(args) > len(vectors):
        problem, fix = wrong_groups(op, shapes[0][0], args[-1], spec)
        if problem:
            mistakes.add(tree.args[-1].span, problem, fix)
            return instead
    return ir.Apply(op, args, op.shape([arg.shape for arg in args], ()))


def wrong_groups(
    op: OverUnits | OfMatrices, size: ir.Size, groups: ir.Expr, spec: CellSpec
) -> tuple[str, str]:
    """What is wrong with a number of groups, and the fix; empty where nothing is."""
    match groups:
        case ir.Number(value=count) if op is largest and count < 2:
            problem = f"the last operand of max is a number of groups, and {count:g} makes none"
            return problem, f"write maximum(a, {count:g}) for the larger of two, or max(a)"
        case ir.Number(value=count):
            written = f"{count:g}"
        case ir.Ref(kind="option", name=name):
            count, written = spec.options[name], f"the option '{name}', {spec.options[name]:g},"
        case _:
            of = "a number that the step computes" if not groups.shape else in_words(groups.shape)
            problem = f"the last operand of {op.name} is a number of groups, and this is {of}"
            if op is largest:
                return problem, "write maximum(a, b) for the larger of two"
            return problem, f"name an option: {op.form()[:-1]}, heads)"
    if not (count >= 1 and float(count).is_integer()):
        return f"{written} is no number of groups", "groups are a whole number from 1"
    number = spec.options.get(size) if isinstance(size, str) else size
    if isinstance(number, int | float) and number % count:
        problem = f"{written} does not divide {number:g}, the size of this vector"
        return problem, "groups have the same number of units each"
    return "", ""
