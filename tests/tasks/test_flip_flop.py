"""The flip-flop language, against a reader of its text."""

from __future__ import annotations

import re

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import UsageError
from rnnzoo.tasks.flip_flop import SYMBOLS

SMALL = {"train": 200, "valid": 20, "test": 500}


def words(split: tasks.Split) -> list[str]:
    return ["".join(SYMBOLS[symbol] for symbol in row) for row in split.x.argmax(-1)]


@pytest.mark.parametrize("ignored", [0.1, 0.8])
def test_every_read_gives_the_bit_of_the_last_write(ignored: float) -> None:
    split = tasks.load("flip_flop", {**SMALL, "length": 40, "ignored": ignored}).splits["train"]
    for word, answers, counts in zip(words(split), split.y, split.weights):
        assert re.fullmatch("w[01]([wri][01]){18}r[01]", word)
        reads = [place.start() for place in re.finditer("r", word)]
        assert np.flatnonzero(counts).tolist() == reads
        for read in reads:
            written = re.search("w([01])[01ri]*$", word[:read])
            assert written
            assert written[1] == word[read + 1] == str(answers[read])


def test_instructions_are_as_frequent_as_the_paper_says_and_bits_are_fair() -> None:
    text = "".join(word[2:-2] for word in words(tasks.load("flip_flop", SMALL).splits["test"]))
    pairs = len(text) // 2
    assert text.count("i") / pairs == pytest.approx(0.8, abs=0.01)
    assert text.count("r") / pairs == pytest.approx(0.1, abs=0.01)
    assert text.count("1") / pairs == pytest.approx(0.5, abs=0.02)


def test_who_repeats_the_last_bit_is_wrong_after_half_of_what_was_to_be_ignored() -> None:
    scores = tasks.load("flip_flop", SMALL).baselines
    assert scores["the bit before"] == pytest.approx(0.4, abs=0.03)
    assert list(scores)[-1] == "the bit before"
    assert scores["most frequent class"] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 7}, "`length` must be even, not 7"),
        ({"length": 4}, "`length` must be at least 6, not 4"),
        ({"ignored": 1.0}, "`ignored` must be above 0 and below 1, not 1.0"),
    ],
)
def test_what_makes_no_task_is_refused(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tasks.load("flip_flop", options)
