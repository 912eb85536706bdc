"""Copy memory with other numbers than those of Arjovsky, Shah and Bengio."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import UsageError

SMALL = {"train": 200, "valid": 10, "test": 20}


def test_the_sequences_of_ten_out_of_eight_are_what_they_were_before_both_could_be_chosen() -> None:
    """So studies of before go on: the digest is that of the version without such options."""
    digest = tasks.load("copy_memory", {"length": 30, "train": 40, "valid": 20, "test": 30}).digest
    assert digest == "7da695973c9e518e2f1bf8e37c6c0760e59b3e035b5729614216a1d8d9e24f8b"


@pytest.mark.parametrize(("items", "symbols"), [(5, 2), (10, 4), (5, 26), (1, 3)])
def test_what_was_shown_is_asked_for_after_the_delimiter(items: int, symbols: int) -> None:
    options = {**SMALL, "length": 7, "items": items, "symbols": symbols}
    task = tasks.load("copy_memory", options)
    split = task.splits["train"]
    letters = [chr(ord("a") + number) for number in range(symbols)] + [" ", "?"]
    for shown, answers in zip(split.x.argmax(-1), split.y):
        text = "".join(letters[symbol] for symbol in shown)
        word = text[:items]
        assert text == word + " " * 6 + "?" + " " * items
        asked = "".join(letters[answer] for answer in answers)
        assert asked == " " * (items + 7) + word
    assert set(np.unique(split.y)) == set(range(symbols + 1))
    assert task.baselines["no memory"] == pytest.approx(items * math.log(symbols) / (7 + 2 * items))


def test_one_symbol_which_nobody_need_remember_is_refused() -> None:
    with pytest.raises(UsageError, match="`symbols` must be at least 2, not 1"):
        tasks.load("copy_memory", {"symbols": 1})
