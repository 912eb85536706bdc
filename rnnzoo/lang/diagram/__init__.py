"""The picture of one time step of a cell, as SVG.

graph   the cell as nodes: layers, pointwise operations, inputs, states
place   positions of the nodes
route   paths of the lines between them
draw    the SVG

No external program or library is involved.  The same cell gives the same picture, to the byte.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from rnnzoo.lang import ir
from rnnzoo.lang.diagram import draw
from rnnzoo.lang.diagram.graph import Graph, Node, graph
from rnnzoo.lang.diagram.place import Layout, belts, layout
from rnnzoo.lang.diagram.route import Line, NoRoute, route

__all__ = ["Layout", "Line", "chain", "diagram", "graph", "laid_out", "walk"]

MOST = 120  # nodes: a larger picture is unreadable, and its layout would take minutes
_TRIES = 8  # layouts, each with more room


def diagram(cell: ir.Cell, layer: int = 2, highlight: Collection[str] | None = None) -> str:
    """One time step as SVG; for a cell that is too large (`laid_out`), a picture that says so.

    Args:
        layer: the number of the layer in its stack, from 1.
        highlight: names of equations; the nodes of all others are faint.
    """
    picture = laid_out(graph(cell, layer))
    if picture is None:
        return draw.refusal(_title(cell))
    return draw.svg(*picture, _title(cell), highlight)


def chain(cell: ir.Cell, layer: int = 2) -> str:
    """Three steps of the unrolled chain, the middle one open."""
    picture = laid_out(graph(cell, layer))
    if picture is None:
        return draw.refusal(_title(cell))
    return draw.chain(*picture, f"{_title(cell)}, unrolled")


def walk(cell: ir.Cell) -> tuple[tuple[str, ...], ...]:
    """The equations in groups, in the order in which one explains the cell; one highlighted picture
    for each group.

    For each state with a conveyor belt: the equations behind each operation on the belt, then the
    state itself.  Last the remaining equations, with the output.  For an LSTM: forget gate; input
    gate and candidate; cell state; output gate and output.
    """
    drawn = graph(cell)
    names = {number: name for name, number in drawn.values.items()}
    explained: set[str] = set()
    groups: list[tuple[str, ...]] = []

    def explain(equations: Collection[str]) -> None:
        new = tuple(name for name in drawn.values if name in equations and name not in explained)
        explained.update(new)
        if new:
            groups.append(new)

    for state, belt in belts(drawn).items():
        for number in belt:
            operands = set(drawn.nodes[number].operands) - set(belt)
            explain(
                {names[node] for node in _ancestors(drawn, operands) if node in names} - {state}
            )
        explain({state})
    explain(set(drawn.values))
    return tuple(groups)


def _ancestors(drawn: Graph, numbers: Collection[int]) -> set[int]:
    """Nodes, and all nodes that their values depend on."""
    seen, stack = set(numbers), list(numbers)
    while stack:
        new = set(drawn.nodes[stack.pop()].reads) - seen
        seen |= new
        stack += new
    return seen


def laid_out(drawn: Graph) -> tuple[Layout, tuple[Line, ...]] | None:
    """The layout of a graph and its lines, with as much room as they need; None if there are too
    many nodes, or so many lines that none of the layouts has a path for each.
    """
    return _laid_out(
        drawn.nodes, tuple(drawn.values.items()), tuple(drawn.states.items()), drawn.output
    )


# a report shows a cell many times, with other equations highlighted each time
@lru_cache(maxsize=64)
def _laid_out(
    nodes: tuple[Node, ...],
    values: tuple[tuple[str, int], ...],
    states: tuple[tuple[str, int], ...],
    output: str,
) -> tuple[Layout, tuple[Line, ...]] | None:
    if len(nodes) > MOST:
        return None
    drawn = Graph(nodes, dict(values), dict(states), output)
    for room in range(_TRIES):
        placed = layout(drawn, room)
        try:
            return placed, route(placed)
        except NoRoute:
            continue
    return None


def _title(cell: ir.Cell) -> str:
    return f"{cell.name}: {cell.title}" if cell.title else cell.name
