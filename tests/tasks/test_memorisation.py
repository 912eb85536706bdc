"""Memorisation, against a text that is written down by hand."""

from __future__ import annotations

from string import ascii_lowercase

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import UsageError

SMALL = {"train": 100, "valid": 10, "test": 100}


@pytest.mark.parametrize("options", [{}, {"items": 1}, {"items": 7, "symbols": 3}])
def test_each_symbol_is_asked_for_where_the_one_before_it_is_shown_again(options: dict) -> None:
    task = tasks.load("memorisation", {**SMALL, **options})
    items = options.get("items", 5)
    letters = ascii_lowercase[: task.outputs] + "="
    split = task.splits["train"]
    assert split.weights is not None
    for shown, answers, counts in zip(split.x.argmax(-1), split.y, split.weights):
        text = "".join(letters[symbol] for symbol in shown)
        asked = "".join(letters[answer] for answer in answers[counts > 0])
        assert text == f"{asked}={asked[:-1]}"
        assert np.flatnonzero(counts).tolist() == list(range(items, 2 * items))


def test_no_symbol_is_likelier_and_none_follows_from_the_one_before_it() -> None:
    task = tasks.load("memorisation", {"train": 4000, "test": 4000})
    symbols = task.splits["train"].x[:, :5, :26]
    np.testing.assert_allclose(symbols.mean((0, 1)), 1 / 26, atol=0.01)
    for baseline in task.baselines.values():
        assert baseline == pytest.approx(25 / 26, abs=0.01)


def test_it_is_solved_from_95_per_cent_on() -> None:
    assert tasks.load("memorisation", SMALL).solved == 0.05


def test_one_symbol_is_nothing_to_remember() -> None:
    with pytest.raises(UsageError, match="`symbols` must be at least 2, not 1"):
        tasks.load("memorisation", {"symbols": 1})
