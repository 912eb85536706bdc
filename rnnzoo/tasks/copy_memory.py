"""Copy memory: ten symbols, a long wait, a signal, and the ten symbols again (as in Arjovsky, Shah
and Bengio 2016).

The input is `items` symbols (10) out of `symbols` (8), `length` - 1 blanks, a delimiter and `items`
blanks; the target is blank until the delimiter and then the symbols: `length` + 2 `items` steps.
Without memory the best cross-entropy is `items` ln `symbols` / (`length` + 2 `items`).

With other numbers this is noiseless memorisation: 5 bits are 5 items out of 2, 20 bits are 10 out
of 4 (Martens and Sutskever 2011).  That of Jozefowicz, Zaremba and Sutskever 2015 is
`memorisation`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, digest_of

OPTIONS: dict[str, Any] = {"length": 100, "items": 10, "symbols": 8, **_generated.SIZES}
ABOUT = "ten symbols (or `items`), repeated after `length` steps"
SOLVABLE = True
LOSS = "categorical"


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is more than one symbol."""
    return _generated.too_small("symbols", 2, options, "copy_memory")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    length, items, symbols = options["length"], options["items"], options["symbols"]
    splits = _generated.splits(
        options, seed, lambda count, rng: _make(count, length, items, symbols, rng)
    )
    no_memory = items * math.log(symbols) / (length + 2 * items)
    return Task(
        name="copy_memory",
        splits=splits,
        loss=LOSS,
        per="step",
        outputs=symbols + 1,
        metric="cross_entropy",
        unit="nats per step",
        baselines={"no memory": no_memory},
        digest=digest_of(splits),
        solved=no_memory / 10,
    )


def _make(count: int, length: int, items: int, symbols: int, rng: np.random.Generator) -> Split:
    """Inputs are the symbols, the blank and the delimiter."""
    blank, delimiter = symbols, symbols + 1
    time = length + 2 * items
    chosen = rng.integers(0, symbols, (count, items))
    shown = np.full((count, time), blank)
    shown[:, :items] = chosen
    shown[:, items + length - 1] = delimiter
    target = np.full((count, time), blank, np.int32)
    target[:, -items:] = chosen
    x = np.eye(symbols + 2, dtype=np.uint8)[shown]
    return Split(x, target, np.full(count, time, np.int32))
