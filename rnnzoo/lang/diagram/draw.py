"""A layout and its lines as SVG, in the visual language of "Understanding LSTM Networks" (Olah
2015).

Yellow boxes are layers with trained weights, pink circles are pointwise operations.  Lines that
merge are concatenated, lines that fork are copied.  Colours follow the reader's light or dark
setting.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from html import escape
from itertools import groupby

from rnnzoo.lang.diagram.graph import BELOW, Node
from rnnzoo.lang.diagram.place import UNIT, Join, Layout, Placement, name_width
from rnnzoo.lang.diagram.route import Line, Point, name_cell
from rnnzoo.lang.greek import greek

CLOSED, BETWEEN = 14, 4  # units: the width of a closed step; the space between steps
MARGIN = 4  # units around the frame, for names and arrows
STYLE = """\
.rz{--ink:#20262d;--frame:#e6f4e6;--edge:#7fb38a;--layer:#ffe396;--layer-edge:#c99a1c;\
--op:#ffb9c4;--op-edge:#cf6679;--end:#d3e6fb;--end-edge:#6a9fd8;--back:#fff;\
font-family:Inter,Helvetica,Arial,"DejaVu Sans",sans-serif}
@media(prefers-color-scheme:dark){.rz{--ink:#dfe5ea;--frame:#20302a;--edge:#4d7a5e;\
--layer:#8a6a12;--layer-edge:#e0b84a;--op:#8c3b4b;--op-edge:#f09aa9;--end:#24425f;--end-edge:#7fb2e6;--back:#15181c}}
.rz text{fill:var(--ink);text-anchor:middle;dominant-baseline:central;font-size:14px}
.rz .name{font-style:italic;font-size:13px}.rz .sub{font-size:9px}\
.rz .start text{text-anchor:start}.rz .note{font-size:11px}
.rz .big{font-size:22px}
.rz .frame{fill:var(--frame);stroke:var(--edge);stroke-width:1.5}
.rz .layer rect{fill:var(--layer);stroke:var(--layer-edge)}\
.rz .pointwise rect{fill:var(--op);stroke:var(--op-edge)}
.rz .constant rect{fill:none;stroke:var(--ink);stroke-dasharray:2 2}\
.rz .end circle{fill:var(--end);stroke:var(--end-edge)}
.rz .line{fill:none;stroke:var(--ink);stroke-width:1.6}\
.rz .under{fill:none;stroke:var(--frame);stroke-width:6}
.rz .head{fill:var(--ink);stroke:none}.rz .dim{opacity:.28}
"""


BEFORE, AFTER = "t\N{MINUS SIGN}1", "t+1"
Pixel = tuple[float, float]
ROUND = 8.0  # pixels of a corner
# Pixels: half the height of a layer; the radius of an operation, and of the circles at the ends
TALL, RADIUS, END = 15.0, 13.0, 17.0
HEAD = 7.0  # pixels: the length of an arrowhead
REACH = 2  # units from the frame to the circles around it


def svg(
    layout: Layout, lines: Sequence[Line], title: str, highlighted: Collection[str] | None = None
) -> str:
    """The picture of one step; if `highlighted` names equations, all others are faint."""
    picture = _Picture(layout, lines, highlighted)
    parts = [_frame(0, layout.width, layout.height), *picture.inside(), *picture.ends()]
    return _document("".join(parts), layout.width, layout.height, title)


def chain(layout: Layout, lines: Sequence[Line], title: str) -> str:
    """The picture of three steps: the middle one open, its neighbours closed."""
    picture = _Picture(layout, lines, None)
    parts = [_frame(0, layout.width, layout.height), *picture.inside(), *picture.verticals()]
    for x, width, time in (
        (-CLOSED - BETWEEN, CLOSED, BEFORE),
        (layout.width + BETWEEN, CLOSED, AFTER),
    ):
        middle = x + width // 2
        parts += [
            _frame(x, width, layout.height),
            _text("A", middle * UNIT, layout.height * UNIT / 2, "big"),
        ]
        parts += [
            _into("x", time, middle, layout.height),
            _out_of(layout.graph.output, time, middle),
        ]
    for x in (-BETWEEN, layout.width, layout.width + BETWEEN + CLOSED):
        parts += [
            _arrow([(x * UNIT, y * UNIT), ((x + BETWEEN) * UNIT, y * UNIT)])
            for _, y in layout.exits.values()
        ]
    return _document(
        "".join(parts),
        layout.width + 2 * (CLOSED + BETWEEN),
        layout.height,
        title,
        CLOSED + BETWEEN,
    )


def refusal(title: str) -> str:
    """The picture that says that a cell has too many operations to draw."""
    text = _text("this cell has too many operations to be drawn", 15 * UNIT, UNIT)
    return _document(text, 30, 2, title)


def _document(body: str, wide: int, high: int, title: str, left: int = 0) -> str:
    width, height = UNIT * (wide + 2 * MARGIN), UNIT * (high + 2 * MARGIN)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="rz" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img"'
        f' aria-label="{escape(title)}"><title>{escape(title)}</title><style>{STYLE}</style><g'
        f' transform="translate({(MARGIN + left) * UNIT} {MARGIN * UNIT})">{body}</g></svg>'
    )


class _Picture:
    def __init__(
        self, layout: Layout, lines: Sequence[Line], highlighted: Collection[str] | None
    ) -> None:
        self.layout = layout
        self.highlighted = highlighted
        # faint ones first, so that what is highlighted passes over them
        self.lines = sorted(lines, key=lambda line: (not self.is_faint(line), line.source))

    def inside(self) -> Iterator[str]:
        """Lines net by net, so that a line passes over the lines that it crosses; then arrowheads,
        nodes and names.
        """
        heads = []
        for (faint, _), net in groupby(self.lines, lambda line: (self.is_faint(line), line.source)):
            outlines = [(line, self.corners(line)) for line in net]
            paths = [_rounded(corners) for _, corners in outlines]
            yield from (f'<path class="under" d="{path}"/>' for path in paths)
            yield self.faint(
                "".join(f'<path class="line" d="{path}"/>' for path in paths), not faint
            )
            for line, corners in outlines:
                if line.target in self.layout.placements:
                    heads.append(self.faint(_head(corners[-2], corners[-1]), not faint))
        yield from heads
        yield from (
            self.node(number, placement) for number, placement in self.layout.placements.items()
        )

    def is_faint(self, line: Line) -> bool:
        """Whether a line leads to no highlighted equation."""
        if isinstance(line.target, str):
            return not self.is_highlighted(
                self.layout.graph.output if line.target == "top" else line.target
            )
        nodes = self.layout.graph.nodes
        if line.target < len(nodes):
            return not self.is_highlighted(nodes[line.target].equation)
        layers = self.layout.joins[line.target - len(nodes)].layers
        return not any(self.is_highlighted(nodes[layer].equation) for layer in layers)

    # -- lines

    def corners(self, line: Line) -> list[Pixel]:
        """The corners of a line in pixels, from border to border."""
        cells = line.points
        points: list[Pixel] = [(x * UNIT, y * UNIT) for x, y in cells]
        start = self.border(line.source, cells[0])
        if start is not None:
            points.insert(0, start)
        if isinstance(line.target, int) and line.target not in self.layout.placements:
            points += self.merging(
                self.layout.joins[line.target - len(self.layout.graph.nodes)], cells[-1]
            )
        elif isinstance(line.target, int):
            end = self.border(line.target, cells[-1])
            if end is not None:
                points.append(end)
        return _corners(points)

    def merging(self, join: Join, cell: Point) -> list[Pixel]:
        """The end of a line that joins others: into the nearest point of the join, and one unit on
        from there.
        """
        x, y = min(join.points, key=lambda point: abs(point[0] - cell[0]) + abs(point[1] - cell[1]))
        next_x, next_y = (x, y - 1) if join.below else (x + 1, y)
        return [(x * UNIT, y * UNIT), (next_x * UNIT, next_y * UNIT)]

    def border(self, number: int, cell: Point) -> Pixel | None:
        """The point on a node's border that faces a cell beside it; None for what has no
        placement.
        """
        placement = self.layout.placements.get(number)
        if placement is None:
            return None
        half_width, half_height = _half_sizes(self.layout.graph.nodes[number], placement)
        x, y = cell
        if abs(x - placement.x) > placement.half:
            return placement.x * UNIT + (half_width if x > placement.x else -half_width), y * UNIT
        return x * UNIT, placement.y * UNIT + (half_height if y > placement.y else -half_height)

    # -- nodes and ends

    def node(self, number: int, placement: Placement) -> str:
        node = self.layout.graph.nodes[number]
        wide, tall = _half_sizes(node, placement)
        x, y = placement.x * UNIT, placement.y * UNIT
        corner = 4 if node.kind == "layer" else tall
        picture = (
            f'<g class="{node.kind}" data-equation="{escape(node.equation)}"><rect'
            f' x="{x - wide:g}" y="{y - tall:g}" width="{2 * wide:g}" height="{2 * tall:g}"'
            f' rx="{corner:g}"/>{_text(node.label, x, y)}</g>'
        )
        if name_width(self.layout.graph, number):
            column, row = name_cell(node, placement)
            time = "" if node.timeless else "t"
            name = _name(node.name, time, column * UNIT - 4, row * UNIT)
            picture += f'<g class="start">{name}</g>'
        return self.faint(picture, self.is_highlighted(node.equation))

    def ends(self) -> Iterator[str]:
        """Names around the frame: states on both sides, inputs below, the output above."""
        width = self.layout.width
        for state, (_, y) in self.layout.exits.items():
            start = self.layout.graph.states.get(state)
            if start is not None:
                entering = _arrow([(-REACH * UNIT, y * UNIT), (0, y * UNIT)], head=False)
                name = _name(state, BEFORE, -REACH * UNIT - 10, y * UNIT)
                yield self.faint(entering + name, self.has_bright_line(start))
            leaving = _arrow([(width * UNIT, y * UNIT), ((width + REACH) * UNIT, y * UNIT)])
            yield self.faint(
                leaving + _name(state, "t", (width + REACH) * UNIT + 10, y * UNIT),
                self.is_highlighted(state),
            )
        yield from self.verticals()

    def verticals(self) -> Iterator[str]:
        """The inputs below the frame and the output above it."""
        for number, (x, y) in self.layout.entries.items():
            node = self.layout.graph.nodes[number]
            if node.kind == "input":
                is_now = node.label in ("", BELOW)
                step, note = ("t", node.label) if is_now else (node.label, "")
                yield self.faint(_into(node.name, step, x, y, note), self.has_bright_line(number))
        yield self.faint(
            _out_of(self.layout.graph.output, "t", self.layout.top[0]),
            self.is_highlighted(self.layout.graph.output),
        )

    def is_highlighted(self, equation: str) -> bool:
        return self.highlighted is None or equation in self.highlighted

    def has_bright_line(self, number: int) -> bool:
        """Whether a line that is not faint begins at a node."""
        return any(line.source == number and not self.is_faint(line) for line in self.lines)

    @staticmethod
    def faint(part: str, highlighted: bool) -> str:
        """A part of the picture, faint unless it is highlighted."""
        return part if highlighted else f'<g class="dim">{part}</g>'


def _into(name: str, time: str, x: int, y: int, note: str = "") -> str:
    """An input below the frame."""
    stub = _arrow([(x * UNIT, (y + REACH - 0.5) * UNIT), (x * UNIT, y * UNIT)], head=False)
    return stub + _end(name, time, x, y + REACH, note)


def _out_of(name: str, time: str, x: int) -> str:
    """The output above the frame."""
    return _arrow([(x * UNIT, 0), (x * UNIT, (1.4 - REACH) * UNIT)]) + _end(name, time, x, -REACH)


def _half_sizes(node: Node, placement: Placement) -> Pixel:
    """Half the width and half the height of a node, in pixels."""
    box = placement.half * UNIT + 4.0
    if node.kind == "layer":
        return box, TALL
    return (RADIUS if placement.half == 1 else box), RADIUS


def _frame(x: int, width: int, height: int) -> str:
    return (
        f'<rect class="frame" x="{x * UNIT}" y="0" width="{width * UNIT}" height="{height * UNIT}"'
        ' rx="18"/>'
    )


def _text(text: str, x: float, y: float, kind: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}"{f" class={kind!r}" if kind else ""}>{escape(text)}</text>'


def _name(name: str, time: str, x: float, y: float) -> str:
    """A name with its subscripts."""
    head, _, rest = name.partition("_")
    below = ",".join(part for part in (rest, time) if part)
    subscript = f'<tspan class="sub" dy="4">{escape(below)}</tspan>' if below else ""
    return (
        f'<text x="{x:g}" y="{y:g}"><tspan class="name">{escape(greek(head))}</tspan>'
        f"{subscript}</text>"
    )


def _end(name: str, time: str, x: int, y: float, note: str = "") -> str:
    """A circle with a name, and a note beside it."""
    label = _name(name, time, x * UNIT, y * UNIT)
    if note:
        label += _text(note, x * UNIT + END + 22, y * UNIT, "note")
    return f'<g class="end"><circle cx="{x * UNIT}" cy="{y * UNIT:g}" r="{END:g}"/>{label}</g>'


def _corners(points: Sequence[Pixel]) -> list[Pixel]:
    """The points at which a line bends, and both ends."""
    corners = [points[0]]
    for before, point, after in zip(points, points[1:], points[2:]):
        across = (point[0] - before[0]) * (after[1] - point[1]) - (point[1] - before[1]) * (
            after[0] - point[0]
        )
        # three points on one straight line make no corner, whatever rounding says
        if abs(across) > 1e-9:
            corners.append(point)
    return [*corners, points[-1]]


def _rounded(points: Sequence[Pixel]) -> str:
    """The data of a path through the given points, with rounded corners."""
    path = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for before, corner, after in zip(points, points[1:], points[2:]):
        radius = min(ROUND, _length(before, corner) / 2, _length(corner, after) / 2)
        (ax, ay), (bx, by) = _toward(corner, before, radius), _toward(corner, after, radius)
        path.append(f"L{ax:g} {ay:g}Q{corner[0]:g} {corner[1]:g} {bx:g} {by:g}")
    path.append(f"L{points[-1][0]:g} {points[-1][1]:g}")
    return "".join(path)


def _length(a: Pixel, b: Pixel) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _toward(start: Pixel, end: Pixel, distance: float) -> Pixel:
    # a line may end where it begins
    share = distance / max(_length(start, end), 1e-9)
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _arrow(points: Sequence[Pixel], head: bool = True) -> str:
    line = f'<path class="line" d="{_rounded(points)}"/>'
    return line + (_head(points[-2], points[-1]) if head else "")


def _head(before: Pixel, end: Pixel) -> str:
    """An arrowhead: a triangle whose tip is the end of a line."""
    (x, y), (bx, by) = end, _toward(end, before, HEAD)
    side = (by - y) * 0.45, (x - bx) * 0.45
    corners = f"{x:g},{y:g} {bx + side[0]:g},{by + side[1]:g} {bx - side[0]:g},{by - side[1]:g}"
    return f'<polygon class="head" points="{corners}"/>'
