"""Associative recall, against a dictionary that is filled and read."""

from __future__ import annotations

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import UsageError

SMALL = {"train": 200, "valid": 10, "test": 200}


@pytest.mark.parametrize(
    "options", [{}, {"length": 9, "pairs": 3, "keys": 3, "values": 5}, {"pairs": 8, "length": 50}]
)
def test_every_query_gives_what_a_dictionary_of_the_pairs_holds(options: dict) -> None:
    task = tasks.load("associative_recall", {**SMALL, **options})
    pairs, keys = options.get("pairs", 4), options.get("keys", 8)
    split = task.splits["train"]
    assert split.weights is not None
    for shown, answers, counts in zip(split.x.argmax(-1).tolist(), split.y, split.weights):
        memory = dict(zip(shown[0 : 2 * pairs : 2], shown[1 : 2 * pairs : 2]))
        assert len(memory) == len(set(memory.values())) == pairs
        assert set(memory) <= set(range(1, keys + 1))
        asked = [step for step, symbol in enumerate(shown) if symbol and step >= 2 * pairs]
        assert sorted(shown[step] for step in asked) == sorted(memory)
        assert np.flatnonzero(counts).tolist() == asked
        assert [answers[step] + keys + 1 for step in asked] == [
            memory[shown[step]] for step in asked
        ]


def test_queries_are_anywhere_behind_the_pairs() -> None:
    split = tasks.load("associative_recall", {"train": 4000}).splits["train"]
    assert split.weights is not None
    np.testing.assert_array_equal(split.weights[:, :8], 0)
    np.testing.assert_allclose(split.weights[:, 8:].mean(0), 4 / 32, atol=0.03)


def test_who_answers_with_a_value_that_was_shown_is_right_once_in_as_many_pairs() -> None:
    task = tasks.load("associative_recall", {"pairs": 4, "valid": 1})
    test = task.splits["test"]
    assert test.weights is not None
    first = test.x[:, 1].argmax(-1) - 9  # always the first value
    rows, steps = np.nonzero(test.weights)
    assert (test.y[rows, steps] != first[rows]).mean() == 3 / 4
    assert list(task.baselines.items())[-1] == ("any value that was shown", 3 / 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": 1}, "`pairs` must be at least 2, not 1"),
        ({"length": 11}, "`length` must be at least 12, not 11"),
        ({"keys": 3}, "`keys` must be at least 4, not 3"),
        ({"values": 3}, "`values` must be at least 4, not 3"),
    ],
)
def test_what_has_no_room_is_refused(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tasks.load("associative_recall", options)
