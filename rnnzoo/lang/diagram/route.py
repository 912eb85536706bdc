"""Routing of lines over the grid, around the nodes.

In: a `Layout`.  Out: `Line`s: the path of every line from its source to its target, as points of
the grid.

Each value is one net.  The lines of a net share cells where they can (a fork), never run along
another net, and cross it only straight.  Paths are the cheapest by A* (Hart, Nilsson and Raphael
1968): a unit costs 1, bends and crossings cost more.  Once all lines have a path, each net is
rerouted against the others for as long as that lowers its cost.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from rnnzoo.lang.diagram.graph import Node
from rnnzoo.lang.diagram.place import Join, Layout, Placement, name_width

Point = tuple[int, int]
Direction = tuple[int, int]
# of the search: a grid cell, and the direction in which a path enters it
Visit = tuple[Point, Direction]
RIGHT, LEFT, UP, DOWN = (1, 0), (-1, 0), (0, -1), (0, 1)
# Costs in units.  SECOND: leaving from a second port; NEAR: passing through a port; ROW: running
# along a row of ports
BEND, CROSSING, FORK, SECOND, NEAR, ROW = 3.0, 7.0, 1.0, 8.0, 2.5, 0.4
ROUNDS = 3  # of rerouting
_ENDED = (0, 0)  # the direction of a path that has reached its end
# the directions in which a path may go on: not back
_ONWARD: Mapping[Direction, tuple[Direction, ...]] = {
    RIGHT: (RIGHT, UP, DOWN),
    LEFT: (LEFT, UP, DOWN),
    UP: (RIGHT, LEFT, UP),
    DOWN: (RIGHT, LEFT, DOWN),
}


@dataclass(frozen=True, slots=True)
class Port:
    """A cell where a line can begin or end, and the direction that leads away from the node or the
    frame.
    """

    cell: Point
    away: Direction
    cost: float = 0.0

    @property
    def inward(self) -> Direction:
        return -self.away[0], -self.away[1]


@dataclass(frozen=True, slots=True)
class Line:
    """A routed line.

    Attributes:
        source: a node, or a join: joins are numbered after all nodes.
        target: a node, a join, or the name of a state that leaves; `top` is the output.
        points: all cells of the path, from source to target.
    """

    source: int
    target: int | str
    points: tuple[Point, ...]


class NoRoute(Exception):
    """A line has no path; a layout with more room has one."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A line to route: its source, its target, and the ports where it may end."""

    source: int
    target: int | str
    ports: tuple[Port, ...]


@dataclass(slots=True)
class Net:
    """The routed lines of one value, as a tree of cells.

    Attributes:
        before: the previous cell on the path from the source, by cell; None for the first.
        after: the directions in which lines leave each cell.
        ends: the last cell of each connection, by the number of the connection.
    """

    before: dict[Point, Point | None] = field(default_factory=dict)
    after: dict[Point, set[Direction]] = field(default_factory=dict)
    ends: dict[int, Point] = field(default_factory=dict)
    cost: float = 0.0

    def path_to(self, end: Point) -> tuple[Point, ...]:
        """The cells from the source to `end`."""
        path: list[Point] = []
        cell: Point | None = end
        while cell is not None:
            path.append(cell)
            cell = self.before[cell]
        return tuple(reversed(path))

    def direction_into(self, cell: Point) -> Direction | None:
        """The direction in which the net enters a cell; None for its first cell."""
        before = self.before[cell]
        return None if before is None else (cell[0] - before[0], cell[1] - before[1])


def route(layout: Layout) -> tuple[Line, ...]:
    """Route all lines of a layout.

    Raises:
        NoRoute: a line has no path.
    """
    return _Routing(layout).lines()


@dataclass(slots=True)
class _Routing:
    layout: Layout
    blocked: set[Point] = field(default_factory=set)
    reserved: dict[Point, int] = field(default_factory=dict)  # cells that only one net may use
    port_cells: set[Point] = field(default_factory=set)
    # of running along rows just above and below nodes
    row_costs: dict[int, float] = field(default_factory=dict)
    # of a step into each free cell, where no line runs: up or down, and left or right
    upright: dict[Point, float] = field(default_factory=dict)
    along: dict[Point, float] = field(default_factory=dict)
    nets: dict[int, Net] = field(default_factory=dict)
    connections: list[Connection] = field(default_factory=list)

    def lines(self) -> tuple[Line, ...]:
        self._mark_obstacles()
        self._price_cells()
        self.connections = list(self._connections())
        sources = list(dict.fromkeys(connection.source for connection in self.connections))
        self.nets = {source: Net() for source in sources}
        for number in range(len(self.connections)):
            self._connect(number)
        for _ in range(ROUNDS):
            improved = [self._reroute(source) for source in sources]
            if not any(improved):
                break
        return tuple(
            self._line(number, connection) for number, connection in enumerate(self.connections)
        )

    def _line(self, number: int, connection: Connection) -> Line:
        net = self.nets[connection.source]
        return Line(connection.source, connection.target, net.path_to(net.ends[number]))

    # -- obstacles

    def _mark_obstacles(self) -> None:
        for number, placement in self.layout.placements.items():
            x, y = placement.x, placement.y
            self.blocked |= set(placement.cells())
            self.row_costs |= {y - 3: ROW / 2, y + 3: ROW / 2}
            self.row_costs |= {y - 2: ROW, y + 2: ROW}
            self.port_cells |= {port.cell for port in _side_ports(placement)}
            node = self.layout.graph.nodes[number]
            if node.kind == "layer":
                # its value leaves above, and what it reads comes from below: nothing else may pass
                self.reserved[x, y - 2] = number
                if node.joined:
                    self.reserved[x, y + 2] = self._net_below(number)
            name_x, name_y = name_cell(node, placement)
            width = name_width(self.layout.graph, number)
            self.blocked |= {(column, name_y) for column in range(name_x, name_x + width)}
        for number, join in enumerate(self.layout.joins):
            self.reserved |= dict.fromkeys(join.points, self._join(number))
            for (left, y), (right, _) in pairwise(join.points):
                self.blocked |= {(x, y) for x in range(left + 1, right)}
        for state in self.layout.belts:
            self.reserved |= {port.cell: source for source, _, port in self._belt(state)}

    def _price_cells(self) -> None:
        for y in range(1, self.layout.height):
            of_row = self.row_costs.get(y, 0.0)
            for x in range(1, self.layout.width):
                if (x, y) not in self.blocked:
                    cost = 1.0 + (NEAR if (x, y) in self.port_cells else 0.0)
                    self.upright[x, y], self.along[x, y] = cost, cost + of_row

    def _join(self, number: int) -> int:
        """The number of a join as a source or target."""
        return len(self.layout.graph.nodes) + number

    def _net_below(self, layer: int) -> int:
        """The net that ends below a layer: that of its join, or of its only joined operand."""
        for number, join in enumerate(self.layout.joins):
            if layer in join.layers:
                return self._join(number)
        return self.layout.graph.nodes[layer].joined[0]

    # -- connections

    def _connections(self) -> Iterator[Connection]:
        """Belts first, then vertical lines, lines to and from joins, other lines by distance, and
        results.

        Those with the least choice come first: later ones go around them.
        """
        graph = self.layout.graph
        separate = []
        for number in self.layout.placements:
            separate += [(operand, number) for operand in self._separate_operands(number)]
        for state, belt in self.layout.belts.items():
            for source, target, port in self._belt(state):
                # only one of them: an operation may read a state twice
                separate.remove((source, target))
                yield Connection(source, target, (port,))
            yield self._result(belt[-1], state)
        vertical = [pair for pair in separate if self._is_vertical(*pair)]
        yield from (self._to_node(*pair) for pair in vertical)
        yield from self._from_joins()
        yield from self._to_joins()
        others = [pair for pair in separate if pair not in vertical]
        yield from (
            self._to_node(*pair) for pair in sorted(others, key=lambda pair: self._distance(*pair))
        )
        for state in graph.states:
            if state not in self.layout.belts:
                yield self._result(graph.values[state], state)
        yield Connection(graph.values[graph.output], "top", (Port(self.layout.top, DOWN),))

    def _to_node(self, source: int, target: int) -> Connection:
        is_layer = self.layout.graph.nodes[target].kind == "layer"
        return Connection(
            source, target, tuple(_input_ports(self.layout.placements[target], is_layer))
        )

    def _from_joins(self) -> Iterator[Connection]:
        for number, join in enumerate(self.layout.joins):
            for layer in reversed(join.layers):  # the farthest first: the others fork from its line
                below, *_ = _side_ports(self.layout.placements[layer])
                yield Connection(self._join(number), layer, (below,))

    def _to_joins(self) -> Iterator[Connection]:
        for number, join in enumerate(self.layout.joins):
            for operand in self._by_x(join.operands):
                yield Connection(operand, self._join(number), tuple(_join_ports(join)))

    def _result(self, source: int, state: str) -> Connection:
        return Connection(source, state, (Port(self.layout.exits[state], LEFT),))

    def _is_vertical(self, source: int, target: int) -> bool:
        """Whether two nodes are in one column with nothing between them."""
        if source not in self.layout.placements:
            return False
        (x, source_y), (target_x, target_y) = self._position(source), self._position(target)
        low, high = sorted((source_y, target_y))
        in_column = [
            other for other in self.layout.placements.values() if abs(other.x - x) <= other.half
        ]
        return x == target_x and not any(low < other.y < high for other in in_column)

    def _separate_operands(self, number: int) -> tuple[int, ...]:
        """The operands that a node reads through a line each; a single joined operand is one of
        them.
        """
        node = self.layout.graph.nodes[number]
        return node.reads if len(node.joined) == 1 else node.operands

    def _belt(self, state: str) -> Iterator[tuple[int, int, Port]]:
        """The lines of a state's belt: source, target, and the port on the target's left."""
        belt = self.layout.belts[state]
        for source, target in pairwise((self.layout.graph.states[state], *belt)):
            _, left, _, _ = _side_ports(self.layout.placements[target])
            yield source, target, left

    def _by_x(self, numbers: Iterable[int]) -> list[int]:
        return sorted(numbers, key=lambda number: (self._position(number), number))

    def _position(self, number: int) -> Point:
        if number in self.layout.placements:
            return self.layout.placements[number].x, self.layout.placements[number].y
        return self.layout.entries[number]

    def _distance(self, source: int, target: int) -> tuple[int, int, int]:
        """The sort key of a line: its Manhattan distance, then its ends."""
        (a, b), (c, d) = self._position(source), self._position(target)
        return abs(a - c) + abs(b - d), source, target

    def _source_ports(self, source: int) -> tuple[Port, ...]:
        graph = self.layout.graph
        if source >= len(graph.nodes):
            join = self.layout.joins[source - len(graph.nodes)]
            return (Port(join.points[-1], UP if join.below else RIGHT),)
        if source in self.layout.entries:
            cell = self.layout.entries[source]
            return (Port(cell, UP if graph.nodes[source].kind == "input" else RIGHT),)
        below, left, above, right = _side_ports(self.layout.placements[source])
        if graph.nodes[source].kind == "layer":
            return above, replace(right, cost=4.0)
        if any(source in belt for belt in self.layout.belts.values()):
            return (right,)
        return right, above, replace(below, cost=2.0), replace(left, cost=5.0)

    # -- routing

    def _reroute(self, source: int) -> bool:
        """Route a net again with the others in place; True if that lowers its cost, else the old
        paths stay.
        """
        old = self.nets[source]
        self.nets[source] = Net()
        try:
            for number, connection in enumerate(self.connections):
                if connection.source == source:
                    self._connect(number)
        except NoRoute:
            self.nets[source] = old
            return False
        # rounding is no gain: two paths of one cost would take turns
        if self.nets[source].cost < old.cost - 1e-9:
            return True
        self.nets[source] = old
        return False

    def _connect(self, number: int) -> None:
        """Add the path of connection `number` to its net."""
        connection = self.connections[number]
        source, net = connection.source, self.nets[connection.source]
        occupied = self._occupied(source)
        ends = {
            port.cell: port
            for port in connection.ports
            if self._is_free(port.cell, source, net, occupied)
        }
        cost, path = self._search(source, net, ends, occupied)
        net.cost += cost
        net.before.setdefault(path[0], None)
        for cell, following in pairwise(path):
            net.before[following] = cell
            net.after.setdefault(cell, set()).add((following[0] - cell[0], following[1] - cell[1]))
        net.after.setdefault(path[-1], set()).add(ends[path[-1]].inward)
        net.ends[number] = path[-1]

    def _is_free(
        self, cell: Point, source: int, net: Net, occupied: Mapping[Point, bool | None]
    ) -> bool:
        """Whether a line of the source can begin or end in a cell."""
        free = cell not in self.blocked and cell not in net.before and cell not in occupied
        return free and self.reserved.get(cell, source) == source

    def _occupied(self, source: int) -> dict[Point, bool | None]:
        """The cells of all nets but the source's.

        True where a line runs straight left or right, False where it runs straight up or down, None
        where it cannot be crossed: at ends, bends, forks and crossings.
        """
        occupied: dict[Point, bool | None] = {}
        for number, net in self.nets.items():
            if number == source:
                continue
            for cell in net.before:
                onward = net.after.get(cell, set())
                straight = onward == {net.direction_into(cell)}
                can_cross = straight and cell not in occupied
                occupied[cell] = next(iter(onward))[1] == 0 if can_cross else None
        return occupied

    def _search(
        self,
        source: int,
        net: Net,
        ends: Mapping[Point, Port],
        occupied: Mapping[Point, bool | None],
    ) -> tuple[float, list[Point]]:
        """The cheapest path from the net, or from the source's ports, to one of the ends, and its
        cost.

        Raises:
            NoRoute: no end can be reached.
        """
        if not ends:
            raise NoRoute
        frontier = _Frontier(ends)
        for cost, cell, direction in self._starting_points(source, net, occupied):
            frontier.offer(cost, (cell, direction), None)
        for cost, visit in frontier.cheapest_first():
            cell, direction = visit
            if direction == _ENDED:
                return cost, frontier.path_to(visit)
            if cell in ends and direction != ends[cell].away:
                port = ends[cell]
                bend = BEND if direction != port.inward else 0
                frontier.offer(cost + port.cost + bend, (cell, _ENDED), frontier.came_from[visit])
            # where lines cross, and at a fork, a path goes straight on
            straight_only = cell in occupied or cell in net.before
            for turn in (direction,) if straight_only else _ONWARD[direction]:
                following = cell[0] + turn[0], cell[1] + turn[1]
                step = self._step_cost(source, net, following, turn, occupied, ends)
                if step is not None:
                    bend = BEND if turn != direction else 0
                    frontier.offer(cost + step + bend, (following, turn), visit)
        raise NoRoute

    def _starting_points(
        self, source: int, net: Net, occupied: Mapping[Point, bool | None]
    ) -> Iterator[tuple[float, Point, Direction]]:
        """Where a path may begin: at a port of the source, or as a fork of a routed line.

        Cost, cell and direction.
        """
        for port in self._source_ports(source):
            if self._is_free(port.cell, source, net, occupied):
                yield port.cost + (SECOND if net.before else 0.0), port.cell, port.away
        for cell in net.before:
            entering = net.direction_into(cell)
            if entering is None or cell in occupied:
                continue  # a line leaves its port straight, and forks nowhere on a crossing
            onward = net.after.get(cell, set())
            for direction in (RIGHT, LEFT, UP, DOWN):
                if direction not in onward and direction != (-entering[0], -entering[1]):
                    yield FORK, cell, direction

    def _step_cost(
        self,
        source: int,
        net: Net,
        cell: Point,
        direction: Direction,
        occupied: Mapping[Point, bool | None],
        ends: Mapping[Point, Port],
    ) -> float | None:
        """The cost of a step into a cell, without bends; None where the step is not possible."""
        if cell in ends:
            return 1.0
        horizontal = direction[1] == 0
        cost = (self.along if horizontal else self.upright).get(cell)
        if cost is None or cell in net.before or self.reserved.get(cell, source) != source:
            return None
        if cell in occupied:
            if occupied[cell] is None or occupied[cell] == horizontal:
                return None  # not crossable, or along the other line
            cost += CROSSING
        return cost


@dataclass(slots=True)
class _Frontier:
    """The open visits of an A* search, cheapest first."""

    ends: Mapping[Point, Port]
    queue: list[tuple[float, float, Point, Direction]] = field(default_factory=list)
    best: dict[Visit, float] = field(default_factory=dict)
    bounds: dict[Point, float] = field(default_factory=dict)  # for the rest of a path, by cell
    came_from: dict[Visit, Visit | None] = field(default_factory=dict)

    def offer(self, cost: float, visit: Visit, origin: Visit | None) -> None:
        """Add a visit that is reached from `origin` at a cost, unless a cheaper path to it is
        known.
        """
        if cost < self.best.get(visit, float("inf")):
            self.best[visit] = cost
            self.came_from[visit] = origin
            cell, direction = visit
            bound = self.bounds.get(cell)
            if bound is None:
                bound = self.bounds[cell] = self._bound(cell)
            heapq.heappush(self.queue, (cost + bound, cost, cell, direction))

    def cheapest_first(self) -> Iterator[tuple[float, Visit]]:
        """The visits in order of their cost and the bound for the rest of their path."""
        while self.queue:
            _, cost, cell, direction = heapq.heappop(self.queue)
            if cost <= self.best[cell, direction]:
                yield cost, (cell, direction)

    def path_to(self, end: Visit) -> list[Point]:
        """The cells from the start to a visit."""
        path = []
        visit: Visit | None = end
        while visit is not None:
            path.append(visit[0])
            visit = self.came_from[visit]
        return path[::-1]

    def _bound(self, cell: Point) -> float:
        """The Manhattan distance to the nearest end: no path is shorter."""
        return min(abs(cell[0] - x) + abs(cell[1] - y) for x, y in self.ends)


def name_cell(node: Node, placement: Placement) -> Point:
    """The first cell of a node's name: beside a layer's line upwards, or to the right of an
    operation's top.
    """
    if node.kind == "layer":
        return placement.x + 1, placement.y - 2
    return placement.x + placement.half + 1, placement.y - 1


def _side_ports(placement: Placement) -> tuple[Port, Port, Port, Port]:
    """The ports below, left, above and right of a node."""
    x, y, half = placement.x, placement.y, placement.half
    return (
        Port((x, y + 2), DOWN),
        Port((x - half - 1, y), LEFT),
        Port((x, y - 2), UP),
        Port((x + half + 1, y), RIGHT),
    )


def _input_ports(placement: Placement, is_layer: bool) -> Iterator[Port]:
    """Where lines may end at a node: at a layer from below and from its sides, at an operation from
    all sides.
    """
    below, left, above, right = _side_ports(placement)
    if not is_layer:
        yield from (below, left, above, replace(right, cost=5.0))
        return
    yield from (below, replace(left, cost=1.5), replace(right, cost=1.5))
    for offset in (-1, 1):
        yield Port((placement.x + offset, placement.y + 2), DOWN, 0.5)


def _join_ports(join: Join) -> Iterator[Port]:
    """Where lines may end at a join: beside its points."""
    for number, (x, y) in enumerate(join.points):
        if number == 0:
            yield Port((x - 1, y), LEFT)
        if join.below:
            yield Port((x + 1, y), RIGHT)
        else:
            yield Port((x, y - 1), UP)
        yield Port((x, y + 1), DOWN)
