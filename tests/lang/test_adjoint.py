"""What the engine compiles, in float64 NumPy: programs against the reference, adjoints against
numeric differentiation.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from rnnzoo import lang
from rnnzoo.lang import interpret, ir, reference
from rnnzoo.lang.adjoint import Adjoint, adjoint
from rnnzoo.lang.primitives.layout import members
from rnnzoo.lang.probes import probes
from rnnzoo.lang.program import Program
from rnnzoo.lang.widen import compile_step
from rnnzoo.spec.cell import built_in_names
from tests.samples import examples
from tests.strategies import cell_texts

UNITS, INPUTS, BATCH, TIME = 9, 4, 2, 5


def compiled(cell: ir.Cell, step: ir.Step) -> tuple[Program, Adjoint]:
    states = [state.name for state in cell.states]
    program = compile_step(step, list(dict.fromkeys([*states, cell.output])))
    return program, adjoint(program, states)


class Problem:
    """One layer of a cell with weights, data and a loss: the weighted sum of its results."""

    def __init__(self, cell: ir.Cell, number: int) -> None:
        rng = np.random.default_rng(7)
        self.cell, self.step = cell, cell.layer(number)
        self.sizes = ir.Sizes(UNITS, INPUTS, cell.options)
        self.program, self.back = compiled(cell, self.step)
        shapes = {
            (weight.ref.kind, weight.name): self.sizes.shape(weight.shape)
            for weight in self.step.weights
        }
        self.values = {key: rng.normal(0, 0.5, shape) for key, shape in shapes.items()}
        constant = reference.constant_matrices(cell)
        (begun,) = reference.random_weights(
            cell, cell.columns(INPUTS), UNITS, 1, np.random.default_rng(7)
        )
        self.values |= {key: begun[key[1]] for key in shapes if key[1] in constant}
        drawn = probes(cell, INPUTS, (TIME, BATCH), rng)
        read = {"x", *self.step.named_inputs}
        self.values |= {("input", name): drawn[name] for name in drawn if name in read}
        below = {ref for equation in self.step.equations for ref in ir.refs(equation.expr, "below")}
        for ref in below:
            self.values["below", ref.name] = rng.normal(
                size=(TIME, BATCH, self.sizes.of(ref.shape[0]))
            )
        for state in cell.states:
            self.values["start", state.name] = rng.normal(
                0, 0.5, (BATCH, self.sizes.of(state.size))
            )
        self.masks = {
            weight.name: mask
            for weight in self.step.weights
            if (mask := reference.mask(cell, weight, self.sizes)) is not None
        }
        self.constants = reference.constants(cell, self.sizes)
        sizes = {equation.name: self.sizes.of(equation.size) for equation in self.step.equations}
        self.upstream = {
            name: rng.normal(size=(TIME, BATCH, sizes[name])) for name in self.program.results
        }

    def results(self, values: dict) -> dict[str, np.ndarray]:
        """The reference's values of the results at every step, (time, batch, size)."""
        weights = {
            name: value * self.masks.get(name, 1)
            for (kind, name), value in values.items()
            if kind in ir.WEIGHTS
        }
        state = {name: value for (kind, name), value in values.items() if kind == "start"}
        rows: dict[str, list[np.ndarray]] = {name: [] for name in self.program.results}
        for t in range(TIME):
            now = reference.step(
                self.step.equations,
                {
                    "weight": weights, "fixed": weights, "constant": self.constants,
                    "previous": state,
                    "time": {"t": np.asarray(float(t))},
                    "input": self.at_step(values, "input", t),
                    "below": self.at_step(values, "below", t),
                },
                self.sizes, BATCH,
            )  # fmt: skip
            state = {name: now[name] for name in state}
            for name, row in rows.items():
                row.append(now[name])
        return {name: np.stack(row) for name, row in rows.items()}

    @staticmethod
    def at_step(values: dict, wanted: str, t: int) -> dict[str, np.ndarray]:
        return {name: value[t] for (kind, name), value in values.items() if kind == wanted}

    def tape(self) -> interpret.Tape:
        given_values = {
            key: value * self.masks.get(key[1], 1) if key[0] in ir.WEIGHTS else value
            for key, value in self.values.items()
            if key[0] != "start"
        }
        given_values |= {("constant", name): value for name, value in self.constants.items()}
        start = {state.name: self.values["start", state.name] for state in self.cell.states}
        return interpret.run(
            self.program, list(start), given_values, start, self.sizes, TIME, BATCH
        )

    def loss(self, values: dict) -> float:
        results = self.results(values)
        return float(sum((results[name] * goal).sum() for name, goal in self.upstream.items()))

    def check(self) -> None:
        tape = self.tape()
        for name, rows in self.results(self.values).items():
            computed = np.stack([step["result", name] for step in tape.steps])
            np.testing.assert_allclose(computed, rows, atol=1e-12)
        gradients = interpret.gradients(self.program, self.back, tape, self.upstream, self.sizes)
        gradients_found = {
            ("input" if ("input", name) in self.values else "below", name): value
            for name, value in gradients.inputs.items()
        }
        gradients_found |= {("start", name): value for name, value in gradients.start.items()}
        gradients_found |= {
            ("weight", name): value * self.masks.get(name, 1)
            for name, value in gradients.weights.items()
        }
        rng = np.random.default_rng(1)
        assert {name for kind, name in self.values if kind == "fixed"}.isdisjoint(gradients.weights)
        for key, value in self.values.items():
            if key[0] == "fixed":
                continue
            direction = rng.normal(size=value.shape)
            up, down = ({**self.values, key: value + by * direction} for by in (1e-6, -1e-6))
            slope = (self.loss(up) - self.loss(down)) / 2e-6
            derived = (
                float((gradients_found[key] * direction).sum()) if key in gradients_found else 0.0
            )
            assert derived == pytest.approx(slope, rel=1e-5, abs=1e-6), key


@pytest.mark.parametrize("name", built_in_names())
def test_the_adjoint_of_every_zoo_cell_agrees_with_numeric_differentiation(name: str) -> None:
    cell = lang.load(name)
    for number in (1, 2) if cell.first != cell.step else (1,):
        Problem(cell, number).check()


def agrees_with_numeric_differentiation(text: str) -> None:
    cell = lang.parse_text(text)
    for number in (1, 2) if cell.first != cell.step else (1,):
        Problem(cell, number).check()


@given(cell_texts())
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_the_adjoint_of_any_cell_agrees_with_numeric_differentiation(text: str) -> None:
    agrees_with_numeric_differentiation(text)


@pytest.mark.slow
@given(cell_texts())
@settings(
    max_examples=1_000,
    suppress_health_check=[HealthCheck.too_slow],
    deadline=None,
    derandomize=False,
)
def test_the_adjoint_of_other_cells_each_time_agrees_with_numeric_differentiation(
    text: str,
) -> None:
    agrees_with_numeric_differentiation(text)


# Each was found by random cells: what is computed once, before the loop or after it, and what
# folding makes of it.
FOUND = {
    "a division by a weight": "tanh((W @ x) / (1 + p) + R @ h[t-1])",
    "two divisions by weights": "tanh((W @ x) / (1 + p) / (1 + p) + R @ h[t-1] / (1 + p))",
    "a power of a weight": "tanh((W @ x) * (2 + p) ** b + R @ h[t-1])",
    "a matrix on a weight": "tanh(W @ x + R @ b + R @ h[t-1])",
    "matrices on a weight": "tanh(W @ x + R @ (R_2 @ b) * (R_2 @ b) + R @ h[t-1])",
    "a matrix on zeros": "tanh(W @ (0 * x) + W @ x + R @ h[t-1])",
    "a matrix on a number for all units": "tanh(W @ where(1, 2, x) + W @ x + R @ h[t-1])",
    "a costly function of time": "tanh((W @ x) * elu(t) + R @ h[t-1])",
    "a function of time in and after the loop": (
        "tanh((W @ x) / (1 + exp(t)) + (R @ h[t-1]) / (1 + exp(t)))"
    ),
    "a function of time and a weight": "tanh((W @ x) * sin(t * b) + R @ h[t-1] * exp(-t))",
    "a matrix on zeros in the loop": "tanh(W @ x + R @ (0 * h[t-1]) + R @ h[t-1])",
}


def test_a_state_that_is_one_number_for_all_units_is_differentiated() -> None:
    agrees_with_numeric_differentiation(
        "name: q\nequations: |\n  e = sin(s * t)\n  f = e * s_2\n"
        "  h = tanh(W @ x + R @ h[t-1] + R @ e[t-1] + R @ f + e * f[t-1])\n"
        "weights: {s: {shape: []}, s_2: {shape: []}}\n"
    )


def test_a_condition_that_is_a_state_is_read_as_such_where_its_adjoint_lies_in_a_stack() -> None:
    """The first step has a = 0, and hands its gradient to b_r alone; a's adjoint is not 0 there."""
    problem = Problem(
        lang.parse_text(
            "name: q\nequations: |\n  a = W @ x + R @ a[t-1] + p * t\n  b = V @ x + S @ a[t-1]\n"
            "  h = tanh(U @ b[t-1] + Q @ a[t-1]) + where(a, b_q, b_r)\n"
        ),
        1,
    )
    problem.values["input", "x"][0] = 0.0
    problem.values["start", "a"][:] = 0.0
    gradients = interpret.gradients(
        problem.program, problem.back, problem.tape(), problem.upstream, problem.sizes
    )
    upstream = problem.upstream["h"]
    np.testing.assert_allclose(gradients.weights["b_q"], upstream[1:].sum(axis=(0, 1)))
    np.testing.assert_allclose(gradients.weights["b_r"], upstream[0].sum(axis=0))


def test_adjoints_that_lie_in_a_stack_within_a_stack_are_taken_out_of_the_outer_one_first() -> None:
    """Found by a search over cells: its 6,461st candidate."""
    agrees_with_numeric_differentiation(
        "name: q\nequations: |\n"
        "  a = R_2 @ (W_i @ x) + b_2 + R_i @ h[t-1] + b_i\n"
        "  i = sigmoid(a)\n"
        "  f = sigmoid(W_f @ x + (R_1 @ h[t-1] + b_1) + b_f)\n"
        "  g = tanh(W_g @ x + R_g @ h[t-1] + b_g)\n"
        "  c = f * c[t-1] + i * g\n"
        "  o = W_o @ x + (R_3 @ (R_o @ h[t-1]) + b_3) + b_o + a\n"
        "  h = o * tanh(c)\n"
    )


@pytest.mark.parametrize("expression", FOUND.values(), ids=FOUND)
def test_what_does_not_differ_from_step_to_step_is_differentiated_too(expression: str) -> None:
    agrees_with_numeric_differentiation(f"name: q\nequations: |\n  h = {expression}\n")


@pytest.mark.parametrize("name", built_in_names())
def test_no_gradient_of_a_weight_is_computed_in_the_backward_loop(name: str) -> None:
    _, back = compiled(cell := lang.load(name), cell.step)
    assert not [instruction for instruction in back.loop if instruction.primitive.reduces]
    assert set(back.weights) == {weight.name for weight in cell.step.weights if weight.trained}
    # states are there anyway
    assert not {ref.name for ref in back.saved} & {state.name for state in cell.states}


@pytest.mark.parametrize("name", built_in_names())
def test_the_backward_loop_multiplies_by_every_recurrent_matrix_once_and_never_forward(
    name: str,
) -> None:
    program, back = compiled(cell := lang.load(name), cell.step)
    ops = [instruction.primitive.name for instruction in back.loop]
    forward = [instruction.primitive.name for instruction in program.loop]
    assert "matmul" not in ops
    assert ops.count("matmul_t") == forward.count("matmul")


def test_an_lstm_is_one_product_a_step_and_one_wide_sigmoid() -> None:
    program, back = compiled(cell := lang.load("lstm"), cell.step)
    ops = [instruction.primitive.name for instruction in program.loop]
    assert (ops.count("matmul"), ops.count("sigmoid"), ops.count("tanh")) == (1, 1, 2)
    assert [instruction.primitive.name for instruction in program.before] == ["matmul"]
    # g, and three gates side by side
    assert sorted(len(members(ref.shape)) for ref in back.saved) == [1, 3]
    assert len(back.emitted) == 1
