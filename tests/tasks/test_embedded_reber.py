"""The continual embedded Reber grammar, against a regular expression of its strings."""

from __future__ import annotations

import re

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.tasks.embedded_reber import SYMBOLS

SMALL = {"train": 300, "valid": 20, "test": 20}
LATE = "(?:XT*VP)*(?:S|XT*VV)"  # from where both ways have met
REBER = f"B(?:TS*X{LATE}|PT*V(?:V|P{LATE}))E"
EMBEDDED = f"B(?P<outer>[TP]){REBER}(?P=outer)E"


def texts(split: tasks.Split) -> list[str]:
    return [
        "".join(SYMBOLS[symbol] for symbol in row[:length].argmax(-1))
        for row, length in zip(split.x, split.lengths)
    ]


def test_a_sequence_is_so_many_strings_of_the_grammar_and_each_asks_for_its_second_symbol() -> None:
    options = {**SMALL, "strings": 5, "test_strings": 9}
    task = tasks.load("embedded_reber", options)
    for name, strings in (("train", 5), ("validation", 5), ("test", 9)):
        split = task.splits[name]
        assert split.weights is not None
        for text, answers, counts in zip(texts(split), split.y, split.weights):
            parsed = [*re.finditer(EMBEDDED, text)]
            assert "".join(string[0] for string in parsed) == text
            assert len(parsed) == strings
            asked = [string.end() - 3 for string in parsed]  # where the inner E stands
            assert np.flatnonzero(counts).tolist() == asked
            assert [task.classes[answer] for answer in answers[asked]] == [
                string["outer"] for string in parsed
            ]


def test_strings_are_as_long_as_fair_choices_make_them() -> None:
    """12 symbols on average: the solution of the six equations of the grammar's places."""
    split = tasks.load("embedded_reber", {**SMALL, "strings": 10}).splits["train"]
    assert split.lengths.mean() / 10 == pytest.approx(12, abs=0.3)


def test_who_remembers_nothing_is_wrong_half_of_the_time() -> None:
    scores = tasks.load("embedded_reber", {"train": 300, "valid": 1}).baselines.values()
    assert [*scores] == pytest.approx([0.5] * len(scores), abs=0.03)
