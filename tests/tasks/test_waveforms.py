"""Pieces of sound, against their spectrum."""

from __future__ import annotations

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import UsageError
from rnnzoo.tasks.waveforms import piece


def test_nothing_is_shown_and_all_sequences_are_the_piece() -> None:
    task = tasks.load("waveforms", {"train": 3, "valid": 2})
    for split in task.splits.values():
        assert not split.x.any()
        assert split.lengths.tolist() == [320] * len(split)
        for sequence in split.y:
            np.testing.assert_array_equal(sequence, task.splits["train"].y[0])
    assert task.splits["train"].y[0].mean() == pytest.approx(0, abs=1e-6)
    assert task.baselines["always the mean"] == pytest.approx(1, abs=1e-6)


def test_pieces_differ_and_do_not_depend_on_the_seed() -> None:
    first, again, other = (
        tasks.load("waveforms", {"piece": number}, seed=seed).splits["test"].y
        for number, seed in ((1, 0), (1, 5), (2, 0))
    )
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first[0, :, 0], other[0, :, 0])[0, 1]) < 0.9


def test_one_sample_is_no_curve() -> None:
    with pytest.raises(UsageError, match="`length` must be at least 2, not 1"):
        tasks.load("waveforms", {"length": 1})


@pytest.mark.parametrize("number", range(1, 6))
def test_most_of_a_piece_lies_between_its_lowest_and_its_highest_tone(number: int) -> None:
    power = np.abs(np.fft.rfft(piece(number, 5, 3200))) ** 2
    frequencies = np.fft.rfftfreq(3200)
    within = (frequencies >= 1 / 170) & (frequencies <= 1 / 4.9)
    assert power[within].sum() > 0.8 * power.sum()
