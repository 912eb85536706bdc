"""What all of a check reads of expressions: their parts, their order, their words in messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from rnnzoo.errors import Mistakes, Span
from rnnzoo.lang import ir
from rnnzoo.lang.tree import Call, Joined, Name, Tree
from rnnzoo.spec.cell import Statement

RESERVED = frozenset({"x", "t", "unit", "units", "inputs", "row", "col", "below", "random"})
# numbers that libraries have by name, and what to write
NUMBERS = {"pi": "3.141592653589793", "e": "exp(a)", "eps": "1e-5", "epsilon": "1e-5"}
# names, numbers and operations of all equations of a layer; the largest cell of the zoo has 256
MAX_BLOCK = 2_000
UNKNOWN = "?"  # the size of what has a mistake: nothing else is reported of it


def mistaken(size: ir.Size) -> ir.Ref:
    """What stands for a vector with a mistake, so that reading goes on."""
    return ir.Ref("value", "?", (size,))


MISTAKEN = mistaken(UNKNOWN)


def walk(tree: Tree) -> Iterator[Tree]:
    yield tree
    inner: tuple[Tree, ...] = ()
    if isinstance(tree, Call):
        inner = tree.args
    elif isinstance(tree, Joined):
        inner = tree.parts
    for part in inner:
        yield from walk(part)


def in_words(shape: ir.Shape) -> str:
    """A shape in words: `a vector [units]`."""
    kind = ("a number", "a vector", "a matrix")[2 if ir.is_matrix(shape) else len(shape)]
    return f"{kind} [{', '.join(map(ir.size_text, shape))}]" if shape else kind


def as_written(tree: Tree) -> str:
    """What is written for a part of an expression, in brackets where a product needs them."""
    span = tree.span
    text = span.text[span.column - 1 :][: span.length].strip()[:40]
    return f"({text})" if isinstance(tree, Call) and tree.op.symbol else text


def sign_between(left: Span, right: Span) -> Span | None:
    """The place of the sign between two operands on one line."""
    if left.line != right.line:
        return None
    end = left.column - 1 + left.length
    between = left.text[end : right.column - 1]
    signs = [index for index, char in enumerate(between) if not char.isspace() and char not in "()"]
    return replace(left, column=end + signs[0] + 1, length=1) if signs else None


def topological(
    trees: Mapping[str, Tree], spans: Mapping[str, Span], mistakes: Mistakes, fix: str
) -> tuple[str, ...]:
    """Names in topological order: each comes after those that it needs within the step; cycles are
    mistakes.
    """
    needs = {}
    for name, tree in trees.items():
        needs[name] = [
            node.name for node in walk(tree) if isinstance(node, Name) and node.name in trees
        ]
    order: list[str] = []
    has_cycle = False  # one cycle is one mistake, however many names are on it

    def visit(name: str, path: tuple[str, ...]) -> None:
        nonlocal has_cycle
        if name in path and not has_cycle:
            has_cycle = True
            cycle = " -> ".join((*path[path.index(name) :], name))
            mistakes.add(spans[name], f"these need each other: {cycle}", fix.format(name=name))
        if name in path or name in order:
            return
        for needed in needs[name]:
            visit(needed, (*path, name))
        order.append(name)

    for name in trees:
        visit(name, ())
    return tuple(order)


def check_parts(
    trees: Mapping[str, Tree], statements: Mapping[str, Statement], mistakes: Mistakes
) -> None:
    """All equations of a block together are no larger than `MAX_BLOCK`; else checking ends here."""
    parts = 0
    for name, tree in trees.items():
        parts += sum(1 for _ in walk(tree))
        if parts > MAX_BLOCK:
            problem = f"equations of more than {MAX_BLOCK} names, numbers and operations in all"
            mistakes.add(
                statements[name].span,
                problem,
                "leave some out, or put more units into fewer equations",
            )
            mistakes.raise_if_any()
