"""Temporal order, experiment 6a of Hochreiter and Schmidhuber 1997: in which order came two
symbols, long ago?

Sequences of 100 to 110 symbols: B, then a, b, c or d at random, E at the end (the paper has E first
and B last: two names for the same marks); X or Y at one step of 10 to 20 and at one of 50 to 60.
The class is one of XX, XY, YX, YY.  `length` scales all these positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, digest_of

OPTIONS: dict[str, Any] = {"length": 100, **_generated.SIZES}
ABOUT = "which of X and Y came first, twice, in about `length` symbols: four classes"
SOLVABLE = True
LOSS = "categorical"
LETTERS = "abcdBEXY"


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is room for the symbols in the order of the paper."""
    return _generated.too_short(10, options, "temporal_order")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    length = options["length"]
    splits = _generated.splits(options, seed, lambda count, rng: _make(count, length, rng))
    classes = splits["test"].y
    likeliest = int(np.bincount(splits["train"].y, minlength=4).argmax())
    return Task(
        name="temporal_order",
        splits=splits,
        loss=LOSS,
        per="sequence",
        outputs=4,
        metric="error",
        unit="share of wrong answers",
        baselines={"most frequent class": float((classes != likeliest).mean())},
        digest=digest_of(splits),
        solved=0.05,
    )


def _make(count: int, length: int, rng: np.random.Generator) -> Split:
    tenth = length // 10
    lengths = rng.integers(length, length + tenth + 1, count).astype(np.int32)
    letters = rng.integers(0, 4, (count, length + tenth))
    rows = np.arange(count)
    late = rng.integers(0, 2, (2, count))  # 0 for X, 1 for Y
    first = rng.integers(tenth, 2 * tenth + 1, count)
    second = rng.integers(5 * tenth, 6 * tenth + 1, count)
    letters[rows, first] = LETTERS.index("X") + late[0]
    letters[rows, second] = LETTERS.index("X") + late[1]
    letters[:, 0] = LETTERS.index("B")
    letters[rows, lengths - 1] = LETTERS.index("E")
    x = np.eye(len(LETTERS), dtype=np.uint8)[letters]
    x[np.arange(x.shape[1])[None] >= lengths[:, None]] = 0
    return Split(x, (2 * late[0] + late[1]).astype(np.int32), lengths)
