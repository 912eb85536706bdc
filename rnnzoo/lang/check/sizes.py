"""The sizes of a layer's equations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from rnnzoo.lang import ir
from rnnzoo.lang.check.operations import reduces_to_number
from rnnzoo.lang.check.scope import Scope
from rnnzoo.lang.check.trees import UNKNOWN
from rnnzoo.lang.parse import Below, Call, Lag, Name, Primed, Tree
from rnnzoo.lang.primitives import OverUnits


def infer_sizes(scope: Scope) -> dict[str, ir.Size]:
    """Sizes of all equations: a product has its matrix's rows, other operations the size of
    their operands.

    A size stays once it is inferred, else two that contradict each other would alternate
    forever; `typed` reports them.
    """
    sizes: dict[str, ir.Size] = {}
    # equations that one without a size of its own may take it from
    operands: dict[str, list[str]] = {}
    for name, tree in scope.trees.items():
        own_size = _own_size(scope, tree)
        if own_size is not None:
            sizes[name] = own_size
        else:
            nodes = (node for node in _sized(scope, tree) if isinstance(node, Name | Lag | Below))
            operands[name] = list(
                dict.fromkeys(node.name for node in nodes if node.name in scope.trees)
            )
    sizes = _with_operands(operands, sizes)
    sizes |= dict.fromkeys(_doubtful(scope, operands, sizes), UNKNOWN)
    sizes = _with_numbers(scope, operands, sizes)
    return {name: sizes.get(name, "units") for name in scope.trees}


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
    sizes: set[ir.Size] = set()
    for node in _sized(scope, tree):
        size = _size(scope, node)
        if size not in (None, 1):
            sizes.add(size)
    if len(sizes) > 1:
        return UNKNOWN
    return next(iter(sizes), None)


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
    if reduces_to_number(tree):
        yield tree
    elif isinstance(tree, Call) and not tree.op.is_product and scope.starred(tree) is None:
        for arg in tree.args:
            yield from _sized(scope, arg)
    else:
        yield tree


def _size(scope: Scope, node: Tree) -> ir.Size | None:
    """The size of a part; None if it has no size, or takes that of an equation."""
    match node:
        case Name(name=name) if size := scope.shared.size_of_input(name):
            return size
        case Name(name=name) if name in scope.shared.constants and name not in scope.trees:
            return scope.shared.constants[name].size or None
        case Name(name=name) if scope.is_weight(name, before_product=False):
            shape = scope.shared.shape_of(name)
            if shape is None:
                return "units"
            return shape[0] if shape else None
        case Call(op=op, args=(Name(name=name), _)) if op.is_product:
            return scope.rows(name)
        case Call(op=OverUnits()):
            return 1
        case Call(op=op, args=(Primed(name=name), _)) if op.is_product:
            return scope.columns(name)
        case Call() if (star := scope.starred(node)) is not None:
            return scope.rows(star.matrix.name)
        case Call():
            return "units"  # its left side is a mistake
    return None


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
