"""`h[t-3]`: values of several steps back, against an explicit history."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

import rnnzoo
from rnnzoo import lang
from rnnzoo.errors import SpecError
from rnnzoo.lang import ir, latex, reference
from rnnzoo.lang.at_start import at_start
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.carriers import in_short
from rnnzoo.lang.parse import MAX_LAG
from rnnzoo.lang.recurrence import recurrences
from rnnzoo.lang.text import cell_text
from rnnzoo.lang.view import CellView
from tests.lang.test_adjoint import agrees_with_numeric_differentiation

INPUTS, UNITS, TIME = 3, 4, 9
LAGGED = """name: q
options: {lag: 4}
equations: |
  c = 0.5 * c[t-lag] + tanh(W @ x + R @ h[t-3])
  h = tanh(c + U @ [h[t-2], x])
initial: {c: 0.3}
"""


def cell_of(text: str) -> ir.Cell:
    return lang.parse_text(text)


def shown(text: str) -> CellView:
    return CellView(cell_of(text), None, "", None, "", {})


@pytest.mark.parametrize("lag", [1, 2, 4, 8])
def test_a_lag_reads_the_history(lag: int) -> None:
    cell = cell_of(LAGGED.replace("lag: 4", f"lag: {lag}"))
    (weights,) = reference.random_weights(cell, INPUTS, UNITS, 1, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(2, TIME, INPUTS))
    for computed, sequence in zip(reference.run(cell, [weights], x, UNITS).outputs, x, strict=True):
        c, h = [np.full(UNITS, 0.3)] * 10, [np.zeros(UNITS)] * 10
        for now in sequence:
            c.append(0.5 * c[-lag] + np.tanh(weights["W"] @ now + weights["R"] @ h[-3]))
            h.append(np.tanh(c[-1] + weights["U"] @ np.concatenate([h[-2], now])))
        np.testing.assert_allclose(computed, h[10:], rtol=0, atol=1e-12)


def test_gradients_go_back_through_lags() -> None:
    agrees_with_numeric_differentiation(LAGGED)


def test_what_carries_a_state_starts_as_the_state_does() -> None:
    starts = {state.name: state.initial for state in cell_of(LAGGED).states}
    assert starts == {
        "h": 0, "c": 0.3, "c_lag1": 0.3, "c_lag2": 0.3, "c_lag3": 0.3, "h_lag1": 0, "h_lag2": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        LAGGED,
        f"name: q\nequations: |\n  h = tanh(W @ x + h[t-{MAX_LAG}])\n",
        f"name: q\noutput: {'y' * 40}\nequations: |\n  {'y' * 40} = W @ x + {'y' * 40}[t-12]\n",
        "name: q\nequations: |\n  h = W @ x + below.h + h[t-1]\n"
        "first_layer: |\n  h = W @ x + h[t-3]\n",
    ],
)
def test_the_text_of_a_cell_with_lags_reads_back(text: str) -> None:
    cell = cell_of(text)
    assert cell_of(cell_text(cell)) == cell


def test_lags_are_shown_as_they_are_written() -> None:
    cell = shown(LAGGED)
    assert latex.equations(cell.ir) == (
        r"c_{t} = 0.5 \, c_{t-4} + \tanh\left(W x_{t} + R h_{t-3}\right)",
        r"h_{t} = \tanh\left(c_{t} + U \left[h_{t-2}, x_{t}\right]\right)",
    )
    assert cell.equations == (
        "c = 0.5 * c[t-4] + tanh(W @ x + R @ h[t-3])",
        "h = tanh(c + U @ [h[t-2], x])",
    )
    assert "h\u209c\u208b\u2083" in cell.unicode[0]


def test_names_that_carry_are_free() -> None:
    text = "name: q\nequations: |\n  h_lag1 = tanh(W @ x)\n  h = h_lag1[t-1] + w * h[t-2]\n"
    cell = cell_of(text)
    assert {state.name for state in cell.states} == {"h", "h_lag1", "h_lag_1"}


def test_a_lag_of_one_unit_alone_stays_unit_by_unit() -> None:
    cell = cell_of("name: q\nequations: |\n  h = W @ x + w * h[t-3]\n")
    (group,) = recurrences(cell.step, cell.states)
    assert group.kind == "linear block"
    assert set(group.states) == {"h", "h_lag1", "h_lag2"}


def test_states_that_carry_are_told_in_short() -> None:
    cell = cell_of("name: q\nequations: |\n  h = tanh(W @ x + R @ h[t-100])\n")
    (group,) = recurrences(cell.step, cell.states)
    assert group.about.startswith("nonlinear in h and h_lag1 to h_lag99 together, all units")
    assert in_short(["h_lag3", "h", "c_lag2", "h_lag1", "h_lag2"]) == [
        "h_lag1 to h_lag3", "h", "c_lag2",
    ]  # fmt: skip
    begun = at_start(cell)
    assert begun is not None
    assert [*begun.left] == ["h"]


def test_a_difference_of_lags_is_told_as_it_is_written() -> None:
    cell, other = shown(LAGGED), cell_of(LAGGED.replace("lag: 4", "lag: 2"))
    assert cell.diff(other) == {"c": "c = 0.5 * c[t-2] + tanh(W @ x + R @ h[t-3])"}


def test_a_lag_as_it_is_shown_is_told_what_to_write() -> None:
    with pytest.raises(SpecError, match=r"h\[t-12\]"):
        cell_of("name: q\nequations: |\n  h = tanh(W @ x + R @ h\u209c\u208b\u2081\u2082)\n")


@pytest.mark.parametrize("lag", [2, 3, 4])
def test_a_lag_written_out_is_the_same_cell(lag: int) -> None:
    names = ["h", *(f"k{number}" for number in range(1, lag))]
    lines = "".join(f"  {name} = {before}[t-1]\n" for before, name in itertools.pairwise(names))
    form = "name: q\nequations: |\n{}  h = tanh(W @ x + R @ {})\n"
    written_out = form.format(lines, f"{names[-1]}[t-1]")
    assert canonical_hash(cell_of(form.format("", f"h[t-{lag}]"))) == canonical_hash(
        cell_of(written_out)
    )
    agrees_with_numeric_differentiation(written_out)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["auto", "portable"])
def test_a_compiled_layer_reads_the_history(tmp_path: Path, engine: str) -> None:
    file = tmp_path / "q.yaml"
    file.write_text(LAGGED.replace("c: 0.3", "c: 0.3, h: learned"))
    layer = rnnzoo.layer(str(file), UNITS, seed=3, return_sequences=True, engine=engine)
    x = np.random.default_rng(1).normal(size=(2, TIME, INPUTS)).astype("float32")
    outputs = np.asarray(layer(x))
    expected = reference.run(layer.cell, [layer.weights_by_name()], x.astype(float), UNITS).outputs
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5)
