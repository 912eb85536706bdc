"""The sum since the last mark, against a loop over the steps."""

from __future__ import annotations

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.tasks import Split


def emptied(values: np.ndarray, marks: np.ndarray) -> float:
    """What a memory holds in the end that is emptied at each mark and then filled."""
    memory = 0.0
    for value, mark in zip(values, marks, strict=True):
        if mark:
            memory = 0.0
        memory += value
    return memory


@pytest.mark.parametrize("length", [4, 7, 40])
def test_the_target_is_what_is_left_of_a_memory_that_is_emptied_at_each_mark(length: int) -> None:
    task = tasks.load("sum_since", {"length": length, "train": 50})
    train = task.splits["train"]
    x, y = np.asarray(train.x), np.asarray(train.y)
    expected = [emptied(sequence[:, 0], sequence[:, 1]) / (length / 4) for sequence in x]
    np.testing.assert_allclose(y[:, 0], expected, rtol=1e-5)


def test_most_sequences_have_marks_before_the_last_so_that_there_is_something_to_forget() -> None:
    train = tasks.load("sum_since").splits["train"]
    counts = np.asarray(train.x)[:, :, 1].sum(1)
    assert counts.min() == 1  # the last mark is always there
    assert (counts > 1).mean() > 0.9
    assert 4.0 < counts.mean() < 6.5


def test_whoever_adds_up_everything_does_worse_than_the_mean() -> None:
    """So the task cannot be solved, nor half of it, without emptying the memory."""
    task = tasks.load("sum_since")
    test: Split = task.splits["test"]
    everything = np.asarray(test.x)[:, :, 0].sum(1) / 10.0
    error = float(np.mean((everything - np.asarray(test.y)[:, 0]) ** 2))
    assert error > 2 * task.baselines["always the mean"]
