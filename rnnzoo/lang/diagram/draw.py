"""Places and lines -> SVG, in the visual language of "Understanding LSTM Networks" (Olah 2015).

Yellow boxes are layers with trained weights, pink circles pointwise operations; lines that merge are put side by side, lines
that fork are copies.  Colours follow the reader's light or dark setting.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from html import escape
from itertools import groupby

from rnnzoo.lang.diagram.graph import Node
from rnnzoo.lang.diagram.place import UNIT, Join, Plan, Spot, named
from rnnzoo.lang.diagram.route import Line, Point, name_at
from rnnzoo.lang.greek import greek

CLOSED, BETWEEN = 14, 4  # units: a closed step's width; from one step to the next
MARGIN = 4  # units around the frame, for names and arrows
STYLE = """\
.rz{--ink:#20262d;--frame:#e6f4e6;--edge:#7fb38a;--layer:#ffe396;--layer-edge:#c99a1c;--op:#ffb9c4;--op-edge:#cf6679;\
--end:#d3e6fb;--end-edge:#6a9fd8;--back:#fff;font-family:Inter,Helvetica,Arial,"DejaVu Sans",sans-serif}
@media(prefers-color-scheme:dark){.rz{--ink:#dfe5ea;--frame:#20302a;--edge:#4d7a5e;--layer:#8a6a12;--layer-edge:#e0b84a;\
--op:#8c3b4b;--op-edge:#f09aa9;--end:#24425f;--end-edge:#7fb2e6;--back:#15181c}}
.rz text{fill:var(--ink);text-anchor:middle;dominant-baseline:central;font-size:14px}
.rz .name{font-style:italic;font-size:13px}.rz .sub{font-size:9px}.rz .start text{text-anchor:start}.rz .note{font-size:11px}
.rz .big{font-size:22px}
.rz .frame{fill:var(--frame);stroke:var(--edge);stroke-width:1.5}
.rz .layer rect{fill:var(--layer);stroke:var(--layer-edge)}.rz .pointwise rect{fill:var(--op);stroke:var(--op-edge)}
.rz .constant rect{fill:none;stroke:var(--ink);stroke-dasharray:2 2}.rz .end circle{fill:var(--end);stroke:var(--end-edge)}
.rz .line{fill:none;stroke:var(--ink);stroke-width:1.6}.rz .under{fill:none;stroke:var(--frame);stroke-width:6}
.rz .head{fill:var(--ink);stroke:none}.rz .dim{opacity:.28}
"""


BEFORE, AFTER = "t\N{MINUS SIGN}1", "t+1"
Pixel = tuple[float, float]
ROUND = 8.0  # pixels of a corner
TALL, RADIUS, END = 15.0, 13.0, 17.0  # half a layer's height; of an operation's circle; of the circles at the ends
HEAD = 7.0  # an arrow's head
REACH = 2  # units from the frame to the circles around it


def svg(plan: Plan, lines: Sequence[Line], title: str, lit: Collection[str] | None = None) -> str:
    """One step.  `lit`: names of equations; what else there is becomes faint."""
    picture = _Picture(plan, lines, lit)
    parts = [_frame(0, plan.width, plan.height), *picture.inside(), *picture.ends()]
    return _document("".join(parts), plan.width, plan.height, title)


def chain(plan: Plan, lines: Sequence[Line], title: str) -> str:
    """Three steps: the middle one open, its neighbours closed."""
    picture = _Picture(plan, lines, None)
    parts = [_frame(0, plan.width, plan.height), *picture.inside(), *picture.verticals()]
    for x, width, time in ((-CLOSED - BETWEEN, CLOSED, BEFORE), (plan.width + BETWEEN, CLOSED, AFTER)):
        middle = x + width // 2
        parts += [_frame(x, width, plan.height), _text("A", middle * UNIT, plan.height * UNIT / 2, "big")]
        parts += [_into("x", time, middle, plan.height), _out_of(plan.graph.output, time, middle)]
    for x in (-BETWEEN, plan.width, plan.width + BETWEEN + CLOSED):
        parts += [_arrow([(x * UNIT, y * UNIT), ((x + BETWEEN) * UNIT, y * UNIT)]) for _, y in plan.exits.values()]
    return _document("".join(parts), plan.width + 2 * (CLOSED + BETWEEN), plan.height, title, CLOSED + BETWEEN)


def refusal(title: str) -> str:
    """In place of a picture that nobody could read."""
    text = _text("this cell has too many operations to be drawn", 15 * UNIT, UNIT)
    return _document(text, 30, 2, title)


def _document(body: str, wide: int, high: int, title: str, left: int = 0) -> str:
    width, height = UNIT * (wide + 2 * MARGIN), UNIT * (high + 2 * MARGIN)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="rz" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="{escape(title)}"><title>{escape(title)}</title><style>{STYLE}</style>'
        f'<g transform="translate({(MARGIN + left) * UNIT} {MARGIN * UNIT})">{body}</g></svg>'
    )


class _Picture:
    def __init__(self, plan: Plan, lines: Sequence[Line], lit: Collection[str] | None) -> None:
        self.plan = plan
        self.lit = lit
        self.lines = sorted(lines, key=lambda line: (not self.is_faint(line), line.source))

    def inside(self) -> Iterator[str]:
        """Lines net by net, so that one that crosses another passes over it; then heads, nodes and names."""
        heads = []
        for (faint, _), net in groupby(self.lines, lambda line: (self.is_faint(line), line.source)):
            ways = [(line, self.way(line)) for line in net]
            yield from (f'<path class="under" d="{_rounded(way)}"/>' for _, way in ways)
            yield self.faint("".join(f'<path class="line" d="{_rounded(way)}"/>' for _, way in ways), not faint)
            heads += [
                self.faint(_head(way[-2], way[-1]), not faint) for line, way in ways if line.target in self.plan.spots
            ]
        yield from heads
        yield from (self.node(at, spot) for at, spot in self.plan.spots.items())

    def is_faint(self, line: Line) -> bool:
        """Whether a line leads to nothing that is lit."""
        if isinstance(line.target, str):
            return not self.is_lit(self.plan.graph.output if line.target == "top" else line.target)
        nodes = self.plan.graph.nodes
        if line.target >= len(nodes):
            return not any(self.is_lit(nodes[at].equation) for at in self.plan.joins[line.target - len(nodes)].layers)
        return not self.is_lit(nodes[line.target].equation)

    # -- lines

    def way(self, line: Line) -> list[Pixel]:
        """The corners of a line in pixels, from border to border."""
        cells = line.points
        points: list[Pixel] = [(x * UNIT, y * UNIT) for x, y in cells]
        start = self.border(line.source, cells[0])
        points = [start, *points] if start else points
        if isinstance(line.target, int) and line.target not in self.plan.spots:
            points += self.merging(self.plan.joins[line.target - len(self.plan.graph.nodes)], cells[-1])
        elif isinstance(line.target, int):
            end = self.border(line.target, cells[-1])
            points += [end] if end else []
        return _corners(points)

    def merging(self, join: Join, cell: Point) -> list[Pixel]:
        """The last bit of a line that joins others: into the point beside it, and a step along with them."""
        x, y = min(join.points, key=lambda point: abs(point[0] - cell[0]) + abs(point[1] - cell[1]))
        on = (x, y - 1) if join.below else (x + 1, y)
        return [(x * UNIT, y * UNIT), (on[0] * UNIT, on[1] * UNIT)]

    def border(self, node: int, cell: Point) -> Pixel | None:
        """Where a line that comes from, or goes to, a cell beside a node meets its border."""
        spot = self.plan.spots.get(node)
        if spot is None:
            return None
        wide, tall = _extent(self.plan.graph.nodes[node], spot)
        x, y = cell
        if abs(x - spot.x) > spot.half:
            return spot.x * UNIT + (wide if x > spot.x else -wide), y * UNIT
        return x * UNIT, spot.y * UNIT + (tall if y > spot.y else -tall)

    # -- nodes and ends

    def node(self, at: int, spot: Spot) -> str:
        node = self.plan.graph.nodes[at]
        wide, tall = _extent(node, spot)
        x, y = spot.x * UNIT, spot.y * UNIT
        corner = 4 if node.kind == "layer" else tall
        found = (
            f'<g class="{node.kind}" data-equation="{escape(node.equation)}"><rect x="{x - wide:g}" y="{y - tall:g}"'
            f' width="{2 * wide:g}" height="{2 * tall:g}" rx="{corner:g}"/>{_text(node.label, x, y)}</g>'
        )
        if named(self.plan.graph, at):
            column, row = name_at(node, spot)
            found += f'<g class="start">{_name(node.name, "t", column * UNIT - 4, row * UNIT)}</g>'
        return self.faint(found, self.is_lit(node.equation))

    def ends(self) -> Iterator[str]:
        """Names around the frame: states on both sides, inputs below, the output above."""
        width = self.plan.width
        for state, (_, y) in self.plan.exits.items():
            start = self.plan.graph.states.get(state)
            if start is not None:
                entering = _arrow([(-REACH * UNIT, y * UNIT), (0, y * UNIT)], head=False)
                yield self.faint(entering + _name(state, BEFORE, -REACH * UNIT - 10, y * UNIT), self.read(start))
            leaving = _arrow([(width * UNIT, y * UNIT), ((width + REACH) * UNIT, y * UNIT)])
            yield self.faint(leaving + _name(state, "t", (width + REACH) * UNIT + 10, y * UNIT), self.is_lit(state))
        yield from self.verticals()

    def verticals(self) -> Iterator[str]:
        for at, (x, y) in self.plan.entries.items():
            node = self.plan.graph.nodes[at]
            if node.kind == "input":
                yield self.faint(_into(node.name, "t", x, y, node.label), self.read(at))
        yield self.faint(_out_of(self.plan.graph.output, "t", self.plan.top[0]), self.is_lit(self.plan.graph.output))

    def is_lit(self, equation: str) -> bool:
        return self.lit is None or equation in self.lit

    def read(self, at: int) -> bool:
        """Whether a line that is not faint begins at a node."""
        return any(line.source == at and not self.is_faint(line) for line in self.lines)

    @staticmethod
    def faint(part: str, lit: bool) -> str:
        return part if lit else f'<g class="dim">{part}</g>'


def _into(name: str, time: str, x: int, y: int, note: str = "") -> str:
    """An input below the frame."""
    stub = _arrow([(x * UNIT, (y + REACH - 0.5) * UNIT), (x * UNIT, y * UNIT)], head=False)
    return stub + _end(name, time, x, y + REACH, note)


def _out_of(name: str, time: str, x: int) -> str:
    """The output above the frame."""
    return _arrow([(x * UNIT, 0), (x * UNIT, (1.4 - REACH) * UNIT)]) + _end(name, time, x, -REACH)


def _extent(node: Node, spot: Spot) -> Pixel:
    """Half the width and half the height of a node, in pixels."""
    if node.kind == "layer":
        return spot.half * UNIT + 4.0, TALL
    return (RADIUS if spot.half == 1 else spot.half * UNIT + 4.0), RADIUS


def _frame(x: int, width: int, height: int) -> str:
    return f'<rect class="frame" x="{x * UNIT}" y="0" width="{width * UNIT}" height="{height * UNIT}" rx="18"/>'


def _text(text: str, x: float, y: float, kind: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}"{f" class={kind!r}" if kind else ""}>{escape(text)}</text>'


def _name(name: str, time: str, x: float, y: float) -> str:
    """A name with its subscripts."""
    head, _, rest = name.partition("_")
    below = ",".join(part for part in (rest, time) if part)
    return (
        f'<text x="{x:g}" y="{y:g}"><tspan class="name">{escape(greek(head))}</tspan>'
        f'<tspan class="sub" dy="4">{escape(below)}</tspan></text>'
    )


def _end(name: str, time: str, x: int, y: float, note: str = "") -> str:
    """A circle with a name; a note stands beside it."""
    label = _name(name, time, x * UNIT, y * UNIT) + (_text(note, x * UNIT + END + 22, y * UNIT, "note") if note else "")
    return f'<g class="end"><circle cx="{x * UNIT}" cy="{y * UNIT:g}" r="{END:g}"/>{label}</g>'


def _corners(points: Sequence[Pixel]) -> list[Pixel]:
    """The points at which a line bends, with both ends."""
    found = [points[0]]
    for before, at, after in zip(points, points[1:], points[2:]):
        across = (at[0] - before[0]) * (after[1] - at[1]) - (at[1] - before[1]) * (after[0] - at[0])
        if abs(across) > 1e-9:
            found.append(at)
    return [*found, points[-1]]


def _rounded(points: Sequence[Pixel]) -> str:
    """A path through corners, each of them round."""
    path = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for before, at, after in zip(points, points[1:], points[2:]):
        radius = min(ROUND, _length(before, at) / 2, _length(at, after) / 2)
        (ax, ay), (bx, by) = _toward(at, before, radius), _toward(at, after, radius)
        path.append(f"L{ax:g} {ay:g}Q{at[0]:g} {at[1]:g} {bx:g} {by:g}")
    path.append(f"L{points[-1][0]:g} {points[-1][1]:g}")
    return "".join(path)


def _length(a: Pixel, b: Pixel) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _toward(start: Pixel, end: Pixel, distance: float) -> Pixel:
    share = distance / max(_length(start, end), 1e-9)
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _arrow(points: Sequence[Pixel], head: bool = True) -> str:
    line = f'<path class="line" d="{_rounded(points)}"/>'
    return line + (_head(points[-2], points[-1]) if head else "")


def _head(before: Pixel, end: Pixel) -> str:
    """A triangle whose tip is the end of a line."""
    (x, y), (bx, by) = end, _toward(end, before, HEAD)
    side = (by - y) * 0.45, (x - bx) * 0.45
    corners = f"{x:g},{y:g} {bx + side[0]:g},{by + side[1]:g} {bx - side[0]:g},{by - side[1]:g}"
    return f'<polygon class="head" points="{corners}"/>'
