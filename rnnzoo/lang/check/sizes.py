"""The sizes of a layer's equations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from rnnzoo.lang import ir
from rnnzoo.lang.check.operations import reduces_to_number
from rnnzoo.lang.check.scope import Scope, is_diagonal
from rnnzoo.lang.check.trees import UNKNOWN
from rnnzoo.lang.primitives import OverUnits, outer_product, transposed
from rnnzoo.lang.tree import Below, Call, Lag, Literal, Name, Primed, Tree


def infer_sizes(scope: Scope) -> dict[str, ir.Size]:
    """Sizes of all equations: a product has its matrix's rows, other operations the size of
    their operands.

    A size stays once it is inferred, else two that contradict each other would alternate
    forever; `typed` reports them.
    """
    sizes, operands = _settled(scope, {})
    if not scope.matrices <= sizes.keys():
        # made of what fills a vector, or of products with itself
        scope.default_size = "units"
        sizes, operands = _settled(scope, sizes)
    sizes |= dict.fromkeys(_doubtful(scope, operands, sizes), UNKNOWN)
    sizes = _with_numbers(scope, operands, sizes)
    for name in scope.matrices:
        if not isinstance(sizes.get(name), ir.Grid):  # one of its weights has no shape
            sizes[name] = UNKNOWN
    return {name: sizes.get(name, "units") for name in scope.trees}


def _settled(
    scope: Scope, known: dict[str, ir.Size]
) -> tuple[dict[str, ir.Size], dict[str, list[str]]]:
    """The result of `_with_own_sizes` when all is known that follows from what is known: the size
    of a matrix follows from those of the vectors that it is made of.
    """
    scope.sizes, (sizes, operands) = known, _with_own_sizes(scope)
    for _ in scope.trees:  # sizes that contradict each other would alternate forever
        if sizes == scope.sizes:
            break
        scope.sizes = sizes
        sizes, operands = _with_own_sizes(scope)
    return sizes, operands


def _with_own_sizes(scope: Scope) -> tuple[dict[str, ir.Size], dict[str, list[str]]]:
    """Sizes of equations, as far as those in `scope.sizes` determine them; and the equations that
    one without a size of its own may take it from.
    """
    sizes: dict[str, ir.Size] = {}
    operands: dict[str, list[str]] = {}
    for name, tree in scope.trees.items():
        own_size = _own_size(scope, tree)
        if own_size is not None:
            sizes[name] = own_size
        else:
            operands[name] = _operands(scope, tree)
    return _with_operands(operands, sizes), operands


def _operands(scope: Scope, tree: Tree) -> list[str]:
    """The equations that an expression may take its size from: matrices where it is one."""
    nodes = (node for node in _sized(scope, tree) if isinstance(node, Name | Lag | Below))
    names = dict.fromkeys(node.name for node in nodes if node.name in scope.trees)
    if scope.computes_matrix(tree):
        return [name for name in names if name in scope.matrices]
    return list(names)


def size_of(scope: Scope, tree: Tree) -> ir.Size | None:
    """The size of an expression, as far as it is known."""
    own = _own_size(scope, tree)
    if own is not None:
        return own
    known = (scope.sizes[name] for name in _operands(scope, tree) if name in scope.sizes)
    return next(known, scope.default_size)


def _with_numbers(
    scope: Scope, operands: Mapping[str, list[str]], sizes: Mapping[str, ir.Size]
) -> dict[str, ir.Size]:
    """Sizes of equations that read numbers only, as what is made of all units is one.

    What is a number beside an equation that fills a vector with one is a vector.
    """
    left = [name for name in operands if name not in sizes]
    numbers = [
        name for name in left if 1 in map(partial(_size, scope), _sized(scope, scope.trees[name]))
    ]
    if not numbers:
        return dict(sizes)
    fills = [name for name in left if not operands[name] and name not in numbers]
    sizes = _with_operands(operands, {**sizes, **dict.fromkeys(fills, "units")})
    left_numbers = [name for name in numbers if name not in sizes]
    return _with_operands(operands, {**sizes, **dict.fromkeys(left_numbers, 1)})


def _own_size(scope: Scope, tree: Tree) -> ir.Size | None:
    """The one size that the parts of an expression have of themselves, numbers apart; `?` for
    several, None where none has any.
    """
    sizes = own_sizes(scope, tree)
    return UNKNOWN if len(sizes) > 1 else next(iter(sizes), None)


def own_sizes(scope: Scope, tree: Tree) -> list[ir.Size]:
    """The sizes that the parts of an expression have of themselves, numbers apart, in order."""
    sizes: dict[ir.Size, None] = {}
    is_matrix = scope.computes_matrix(tree) or scope.is_of_weights(tree)
    for node in _sized(scope, tree):
        size = _size(scope, node, is_matrix)
        # what is no matrix beside one is a number, or a mistake
        if size not in (None, 1) and isinstance(size, ir.Grid) >= is_matrix:
            sizes[size] = None
    return list(sizes)


def _doubtful(
    scope: Scope, operands: Mapping[str, list[str]], sizes: Mapping[str, ir.Size]
) -> set[str]:
    """Equations without a size of their own that have a mistake where it would stand, or depend
    on such.
    """
    left = [name for name in operands if name not in sizes]
    doubtful = {
        name
        for name in left
        if name in scope.unread
        or any(map(partial(_is_unknown, scope), _sized(scope, scope.trees[name])))
    }
    while more := {name for name in left if name not in doubtful and doubtful & {*operands[name]}}:
        doubtful |= more
    return doubtful


def _is_unknown(scope: Scope, node: Tree) -> bool:
    """Whether a part of an expression is a name that means nothing."""
    if isinstance(node, Lag | Below):
        return node.name not in scope.trees
    if not isinstance(node, Name) or scope.is_weight(node.name, before_product=False):
        return False
    return node.name not in (
        *scope.trees, *scope.shared.constants, *scope.shared.spec.options,
        *scope.shared.spec.inputs, "t", "x",
    )  # fmt: skip


def _sized(scope: Scope, tree: Tree) -> Iterator[Tree]:
    """The parts of an expression that may determine its size, in reading order."""
    if reduces_to_number(tree) and not scope.computes_matrix(tree):
        yield tree
    elif isinstance(tree, Call) and tree.op.is_product and any(map(is_diagonal, tree.args)):
        for arg in tree.args:
            if not is_diagonal(arg):
                yield from _sized(scope, arg)
    elif isinstance(tree, Call) and tree.op is outer_product:
        yield tree
    elif isinstance(tree, Call) and not tree.op.is_product and scope.starred(tree) is None:
        for arg in tree.args:
            yield from _sized(scope, arg)
    else:
        yield tree


def _size(scope: Scope, node: Tree, of_matrix: bool = False) -> ir.Size | None:
    """The size of a part; None if it has no size, or takes that of an equation.

    Args:
        of_matrix: whether it is part of a matrix that is computed entry by entry.
    """
    match node:
        case Name(name=name) if size := scope.shared.size_of_input(name):
            return size
        case Primed(name=name) if of_matrix and scope.is_of_weights(node):
            shape = scope.shared.shape_of(name)
            return None if shape is None else _grid(shape[1], shape[0], heads=[])
        case Name(name=name) if name in scope.shared.constants and name not in scope.trees:
            return scope.shared.constants[name].size or None
        case Name(name=name) if scope.is_weight(name, before_product=False):
            shape = scope.shared.shape_of(name)
            if shape is None:
                return "units"
            if len(shape) == 2 and of_matrix:
                return _grid(*shape, heads=[])
            return shape[0] if shape else None
        case Call(op=op, args=(rows, columns, *heads)) if op is outer_product:
            return _grid(size_of(scope, rows), size_of(scope, columns), heads)
        case Call(op=op, args=(matrix, _)) if op.is_product:
            return _size_of_product(scope, matrix)
        case Call(op=OverUnits()):
            return 1
        case Call() if (star := scope.starred(node)) is not None:
            return scope.rows(star.matrix.name)
        case Call():
            return "units"  # it is a mistake
    return None


def _size_of_product(scope: Scope, matrix: Tree) -> ir.Size | None:
    """The size of a product of a matrix with a vector, as far as it is known."""
    match matrix:
        case Call(op=op, args=(inner,)) if op is transposed and scope.computes_matrix(inner):
            return _side(size_of(scope, inner), "columns")
        case Name(name=name) if name not in scope.matrices:
            return scope.rows(name)
        case Primed(name=name):
            return scope.columns(name)
    if scope.computes_matrix(matrix):
        return _side(size_of(scope, matrix), "rows")
    return "units"  # its left side is a mistake


def _grid(rows: ir.Size | None, columns: ir.Size | None, heads: Sequence[Tree]) -> ir.Size | None:
    """The size of a matrix, where those of its sides are known."""
    if not isinstance(rows, str | int) or not isinstance(columns, str | int):
        return UNKNOWN if isinstance(rows, ir.Grid) or isinstance(columns, ir.Grid) else None
    if UNKNOWN in (rows, columns):
        return UNKNOWN
    match heads:
        case [Literal(value=value)] if value >= 1:
            return ir.Grid(rows, columns, int(value))
        case [Name(name=name)]:
            return ir.Grid(rows, columns, name)
    return ir.Grid(rows, columns)


def _side(size: ir.Size | None, side: str) -> ir.Size | None:
    """The number of rows, or of columns, of a matrix whose size may be known."""
    return getattr(size, side) if isinstance(size, ir.Grid) else size


def _with_operands(
    operands: Mapping[str, list[str]], sizes: Mapping[str, ir.Size]
) -> dict[str, ir.Size]:
    """Sizes of equations, with those that others take from their operands."""
    known = dict(sizes)
    while new := _sizes_of_operands(operands, known):
        known |= new
    return known


def _sizes_of_operands(
    operands: Mapping[str, list[str]], sizes: Mapping[str, ir.Size]
) -> dict[str, ir.Size]:
    """For equations without a size, that of the first operand that has one; equations without such
    an operand are missing.
    """
    inferred = {}
    for name, candidates in operands.items():
        with_size = [candidate for candidate in candidates if candidate in sizes]
        if name not in sizes and with_size:
            inferred[name] = sizes[with_size[0]]
    return inferred
