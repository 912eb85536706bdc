"""Tests at lengths beyond those of training: what is in them, and what is scored."""

from __future__ import annotations

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import UsageError

SMALL = {"train": 40, "valid": 10, "test": 30}
TASKS = [
    ("parity", {}),
    ("parity", {"answer": "sequence"}),
    ("modular", {}),
    ("flip_flop", {}),
    ("dyck", {}),
    ("word_problem", {}),
    ("associative_recall", {}),
    ("selective_copy", {}),
]


@pytest.mark.parametrize(("name", "options"), TASKS)
def test_other_lengths_of_test_leave_train_and_validation_as_they_are(
    name: str, options: dict
) -> None:
    given = {**SMALL, **options, "length": 20}
    usual = tasks.load(name, given)
    longer = tasks.load(name, {**given, "test_lengths": [40, 20, 60]})
    assert not usual.by_length
    assert longer.by_length
    for split in ("train", "validation"):
        for array in ("x", "y", "lengths", "weights"):
            np.testing.assert_array_equal(
                getattr(usual.splits[split], array), getattr(longer.splits[split], array)
            )
    lengths, counts = np.unique(longer.splits["test"].lengths, return_counts=True)
    behind = 4 if name == "selective_copy" else 0  # its answers
    assert lengths.tolist() == [20 + behind, 40 + behind, 60 + behind]
    assert counts.tolist() == [30, 30, 30]


@pytest.mark.parametrize(("name", "options"), TASKS)
def test_a_length_is_the_same_sequences_whatever_the_others_are(name: str, options: dict) -> None:
    given = {**SMALL, **options, "length": 20}
    alone = tasks.load(name, {**given, "test_lengths": [40]}).splits["test"]
    among = tasks.load(name, {**given, "test_lengths": [40, 60]}).splits["test"]
    steps = int(alone.lengths.max())
    np.testing.assert_array_equal(alone.x, among.x[:30, :steps])
    assert not among.x[:30, steps:].any()
    if alone.y.ndim > 1:
        np.testing.assert_array_equal(alone.y, among.y[:30, :steps])
    if alone.weights is not None:
        assert among.weights is not None
        np.testing.assert_array_equal(alone.weights, among.weights[:30, :steps])
        assert not among.weights[:30, steps:].any()


@pytest.mark.parametrize(
    ("name", "lengths", "message"),
    [
        ("parity", 40, r"`test_lengths` must be a list of whole numbers, not 40"),
        ("parity", [40, "x"], r"`test_lengths` must be whole numbers from 1 to \d+, not \[40, 'x'"),
        ("parity", [40, 0], r"`test_lengths` must be whole numbers from 1 to \d+, not \[40, 0"),
        ("parity", [40, True], r"`test_lengths` must be whole numbers from 1 to"),
        ("dyck", [40, 3], r"`test_lengths` must be at least 4 each, not 3"),
        ("flip_flop", [40, 41], r"`test_lengths` must be even, not 41"),
    ],
)
def test_lengths_that_cannot_be_are_refused(name: str, lengths: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tasks.load(name, {"test_lengths": lengths})
