"""Counts of weights against the sizes that papers print."""

import pytest

from rnnzoo import lang
from rnnzoo.lang import counts

# Chung et al. 2014, table 1: units, and weights of the recurrent layer in thousands.  The inputs
# are 20 (speech) and about 100 (music); the LSTM has three diagonal peepholes.
CHUNG = [
    ("peephole", 20, 195, 169_065, 169.1), ("gru", 20, 227, 168_888, 168.9),
    ("rnn", 20, 400, 168_400, 168.4), ("peephole", 100, 36, 19_836, 19.8),
    ("gru", 100, 46, 20_286, 20.2), ("rnn", 100, 100, 20_100, 20.1),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "inputs", "units", "exact", "printed"), CHUNG)
def test_sizes_are_those_of_chung_et_al(
    cell: str, inputs: int, units: int, exact: int, printed: float
) -> None:
    assert counts.weights(lang.load(cell), inputs, units) == exact
    assert abs(exact / 1000 - printed) < 0.1


# Koutnik et al. 2014, section 4: budget of weights, then the units that the paper took for its SRN,
# LSTM and clockwork RNN.  Task 1 generates a waveform (no input, one output, 9 modules), task 2
# classifies words (13 inputs, 25 outputs, 7 modules), task 3 reads handwriting in both directions
# (4 inputs, 82 outputs, 9 modules).
KOUTNIK = [
    (1, 100, 9, 4, 11), (1, 250, 15, 7, 19), (1, 500, 22, 10, 27), (1, 1000, 31, 15, 40),
    (2, 500, 10, 5, 10), (2, 1000, 18, 8, 19), (2, 2500, 34, 17, 40), (2, 5000, 54, 26, 65),
    (2, 10000, 84, 41, 102), (3, 10000, 40, 25, 45), (3, 50000, 121, 67, 148),
    (3, 100000, 185, 100, 231),
]  # fmt: skip
# inputs, outputs, modules, directions
TASKS = {1: (0, 1, 9, 1), 2: (13, 25, 7, 1), 3: (4, 82, 9, 2)}


def whole(task: int, cell: str, units: int) -> int:
    """Weights of the hidden layer in each direction and of one read-out of them all.

    The paper leaves biases out of its equations and does not say what it counts.  One convention
    fits all of its 36 sizes: biases in the hidden layer and in the read-out, peepholes in the LSTM,
    and for the clockwork RNN the weights that are not masked plus one number for each module's
    period.
    """
    inputs, outputs, modules, directions = TASKS[task]
    clockwork = cell == "clockwork"
    hidden = counts.weights(
        lang.load(cell, options={"modules": modules} if clockwork else None), inputs, units
    )
    return directions * (hidden + modules * clockwork) + outputs * (directions * units + 1)


CELLS = ("rnn", "peephole", "clockwork")
SIZES = [
    (task, budget, cell, units)
    for task, budget, *sizes in KOUTNIK
    for cell, units in zip(CELLS, sizes)
]


@pytest.mark.parametrize(("task", "budget", "cell", "units"), SIZES)
def test_sizes_are_those_of_koutnik_et_al(task: int, budget: int, cell: str, units: int) -> None:
    """Within 7 % of the budget.

    One size of 36 is not: the LSTM of task 2 with a budget of 500 has 5 units and 545 weights, 9 %
    more; 4 units would have 425, 15 % less, so no whole number of units comes closer.
    """
    off = abs(whole(task, cell, units) - budget)
    if (task, budget, cell) == (2, 500, "peephole"):
        assert off == 45 < budget - whole(task, cell, units - 1)
    else:
        assert off <= 0.07 * budget


def test_without_peepholes_biases_or_masks_the_sizes_of_koutnik_et_al_would_not_fit() -> None:
    """Each part of the convention is needed; else the test above would say little."""
    assert whole(1, "lstm", 4) == 85 < 0.93 * 100
    biases = 9 + 1
    assert whole(1, "rnn", 9) - biases == 90 < 0.93 * 100
    assert whole(1, "rnn", 40) + 9 == 1690 > 1.07 * 1000  # 40 units are what the clockwork RNN has


def test_the_largest_lstm_of_their_first_task_has_1021_weights() -> None:
    assert whole(1, "peephole", 15) == 4 * (15**2 + 15) + 45 + 16 == 1021


def test_a_mask_of_blocks_halves_the_recurrent_weights() -> None:
    cell = lang.load("clockwork")  # 8 modules of 8: block-triangular, 64 * 64 / 2 + 64 * 8 / 2
    assert counts.weights(cell, 5, 64) == 64 * 5 + (64 * 64 + 64 * 8) // 2 + 64


def test_multiply_adds_are_those_of_the_products() -> None:
    assert counts.multiply_adds(lang.load("lstm"), 10, 20) == 4 * 20 * (10 + 20)
    assert counts.multiply_adds(lang.load("lstm"), 10, 20, layers=2) == 4 * 20 * (
        10 + 20
    ) + 4 * 20 * (20 + 20)


def test_layers_of_a_depth_gated_lstm_differ() -> None:
    cell = lang.load("depth_gated")
    peephole = counts.weights(lang.load("peephole"), 7, 5)
    assert counts.weights(cell, 7, 5) == peephole + (5 * 7 + 5 + 5) + 5 * 7  # W_d, p_d, b_d and W_l


@pytest.mark.parametrize("name", ["lstm", "gru", "peephole", "rnn", "fgr", "clockwork"])
@pytest.mark.parametrize("layers", [1, 2])
def test_the_units_for_a_number_of_weights_are_the_nearest_of_all(name: str, layers: int) -> None:
    cell = lang.load(name)
    least = int(cell.options.get("modules", 1))
    sizes = {units: counts.weights(cell, 7, units, layers) for units in range(least, 60)}
    for wanted in (sizes[20], sizes[20] + 1, (sizes[30] + sizes[31]) // 2 - 1, sizes[40] - 5):
        units = counts.units_for(cell, 7, wanted, layers)
        assert abs(sizes[units] - wanted) == min(abs(size - wanted) for size in sizes.values())
