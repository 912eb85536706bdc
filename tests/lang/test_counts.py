"""Counts of weights against the sizes that papers print."""

import pytest

from rnnzoo import lang
from rnnzoo.lang import counts

# Chung et al. 2014, table 1: units, and weights of the recurrent layer in thousands.  The inputs are 20 (speech) and about
# 100 (music); the LSTM has three diagonal peepholes.
CHUNG = [
    ("peephole", 20, 195, 169_065, 169.1), ("gru", 20, 227, 168_888, 168.9), ("rnn", 20, 400, 168_400, 168.4),
    ("peephole", 100, 36, 19_836, 19.8), ("gru", 100, 46, 20_286, 20.2), ("rnn", 100, 100, 20_100, 20.1),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "inputs", "units", "exact", "printed"), CHUNG)
def test_sizes_are_those_of_chung_et_al(cell: str, inputs: int, units: int, exact: int, printed: float) -> None:
    assert counts.weights(lang.load(cell), inputs, units) == exact
    assert abs(exact / 1000 - printed) < 0.1


def whole(cell: str, inputs: int, units: int, outputs: int, options: dict[str, float] | None = None) -> int:
    """Weights of a hidden layer and a linear read-out with biases."""
    hidden = counts.weights(lang.load(cell, options=options), inputs, units)
    return hidden + outputs * (units + 1)


# Koutnik et al. 2014: units for each budget of weights.  Task 1 generates a waveform (no input, one output, 9 modules), task 2
# classifies words (13 inputs, 25 outputs, 7 modules).
KOUTNIK = [
    (1, budget, srn, lstm, cw)
    for budget, srn, lstm, cw in zip((100, 250, 500, 1000), (9, 15, 22, 31), (4, 7, 10, 15), (11, 19, 27, 40))
] + [
    (2, budget, srn, lstm, cw)
    for budget, srn, lstm, cw in zip(
        (500, 1000, 2500, 5000, 10000), (10, 18, 34, 54, 84), (5, 8, 17, 26, 41), (10, 19, 40, 65, 102)
    )
]
SHAPES = {1: (0, 1, 9), 2: (13, 25, 7)}  # inputs, outputs, modules


@pytest.mark.parametrize(("task", "budget", "srn", "lstm", "cw"), KOUTNIK)
def test_a_clockwork_rnn_counts_as_koutnik_et_al_count(task: int, budget: int, srn: int, lstm: int, cw: int) -> None:
    """Weights that are not masked, plus one period a module, within 7 % of the budget."""
    inputs, outputs, modules = SHAPES[task]
    found = whole("clockwork", inputs, cw, outputs, {"modules": modules}) + modules
    assert abs(found - budget) <= 0.07 * budget, found


@pytest.mark.parametrize(("task", "budget", "srn", "lstm", "cw"), KOUTNIK)
def test_their_lstm_is_a_peephole_lstm_and_their_srn_a_plain_one(
    task: int, budget: int, srn: int, lstm: int, cw: int
) -> None:
    """The closed forms; the budgets are met as well as whole units allow."""
    inputs, outputs, _ = SHAPES[task]
    read_out = outputs * (lstm + 1)
    assert whole("peephole", inputs, lstm, outputs) == 4 * lstm * (lstm + inputs + 1) + 3 * lstm + read_out
    assert whole("rnn", inputs, srn, outputs) == srn * (srn + inputs + 1) + outputs * (srn + 1)


def test_the_largest_lstm_of_their_first_task_has_1021_weights() -> None:
    assert whole("peephole", 0, 15, 1) == 4 * (15**2 + 15) + 45 + 16 == 1021


def test_a_mask_of_blocks_halves_the_recurrent_weights() -> None:
    cell = lang.load("clockwork")  # 8 modules of 8: block-triangular, 64 * 64 / 2 + 64 * 8 / 2
    assert counts.weights(cell, 5, 64) == 64 * 5 + (64 * 64 + 64 * 8) // 2 + 64


def test_multiply_adds_are_those_of_the_products() -> None:
    assert counts.multiply_adds(lang.load("lstm"), 10, 20) == 4 * 20 * (10 + 20)
    assert counts.multiply_adds(lang.load("lstm"), 10, 20, layers=2) == 4 * 20 * (10 + 20) + 4 * 20 * (20 + 20)


def test_layers_of_a_depth_gated_lstm_differ() -> None:
    cell = lang.load("depth_gated")
    peephole = counts.weights(lang.load("peephole"), 7, 5)
    assert counts.weights(cell, 7, 5) == peephole + (5 * 7 + 5 + 5) + 5 * 7  # W_d, p_d, b_d and W_l
