"""Steps without a loop: their coefficients, put together one step after the other in NumPy, against
the reference.
"""

from __future__ import annotations

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.lang import interpret, ir, reference
from rnnzoo.lang.delays import step_before, this_step
from rnnzoo.lang.interpret import Array, Values
from rnnzoo.lang.scans import Group, Scans, scans, what_needs_a_loop
from rnnzoo.lang.widen import compile_step
from rnnzoo.spec.cell import built_in_names

UNITS, INPUTS, TIME, BATCH = 8, 3, 6, 2
LINEAR = (
    "lru", "mingru", "minlstm", "qrnn", "rglru", "s4d", "typed_gru", "typed_lstm", "typed_rnn",
)  # fmt: skip
CHOICE = """
name: choice
title: Linear in its state by way of names, a choice, a quotient and a sign
equations: |
  f = sigmoid(W_f @ x + b_f)
  a = c[t-1] / (1 + f) - 0.1 * h[t-1]
  c = where(f > 0.5, a, -f) - b_c
  h = -a + f * (h[t-1] - W @ x)
"""


def scans_of(cell: ir.Cell) -> Scans | None:
    return scans(cell.step, [state.name for state in cell.states], [cell.output])


def test_the_linear_cells_of_the_zoo_need_no_loop() -> None:
    named = {name for name in built_in_names() if scans_of(lang.load(name)) is not None}
    assert named >= {*LINEAR}
    assert named.isdisjoint({"lstm", "gru", "scrn", "rwkv4", "sru", "clockwork"})


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("lstm", "it is nonlinear in h and c together, all units together"),
        ("rwkv4", "it is nonlinear in m, unit by unit"),
        ("clockwork", "it reads the number of the step"),
    ],
)
def test_it_is_told_why_a_cell_needs_a_loop(name: str, why: str) -> None:
    cell = lang.load(name)
    assert what_needs_a_loop(cell.step, [state.name for state in cell.states]) == why


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
        widths = {state.name: self.sizes.of(state.size) for state in cell.states}
        self.start = {name: rng.normal(size=(BATCH, width)) for name, width in widths.items()}

    def of(self, step: ir.Step, names: tuple[str, ...]) -> dict[str, Array]:
        """Equations at all steps."""
        program = compile_step(step, names)
        assert not program.loop
        values = interpret.evaluate((*program.once, *program.before), dict(self.values), self.sizes)
        arrays = {}
        for name in names:
            atom, width = program.results[name], self.sizes.of(step.equation(name).size)
            value = atom.value if isinstance(atom, ir.Number) else values[atom.kind, atom.name]
            arrays[name] = np.broadcast_to(value, (TIME, BATCH, width))
        return arrays

    def add(self, group: Group) -> None:
        arrays, rows = self.of(group.step, group.equations), [self.start]
        for t in range(TIME):
            now = {name: np.zeros_like(self.start[name]) for name in group.states}
            for (name, previous), gain in group.gains.items():
                now[name] = now[name] + arrays[gain][t] * rows[-1][previous]
            for name, rest in group.rests.items():
                now[name] = now[name] + arrays[rest][t]
            rows.append(now)
        for name in group.states:
            series = np.stack([row[name] for row in rows])
            self.values["below", step_before(name)] = series[:-1]
            self.values["below", this_step(name)] = series[1:]


@pytest.mark.parametrize("name", [*LINEAR, "choice"])
def test_what_is_put_together_from_coefficients_is_what_the_cell_computes(name: str) -> None:
    cell = lang.parse_text(CHOICE) if name == "choice" else lang.load(name)
    run, parts = Run(cell), scans_of(cell)
    assert parts is not None
    for group in parts.groups:
        run.add(group)
    outputs = (
        run.of(parts.after, parts.others)[cell.output]
        if parts.others
        else run.values["below", this_step(cell.output)]
    )
    expected = reference.run(cell, run.weights, run.x, UNITS, [run.start])
    np.testing.assert_allclose(np.swapaxes(outputs, 0, 1), expected.outputs, atol=1e-12)
