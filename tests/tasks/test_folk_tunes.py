"""Folk tunes as text, and n-gram models against a recursion over dictionaries."""

from __future__ import annotations

import math
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import TaskError, UsageError
from rnnzoo.tasks import SPLITS, Split, Task, _ngrams, folk_tunes
from rnnzoo.tasks.folk_tunes import EDGE, SYMBOLS, VOCABULARY


@cache
def load() -> Task:
    return tasks.load("folk_tunes", {"longest": 150})


BLOCK = """ 301
T: I'M MARRIED ONE YEAR TODAY
M: 6/8
L: 1/8  % all of it
K:G Major
"With spirit" (d/>c/) \\
|  B>AB \t GAB |"G".c3 ~B2HA |

d:| d3 |
K:D
%% no music
 e6 ||

"""


def test_a_tune_is_its_meter_its_key_and_its_notes() -> None:
    assert folk_tunes.tune(BLOCK) == (
        "M:6/8\nK:GMajor\n(d/>c/)\n| B>AB GAB |c3 B2A |\nd:| d3 |\ne6 ||"
    )


def text(split: Split, row: int, symbols: np.ndarray) -> str:
    real = symbols[row, : split.lengths[row]]
    return "".join("$" if symbol == EDGE else VOCABULARY[symbol - 1] for symbol in real)


def test_every_tune_is_in_one_split_and_asked_for_one_character_ahead() -> None:
    texts: dict[str, list[str]] = {name: [] for name in SPLITS}
    for name, split in load().splits.items():
        for row in range(len(split)):
            shown = text(split, row, split.x.argmax(-1))
            asked = text(split, row, split.y)
            assert shown[0] == asked[-1] == "$"
            assert shown[1:] == asked[:-1]
            assert shown.startswith("$M:")
            texts[name].append(asked[:-1])
    short = [tune for tune in folk_tunes.tunes() if len(tune) <= 150]
    assert texts["validation"] == short[0::10]
    assert texts["test"] == short[1::10]
    assert sorted([*texts["train"], *short[0::10], *short[1::10]]) == sorted(short)
    assert load().classes[:4] == ("edge of a tune", "end of a line", "space", "'")


class WittenBell:
    """Bell, Cleary and Witten's method C, as one reads it: a recursion over shorter contexts."""

    def __init__(self, tunes: list[list[int]], order: int) -> None:
        self.order = order
        self.followed: dict[tuple[int, ...], dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for tune in tunes:
            for context, symbol in self.pairs(tune):
                for reach in range(order):
                    self.followed[context[len(context) - reach :]][symbol] += 1

    def pairs(self, tune: list[int]) -> list[tuple[tuple[int, ...], int]]:
        padded = [EDGE] * self.order + tune
        return [
            (tuple(padded[place + 1 : place + self.order]), padded[place + self.order])
            for place in range(1, len(tune))
        ]

    def chance(self, context: tuple[int, ...], symbol: int) -> float:
        shorter = self.chance(context[1:], symbol) if context else 1 / SYMBOLS
        followed = self.followed.get(context)
        if not followed:
            return shorter
        kinds, count = len(followed), sum(followed.values())
        return (followed.get(symbol, 0) + kinds * shorter) / (count + kinds)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_an_n_gram_scores_what_the_recursion_over_contexts_does(order: int) -> None:
    rng = np.random.default_rng(order)
    train, test = (
        [[EDGE, *rng.integers(1, 5, 30).tolist(), EDGE] for _ in range(count)] for count in (12, 4)
    )
    model = WittenBell(train, order)
    nats = [-math.log(model.chance(*pair)) for tune in test for pair in model.pairs(tune)]
    score = _ngrams.cross_entropy(
        list(map(np.array, train)), list(map(np.array, test)), order, SYMBOLS
    )
    assert score == pytest.approx(sum(nats) / len(nats), rel=1e-12)


@pytest.mark.parametrize("context", [(), (1,), (2, 3), (9, 9)])
def test_the_chances_of_all_symbols_add_up_to_one(context: tuple[int, ...]) -> None:
    """So the recursion that the scores are tested against is a model."""
    model = WittenBell([[EDGE, 1, 2, 3, 1, 2, 3, 3, EDGE]], len(context) + 1)
    total = sum(model.chance(context, symbol) for symbol in range(SYMBOLS))
    assert total == pytest.approx(1.0)


def test_a_longer_memory_is_a_better_baseline() -> None:
    scores = load().baselines
    assert list(scores) == ["unigram", "bigram", "5-gram"]
    assert math.log(SYMBOLS) > scores["unigram"] > scores["bigram"] > scores["5-gram"] > 1


def test_tunes_so_short_that_there_is_none_are_refused() -> None:
    with pytest.raises(UsageError, match="`longest` must be at least 150, not 10"):
        tasks.load("folk_tunes", {"longest": 10})


def test_a_corpus_without_tunes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnzoo.tasks._music21.folder", lambda name: tmp_path / name)
    with pytest.raises(TaskError, match=r"no tunes in oneills1850\n  fix: pip install music21"):
        folk_tunes.tunes()
