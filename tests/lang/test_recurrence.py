"""The kind of each recurrence against numbers: steps of the float64 reference from other previous
values, which know nothing of how an equation is read.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from rnnzoo import lang
from rnnzoo.lang import ir, reference
from rnnzoo.lang.probes import probes
from rnnzoo.lang.recurrence import Recurrence, lines, recurrences
from rnnzoo.lang.view import CellView, view
from rnnzoo.spec.cell import built_in_names
from tests.samples import examples
from tests.strategies import cell_texts

UNITS, INPUTS = 9, 4
POINTS = 4  # at which a step is looked at, each with weights, inputs and previous values of its own
MOVED = 1e-9
Values = dict[str, np.ndarray]


class Point:
    """One step of a layer, as a function of the previous values."""

    def __init__(self, cell: ir.Cell, step: ir.Step, seed: int) -> None:
        self.step, self.rng = step, np.random.default_rng(seed)
        self.sizes = ir.Sizes(UNITS, INPUTS, cell.options)
        self.states = {state.name: self.sizes.of(state.size) for state in cell.states}
        weights = {
            weight.name: self.rng.normal(0, 0.5, self.sizes.shape(weight.shape))
            for weight in step.weights
        }
        below = {
            ref.name: self.rng.normal(0, 1, self.sizes.of(ref.shape[0]))
            for equation in step.equations
            for ref in ir.refs(equation.expr, "below")
        }
        masked = reference.masked(cell, step, weights, self.sizes)
        self.given: Mapping[str, Values] = {
            "weight": masked,
            "fixed": masked,
            "constant": reference.constants(cell, self.sizes),
            "input": probes(cell, INPUTS, (), self.rng),
            "time": {"t": np.asarray(float(seed))},
            "below": below,
        }

    def previous(self) -> Values:
        return {name: self.rng.normal(0, 1, (1, size)) for name, size in self.states.items()}

    def next(self, previous: Values) -> Values:
        batch = len(next(iter(previous.values())))
        values = {**self.given, "previous": previous}
        with np.errstate(all="ignore"):
            now = reference.step(self.step.equations, values, self.sizes, batch)
        return {name: now[name] for name in self.states}

    def moved(self) -> Iterator[tuple[str, str, np.ndarray]]:
        """From a state, to a state: (units of the first, units of the second) of whether the next
        value of the second moves as the previous one of the first does.
        """
        base = self.previous()
        for name, size in self.states.items():
            rows = {other: np.repeat(value, size, axis=0) for other, value in base.items()}
            rows[name] = rows[name] + 0.5 * np.eye(size)
            here = self.next(base)
            for other, value in self.next(rows).items():
                # a step from one number that is none to another is no move
                yield name, other, np.abs(np.nan_to_num(value - here[other])) > MOVED

    def bends(self, group: frozenset[str]) -> bool:
        """Whether the next values of a group on a line between two points are off the line."""
        first, last = self.previous(), self.previous()
        last = {name: last[name] if name in group else value for name, value in first.items()}
        between = {name: 0.3 * value + 0.7 * last[name] for name, value in first.items()}
        ends, middle = (self.next(first), self.next(last)), self.next(between)
        for name in group:
            line = 0.3 * ends[0][name] + 0.7 * ends[1][name]
            scale = 1 + np.abs(ends[0][name]) + np.abs(ends[1][name])
            if (np.abs(middle[name] - line) > 1e-10 * scale).any():
                return True
        return False


class Numbers:
    """What numbers say of a layer's recurrences."""

    def __init__(self, cell: ir.Cell, step: ir.Step) -> None:
        self.points = [Point(cell, step, seed) for seed in range(POINTS)]
        self.moves: dict[tuple[str, str], np.ndarray] = {}
        for point in self.points:
            for start, end, moved in point.moved():
                self.moves[start, end] = moved | self.moves.get((start, end), np.False_)
        names = list(self.points[0].states)
        needs = {pair for pair, moved in self.moves.items() if moved.any()}
        for _ in names:
            needs |= {(a, d) for a, b in needs for c, d in needs if b == c}
        self.needs = needs
        self.groups = {
            frozenset({name, *(n for n in names if {(name, n), (n, name)} <= needs)})
            for name in names
        }

    def is_unit_by_unit(self, group: frozenset[str]) -> bool:
        patterns = [self.moves[start, end] for start in group for end in group]
        apart = (
            moved.shape[0] == moved.shape[1] and not (moved & ~np.eye(len(moved), dtype=bool)).any()
            for moved in patterns
            if moved.any()
        )
        return all(apart)

    def has_blocks(self, group: frozenset[str]) -> bool:
        """Whether the units fall apart into sets that do not read each other."""
        patterns = [self.moves[start, end] for start in group for end in group]
        if len({moved.shape for moved in patterns}) > 1:
            return False
        joined = np.any(patterns, axis=0) | np.eye(len(patterns[0]), dtype=bool)
        joined = np.linalg.matrix_power(1.0 * (joined | joined.T), len(joined)) > 0
        return not joined.all()

    def bends(self, group: frozenset[str]) -> bool:
        return any(point.bends(group) for point in self.points)

    def kind(self, group: frozenset[str]) -> str:
        if not any((name, name) in self.needs for name in group):
            return "delay"
        degree = "nonlinear" if self.bends(group) else "linear"
        if not self.is_unit_by_unit(group):
            return f"{degree} {'block' if self.has_blocks(group) else 'dense'}"
        return f"{degree} {'block' if len(group) > 1 else 'diagonal'}"


def layers(cell: ir.Cell) -> Iterator[ir.Step]:
    yield cell.first
    if cell.step != cell.first:
        yield cell.step


@pytest.mark.parametrize("name", built_in_names())
def test_numbers_say_the_same_of_every_zoo_cell(name: str) -> None:
    cell = lang.load(name)
    for step in layers(cell):
        numbers = Numbers(cell, step)
        expected = {group: numbers.kind(group) for group in numbers.groups}
        proved = recurrences(step, cell.states)
        assert {frozenset(group.states): group.kind for group in proved} == expected


def numbers_do_not_contradict(cell: ir.Cell) -> tuple[Recurrence, ...]:
    """What is proved holds, though a cell may be simpler than it is written."""
    for step in layers(cell):
        numbers, proved = Numbers(cell, step), recurrences(step, cell.states)
        places = {name: place for place, group in enumerate(proved) for name in group.states}
        for start, end in numbers.needs:
            assert places[start] <= places[end], "a group stands before what it needs"
        for group in proved:
            states = frozenset(group.states)
            if group.coupling == "none":
                assert not {(name, name) for name in states} & numbers.needs
            if group.coupling == "unit":
                assert numbers.is_unit_by_unit(states)
            if group.is_linear:
                assert not numbers.bends(states)
    return recurrences(cell.first, cell.states)


@given(cell_texts())
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_what_is_proved_of_any_cell_holds(text: str) -> None:
    numbers_do_not_contradict(lang.parse_text(text))


LEAVES = ("a[t-1]", "c[t-1]", "a[t-1]", "c[t-1]", "g", "W @ x", "b", "D @ c[t-1]")
FORMS = (
    "({}) + ({})", "({}) - ({})", "g * ({}) + ({})", "({}) * ({})", "({}) / (1 + g) - ({})",
    "where(g > 0.5, {}, {})", "-({}) + ({})", "b * ({}) + 2 * ({})", "maximum({}, {})",
    "sigmoid({}) - ({})", "R @ (g * a[t-1]) + ({}) - ({})",
)  # fmt: skip


def any_recurrence(seed: int) -> str:
    """A cell of three states, whose equations are sums more often than not."""
    draw = random.Random(seed)
    leaves = (*LEAVES, "h[t-1]") if draw.random() < 0.3 else LEAVES

    def expression(depth: int) -> str:
        if depth == 0 or draw.random() < 0.3:
            return draw.choice(leaves)
        return draw.choice(FORMS).format(expression(depth - 1), expression(depth - 1))

    bodies = {name: expression(draw.choice((0, 1, 1, 2))) for name in "ac"}
    text = "".join(f"  {name} = {body}\n" for name, body in bodies.items())
    text += f"  h = {expression(1)} + U @ (a + g) + V @ c + 0 * a[t-1] + 0 * c[t-1] + 0 * h[t-1]\n"
    masked = "weights:\n  D:\n    mask: row == col\n" if "D @" in text else ""
    gate = "  g = sigmoid(W @ x)\n"
    return f"name: any\nequations: |\n{gate}{text}{masked}"


def test_what_is_proved_of_sums_and_products_of_states_holds_and_every_kind_is_met() -> None:
    kinds = set()
    for seed in range(40):
        proved = numbers_do_not_contradict(lang.parse_text(any_recurrence(seed)))
        kinds |= {group.kind for group in proved}
    assert len(kinds) == 7


def kinds(equations: str, more: str = "") -> dict[tuple[str, ...], str]:
    cell = lang.parse_text(f"name: mine\nequations: |\n{equations}{more}")
    return {group.states: group.kind for group in recurrences(cell.step, cell.states)}


def test_a_mask_that_leaves_blocks_makes_blocks() -> None:
    step = "  h = tanh(W @ x + R @ h[t-1])\n"
    heads = "options: {size: 3}\nweights:\n  R:\n    mask: "
    within = f"{heads}floor(row / size) == floor(col / size)\n"
    assert kinds(step, within) == {("h",): "nonlinear block"}
    diagonal = "weights:\n  R:\n    mask: col == row\n"
    assert kinds(step, diagonal) == {("h",): "nonlinear diagonal"}
    across = f"{heads}floor(row / size) == floor(col / 2)\n"
    assert kinds(step, across) == {("h",): "nonlinear dense"}
    text = f"name: mine\nequations: |\n{step}{within}"
    cell = lang.parse_text(text)
    assert lines(recurrences(cell.step, cell.states)) == [
        "nonlinear in h, block by block: one step after another, or by Newton's method"
    ]


def test_groups_of_units_and_transposed_matrices_keep_blocks() -> None:
    heads = "options: {heads: 3}\n"
    assert kinds("  h = h[t-1] - mean(h[t-1], heads) + W @ x\n", heads) == {("h",): "linear block"}
    assert kinds("  h = h[t-1] - mean(h[t-1]) + W @ x\n") == {("h",): "linear dense"}
    mask = "weights:\n  R:\n    mask: floor(row / 3) == floor(col / 3)\n"
    step = "  h = tanh(R @ h[t-1] - R' @ h[t-1] + W @ x)\n"
    assert kinds(step, mask) == {("h",): "nonlinear block"}


def test_blocks_of_two_kinds_join_all_units() -> None:
    step = "  h = tanh(W @ x + R @ (S @ h[t-1]))\n"
    masks = (
        "weights:\n"
        "  R:\n    mask: floor(row / 2) == floor(col / 2)\n"
        "  S:\n    mask: floor(row / 3) == floor(col / 3)\n"
    )
    assert kinds(step, masks) == {("h",): "nonlinear dense"}


def test_a_condition_on_a_state_is_not_linear_and_one_on_time_is() -> None:
    assert kinds("  h = where(h[t-1] > 0, 1, 0) + W @ x\n") == {("h",): "nonlinear diagonal"}
    assert kinds("  h = where(t % 3 == 0, W @ x, h[t-1])\n") == {("h",): "linear diagonal"}


def test_an_operation_that_says_nothing_of_itself_is_not_linear() -> None:
    assert kinds("  h = abs(h[t-1]) + W @ x\n") == {("h",): "nonlinear diagonal"}
    assert kinds("  h = abs(W @ x) * h[t-1]\n") == {("h",): "linear diagonal"}


def test_a_line_tells_what_a_newcomer_can_use() -> None:
    assert view("qrnn").kinds == (
        "delay in u, v and s, which only the next step reads: needs no loop",
        "linear in c, unit by unit: can be scanned in O(log T)",
    )
    assert view("lru").to_dict(3, 4)["recurrences"] == [
        {
            "states": ["a", "c"],
            "kind": "linear block",
            "about": "linear in a and c together, unit by unit: can be scanned in O(log T)",
        }
    ]


def test_further_layers_are_told_where_they_differ() -> None:
    text = (
        "name: mine\nequations: |\n  h = tanh(R @ h[t-1]) + W @ x + below.h\n"
        "first_layer: |\n  h = h[t-1] + W @ x\n"
    )
    assert CellView(lang.parse_text(text)).kinds == (
        "linear in h, unit by unit: can be scanned in O(log T)",
        "in further layers: nonlinear in h, all units together: one step after another",
    )
