"""Placement of a graph's nodes on a grid of small units.

In: a `Graph`.  Out: a `Layout`: the positions of nodes, of the points where lines join, and of the
ends at the frame.

Nodes are ordered from left to right by their longest path to a result, so that values needed first
come first: r before z in a GRU, f before i before the candidate in an LSTM.  A state that only
pointwise operations update is a conveyor belt: its line runs along the top, through those
operations.  Layers form one row at the bottom, above the lines that they read.  Operations on their
values are above them, in the column of their last operand where possible.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rnnzoo.lang.diagram.graph import Graph, Node

UNIT = 12  # pixels
FIRST = 7  # units from the frame to the first join
EDGE = 8  # units from the middle of the last column to the frame
LETTER = 7  # pixels, about as wide as a letter of a label or a name
BESIDE = 5  # units from a layer's middle to what comes to it from the left
APART = 3  # units between two inputs: the circles around their names are nearly as wide


@dataclass(frozen=True, slots=True)
class Placement:
    """The centre of a node and its half width; its half height is one unit."""

    x: int
    y: int
    half: int

    def cells(self) -> Iterator[tuple[int, int]]:
        for x in range(self.x - self.half, self.x + self.half + 1):
            for y in range(self.y - 1, self.y + 2):
                yield x, y


@dataclass(frozen=True, slots=True)
class Join:
    """Lines that join on the way to the layers that read them.

    Attributes:
        points: from left to right.  The joined line continues from the last point: up if `below`,
            else to the right.
        below: whether the join is below its only layer.
    """

    operands: tuple[int, ...]
    layers: tuple[int, ...]
    points: tuple[tuple[int, int], ...]
    below: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """The positions of a graph's nodes, joins and ends.

    Attributes:
        placements: of layers, operations and constants, by node.
        belts: the nodes on the conveyor belt of each state that has one, from left to right.
        entries: the points where inputs and states enter, by node.
        exits: the points where states leave, by state.
        top: the point where the output leaves.
    """

    graph: Graph
    placements: Mapping[int, Placement]
    joins: tuple[Join, ...]
    belts: Mapping[str, tuple[int, ...]]
    entries: Mapping[int, tuple[int, int]]
    exits: Mapping[str, tuple[int, int]]
    top: tuple[int, int]
    width: int
    height: int


def layout(graph: Graph, room: int) -> Layout:
    """Place the nodes of a graph; `room`, from 0, adds to all distances."""
    return _Placing(graph, gap=4 + 2 * room, rise=6 + room, drop=4 + room).layout()


def belts(graph: Graph) -> dict[str, tuple[int, ...]]:
    """The conveyor belts: for each state that only pointwise operations update, these operations in
    order.
    """
    result: dict[str, tuple[int, ...]] = {}
    taken: set[int] = set()
    for state, start in graph.states.items():
        path = _belt(graph, graph.values[state], start, taken)
        if path:
            result[state] = path
            taken |= set(path)
    return result


def _belt(graph: Graph, end: int, start: int, taken: set[int]) -> tuple[int, ...]:
    """The shortest path from a state to its new value through free pointwise operations; empty if
    there is none.
    """
    paths: list[tuple[int, ...]] = [(end,)]
    seen = {end}
    for path in paths:  # grows as it is read: breadth first, so the first path found is a shortest
        node = graph.nodes[path[0]]
        if node.kind != "pointwise" or path[0] in taken:
            continue
        for operand in node.operands:
            if operand == start:
                return path
            if operand not in seen:
                seen.add(operand)
                paths.append((operand, *path))
    return ()


def order(graph: Graph) -> list[int]:
    """Nodes from left to right: by longest path to a result, ties in the order in which the results
    need them.
    """
    longest = [0] * len(graph.nodes)
    for number in reversed(range(len(graph.nodes))):
        for operand in graph.nodes[number].reads:
            longest[operand] = max(longest[operand], longest[number] + 1)
    needed: dict[int, None] = {}

    def need(number: int) -> None:
        if number not in needed:
            for operand in graph.nodes[number].reads:
                need(operand)
            needed[number] = None

    # the output's own state last: it is computed from the others, as h of c
    for state in sorted(graph.states, key=lambda name: name == graph.output):
        need(graph.values[state])
    for number in range(len(graph.nodes)):
        need(number)
    rank = {number: position for position, number in enumerate(needed)}
    return sorted(needed, key=lambda number: (-longest[number], rank[number]))


@dataclass(slots=True)
class _Placing:
    graph: Graph
    gap: int  # units between columns
    rise: int  # units between rows
    drop: int  # units from the layers down to the first line that they read
    belts: dict[str, tuple[int, ...]] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    heights: dict[int, int] = field(default_factory=dict)  # rows above the layers, by node
    columns: dict[int, int] = field(default_factory=dict)
    # nodes that read belts only: their lines come from above
    hanging: set[int] = field(default_factory=set)

    def layout(self) -> Layout:
        self.belts, self.order = belts(self.graph), order(self.graph)
        self._rows()
        self._columns()
        middles = self._middles(FIRST + self._join_width() + 3)
        right = max(middles)
        base = self._y(0)
        placements = {}
        for number, column in self.columns.items():
            half = _half_width(self.graph.nodes[number])
            placements[number] = Placement(middles[column], self._y(self.heights[number]), half)
        joins, lanes = _joins(self.graph, placements, self._groups(), base + self.drop)
        entries, exits, deepest = self._ends(
            placements, lanes, joins, base + self.drop, right + EDGE
        )
        bottom = deepest + self.drop - 2 + sum(node.kind == "input" for node in self.graph.nodes)
        entries |= self._inputs(placements, joins, bottom)
        return Layout(
            self.graph,
            placements,
            joins,
            self.belts,
            entries,
            exits,
            (right + EDGE - 3, 0),
            right + EDGE,
            bottom,
        )

    def _y(self, height: int) -> int:
        """The grid line of a row; the highest row is at the top of the picture."""
        highest = max(self.heights.values(), default=0)
        return 4 + self.rise * (highest - height)

    # -- rows

    def _rows(self) -> None:
        """Set each node's height: layers at 0, their readers above them, belts above all."""
        on_belt = set().union(*self.belts.values())
        from_top = {self.graph.states[state] for state in self.belts} | on_belt
        kinds = ("pointwise", "layer", "constant")
        free = [
            number
            for number in self.order
            if self.graph.nodes[number].kind in kinds and number not in on_belt
        ]
        for number in free:
            node = self.graph.nodes[number]
            if node.kind == "layer":
                self.heights[number] = 0
            elif node.kind == "pointwise" and from_top.issuperset(node.operands):
                self.hanging.add(number)
                from_top.add(number)
            else:
                self.heights[number] = 1 + self._highest(node.operands)
        for number in reversed(free):
            if number in self.hanging:  # above its readers, since its line comes from the top
                self.heights[number] = 1 + self._highest(self.graph.readers(number))
        highest_row = max(self.heights.values(), default=0)
        for position, belt in enumerate(reversed(list(self.belts.values()))):
            self.heights |= dict.fromkeys(belt, highest_row + 1 + position)

    def _highest(self, numbers: Iterable[int]) -> int:
        """The greatest height among nodes that have one; 0 if none has."""
        return max(
            (self.heights[number] for number in numbers if number in self.heights), default=0
        )

    # -- columns

    def _columns(self) -> None:
        """Put each node in the column of its last operand if nothing is between them, else in a new
        column.
        """
        on_belt: dict[int, str] = {}
        for state, belt in self.belts.items():
            on_belt |= dict.fromkeys(belt, state)
        filled: dict[tuple[int, int], int] = {}  # column and height -> node
        above: set[int] = set()  # nodes whose vertical line is taken
        last_on: dict[str, int] = {}  # the last column of each belt
        count = 0
        for number in self.order:
            if number not in self.heights:
                continue
            least = last_on.get(on_belt.get(number, ""), -1)
            column = self._aligned(number, filled, above, least, on_belt)
            if column is None:
                column, count = count, count + 1
            self.columns[number] = column
            filled[column, self.heights[number]] = number
            if number in on_belt:
                last_on[on_belt[number]] = column

    def _aligned(
        self,
        number: int,
        filled: Mapping[tuple[int, int], int],
        above: set[int],
        least: int,
        on_belt: Collection[int],
    ) -> int | None:
        """The column of an operand with a free vertical line to this node, right of column `least`;
        None if none has.
        """
        node = self.graph.nodes[number]
        if node.kind == "layer" or number in self.hanging:
            return None
        near = [
            operand for operand in node.operands if operand in self.columns and operand not in above
        ]
        # the column above an operand of a belt's operation belongs to that operation
        if number not in on_belt:
            near = [
                operand for operand in near if not set(self.graph.readers(operand)) & set(on_belt)
            ]
        for operand in sorted(near, key=lambda operand: -self.columns[operand]):
            column = self.columns[operand]
            low, high = sorted((self.heights[operand], self.heights[number]))
            in_column = {filled.get((column, row), operand) for row in range(low, high + 1)}
            if low != high and in_column == {operand} and column > least:
                above.add(operand)
                return column
        return None

    def _middles(self, x: int) -> list[int]:
        """The middle of each column, from `x` on; a column is as wide as its widest node."""
        left: dict[int, int] = {}
        right: dict[int, int] = {}
        for number, column in self.columns.items():
            half = _half_width(self.graph.nodes[number])
            left[column] = max(left.get(column, 0), half)
            right[column] = max(
                right.get(column, 0), half, 1 + name_width(self.graph, number) - self.gap // 2
            )
        middles = []
        for column in sorted(left):
            middles.append(x + left[column])
            x += left[column] + right[column] + self.gap
        return middles or [x]

    # -- lines at the bottom

    def _groups(self) -> dict[tuple[int, ...], list[int]]:
        """Layers by the operands that they join, from left to right."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for number in sorted(self.columns, key=lambda number: self.columns[number]):
            joined = self.graph.nodes[number].joined
            if len(joined) > 1:
                groups.setdefault(tuple(sorted(joined)), []).append(number)
        return groups

    def _join_width(self) -> int:
        """Units between the first and the last point of the widest join."""
        return 2 * max((_points(len(operands)) - 1 for operands in self._groups()), default=0)

    def _ends(
        self,
        placements: Mapping[int, Placement],
        lanes: Mapping[int, int],
        joins: Sequence[Join],
        base: int,
        width: int,
    ) -> tuple[dict[int, tuple[int, int]], dict[str, tuple[int, int]], int]:
        """The points where states enter and leave, and the lowest line in use.

        A belt is at its own height, any other state at the bottom, in the lane of its first join.
        """
        entries, exits, used = {}, {}, set()
        lowest = max([*lanes.values(), *(join.points[0][1] for join in joins), base])
        for state, start in self.graph.states.items():
            if state in self.belts:
                y = placements[self.belts[state][0]].y
            else:
                y = lanes.get(start, -1)
                if y < 0 or y in used:
                    lowest += 2
                    y = lowest
                used.add(y)
            entries[start], exits[state] = (0, y), (width, y)
        return entries, exits, lowest

    def _inputs(
        self, placements: Mapping[int, Placement], joins: Sequence[Join], bottom: int
    ) -> dict[int, tuple[int, int]]:
        """The points where inputs enter from below: under their first join, else left of their
        first reader.
        """
        entries: dict[int, tuple[int, int]] = {}
        for number, node in enumerate(self.graph.nodes):
            if node.kind != "input":
                continue
            own = [join.points[-1][0] for join in joins if number in join.operands]
            beside = []
            for reader in self.graph.readers(number):
                is_below = self.graph.nodes[reader].joined == (number,)
                beside.append(placements[reader].x - (0 if is_below else BESIDE))
            x = min(own) if own else min(beside, default=FIRST)
            while any(abs(x - taken) < APART for taken, _ in entries.values()):
                x += APART
            entries[number] = (x, bottom)
        return entries


def _joins(
    graph: Graph,
    placements: Mapping[int, Placement],
    groups: Mapping[tuple[int, ...], Sequence[int]],
    base: int,
) -> tuple[tuple[Join, ...], dict[int, int]]:
    """The joins, each group in the first free lane, and the lane of each state's first join."""
    joins: list[Join] = []
    lanes: dict[int, int] = {}
    busy: dict[int, list[tuple[int, int]]] = {}  # lane -> spans in use
    for operands, layers in groups.items():
        count = _points(len(operands))
        below = len(layers) == 1 and count == 1 and bool(joins)
        x = placements[layers[0]].x - (0 if below else BESIDE)
        span = (x - 2 * count, x + 2 if below else placements[layers[-1]].x + 1)
        y = base
        while any(low <= span[1] and span[0] <= high for low, high in busy.get(y, [])):
            y += 2
        busy.setdefault(y, []).append(span)
        points = tuple((x - 2 * (count - 1 - number), y) for number in range(count))
        joins.append(Join(operands, tuple(layers), points, below))
        for operand in operands:
            if graph.nodes[operand].kind == "state" and y not in lanes.values():
                lanes.setdefault(operand, y)
    return tuple(joins), lanes


def _points(lines: int) -> int:
    """The number of points of a join: the first takes up to three lines, each further line needs
    one more.
    """
    return 1 if lines <= 3 else lines - 1


def name_width(graph: Graph, number: int) -> int:
    """The width in units of the name beside a node; 0 for none.

    States have their names at the frame.
    """
    node = graph.nodes[number]
    shown = node.name and (node.kind == "layer" or node.name not in graph.states)
    return _units(LETTER * len(node.name) + 6) if shown else 0


def _half_width(node: Node) -> int:
    """The half width of a node in units; an operation is a circle, or as wide as its label."""
    if node.kind == "layer":
        return 2
    return max(1, _units((LETTER * len(node.label) + 10) / 2))


def _units(pixels: float) -> int:
    """The whole units that so many pixels take."""
    return math.ceil(pixels / UNIT)
