"""The adding problem: the sum of two marked numbers among many (Hochreiter and Schmidhuber 1997, in
its modern form).

Each step shows a number, uniform on [0, 1], and a marker that is 1 at one step of the first half
and at one of the second.  The target is the sum of the two marked numbers.  Always answering 1
scores a mean squared error of 1/6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated

OPTIONS: dict[str, Any] = {"length": 100, **_generated.SIZES}
ABOUT = "the sum of two marked numbers among many: memory over `length` steps"
SOLVABLE = True
LOSS = _generated.LOSS


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is room for the two marks."""
    return _generated.too_short(2, options, "adding")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    length = options["length"]
    splits = _generated.splits(options, seed, lambda count, rng: _make(count, length, rng))
    return _generated.one_number("adding", splits, ("always 1", 1.0), solved=0.01)


def _make(count: int, length: int, rng: np.random.Generator) -> Split:
    values = rng.random((count, length))
    rows, half = np.arange(count), length // 2
    first, second = rng.integers(0, half, count), rng.integers(half, length, count)
    marks = np.zeros((count, length))
    marks[rows, first] = marks[rows, second] = 1.0
    sums = (values * marks).sum(1, keepdims=True)
    x = np.stack([values, marks], axis=-1).astype(np.float32)
    return Split(x, sums.astype(np.float32), np.full(count, length, np.int32))
