"""Selective copying, against a text from which the blanks are struck out."""

from __future__ import annotations

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import UsageError

SMALL = {"train": 100, "valid": 10, "test": 100}


@pytest.mark.parametrize("options", [{}, {"length": 5, "items": 5}, {"items": 7, "symbols": 3}])
def test_the_answer_is_the_text_without_its_blanks(options: dict) -> None:
    task = tasks.load("selective_copy", {**SMALL, **options})
    items = options.get("items", 4)
    letters = "abcd"[: task.outputs] + " ?"
    split = task.splits["train"]
    assert split.weights is not None
    for shown, answers, counts in zip(split.x.argmax(-1), split.y, split.weights):
        text = "".join(letters[symbol] for symbol in shown)
        assert text.endswith("?" * items)
        assert text.count("?") == items
        assert np.flatnonzero(counts).tolist() == list(range(text.index("?"), len(text)))
        asked = "".join(letters[answer] for answer in answers[counts > 0])
        assert asked == text.replace("?", "").replace(" ", "")


def test_symbols_stand_anywhere_and_none_is_likelier() -> None:
    task = tasks.load("selective_copy", {"train": 4000, "test": 2000})
    kept = task.splits["train"].x[:, :40, :4]
    np.testing.assert_allclose(kept.any(-1).mean(0), 4 / 40, atol=0.02)
    assert task.baselines["most frequent class"] == pytest.approx(3 / 4, abs=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 3}, "`length` must be at least 4, not 3"),
        ({"symbols": 1}, "`symbols` must be at least 2, not 1"),
    ],
)
def test_what_has_no_room_is_refused(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tasks.load("selective_copy", options)
