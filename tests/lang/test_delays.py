"""States that leave the loop: what the two parts of a step compute, in float64, against the step as
a whole.
"""

from __future__ import annotations

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.lang import interpret, ir, reference
from rnnzoo.lang.adjoint import adjoint
from rnnzoo.lang.delays import Split, split, step_before, this_step
from rnnzoo.lang.interpret import Array, Gradients, Values
from rnnzoo.lang.recurrence import recurrences
from rnnzoo.lang.widen import compile_step
from rnnzoo.spec.cell import built_in_names

UNITS, INPUTS, TIME, BATCH = 5, 3, 6, 2
DELAYS = {
    "qrnn": ("u", "v", "s"),
    "rwkv4": ("e",),
    "typed_gru": ("u_z", "u_f", "u_o"),
    "typed_lstm": ("u_z", "u_f", "u_o"),
}
FURTHER_BACK = """
name: further_back
title: Reads its inputs of several steps back
equations: |
  u = V @ x
  w = u[t-1] * (V_w @ x)
  h = tanh(W @ x + u[t-2] + w[t-1] + b) + p * h[t-1]
"""
NO_LOOP = """
name: no_loop
title: Reads this input and the last one, and no state
equations: |
  u = V @ x
  h = tanh(W @ x + u[t-1] + b)
"""
OF_WEIGHTS = """
name: of_weights
title: Reads its inputs one step back through matrices that are computed of weights
equations: |
  E = softmax(A)
  u = E @ x
  h = tanh(abs(A) @ x + u[t-1]) + p * h[t-1]
weights:
  A: {shape: [units, inputs]}
"""
CELLS = {
    **{name: lang.load(name) for name in DELAYS},
    "further_back": lang.parse_text(FURTHER_BACK),
    "no_loop": lang.parse_text(NO_LOOP),
    "of_weights": lang.parse_text(OF_WEIGHTS),
}


def split_of(cell: ir.Cell) -> Split | None:
    return split(cell.step, [state.name for state in cell.states], [cell.output])


def names_of(cell: ir.Cell) -> tuple[str, ...]:
    parts = split_of(cell)
    return () if parts is None else parts.names


@pytest.mark.parametrize("name", DELAYS)
def test_a_cell_of_the_zoo_has_the_delays_that_its_equations_say(name: str) -> None:
    assert names_of(lang.load(name)) == DELAYS[name]


@pytest.mark.parametrize("name", built_in_names())
def test_only_what_is_of_that_kind_is_taken_out(name: str) -> None:
    cell = lang.load(name)
    kinds = recurrences(cell.step, cell.states)
    of_kind = {state for group in kinds if group.kind == "delay" for state in group.states}
    assert of_kind.issuperset(names_of(cell))


def test_what_is_further_back_is_a_delay_of_a_delay() -> None:
    parts = split_of(CELLS["further_back"])
    assert parts is not None
    assert [level.names for level in parts.levels] == [("u",), ("u_lag1", "w")]
    assert split_of(CELLS["of_weights"]) is not None


@pytest.mark.parametrize(
    ("equations", "why"),
    [
        ("u = V @ x * t\n  h = u[t-1] + p * h[t-1]", "it needs the number of the step"),
        ("u = V @ x + p * u[t-1]\n  h = u[t-1]", "it needs itself"),
        ("u = V @ x + p * h\n  h = W @ x + u[t-1]", "it needs a state by way of this step"),
        ("u = 1\n  h = W @ x + p * h[t-1] + u[t-1]", "it is a number"),
        ("h = W @ x + V @ h[t-1]", "it is the output, and needs itself"),
        ("C = outer(V @ x, W @ x)\n  h = C[t-1] @ (U @ x)", "it is a matrix"),
        ("u = outer(V @ x, W @ x) @ (U @ x)\n  h = u[t-1]", "it is made of a matrix"),
    ],
)
def test_no_delay_is_a_state_that_needs_more_than_inputs(equations: str, why: str) -> None:
    cell = lang.parse_text(f"name: a\ntitle: a\nequations: |\n  {equations}\n")
    assert names_of(cell) == (), why


def test_what_is_wanted_of_every_step_stays() -> None:
    equations = "  u = V @ x\n  h = W @ x + p * u[t-1] * h[t-1]\n"
    cell = lang.parse_text(f"name: a\ntitle: a\nequations: |\n{equations}")
    assert names_of(cell) == ("u",)
    assert split(cell.step, ["h", "u"], ["h", "u"]) is None


# -- values and gradients


class Problem:
    """A cell with weights, inputs, states to begin with, and what is handed back for the output."""

    def __init__(self, cell: ir.Cell) -> None:
        self.cell, rng = cell, np.random.default_rng(0)
        self.sizes = ir.Sizes(UNITS, INPUTS, cell.options)
        (self.weights,) = reference.random_weights(cell, INPUTS, UNITS, 1, rng)
        self.given: Values = interpret.of_weights(self.weights)
        constants = reference.constants(cell, self.sizes)
        self.given |= {("constant", name): value for name, value in constants.items()}
        self.given["input", "x"] = rng.normal(size=(TIME, BATCH, INPUTS))
        self.states = [state.name for state in cell.states]
        self.start = {name: rng.normal(size=(BATCH, UNITS)) for name in self.states}
        self.upstream = rng.normal(size=(TIME, BATCH, UNITS))

    def loop(
        self, step: ir.Step, states: list[str], given: Values
    ) -> tuple[dict[str, Array], Gradients]:
        """Everything that a loop computes, and the gradients of sum(upstream * output)."""
        wanted = list(dict.fromkeys([*states, self.cell.output]))
        program = compile_step(step, wanted)
        start = {name: self.start[name] for name in states}
        tape = interpret.run(program, states, given, start, self.sizes, TIME, BATCH)
        rows = {name: np.stack([now["result", name] for now in tape.steps]) for name in wanted}
        above = {name: np.zeros((TIME, BATCH, UNITS)) for name in wanted}
        above[self.cell.output] = self.upstream
        back = adjoint(program, states)
        return rows, interpret.gradients(program, back, tape, above, self.sizes)

    def whole(self) -> tuple[dict[str, Array], dict[str, Array]]:
        rows, gradients = self.loop(self.cell.step, self.states, self.given)
        return rows, {**gradients.weights, "x": gradients.inputs["x"], **gradients.start}

    def apart(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """The same with delays apart: shifted by one step, and shifted back."""
        parts = split_of(self.cell)
        assert parts is not None
        given, delays = dict(self.given), dict[str, Array]()
        for level in parts.levels:
            program = compile_step(level.step, level.names)
            values = interpret.evaluate(program.once, dict(given), self.sizes)
            interpret.evaluate(program.before, values, self.sizes)
            for name in level.names:
                atom = program.results[name]
                delays[name] = values[atom.kind, atom.name]  # type: ignore[union-attr,index]
                given["below", this_step(name)] = delays[name]
                before = np.concatenate([self.start[name][None], delays[name][:-1]])
                given["below", step_before(name)] = before
        carried = [name for name in self.states if name not in parts.names]
        rows, gradients = self.loop(parts.rest, carried, given)
        total = {**gradients.weights, **gradients.inputs, **gradients.start}
        for level in reversed(parts.levels):
            self.back_through(level.names, level.step, given, total)
        return {**rows, **delays}, total

    def back_through(
        self, names: tuple[str, ...], step: ir.Step, given: Values, total: dict[str, Array]
    ) -> None:
        program = compile_step(step, names)
        back = adjoint(program, ())
        values = interpret.evaluate(program.once, dict(given), self.sizes)
        interpret.evaluate(program.before, values, self.sizes)
        nothing = np.zeros((TIME, BATCH, UNITS))
        for name in names:
            shifted = total.pop(step_before(name), nothing)
            total[name] = shifted[0]  # of what it begins with
            later = np.concatenate([shifted[1:], nothing[:1]])
            values["adjoint", name] = later + total.pop(this_step(name), nothing)
        for instructions in (back.fixed, back.loop, back.after, back.once):
            interpret.evaluate(instructions, values, self.sizes)
        for name, atom in (*back.inputs.items(), *back.weights.items()):
            total[name] = total.get(name, 0.0) + values[atom.kind, atom.name]  # type: ignore[union-attr,operator,index]


@pytest.mark.parametrize("name", sorted(CELLS))
def test_two_parts_compute_what_the_step_computes_and_so_do_their_reverses(name: str) -> None:
    problem = Problem(CELLS[name])
    (rows, gradients), (expected, slopes) = problem.apart(), problem.whole()
    assert rows.keys() == expected.keys()
    assert gradients.keys() == slopes.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(rows[key], value, atol=1e-12)
    for key, value in slopes.items():
        np.testing.assert_allclose(gradients[key], value, atol=1e-11, err_msg=key)
