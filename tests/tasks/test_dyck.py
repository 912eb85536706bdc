"""Dyck words, against a reader that takes pairs of brackets out of the text until none is left."""

from __future__ import annotations

import pytest

from rnnzoo import tasks
from rnnzoo.errors import UsageError

SMALL = {"train": 60, "valid": 10, "test": 300}
OPENING, CLOSING = "([{", ")]}"


def still_open(word: str) -> str | None:
    """The brackets that are not closed yet; None where one closes what is not open."""
    while True:
        shorter = word
        for pair in ("()", "[]", "{}"):
            shorter = shorter.replace(pair, "")
        if shorter == word:
            break
        word = shorter
    return None if set(word) & set(CLOSING) else word


def may_follow(word: str, kinds: int, depth: int) -> frozenset[str]:
    """The symbols after which a word is still the beginning of one of the language."""
    brackets = OPENING[:kinds] + CLOSING[:kinds]
    rests = {symbol: still_open(word + symbol) for symbol in brackets}
    return frozenset(
        symbol for symbol, rest in rests.items() if rest is not None and len(rest) <= depth
    )


@pytest.mark.parametrize(("kinds", "depth"), [(1, 2), (2, 3), (3, 5)])
def test_each_class_is_one_set_of_symbols_that_may_come_next(kinds: int, depth: int) -> None:
    task = tasks.load("dyck", {**SMALL, "kinds": kinds, "depth": depth})
    split = task.splits["train"]
    meaning: dict[int, frozenset[str]] = {}
    for symbols, classes in zip(split.x.argmax(-1), split.y.tolist()):
        word = "".join((OPENING[:kinds] + CLOSING[:kinds])[symbol] for symbol in symbols)
        for end, answer in enumerate(classes, 1):
            allowed = may_follow(word[:end], kinds, depth)
            assert meaning.setdefault(answer, allowed) == allowed
            if end < len(word):
                assert word[end] in allowed
    assert len(set(meaning.values())) == len(meaning) == task.outputs == 1 + 2 * kinds


def test_one_symbol_alone_does_not_tell_the_set() -> None:
    scores = tasks.load("dyck", SMALL).baselines
    assert list(scores)[-1] == "most frequent class under the symbol"
    assert 0.2 < scores["most frequent class under the symbol"] < 0.6


def test_a_depth_of_one_which_asks_for_no_memory_is_refused() -> None:
    with pytest.raises(UsageError, match="`depth` must be at least 2, not 1"):
        tasks.load("dyck", {"depth": 1})
