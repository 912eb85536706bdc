"""Touch tones against a loop over the steps, and what always gives the same answer."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest

from rnnzoo import metrics, tasks
from rnnzoo.errors import UsageError
from rnnzoo.nn.losses import of_all
from rnnzoo.tasks import Split
from rnnzoo.tasks._transcription import baselines

TONES = {  # of each digit the row and the column of a telephone's keypad
    "1": (0, 0), "2": (0, 1), "3": (0, 2), "4": (1, 0), "5": (1, 1), "6": (1, 2),
    "7": (2, 0), "8": (2, 1), "9": (2, 2), "0": (3, 1),
}  # fmt: skip


def test_who_hears_without_noise_writes_down_the_digits() -> None:
    task = tasks.load("touch_tones", {"noise": 0, "digits": 5, "train": 200})
    train = task.splits["train"]
    for x, y, length in zip(train.x, train.y, train.lengths):
        assert not x[length:].any()
        keys = [key for key, _ in groupby(map(tuple, x[:length])) if any(key)]
        heard = [(key[:4].index(1), key[4:].index(1)) for key in keys]
        assert heard == [TONES[task.classes[label]] for label in y[y > 0]]
    held = [len(list(run)) for x in train.x for key, run in groupby(map(tuple, x)) if any(key)]
    assert (min(held), max(held)) == (2, 6)
    assert set((train.y > 0).sum(1)) == {1, 2, 3, 4, 5}


def test_noise_has_its_deviation_and_none_is_refused_that_is_no_deviation() -> None:
    plain, noisy = (
        tasks.load("touch_tones", {"noise": noise, "train": 300}).splits["train"]
        for noise in (0, 0.7)
    )
    real = np.arange(plain.width) < plain.lengths[:, None]
    assert (noisy.x - plain.x)[real].std() == pytest.approx(0.7, rel=0.02)
    with pytest.raises(UsageError, match="`noise` must be from 0 to 100"):
        tasks.load("touch_tones", {"noise": -1.0})


def test_the_baseline_is_the_best_of_all_answers_of_one_label() -> None:
    rng = np.random.default_rng(0)
    y = rng.choice([1, 1, 1, 2, 3], (40, 4)) * (np.arange(4) < rng.integers(1, 5, (40, 1)))
    rates = {
        (label, times): of_all(
            metrics.load("edit_distance"),
            y,
            np.eye(4)[np.tile(([label, 0] * times + [0] * 10)[:10], (40, 1))],
            np.ones(40),
        )
        for label, times in product((1, 2, 3), range(5))
    }
    split = Split(np.zeros((40, 9, 1)), y, np.full(40, 9))
    (score,) = baselines({"train": split, "test": split}).values()
    assert score == pytest.approx(min(rates.values()))
    assert score < rates[1, 0] == 1.0
