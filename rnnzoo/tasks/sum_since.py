"""The sum since the last mark: a memory that must be emptied, which is what a forget gate is for.

Each step shows a number, uniform on [0, 1], and a marker that is 1 now and then.  The target is the
sum of the numbers from the last mark on, that step included, as a share of `length / 4`, which it
seldom exceeds.  Whoever only adds must get rid of what was added before the mark.  A task of our
own, after Gers, Schmidhuber and Cummins 2000 (Learning to forget: continual prediction with LSTM),
who gave the LSTM its forget gate for sequences whose parts nobody separates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated

OPTIONS: dict[str, Any] = {"length": 40, **_generated.SIZES}
ABOUT = "the sum of the numbers since the last mark: a memory that must be emptied"
SOLVABLE = True
LOSS = _generated.LOSS
MARKS = 3.0  # on average, before the last one


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is room for a mark in either half."""
    return _generated.too_short(4, options, "sum_since")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    length = options["length"]
    splits = _generated.splits(options, seed, lambda count, rng: _make(count, length, rng))
    return _generated.one_number(
        "sum_since", splits, ("always the mean", float(splits["train"].y.mean())), solved=0.002
    )


def _make(count: int, length: int, rng: np.random.Generator) -> Split:
    values, steps = rng.random((count, length)), np.arange(length)
    last = rng.integers(length // 2, length, count)[:, None]
    before = (rng.random((count, length)) < 2.0 * MARKS / length) & (steps < last)
    marks = before | (steps == last)
    sums = (values * (steps >= last)).sum(1, keepdims=True) / (length / 4)
    x = np.stack([values, marks], axis=-1).astype(np.float32)
    return Split(x, sums.astype(np.float32), np.full(count, length, np.int32))
