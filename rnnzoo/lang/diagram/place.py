"""A graph -> where everything stands, on a grid of small units.

In: a `Graph`.  Out: a `Plan`: places of nodes, of the points where lines are put side by side, and of the ends at the frame.

The order from left to right is that of the longest way to the end, so that what is needed first stands first: r before z in a
GRU, f before i before the candidate in an LSTM.  A state that is updated by pointwise operations alone is a conveyor belt:
its line runs along the top, and those operations stand on it.  Layers stand in one row at the bottom, above the lines that
they read; what is computed from them stands above them, where it can in the column of its last operand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rnnzoo.lang.diagram.graph import Graph, Node

UNIT = 12  # pixels
FIRST = 7  # units from the frame to the point where the first lines join
EDGE = 8  # units from the last column's middle to the frame


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a node stands: its middle, and how far it reaches."""

    x: int
    y: int
    half: int  # width to either side; one unit up and down

    def cells(self) -> Iterator[tuple[int, int]]:
        for x in range(self.x - self.half, self.x + self.half + 1):
            for y in range(self.y - 1, self.y + 2):
                yield x, y


@dataclass(frozen=True, slots=True)
class Join:
    """Lines that are put side by side for the layers that read them.

    `points` from left to right; the last one's line leads on, to the right, or up where it stands below its one layer.
    """

    operands: tuple[int, ...]
    layers: tuple[int, ...]
    points: tuple[tuple[int, int], ...]
    below: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Attributes:
    spots: of layers, operations and constants.
    belts: the nodes on the conveyor belt of each state that has one, from left to right.
    entries: where inputs and states enter.
    exits: where each state leaves, and the output at the top.
    """

    graph: Graph
    spots: Mapping[int, Spot]
    joins: tuple[Join, ...]
    belts: Mapping[str, tuple[int, ...]]
    entries: Mapping[int, tuple[int, int]]
    exits: Mapping[str, tuple[int, int]]
    top: tuple[int, int]
    width: int
    height: int


def plan(graph: Graph, room: int) -> Plan:
    """Places; with more `room`, from 0 on, everything stands farther apart."""
    return _Placing(graph, gap=4 + 2 * room, rise=6 + room, drop=4 + room).plan()


def belts(graph: Graph) -> dict[str, tuple[int, ...]]:
    """For each state that is updated by pointwise operations alone: those operations, in order."""
    found: dict[str, tuple[int, ...]] = {}
    taken: set[int] = set()
    for state, start in graph.states.items():
        way = _way(graph, graph.values[state], start, taken)
        if way:
            found[state] = way
            taken |= set(way)
    return found


def _way(graph: Graph, end: int, start: int, taken: set[int]) -> tuple[int, ...]:
    """The shortest way from a state to its new value through pointwise operations that are not taken."""
    ways: list[tuple[int, ...]] = [(end,)]
    seen = {end}
    for way in ways:
        node = graph.nodes[way[0]]
        if node.kind != "pointwise" or way[0] in taken:
            continue
        for one in node.operands:
            if one == start:
                return way
            if one not in seen:
                seen.add(one)
                ways.append((one, *way))
    return ()


def order(graph: Graph) -> list[int]:
    """Nodes from left to right: those with the longest way to the end first, then as the results need them."""
    longest = [0] * len(graph.nodes)
    for at in reversed(range(len(graph.nodes))):
        for operand in graph.nodes[at].reads:
            longest[operand] = max(longest[operand], longest[at] + 1)
    needed: dict[int, None] = {}

    def need(at: int) -> None:
        if at not in needed:
            for operand in graph.nodes[at].reads:
                need(operand)
            needed[at] = None

    for state in sorted(graph.states, key=lambda name: name == graph.output):
        need(graph.values[state])
    for at in range(len(graph.nodes)):
        need(at)
    rank = {at: number for number, at in enumerate(needed)}
    return sorted(needed, key=lambda at: (-longest[at], rank[at]))


@dataclass(slots=True)
class _Placing:
    graph: Graph
    gap: int  # between columns
    rise: int  # from row to row
    drop: int  # from the layers to the first line that they read
    belts: dict[str, tuple[int, ...]] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    heights: dict[int, int] = field(default_factory=dict)  # rows above the layers; of a belt's nodes, of the belt
    columns: dict[int, int] = field(default_factory=dict)
    hanging: set[int] = field(default_factory=set)  # what reads belts and nothing else: its line comes from above

    def plan(self) -> Plan:
        self.belts, self.order = belts(self.graph), order(self.graph)
        self._rows()
        self._columns()
        middles = self._middles(FIRST + self._spine() + 3)
        right = max(middles)
        base = self._y(0)
        spots = {
            at: Spot(middles[column], self._y(self.heights[at]), _half(self.graph.nodes[at]))
            for at, column in self.columns.items()
        }
        joins, lanes = _joins(self.graph, spots, self._groups(), base + self.drop)
        entries, exits, deepest = self._ends(spots, lanes, joins, base + self.drop, right + EDGE)
        bottom = deepest + self.drop - 2 + sum(node.kind == "input" for node in self.graph.nodes)
        entries |= self._inputs(spots, joins, bottom)
        return Plan(self.graph, spots, joins, self.belts, entries, exits, (right + EDGE - 3, 0), right + EDGE, bottom)

    def _y(self, height: int) -> int:
        """The line of a row; the topmost belt is the highest."""
        return 4 + self.rise * (self._top() - height)

    def _top(self) -> int:
        return max(self.heights.values(), default=0)

    # -- rows

    def _rows(self) -> None:
        """Height of each node: layers at 0, what reads them above, belts above all."""
        on_belt = {at for belt in self.belts.values() for at in belt}
        from_top = {self.graph.states[state] for state in self.belts} | on_belt
        kinds = ("pointwise", "layer", "constant")
        free = [at for at in self.order if self.graph.nodes[at].kind in kinds and at not in on_belt]
        for at in free:
            node = self.graph.nodes[at]
            if node.kind == "pointwise" and all(one in from_top or one in self.hanging for one in node.operands):
                self.hanging.add(at)
            else:
                below = [self.heights[one] for one in node.operands if one in self.heights and one not in self.hanging]
                self.heights[at] = 0 if node.kind == "layer" else 1 + max(below, default=0)
        for at in reversed(free):
            if at in self.hanging:  # above what reads it, since its line comes from the top
                self.heights[at] = 1 + max(
                    (self.heights[one] for one in self.graph.readers(at) if one in self.heights), default=0
                )
        highest = max(self.heights.values(), default=0)
        for number, belt in enumerate(reversed(list(self.belts.values()))):
            self.heights |= dict.fromkeys(belt, highest + 1 + number)

    # -- columns

    def _columns(self) -> None:
        """Each node in the column of its last operand where nothing stands between, or in a new one."""
        on_belt = {at: name for name, belt in self.belts.items() for at in belt}
        filled: dict[tuple[int, int], int] = {}
        above: set[int] = set()  # nodes whose line up or down is taken
        last_on: dict[str, int] = {}
        count = 0
        for at in self.order:
            if at not in self.heights:
                continue
            least = last_on.get(on_belt.get(at, ""), -1)
            column = self._aligned(at, filled, above, least, on_belt)
            if column is None:
                column, count = count, count + 1
            self.columns[at] = column
            filled[column, self.heights[at]] = at
            if at in on_belt:
                last_on[on_belt[at]] = column

    def _aligned(
        self, at: int, filled: Mapping[tuple[int, int], int], above: set[int], least: int, on_belt: Collection[int]
    ) -> int | None:
        node = self.graph.nodes[at]
        if node.kind == "layer" or at in self.hanging:
            return None
        near = [one for one in node.operands if one in self.columns and one not in above]
        if at not in on_belt:  # a belt's operation stands above what it reads, if anything does
            near = [one for one in near if not any(reader in on_belt for reader in self.graph.readers(one))]
        for one in sorted(near, key=lambda one: -self.columns[one]):
            column, low, high = self.columns[one], *sorted((self.heights[one], self.heights[at]))
            between = [row for row in range(low, high + 1) if (column, row) in filled and filled[column, row] != one]
            if low != high and not between and column > least:
                above.add(one)
                return column
        return None

    def _middles(self, x: int) -> list[int]:
        """Where the columns stand; each is as wide as its widest node."""
        left: dict[int, int] = {}
        right: dict[int, int] = {}
        for at, column in self.columns.items():
            half = _half(self.graph.nodes[at])
            left[column] = max(left.get(column, 0), half)
            right[column] = max(right.get(column, 0), half, 1 + named(self.graph, at) - self.gap // 2)
        found = []
        for column in sorted(left):
            found.append(x + left[column])
            x += left[column] + right[column] + self.gap
        return found or [x]

    # -- lines at the bottom

    def _groups(self) -> dict[tuple[int, ...], list[int]]:
        """Layers by the lines that they read together, from left to right."""
        found: dict[tuple[int, ...], list[int]] = {}
        for at in sorted(self.columns, key=lambda at: self.columns[at]):
            joined = self.graph.nodes[at].joined
            if len(joined) > 1:
                found.setdefault(tuple(sorted(joined)), []).append(at)
        return found

    def _spine(self) -> int:
        return 2 * max((_points(len(operands)) - 1 for operands in self._groups()), default=0)

    def _ends(
        self, spots: Mapping[int, Spot], lanes: Mapping[int, int], joins: Sequence[Join], base: int, width: int
    ) -> tuple[dict[int, tuple[int, int]], dict[str, tuple[int, int]], int]:
        """Where states enter and leave: belts at their height, the others at the bottom, in the lane of their first join."""
        entries, exits, used = {}, {}, set()
        lowest = max([*lanes.values(), *(y for join in joins for _, y in join.points), base])
        for state, start in self.graph.states.items():
            if state in self.belts:
                y = spots[self.belts[state][0]].y
            else:
                y = lanes.get(start, -1)
                if y < 0 or y in used:
                    lowest += 2
                    y = lowest
                used.add(y)
            entries[start], exits[state] = (0, y), (width, y)
        return entries, exits, lowest

    def _inputs(self, spots: Mapping[int, Spot], joins: Sequence[Join], bottom: int) -> dict[int, tuple[int, int]]:
        """Inputs enter from below: `x` under the first lines that join, others left of what reads them first."""
        found: dict[int, tuple[int, int]] = {}
        for at, node in enumerate(self.graph.nodes):
            if node.kind != "input":
                continue
            own = [join.points[-1][0] for join in joins if at in join.operands]
            under = {one: 0 if self.graph.nodes[one].joined == (at,) else 5 for one in self.graph.readers(at)}
            readers = [spots[one].x - aside for one, aside in under.items()]
            x = min(own) if own else min(readers, default=FIRST)
            while any(abs(x - there) < 3 for there, _ in found.values()):
                x += 3
            found[at] = (x, bottom)
        return found


def _joins(
    graph: Graph, spots: Mapping[int, Spot], groups: Mapping[tuple[int, ...], Sequence[int]], base: int
) -> tuple[tuple[Join, ...], dict[int, int]]:
    """Points where lines join, each group in the first lane that is free there; and the lane of each state's first join."""
    joins: list[Join] = []
    lanes: dict[int, int] = {}
    busy: dict[int, list[tuple[int, int]]] = {}
    for operands, layers in groups.items():
        count = _points(len(operands))
        below = len(layers) == 1 and count == 1 and bool(joins)
        x = spots[layers[0]].x - (0 if below else 5)
        span = (x - 2 * count, x + 2 if below else spots[layers[-1]].x + 1)
        y = base
        while any(low <= span[1] and span[0] <= high for low, high in busy.get(y, [])):
            y += 2
        busy.setdefault(y, []).append(span)
        points = tuple((x - 2 * (count - 1 - number), y) for number in range(count))
        joins.append(Join(operands, tuple(layers), points, below))
        for one in operands:
            if graph.nodes[one].kind == "state" and y not in lanes.values():
                lanes.setdefault(one, y)
    return tuple(joins), lanes


def _points(lines: int) -> int:
    """A point takes three lines: from the left, from above and from below.  More join one after the other, from below."""
    return 1 if lines <= 3 else lines - 1


def named(graph: Graph, at: int) -> int:
    """How many units the name beside a node takes; states have theirs at the frame."""
    node = graph.nodes[at]
    shown = node.name and (node.kind == "layer" or node.name not in graph.states)
    return -(-(7 * len(node.name) + 6) // UNIT) if shown else 0


def _half(node: Node) -> int:
    """A layer is a box; an operation a circle, or as wide as its label: 7 pixels a letter."""
    return 2 if node.kind == "layer" else max(1, -(-(7 * len(node.label) + 10) // (2 * UNIT)))
