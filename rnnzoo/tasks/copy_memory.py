"""Copy memory: ten symbols, a long wait, a signal, and the ten symbols again (as in Arjovsky, Shah
and Bengio 2016).

The input is 10 symbols out of 8, `length` - 1 blanks, a delimiter and 10 blanks; the target is
blank until the delimiter and then the symbols: `length` + 20 steps.  Without memory the best
cross-entropy is 10 ln 8 / (length + 20).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, _generated, digest_of

OPTIONS: dict[str, Any] = {"length": 100, **_generated.SIZES}
ABOUT = "ten symbols, repeated after `length` steps"
SOLVABLE = True
SYMBOLS, ITEMS = 8, 10
BLANK, DELIMITER = 8, 9  # the symbols are 0 .. 7


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    length = options["length"]
    splits = _generated.splits(options, seed, lambda count, rng: _make(count, length, rng))
    no_memory = ITEMS * math.log(SYMBOLS) / (length + 2 * ITEMS)
    return Task(
        name="copy_memory",
        splits=splits,
        loss="categorical",
        per="step",
        outputs=SYMBOLS + 1,
        metric="cross_entropy",
        unit="nats per step",
        baselines={"no memory": no_memory},
        digest=digest_of(splits),
        solved=no_memory / 10,
    )


def _make(count: int, length: int, rng: np.random.Generator) -> Split:
    time = length + 2 * ITEMS
    symbols = rng.integers(0, SYMBOLS, (count, ITEMS))
    shown = np.full((count, time), BLANK)
    shown[:, :ITEMS] = symbols
    shown[:, ITEMS + length - 1] = DELIMITER
    target = np.full((count, time), BLANK, np.int32)
    target[:, -ITEMS:] = symbols
    x = np.eye(SYMBOLS + 2, dtype=np.uint8)[shown]
    return Split(x, target, np.full(count, time, np.int32))
