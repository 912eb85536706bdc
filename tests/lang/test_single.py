"""`CellView.run` and `CellView.gradient_norms`: one layer with weights given by hand, compared with
closed forms.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnnzoo
from rnnzoo.errors import UsageError

PULSE = np.eye(1, 12)[0]  # 1, then 0 eleven times
WITH_GATES_OF_BIASES = dict.fromkeys(("W_f", "R_f", "W_i", "R_i", "R_g", "W_o", "R_o"), 0)


def test_a_unit_of_a_plain_network_computes_its_equation() -> None:
    h = rnnzoo.cell("rnn").run(PULSE, units=1, weights={"W": 2, "R": 0.9, "b": 0.1})["h"]
    expected, previous = [], 0.0
    for x in PULSE:
        previous = np.tanh(2 * x + 0.9 * previous + 0.1)
        expected.append(previous)
    assert h.shape == (12, 1)
    np.testing.assert_allclose(h[:, 0], expected, rtol=1e-12)


def test_a_gradient_of_a_plain_network_is_a_product_of_slopes() -> None:
    cell, weights = rnnzoo.cell("rnn"), {"W": 2, "R": 0.9, "b": 0.1}
    h = cell.run(PULSE, units=1, weights=weights)["h"][:, 0]
    slopes = 0.9 * (1 - h**2)
    norms = cell.gradient_norms(PULSE, units=1, weights=weights)["h"]
    np.testing.assert_allclose(norms, np.cumprod(slopes[::-1]), rtol=1e-12)


def test_on_the_conveyor_belt_a_gradient_shrinks_by_the_forget_gate_alone() -> None:
    weights = {**WITH_GATES_OF_BIASES, "W_g": 1, "b_f": 3.0, "b_i": 0.0, "b_o": 0.0, "b_g": 0}
    cell = rnnzoo.cell("lstm")
    c = cell.run(PULSE, units=1, weights=weights)["c"][-1, 0]
    forget = 1 / (1 + np.exp(-3.0))
    norms = cell.gradient_norms(PULSE, units=1, weights=weights)["c"]
    np.testing.assert_allclose(norms, 0.5 * (1 - np.tanh(c) ** 2) * forget ** np.arange(1, 13))


def test_weights_that_are_missing_are_as_training_begins_with_them() -> None:
    values = rnnzoo.cell("lstm").run(np.zeros((3, 2)), units=4, seed=1)
    np.testing.assert_allclose(values["f"][0], 1 / (1 + np.exp(-1)))  # its bias begins with 1
    drawn = [rnnzoo.cell("rnn").run(PULSE, units=4, seed=seed)["h"] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.allclose(drawn[0], drawn[2])


@pytest.mark.parametrize(
    ("x", "weights", "problem", "fix"),
    [
        (PULSE, {"R_h": 1}, "cell 'rnn' has no weight 'R_h'", "one of: R, W, b"),
        (PULSE, {"R": [1, 2]}, "the weight 'R' has the shape (2, 2) here, not (2,)", "a number"),
        (PULSE, {"R": "one"}, "'R' is no array of numbers: 'one'", ""),
        (PULSE, {"R": np.nan}, "'R' has a number that is not finite", ""),
        (np.zeros((1, 2, 3)), {}, "x has the shape (1, 2, 3), and is one sequence", "an array"),
        ([], {}, "x has the shape (0, 1), and is one sequence", "an array of the shape"),
    ],
)
def test_what_is_no_weight_or_no_sequence_is_refused(
    x: Any, weights: dict[str, Any], problem: str, fix: str
) -> None:
    for ask in (rnnzoo.cell("rnn").run, rnnzoo.cell("rnn").gradient_norms):
        with pytest.raises(UsageError) as refused:
            ask(x, units=2, weights=weights)
        assert refused.value.problem == problem
        assert fix in refused.value.fix
