"""Spare units: a step of more units computes for the real ones what the step of these computes, in
float64 NumPy; values, gradients and all, whatever lies in the spare entries of weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from rnnzoo import lang
from rnnzoo.lang import interpret, ir, reference
from rnnzoo.lang.adjoint import adjoint
from rnnzoo.lang.buckets import Layout, NoSpare, layout_of, parts_of_pair
from rnnzoo.lang.probes import probes
from rnnzoo.lang.spare import SpareStep, with_spare
from rnnzoo.lang.widen import compile_step
from rnnzoo.spec.cell import built_in_names
from tests import samples
from tests.closeness import check_close
from tests.strategies import cell_texts

UNITS, BUCKET, INPUTS, BATCH, TIME = 8, 12, 3, 2, 4
EXACT = 1e-10  # beside the largest number
GROUPED = [name for name in built_in_names() if "heads" in lang.load(name).options]
# a clock of constants; blocks under a mask; rows that are read both ways; a matrix exponential; a
# softmax of a matrix of three sizes; heads; another size; a layer below
SAMPLE = (
    "antisymmetric", "clockwork", "depth_gated", "exprnn", "goru", "mclstm", "on_lstm", "retnet",
    "s4d", "slstm_heads", "weight_norm_lstm",
)  # fmt: skip
# No cell of the zoo is refused.
REFUSED: dict[str, str] = {}

Values = dict[tuple[str, str], np.ndarray]


@dataclass
class Computed:
    """Values at every step, (time, batch, size), and gradients of a loss."""

    results: dict[str, np.ndarray]
    gradients: interpret.Gradients


class Problem:
    """A layer of a cell with weights, data and a loss."""

    def __init__(self, cell: ir.Cell, number: int, units: int, bucket: int) -> None:
        self.cell, self.step, columns = cell, cell.layer(number), cell.columns(INPUTS)
        self.model = ir.sizes(cell, columns, units, number)
        self.bucket = ir.sizes(cell, columns, bucket, number)
        self.rng = np.random.default_rng(number)
        self.weights = reference.random_weights(cell, columns, units, number, self.rng)[-1]
        self.names = list(dict.fromkeys([*(state.name for state in cell.states), cell.output]))
        drawn = probes(cell, self.model.inputs, (TIME, BATCH), self.rng)
        self.sequences = {
            ("input", name): drawn[name] for name in drawn if name in self.read_beside_below
        }
        for ref in self.below:
            self.sequences["below", ref.name] = self.drawn(TIME, BATCH, size=ref.shape[0])
        self.start = {state.name: self.drawn(BATCH, size=state.size) for state in cell.states}
        self.upstream = {
            name: self.drawn(TIME, BATCH, size=self.size_of(name)) for name in self.names
        }

    @property
    def read_beside_below(self) -> set[str]:
        return {ir.X, *self.step.named_inputs}

    @cached_property
    def below(self) -> set[ir.Ref]:
        return {ref for each in self.step.equations for ref in ir.refs(each.expr, "below")}

    def drawn(self, *axes: int, size: ir.Size) -> np.ndarray:
        return self.rng.normal(0, 0.7, (*axes, self.model.of(size)))

    def size_of(self, name: str) -> ir.Size:
        return self.step.equation(name).size

    def size_of_sequence(self, key: tuple[str, str]) -> ir.Size:
        if key[0] == "below":
            return next(ref.shape[0] for ref in self.below if ref.name == key[1])
        named = {each.name: each.size for each in self.cell.named_inputs}
        return named.get(key[1], "inputs")

    def alone(self) -> Computed:
        """What the step computes that has no spare units."""
        masked = reference.masked(self.cell, self.step, self.weights, self.model)
        values = {
            (weight.ref.kind, weight.name): masked[weight.name] for weight in self.step.weights
        }
        constants = reference.constants(self.cell, self.model)
        values |= {("constant", name): value for name, value in constants.items()}
        return self.computed(
            self.step, {**values, **self.sequences}, self.start, self.upstream, self.model
        )

    def computed(
        self, step: ir.Step, values: Values, start: dict, upstream: dict, sizes: ir.Sizes
    ) -> Computed:
        states = [state.name for state in self.cell.states]
        program = compile_step(step, self.names)
        back = adjoint(program, states)
        tape = interpret.run(program, states, values, start, sizes, TIME, BATCH)
        rows = {name: [row["result", name] for row in tape.steps] for name in self.names}
        gradients = interpret.gradients(program, back, tape, upstream, sizes)
        return Computed({name: np.stack(row) for name, row in rows.items()}, gradients)


class InBucket:
    """The same problem in a layer with spare units."""

    def __init__(self, problem: Problem, number: int) -> None:
        self.problem, cell = problem, problem.cell
        self.layout: Layout = layout_of(cell, number)
        self.spare: SpareStep = with_spare(cell, problem.step, self.layout)
        self.values = self.spare.values(cell, problem.model, problem.bucket)
        self.real = self.spare.real(self.values)

    def wide(self, array: np.ndarray, size: ir.Size) -> np.ndarray:
        """An array with 0 for spare units along its last axis."""
        whole = np.zeros((*array.shape[:-1], self.problem.bucket.of(size)))
        whole[..., self.layout.positions(size, self.problem.model, self.problem.bucket)] = array
        return whole

    def copied(self, array: np.ndarray, size: ir.Size) -> np.ndarray:
        """The same with copies of real ones."""
        wide, last = self.wide(array, size), array.ndim - 1
        return self.layout.filled(np, wide, last, size, "copies", self.real, self.problem.bucket)

    def arguments(self) -> Values:
        problem, arguments = self.problem, Values()
        for weight in self.spare.step.weights:
            use = self.spare.uses.get(weight.name)
            if use is None:
                value = self.values[weight.name]
            else:
                # what lies in spare entries counts for nothing
                anything = float(problem.rng.normal())
                whole = self.layout.placed(
                    problem.weights[use.weight.name], weight.shape, problem.model, problem.bucket,
                    anything,
                )  # fmt: skip
                value = self.spare.argument(np, use, whole, self.values, problem.bucket)
            arguments[weight.ref.kind, weight.name] = value
        for name, value in reference.constants(problem.cell, problem.model).items():
            if name not in self.spare.constants:
                arguments["constant", name] = value
        for key, rows in problem.sequences.items():
            arguments[key] = self.copied(rows, problem.size_of_sequence(key))
        return arguments

    def computed(self) -> Computed:
        problem = self.problem
        sizes = {state.name: state.size for state in problem.cell.states}
        start = {name: self.copied(value, sizes[name]) for name, value in problem.start.items()}
        upstream = {
            name: self.wide(value, problem.size_of(name))
            for name, value in problem.upstream.items()
        }
        return problem.computed(self.spare.step, self.arguments(), start, upstream, problem.bucket)

    def gradients_of_weights(self, computed: Computed) -> dict[str, np.ndarray]:
        """Of what lies in the bucket, real entries and spare ones."""
        problem, gradients = self.problem, dict[str, np.ndarray]()
        for name, use in self.spare.uses.items():
            if name not in computed.gradients.weights:
                continue
            gradient = computed.gradients.weights[name].copy()
            for axis, (size, spare) in enumerate(zip(use.weight.shape, use.axes, strict=True)):
                if spare == "zeros":
                    gradient = self.layout.filled(
                        np, gradient, axis, size, spare, self.real, problem.bucket
                    )
            gradients[use.weight.name] = gradients.get(use.weight.name, 0) + gradient
        return gradients


def check(cell: ir.Cell, number: int, units: int = UNITS, bucket: int = BUCKET) -> None:
    problem = Problem(cell, number, units, bucket)
    inside = InBucket(problem, number)
    alone, computed = problem.alone(), inside.computed()
    for name in problem.names:
        size = problem.size_of(name)
        check_close(computed.results[name], inside.copied(alone.results[name], size), EXACT, name)
    gradients = inside.gradients_of_weights(computed)
    masks = {name: reference.mask(cell, weight, problem.model) for name, weight in of(problem)}
    for name, weight in of(problem):
        exact = alone.gradients.weights.get(name)
        mask = 1.0 if masks[name] is None else masks[name]
        whole = gradients.get(name)
        if whole is None:
            assert exact is None or not exact.any()
            continue
        index = inside.layout.index(weight.shape, problem.model, problem.bucket)
        check_close(whole[index] * mask, (0 if exact is None else exact) * mask, EXACT, f"d.{name}")
        whole[index] = 0
        assert not whole.any(), f"spare entries of {name} have a gradient"
    for state in cell.states:
        if state.name in alone.gradients.start:
            exact = inside.wide(alone.gradients.start[state.name], state.size)
            check_close(
                computed.gradients.start[state.name], exact, EXACT, f"d.{state.name} at the start"
            )
    for name, gradient in alone.gradients.inputs.items():
        key = ("input" if ("input", name) in problem.sequences else "below", name)
        exact = inside.wide(gradient, problem.size_of_sequence(key))
        check_close(computed.gradients.inputs[name], exact, EXACT, f"d.{name}")


def of(problem: Problem) -> list[tuple[str, ir.Weight]]:
    return [(weight.name, weight) for weight in problem.step.weights if weight.trained]


@pytest.mark.parametrize("name", samples.cells(SAMPLE))
def test_spare_units_change_nothing(name: str) -> None:
    cell = lang.load(name)
    for number in range(1, samples.layers_at_most(cell, 2) + 1):
        if name in REFUSED:
            with pytest.raises(NoSpare, match=REFUSED[name]):
                check(cell, number)
        else:
            check(cell, number)


@pytest.mark.parametrize("name", samples.slow_outside_of(("gated_delta_net", "retnet"), GROUPED))
def test_spare_units_of_heads_change_nothing(name: str) -> None:
    """Each head has its own; of 8 units in 4 heads, one of 3 in each of a bucket of 12."""
    cell = lang.load(name, options={"heads": 4})
    for number in (1, 2):
        check(cell, number)


@settings(
    max_examples=samples.examples(120), deadline=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(cell_texts())
@np.errstate(all="ignore")
def test_spare_units_of_random_cells_change_nothing(text: str) -> None:
    cell = lang.parse_text(text)
    for number in (1, 2):
        check(cell, number, 4, 6)


def test_a_model_that_fills_its_bucket_has_no_spare_units() -> None:
    check(lang.load("clockwork"), 1, UNITS, UNITS)


def spare_cell(equations: str, more: str = "") -> ir.Cell:
    lines = "".join(f"  {line}\n" for line in equations.splitlines())
    return lang.parse_text(f"name: made\n{more}equations: |\n{lines}")


@pytest.mark.parametrize(
    "equations",
    [
        "h = tanh(W @ x + softmax(h[t-1]) * log(softmax(R @ h[t-1])))",
        "h = tanh(W @ x + 1 / (cumsum(exp(R @ h[t-1]))))",
        "h = tanh((W @ x) / (R @ h[t-1]) + max(h[t-1]) / norm(W @ x))",
        "h = tanh(layer_norm(W @ x) + cumax(R @ h[t-1]) + mean(h[t-1]) / h[t-1])",
    ],
)
def test_what_is_divided_by_is_no_spare_zero(equations: str) -> None:
    check(spare_cell(equations), 1)


def test_groups_within_groups_have_their_spare_units() -> None:
    cell = spare_cell("h = tanh(W @ x + softmax(R @ h[t-1], 2) + sum(h[t-1], 4))")
    check(cell, 1)
    check(cell, 2)


@pytest.mark.parametrize(
    ("equations", "reason"),
    [
        (
            "h = tanh(W @ x + softmax(R @ h[t-1], 2) + sum(h[t-1], 3))",
            "groups of units in 2 and 3 do not lie within each other",
        ),
    ],
)
def test_what_cannot_have_spare_units_says_why(equations: str, reason: str) -> None:
    with pytest.raises(NoSpare, match=reason):
        check(spare_cell(equations), 1)


def test_a_matrix_whose_heads_an_option_counts_has_its_spare_units() -> None:
    """Softmax of its rows puts copies back, row by row and head by head."""
    memory = """
        C = 0.5 * C[t-1] + softmax(outer(V @ x, K @ x, heads))
        h = tanh(C @ (Q @ x) + R @ h[t-1])
    """
    lines = "\n".join(line.strip() for line in memory.strip().splitlines())
    check(spare_cell(lines, "options: {heads: 2}\n"), 1)


READS_INPUTS_IN_GROUPS = "h = tanh(W @ softmax(x, 4) + R @ h[t-1] + b)"


def test_a_further_layer_has_its_inputs_in_the_groups_of_the_layer_below() -> None:
    """It would else take units of other groups together: below, they lie in one part."""
    cell = spare_cell(READS_INPUTS_IN_GROUPS)
    words = "a further layer reads its inputs in 4 groups, and the layer below has them in 1"
    assert layout_of(cell).parts == {"units": 1}
    with pytest.raises(NoSpare, match=words):
        layout_of(cell, 2)
    with pytest.raises(NoSpare, match="in 4 groups, and the layer below has them in 2"):
        layout_of(cell, 1, parts_of_pair(cell))
    finer = spare_cell(f"{READS_INPUTS_IN_GROUPS[:-1]} + softmax(h[t-1], 8))")
    assert layout_of(finer, 2).parts == {"inputs": 8, "units": 8}


def test_a_bucket_without_room_is_refused() -> None:
    with pytest.raises(NoSpare, match="9 of units do not lie in 8 of them"):
        check(lang.load("rnn"), 1, 9, 8)


def test_spare_units_of_heads_lie_behind_those_of_their_head() -> None:
    cell = lang.load("mlstm", options={"heads": 2})
    positions = layout_of(cell).positions(
        "units", ir.Sizes(4, 3, cell.options), ir.Sizes(6, 3, cell.options)
    )
    np.testing.assert_array_equal(positions, [0, 1, 3, 4])


def test_the_step_has_no_operation_more_where_units_meet_in_products_alone() -> None:
    """What is spare there is said by weights."""
    cell = lang.load("lstm")
    spare = with_spare(cell, cell.step, layout_of(cell))
    assert spare.step.equations == cell.step.equations
