"""Places -> lines: every line is led over the grid, around what stands there.

In: a `Plan`.  Out: `Lines`: for every line its way from where it begins to where it ends, as points of the grid.

Each value is one net.  Its lines share what they can (a fork), never run over another net's, and cross it only straight.  The
way is the cheapest by A* (Hart, Nilsson and Raphael 1968): a unit costs 1, a bend and a crossing more.  After all are led,
each net is led once more with the others in place, as long as that helps.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from rnnzoo.lang.diagram.graph import Node
from rnnzoo.lang.diagram.place import Join, Plan, Spot, named

Point = tuple[int, int]
Way = tuple[int, int]  # a direction
RIGHT, LEFT, UP, DOWN = (1, 0), (-1, 0), (0, -1), (0, 1)
# What they cost, in units.  SECOND: to leave from a second port; NEAR: through a port; ROW: along a row of ports
BEND, CROSSING, FORK, SECOND, NEAR, ROW = 3.0, 7.0, 1.0, 8.0, 2.5, 0.4
ROUNDS = 3
_ENDED = (0, 0)


@dataclass(frozen=True, slots=True)
class Port:
    """A place where a line can begin or end: the cell, and the direction that leads away from what it belongs to."""

    cell: Point
    away: Way
    cost: float = 0.0

    @property
    def inward(self) -> Way:
        return -self.away[0], -self.away[1]


@dataclass(frozen=True, slots=True)
class Line:
    """From what to what a line leads, and its points: all cells on its way.

    Attributes:
        source: a node, or the number of a join after all nodes.
        target: a node, a join likewise, or the name of a state that leaves; `top` is the output at the top.
    """

    source: int
    target: int | str
    points: tuple[Point, ...]


class NoWay(Exception):
    """There is too little room; with more there is."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A line that is wanted."""

    source: int
    target: int | str
    ports: tuple[Port, ...]


@dataclass(slots=True)
class Net:
    """The lines of one value that are led: each cell, and the one before it on the way from the source."""

    before: dict[Point, Point | None] = field(default_factory=dict)
    after: dict[Point, set[Way]] = field(default_factory=dict)
    ends: dict[int, Point] = field(default_factory=dict)  # by number of the wish
    cost: float = 0.0

    def way(self, end: Point) -> tuple[Point, ...]:
        found: list[Point] = []
        at: Point | None = end
        while at is not None:
            found.append(at)
            at = self.before[at]
        return tuple(reversed(found))


def route(plan: Plan) -> tuple[Line, ...]:
    """Ways for all lines.

    Raises:
        NoWay: one cannot be led.
    """
    return _Routing(plan).lines()


@dataclass(slots=True)
class _Routing:
    plan: Plan
    blocked: set[Point] = field(default_factory=set)
    kept: dict[Point, int] = field(default_factory=dict)  # cells that only one net may use
    near: set[Point] = field(default_factory=set)
    rows: dict[int, float] = field(default_factory=dict)  # just above and below nodes: what it costs to run there
    nets: dict[int, Net] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)

    def lines(self) -> tuple[Line, ...]:
        self._stand()
        self.wishes = list(self._wishes())
        sources = list(dict.fromkeys(wish.source for wish in self.wishes))
        for number, wish in enumerate(self.wishes):
            self._lead_one(wish.source, self.nets.setdefault(wish.source, Net()), number, wish)
        for _ in range(ROUNDS):
            helped = [self._again(source) for source in sources]
            if not any(helped):
                break
        return tuple(
            Line(wish.source, wish.target, self.nets[wish.source].way(self.nets[wish.source].ends[number]))
            for number, wish in enumerate(self.wishes)
        )

    # -- what stands in the way

    def _stand(self) -> None:
        for at, spot in self.plan.spots.items():
            self.blocked |= set(spot.cells())
            self.rows |= {spot.y - 3: ROW / 2, spot.y + 3: ROW / 2}
            self.rows |= {spot.y - 2: ROW, spot.y + 2: ROW}
            self.near |= {port.cell for port in _sides(spot)}
            node = self.plan.graph.nodes[at]
            if node.kind == "layer":
                self.kept[spot.x, spot.y - 2] = at
                if node.joined:
                    self.kept[spot.x, spot.y + 2] = self._feeding(at)
            x, y = name_at(node, spot)
            self.blocked |= {(x + on, y) for on in range(named(self.plan.graph, at))}
        for number, join in enumerate(self.plan.joins):
            self.kept |= dict.fromkeys(join.points, self._join(number))
            for (left, y), (right, _) in pairwise(join.points):
                self.blocked |= {(x, y) for x in range(left + 1, right)}
        for state in self.plan.belts:
            self.kept |= {port.cell: source for source, _, port in self._belt(state)}

    def _join(self, number: int) -> int:
        return len(self.plan.graph.nodes) + number

    def _feeding(self, layer: int) -> int:
        """The net that ends under a layer: a join's, or that of the one value that it reads."""
        for number, join in enumerate(self.plan.joins):
            if layer in join.layers:
                return self._join(number)
        return self.plan.graph.nodes[layer].joined[0]

    # -- what is wanted

    def _wishes(self) -> Iterator[Wish]:
        """Belts first, then the lines that join and what they feed, then the rest by its way, then what leaves."""
        graph, spots = self.plan.graph, self.plan.spots
        rest = [(one, at) for at in spots for one in self._alone(at)]
        for state, belt in self.plan.belts.items():
            for source, at, port in self._belt(state):
                rest.remove((source, at))  # once: an operation may read a state twice
                yield Wish(source, at, (port,))
            yield Wish(belt[-1], state, (Port(self.plan.exits[state], LEFT),))
        upright = [(one, at) for one, at in rest if one in spots and self._sees(one, at)]
        for one, at in upright:
            yield Wish(one, at, tuple(_inputs(spots[at], graph.nodes[at].kind == "layer")))
        for number, join in enumerate(self.plan.joins):
            for at in reversed(join.layers):  # the farthest first: the others fork from its line
                yield Wish(self._join(number), at, (_sides(spots[at])[0],))
        for number, join in enumerate(self.plan.joins):
            for one in self._by_x(join.operands):
                yield Wish(one, self._join(number), tuple(_into(join)))
        for one, at in sorted((pair for pair in rest if pair not in upright), key=lambda pair: self._far(*pair)):
            yield Wish(one, at, tuple(_inputs(spots[at], graph.nodes[at].kind == "layer")))
        for state in graph.states:
            if state not in self.plan.belts:
                yield Wish(graph.values[state], state, (Port(self.plan.exits[state], LEFT),))
        yield Wish(graph.values[graph.output], "top", (Port(self.plan.top, DOWN),))

    def _sees(self, one: int, at: int) -> bool:
        """Whether two nodes stand in one column with nothing between."""
        (x, y), (there, high) = self._place(one), self._place(at)
        low, high = sorted((y, high))
        between = (spot for spot in self.plan.spots.values() if abs(spot.x - x) <= spot.half and low < spot.y < high)
        return x == there and not any(between)

    def _alone(self, at: int) -> tuple[int, ...]:
        """What a node reads by a line of its own."""
        node = self.plan.graph.nodes[at]
        return (*(node.joined if len(node.joined) == 1 else ()), *node.operands)

    def _belt(self, state: str) -> Iterator[tuple[int, int, Port]]:
        """From what to what a state's belt leads, and the port on the left where each line ends."""
        belt = self.plan.belts[state]
        for source, at in zip((self.plan.graph.states[state], *belt), belt):
            yield source, at, _sides(self.plan.spots[at])[1]

    def _by_x(self, nodes: Iterable[int]) -> list[int]:
        return sorted(nodes, key=lambda at: (self._place(at), at))

    def _place(self, at: int) -> Point:
        if at in self.plan.spots:
            return self.plan.spots[at].x, self.plan.spots[at].y
        return self.plan.entries[at]

    def _far(self, source: int, target: int) -> tuple[int, int, int]:
        (a, b), (c, d) = self._place(source), self._place(target)
        return abs(a - c) + abs(b - d), source, target

    def _starts(self, source: int) -> tuple[Port, ...]:
        graph = self.plan.graph
        if source >= len(graph.nodes):
            join = self.plan.joins[source - len(graph.nodes)]
            x, y = join.points[-1]
            return (Port((x, y), UP if join.below else RIGHT),)
        if source in self.plan.entries:
            cell = self.plan.entries[source]
            return (Port(cell, UP if graph.nodes[source].kind == "input" else RIGHT),)
        below, left, above, right = _sides(self.plan.spots[source])
        if graph.nodes[source].kind == "layer":
            return above, replace(right, cost=4.0)
        if any(source in belt for belt in self.plan.belts.values()):
            return (right,)
        return right, above, replace(below, cost=2.0), replace(left, cost=5.0)

    # -- leading

    def _again(self, source: int) -> bool:
        """Lead a net anew with the others in place; False where that does not help."""
        old = self.nets[source]
        self.nets[source] = Net()
        try:
            for number, wish in enumerate(self.wishes):
                if wish.source == source:
                    self._lead_one(source, self.nets[source], number, wish)
        except NoWay:
            self.nets[source] = old
            return False
        if self.nets[source].cost < old.cost - 1e-9:
            return True
        self.nets[source] = old
        return False

    def _lead_one(self, source: int, net: Net, number: int, wish: Wish) -> None:
        others = self._others(source)
        ends = {port.cell: port for port in wish.ports if self._open(port.cell, source, net, others)}
        found = self._search(source, net, ends, others) if ends else None
        if found is None:
            raise NoWay
        cost, way, port = found
        net.cost += cost
        net.before.setdefault(way[0], None)
        for a, b in pairwise(way):
            net.before[b] = a
            net.after.setdefault(a, set()).add((b[0] - a[0], b[1] - a[1]))
        net.after.setdefault(way[-1], set()).add(port.inward)
        net.ends[number] = way[-1]

    def _open(self, cell: Point, source: int, net: Net, others: Mapping[Point, bool | None]) -> bool:
        """Whether a line can end there: nothing stands there, and no line is there yet."""
        free = cell not in self.blocked and cell not in net.before and cell not in others
        return free and self.kept.get(cell, source) == source

    def _others(self, source: int) -> dict[Point, bool | None]:
        """Cells of other nets: True where the line runs straight from left to right, False up or down, None where neither."""
        found: dict[Point, bool | None] = {}
        for other, net in self.nets.items():
            if other == source:
                continue
            for cell, before in net.before.items():
                onward = net.after.get(cell, set())
                straight = before is not None and onward == {(cell[0] - before[0], cell[1] - before[1])}
                found[cell] = None if not straight or cell in found else next(iter(onward))[1] == 0
        return found

    def _search(
        self, source: int, net: Net, ends: Mapping[Point, Port], others: Mapping[Point, bool | None]
    ) -> tuple[float, list[Point], Port] | None:
        """The cheapest way from the net, or from the source's ports, to one of the ends: its cost, its cells, and the end."""
        queue: list[tuple[float, float, Point, Way]] = []
        best: dict[tuple[Point, Way], float] = {}
        came: dict[tuple[Point, Way], tuple[Point, Way] | None] = {}

        def guess(cell: Point) -> float:
            return min(abs(cell[0] - x) + abs(cell[1] - y) for x, y in ends)

        def offer(cost: float, cell: Point, way: Way, origin: tuple[Point, Way] | None) -> None:
            if cost < best.get((cell, way), float("inf")):
                best[cell, way] = cost
                came[cell, way] = origin
                heapq.heappush(queue, (cost + guess(cell), cost, cell, way))

        for cost, cell, way in self._beginnings(source, net, others):
            offer(cost, cell, way, None)
        while queue:
            _, cost, cell, way = heapq.heappop(queue)
            if cost > best[cell, way]:
                continue
            if way == _ENDED:
                return cost, _back(came, (cell, way)), ends[cell]
            if cell in ends and way != ends[cell].away:
                port = ends[cell]
                offer(cost + port.cost + (BEND if way != port.inward else 0), cell, _ENDED, came[cell, way])
            for turn in (RIGHT, LEFT, UP, DOWN):
                if turn == (-way[0], -way[1]) or (turn != way and (cell in others or cell in net.before)):
                    continue  # back, or a bend where nets cross, or one at the fork itself
                there = (cell[0] + turn[0], cell[1] + turn[1])
                step = self._step(source, net, there, turn, others, ends)
                if step is not None:
                    offer(cost + step + (BEND if turn != way else 0), there, turn, (cell, way))
        return None

    def _beginnings(
        self, source: int, net: Net, others: Mapping[Point, bool | None]
    ) -> Iterator[tuple[float, Point, Way]]:
        """Where a new line may begin: at a port of the source, or as a fork of a line that is there."""
        for port in self._starts(source):
            if self._open(port.cell, source, net, others):
                yield port.cost + (SECOND if net.before else 0.0), port.cell, port.away
        for cell, before in net.before.items():
            if before is None or cell in others:
                continue  # what leaves a port leaves straight; and where nets cross, none forks
            onward = net.after.get(cell, set())
            came = (cell[0] - before[0], cell[1] - before[1])
            for way in (RIGHT, LEFT, UP, DOWN):
                if way not in onward and way != (-came[0], -came[1]):
                    yield FORK, cell, way

    def _step(
        self,
        source: int,
        net: Net,
        cell: Point,
        way: Way,
        others: Mapping[Point, bool | None],
        ends: Mapping[Point, Port],
    ) -> float | None:
        """What it costs to go on to a cell; None where one cannot."""
        x, y = cell
        if cell in ends:
            return 1.0
        if not (0 < x < self.plan.width and 0 < y < self.plan.height) or cell in self.blocked or cell in net.before:
            return None
        if self.kept.get(cell, source) != source:
            return None
        cost = 1.0 + (NEAR if cell in self.near else 0.0) + (self.rows.get(y, 0.0) if way[1] == 0 else 0.0)
        if cell in others:
            runs = others[cell]
            if runs is None or runs == (way[1] == 0):
                return None  # along another line, or where it bends or forks
            cost += CROSSING
        return cost


def _back(came: Mapping[tuple[Point, Way], tuple[Point, Way] | None], end: tuple[Point, Way]) -> list[Point]:
    found = []
    at: tuple[Point, Way] | None = end
    while at is not None:
        found.append(at[0])
        at = came[at]
    return found[::-1]


def name_at(node: Node, spot: Spot) -> Point:
    """The cell where a node's name begins: beside the line that leads up from a layer, right of an operation's top."""
    return (spot.x + 1, spot.y - 2) if node.kind == "layer" else (spot.x + spot.half + 1, spot.y - 1)


def _sides(spot: Spot) -> tuple[Port, Port, Port, Port]:
    """Below, left, above, right."""
    return (
        Port((spot.x, spot.y + 2), DOWN), Port((spot.x - spot.half - 1, spot.y), LEFT),
        Port((spot.x, spot.y - 2), UP), Port((spot.x + spot.half + 1, spot.y), RIGHT),
    )  # fmt: skip


def _inputs(spot: Spot, layer: bool) -> Iterator[Port]:
    """Where lines may end at a node: a layer is read from below and from its sides, an operation from all sides."""
    below, left, above, right = _sides(spot)
    if not layer:
        yield from (below, left, above, replace(right, cost=5.0))
        return
    yield below
    yield from (replace(one, cost=1.5) for one in (left, right))
    for x in (-1, 1):
        yield Port((spot.x + x, spot.y + 2), DOWN, 0.5)


def _into(join: Join) -> Iterator[Port]:
    """Where lines may end at a join: beside its points."""
    for number, (x, y) in enumerate(join.points):
        if number == 0:
            yield Port((x - 1, y), LEFT)
        if join.below:
            yield Port((x + 1, y), RIGHT)
        else:
            yield Port((x, y - 1), UP)
        yield Port((x, y + 1), DOWN)
