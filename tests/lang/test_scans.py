"""Steps without a loop: their coefficients, put together one step after the other in NumPy, against
the reference; nonlinear ones in rounds of Newton's method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.lang import interpret, ir, reference
from rnnzoo.lang.delays import step_before, this_step
from rnnzoo.lang.interpret import Array, Values
from rnnzoo.lang.primitives import ELEMENTWISE
from rnnzoo.lang.scans import Group, Scans, has_nonlinear, scans, why_a_loop
from rnnzoo.lang.widen import compile_step
from rnnzoo.spec.cell import built_in_names
from tests.strategies import tame_form, unit_by_unit

UNITS, INPUTS, TIME, BATCH = 8, 3, 6, 2
ROUNDS = 5  # fewer than there are steps, of which each round makes one right in any case
LINEAR = (
    "gla", "linear_transformer", "lru", "mamba", "mingru", "minlstm", "qrnn", "retnet", "rglru",
    "s4d", "typed_gru", "typed_lstm", "typed_rnn",
)  # fmt: skip
NONLINEAR = ("brc", "indrnn", "mlstm", "rwkv4", "sru", "unicornn")
CHOICE = """
name: choice
title: Linear in its state by way of names, a choice, a quotient and a sign
equations: |
  f = sigmoid(W_f @ x + b_f)
  a = c[t-1] / (1 + f) - 0.1 * h[t-1]
  c = where(f > 0.5, a, -f) - b_c
  h = -a + f * (h[t-1] - W @ x)
"""

# matrices of weights alone stand in no one's way
OF_WEIGHTS = """
name: of_weights
title: Linear in its state, with matrices that are computed of weights
weights: {A: {shape: [units, inputs]}, V: {shape: [units, inputs]}}
equations: |
  E = exp(A) / sum(exp(A))
  g = sigmoid(E @ x)
  h = g * h[t-1] + (1 - g) * (abs(V) @ x)
"""

# a matrix with a scale for each row and for each column, by way of a name, a choice and the clock
SCALED = """
name: scaled
title: Linear in a matrix
options: {heads: 2}
equations: |
  a = sigmoid(W_a @ x)
  D = diag(a) @ C[t-1] - outer(a, W_d @ x, heads)
  C = where(t % 3 == 0, 0.5, a_2) * (D @ diag(sigmoid(W_e @ x))) / 1.5
  a_2 = mean(a)
  h = tanh(C @ (W @ x)) * t
"""
# the same with a derivative that is taken through scalings
SQUASHED = """
name: squashed
title: Nonlinear in each entry of a matrix, and in a number that reads the clock
options: {heads: 2}
equations: |
  a = sigmoid(W_a @ x)
  C = tanh(diag(a) @ (C[t-1] * C[t-1]) @ diag(b_c) + outer(a, W_d @ x, heads))
  n = cos(n[t-1] + mean(a) + t / 3)
  h = C @ (W @ x) + n
init: {b_c: 1}
"""

OPERATIONS = tuple(name for name, each in ELEMENTWISE.items() if each.differentiable)
# a matrix that joins no units, and states of two names that need each other
JOINED = """
name: joined
title: Nonlinear in two states, by way of a diagonal matrix
weights: {D: {shape: [units, units], mask: row == col}}
equations: |
  a = D @ (c[t-1] * sigmoid(h[t-1])) + W @ x
  c = tanh(a - 0.3 * h[t-1])
  h = a * c + 0.5 * sin(h[t-1])
"""


def of_operation(name: str) -> ir.Cell:
    """A cell whose state goes through an operation, and stays within bounds."""
    form = tame_form(ELEMENTWISE[name]).replace("t % 3", "0.7").replace("t == 2", "1 == 2")
    form = form.replace("t % 2", "1")
    body = form.format(a="0.5 * h[t-1] + W @ x", b="W_2 @ x - w * h[t-1]")
    equations = f"equations: |\n  h = tanh({body}) + 0.3 * h[t-1] + 0.1 * (W_2 @ x)\n"
    return lang.parse_text(f"name: {name}_cell\ntitle: One operation\n{equations}")


def names_of_states(cell: ir.Cell) -> list[str]:
    return [state.name for state in cell.states]


def scans_of(cell: ir.Cell) -> Scans:
    return scans(cell.step, names_of_states(cell), [cell.output])


def test_the_cells_of_the_zoo_whose_units_are_apart_need_no_loop() -> None:
    cells = {name: lang.load(name) for name in built_in_names()}
    without = {
        name for name, cell in cells.items() if not why_a_loop(cell.step, names_of_states(cell))
    }
    assert without == {*LINEAR, *NONLINEAR}
    by_newton = {
        name for name in without if has_nonlinear(cells[name].step, names_of_states(cells[name]))
    }
    assert by_newton == {*NONLINEAR}


APART = "and only units that read themselves alone are taken"
OF_STATES = "name: mine\nequations: |\n{}"


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("lstm", "it is nonlinear in h and c together, all units together"),
        ("gru_d", "it is nonlinear in h, all units together"),
        ("slstm_heads", f"it is nonlinear in h, m, c and n together, block by block, {APART}"),
        ("delta_net", f"it is linear in C, block by block, {APART}"),
        (
            OF_STATES.format("  h = W @ x + 0.5 * h[t-1] + 0.1 * h[t-4]\n"),
            "h and h_lag1 to h_lag3 need each other, and at most 2 states are taken together",
        ),
        (OF_STATES.format("  n = sum(W @ x) + n[t-1]\n  h = h[t-1] * n[t-1] + V @ x\n"), ""),
    ],
)
def test_it_is_told_why_a_cell_needs_a_loop(named: str, why: str) -> None:
    cell = lang.parse_text(named) if "\n" in named else lang.load(named)
    assert why_a_loop(cell.step, names_of_states(cell)) == why


class Run:
    """What a cell computes without a loop."""

    def __init__(self, cell: ir.Cell) -> None:
        rng = np.random.default_rng(0)
        self.cell, self.sizes = cell, ir.Sizes(UNITS, INPUTS, cell.options)
        self.weights = reference.random_weights(cell, INPUTS, UNITS, 1, rng)
        self.x = rng.normal(size=(BATCH, TIME, INPUTS))
        step_weights = reference.masked(cell, cell.step, self.weights[0], self.sizes)
        self.values: Values = interpret.of_weights(step_weights)
        constants = reference.constants(cell, self.sizes)
        self.values |= {("constant", name): value for name, value in constants.items()}
        self.values["input", "x"] = np.swapaxes(self.x, 0, 1)
        self.values["time", "t"] = np.arange(TIME).reshape(-1, 1, 1)
        widths = {state.name: self.sizes.of(state.size) for state in cell.states}
        self.start = {name: rng.normal(size=(BATCH, width)) for name, width in widths.items()}

    def of(self, step: ir.Step, names: tuple[str, ...]) -> dict[str, Array]:
        """Equations at all steps."""
        program = compile_step(step, names)
        values = interpret.evaluate(program.instructions, dict(self.values), self.sizes)
        arrays = {}
        for name in names:
            atom, width = program.results[name], self.sizes.of(step.equation(name).size)
            value = atom.value if isinstance(atom, ir.Number) else values[atom.kind, atom.name]
            arrays[name] = np.broadcast_to(value, (TIME, BATCH, width))
        return arrays

    def add(self, group: Group) -> None:
        if not group.is_linear:
            self.series(group.states, self.settled(group))
            return
        arrays, rows = self.of(group.step, group.equations), [self.start]
        for t in range(TIME):
            now = {name: np.zeros_like(self.start[name]) for name in group.states}
            for (name, previous), gain in group.gains.items():
                now[name] = now[name] + arrays[gain][t] * rows[-1][previous]
            for name, rest in group.rests.items():
                now[name] = now[name] + arrays[rest][t]
            rows.append(now)
        self.series(group.states, {name: [row[name] for row in rows] for name in group.states})

    def series(self, names: tuple[str, ...], rows: Mapping[str, Sequence[Array]]) -> None:
        """Take note of states at all steps, what they begin with first."""
        for name in names:
            self.values["below", step_before(name)] = np.stack(rows[name][:-1])
            self.values["below", this_step(name)] = np.stack(rows[name][1:])

    def settled(self, group: Group) -> dict[str, Array]:
        """The states of a nonlinear group after some rounds."""
        program = compile_step(group.step, group.equations)
        around = interpret.evaluate((*program.once, *program.before), dict(self.values), self.sizes)
        guess = {name: np.stack([self.start[name]] * (TIME + 1)) for name in group.states}
        for _ in range(ROUNDS):
            now = around | {("previous", name): guess[name][:-1] for name in group.states}
            interpret.evaluate(program.loop, now, self.sizes)

            def value(name: str, now: Values = now) -> Array:
                width = self.sizes.of(group.step.equation(name).size)
                atom = program.results[name]
                value = atom.value if isinstance(atom, ir.Number) else now[atom.kind, atom.name]
                return np.broadcast_to(value, (TIME, BATCH, width))

            lacking = {name: value(name) - guess[name][1:] for name in group.states}
            moves = {name: np.zeros_like(guess[name]) for name in group.states}
            for t in range(TIME):
                for name in group.states:
                    moves[name][t + 1] = lacking[name][t]
                for (name, previous), gain in group.gains.items():
                    moves[name][t + 1] += value(gain)[t] * moves[previous][t]
            guess = {name: guess[name] + moves[name] for name in group.states}
        return guess


@pytest.mark.parametrize("name", [*LINEAR, *NONLINEAR])
def test_what_is_put_together_from_coefficients_is_what_the_cell_computes(name: str) -> None:
    check(lang.load(name))


@pytest.mark.parametrize("text", [CHOICE, JOINED, OF_WEIGHTS, SCALED, SQUASHED])
def test_names_choices_and_matrices_have_coefficients(text: str) -> None:
    check(lang.parse_text(text))


@pytest.mark.parametrize("name", OPERATIONS)
def test_newtons_method_goes_through_any_operation(name: str) -> None:
    check(of_operation(name))


@pytest.mark.parametrize("seed", range(20))
def test_random_cells_whose_units_are_apart_need_no_loop(seed: int) -> None:
    check(lang.parse_text(unit_by_unit(seed)))


def check(cell: ir.Cell) -> None:
    run, parts = Run(cell), scans_of(cell)
    for group in parts.groups:
        run.add(group)
    outputs = (
        run.of(parts.after, parts.others)[cell.output]
        if parts.others
        else run.values["below", this_step(cell.output)]
    )
    expected = reference.run(cell, run.weights, run.x, UNITS, [run.start])
    np.testing.assert_allclose(np.swapaxes(outputs, 0, 1), expected.outputs, atol=1e-12)
