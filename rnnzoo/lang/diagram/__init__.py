"""IR -> the picture of one time step, as SVG.

graph   what is drawn: layers, pointwise operations, lines
place   where it stands
route   how the lines are led
draw    the SVG

No program and no library draws it; the same cell gives the same picture, to the byte.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from rnnzoo.lang import ir
from rnnzoo.lang.diagram import draw
from rnnzoo.lang.diagram.graph import Graph, Node, graph
from rnnzoo.lang.diagram.place import Plan, belts, plan
from rnnzoo.lang.diagram.route import Line, NoWay, route

__all__ = ["Line", "Plan", "chain", "diagram", "graph", "laid_out", "walk"]

MOST = 120  # layers and operations: more could not be read, and would take minutes to lay out
_TRIES = 8


def diagram(cell: ir.Cell, layer: int = 2, highlight: Collection[str] | None = None) -> str:
    """One time step of layer `layer`, from 1; of a cell of more than `MOST` operations, a line that says so.

    Args:
        highlight: names of equations; what computes others becomes faint.
    """
    found = laid_out(graph(cell, layer))
    return draw.svg(*found, _title(cell), highlight) if found else draw.refusal(_title(cell))


def chain(cell: ir.Cell, layer: int = 2) -> str:
    """The unrolled chain: three steps, of which the middle one is open."""
    found = laid_out(graph(cell, layer))
    return draw.chain(*found, f"{_title(cell)}, unrolled") if found else draw.refusal(_title(cell))


def walk(cell: ir.Cell) -> tuple[tuple[str, ...], ...]:
    """The equations in the groups in which one explains the cell, each for one highlighted picture.

    For each state with a conveyor belt: what each term of its sum reads, then the state itself; then what is left, with the
    output.  For an LSTM: forget; input and candidate; the cell state; output gate and output.
    """
    found = graph(cell)
    named = {at: name for name, at in found.values.items()}
    told: set[str] = set()
    groups: list[tuple[str, ...]] = []

    def tell(names: Collection[str]) -> None:
        new = tuple(name for name in found.values if name in names and name not in told)
        told.update(new)
        groups.extend([new] if new else [])

    for state, belt in belts(found).items():
        for at in belt:
            feeding = {
                one for operand in found.nodes[at].operands if operand not in belt for one in _behind(found, operand)
            }
            tell({named[one] for one in feeding if one in named} - {state})
        tell({state})
    tell(set(found.values))
    return tuple(groups)


def _behind(found: Graph, at: int) -> set[int]:
    """A node and everything that it is computed from."""
    seen, todo = {at}, [at]
    while todo:
        new = set(found.nodes[todo.pop()].reads) - seen
        seen |= new
        todo += new
    return seen


def laid_out(found: Graph) -> tuple[Plan, tuple[Line, ...]] | None:
    """Places and lines, with as much room as they need; None where there are too many."""
    return _laid_out(found.nodes, tuple(found.values.items()), tuple(found.states.items()), found.output)


@lru_cache(maxsize=64)  # a page shows one cell many times, each time with something else highlighted
def _laid_out(
    nodes: tuple[Node, ...], values: tuple[tuple[str, int], ...], states: tuple[tuple[str, int], ...], output: str
) -> tuple[Plan, tuple[Line, ...]] | None:
    found = Graph(nodes, dict(values), dict(states), output)
    if len(nodes) > MOST:
        return None
    for room in range(_TRIES):
        planned = plan(found, room)
        try:
            return planned, route(planned)
        except NoWay:
            continue
    return None


def _title(cell: ir.Cell) -> str:
    return f"{cell.name}: {cell.title}" if cell.title else cell.name
