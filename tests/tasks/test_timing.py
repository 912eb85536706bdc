"""Tasks of timing, against clocks that count steps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import UsageError

SMALL = {"train": 100, "valid": 10, "test": 50}


@pytest.mark.parametrize(("interval", "delays"), [(10, 2), (3, 4)])
def test_the_delay_of_a_spike_is_what_a_clock_shows_that_the_last_one_set(
    interval: int, delays: int
) -> None:
    options = {**SMALL, "interval": interval, "delays": delays, "spikes": 6}
    split = tasks.load("spike_delays", options).splits["train"]
    assert split.weights is not None
    for shown, answers, counts, length in zip(split.x, split.y, split.weights, split.lengths):
        assert shown[0].tolist() == [0, 1]
        clock, asked = 0, 0
        for step in range(1, length):
            clock += 1
            if shown[step].tolist() == [0, 1]:
                assert answers[step] == clock - interval
                assert counts[step] == 1
                clock, asked = 0, asked + 1
            else:
                assert counts[step] == 0
        assert asked == 6
        assert shown[length - 1, 1] == 1
        assert not counts[length:].any()


@pytest.mark.parametrize(("interval", "delays"), [(10, 2), (3, 4)])
def test_a_clock_that_is_set_to_what_is_shown_spikes_when_it_should(
    interval: int, delays: int
) -> None:
    options = {**SMALL, "interval": interval, "delays": delays, "spikes": 6}
    split = tasks.load("timed_spikes", options).splits["train"]
    for shown, answers, length in zip(split.x, split.y, split.lengths):
        clock = 0
        for step in range(length):
            clock += 1
            spikes = clock == interval + int(shown[step].argmax())
            assert answers[step] == spikes
            if spikes:
                clock = 0
        assert answers.sum() == 6
        assert answers[length - 1] == 1


def test_delays_are_fair_and_silence_is_the_best_that_needs_no_clock() -> None:
    delays = tasks.load("spike_delays", {"valid": 1, "interval": 4})
    assert delays.baselines["most frequent class"] == pytest.approx(0.5, abs=0.03)
    spikes = tasks.load("timed_spikes", {"valid": 1, "interval": 20})
    assert list(spikes.baselines.values()) == pytest.approx([1 / 20.5] * 2, rel=0.01)
    assert spikes.solved == pytest.approx(1 / 20.5 / 20)


FUNCTIONS = {
    "cos": lambda t: math.sin(math.pi * t / 12) ** 2,
    "triangle": lambda t: min(t % 12, 12 - t % 12) / 6,
    "rectangle": lambda t: t // 6 % 2,
}
# of 12 steps; that of a triangle is 1/12 of a continuous one
VARIANCES = {"cos": 1 / 8, "triangle": (1 + 8 / 12**2) / 12, "rectangle": 1 / 4}


@pytest.mark.parametrize("shape", FUNCTIONS)
def test_a_periodic_function_goes_on_and_nothing_is_shown(shape: str) -> None:
    options = {"shape": shape, "period": 12, "length": 48, "train": 3, "test_lengths": [48, 1200]}
    task = tasks.load("periodic", options)
    assert task.by_length
    train, test = task.splits["train"], task.splits["test"]
    assert not train.x.any()
    assert not test.x.any()
    expected = [FUNCTIONS[shape](step) for step in range(1200)]
    np.testing.assert_allclose(test.y[1, :, 0], expected, atol=1e-6)
    for sequence in train.y:
        np.testing.assert_allclose(sequence[:, 0], expected[:48], atol=1e-6)
    assert test.lengths.tolist() == [48, 1200]
    error = task.baselines["always the mean"]
    assert error == pytest.approx(VARIANCES[shape], rel=1e-4)


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("spike_delays", {"delays": 1}, "`delays` must be at least 2, not 1"),
        ("timed_spikes", {"delays": 1}, "`delays` must be at least 2, not 1"),
        ("periodic", {"shape": "sin"}, "`shape` cannot be 'sin'"),
        ("periodic", {"length": 9}, "`length` must be at least 10, not 9"),
        ("periodic", {"test_lengths": [5]}, "`test_lengths` must be at least 10 each, not 5"),
    ],
)
def test_what_makes_no_task_is_refused(task: str, options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tasks.load(task, options)
