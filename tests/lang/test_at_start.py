"""Half-lives and gates before training, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.lang.at_start import STEPS, Start, at_start, half_life, is_gate


def begun(equations: str, more: str = "") -> Start:
    start = at_start(lang.parse_text(f"name: mine\nequations: |\n{equations}{more}"))
    assert start is not None
    return start


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.99])
def test_the_half_life_of_an_exponential_decay(kept: float) -> None:
    lives = begun(f"  h = {kept} * h[t-1] + W @ x\n").half_lives
    assert lives == {"h": pytest.approx(math.log(0.5) / math.log(kept), rel=1e-6)}


def test_a_rotation_forgets_only_what_it_shrinks() -> None:
    rotation = (
        "  h = 0.95 * (cos(1) * h[t-1] - sin(1) * c[t-1]) + W @ x\n"
        "  c = 0.95 * (sin(1) * h[t-1] + cos(1) * c[t-1])\n"
    )
    start = begun(rotation)
    expected = pytest.approx(math.log(0.5) / math.log(0.95), rel=0.01)
    assert start.half_lives == {"h": expected, "c": expected}
    np.testing.assert_allclose(start.left["c"], 0.95 ** np.arange(STEPS + 1), atol=1e-8)


def test_a_sum_keeps_and_a_delay_is_left_out() -> None:
    start = begun("  u = W @ x\n  h = h[t-1] + u[t-1]\n")
    assert start.half_lives == {"h": None}
    assert start.lines() == ["half-life in steps: h over 200"]


def test_a_dense_matrix_that_turns_by_orthogonal_keeps_its_share() -> None:
    start = begun("  h = 0.8 * (R @ h[t-1]) + W @ x\n")
    np.testing.assert_allclose(start.left["h"][:20], 0.8 ** np.arange(20), rtol=1e-6)


def test_half_is_lost_where_it_does_not_come_back() -> None:
    assert half_life(np.array([1.0, 0.2, 0.6, 0.4, 0.1])) == pytest.approx(2.45, abs=0.01)
    assert half_life(np.array([1.0, 0.5, 0.0])) == 1.0
    assert half_life(np.array([1.0, 0.4, 0.5])) is None


def test_gates_stand_where_their_biases_put_them() -> None:
    gated = "  f = sigmoid(0 * (W @ x) + b_f)\n  i = 1 - f\n  h = f * h[t-1] + i * (V @ x)\n"
    start = begun(gated, "init: {b_f: 1}\n")
    assert start.gates["f"].mean == pytest.approx(1 / (1 + math.exp(-1)))
    assert start.gates["i"].mean == pytest.approx(1 - start.gates["f"].mean)
    assert start.gates["f"].saturated == 0
    assert start.half_lives["h"] == pytest.approx(math.log(0.5) / math.log(0.731), rel=0.01)
    shut = begun(gated, "init: {b_f: 20}\n")
    assert shut.gates["f"].saturated == shut.gates["i"].saturated == 1
    expected = "gates, 0 shut and 1 open: f 1.00 (100 % saturated), i 0.00 (100 % saturated)"
    assert shut.lines()[1] == expected


def test_a_gate_is_what_is_made_of_gates_alone() -> None:
    cell = lang.parse_text(
        "name: mine\nequations: |\n  f = sigmoid(W @ x)\n  l = cumax(V @ x)\n"
        "  k = 1 - cumax(U @ x)\n  u = l * k\n  n = tanh(P @ x)\n  m = f * n\n  s = 2 - f\n"
        "  h = u * h[t-1] + m + s\n"
    )
    names = [equation.name for equation in cell.first.equations]
    assert [name for name in names if is_gate(cell.first, name)] == ["f", "l", "k", "u"]


def test_nothing_is_said_of_a_cell_that_is_not_finite() -> None:
    broken = lang.parse_text("name: mine\nequations: |\n  h = h[t-1] / b + W @ x\n")
    assert at_start(broken) is None
