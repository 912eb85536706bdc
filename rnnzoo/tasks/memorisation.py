"""Memorisation: symbols in sequence, to be reproduced in order (Jozefowicz, Zaremba and Sutskever
2015, section 3.1), the task by which their search drops most of its candidates.

`items` symbols (5) out of `symbols` (26) are shown one a step; then comes a delimiter, at which the
first of them is asked for, and then each right answer, at which the next one is asked for: 2
`items` steps.  No other step counts.  The paper keeps a cell that gets 95 % of the symbols right
where it reads the right ones so far.  How the end of the symbols is marked, and how many sequences
there are, it does not say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, _symbols

OPTIONS: dict[str, Any] = {"items": 5, "symbols": 26, "train": 10000, "valid": 500, "test": 500}
ABOUT = "symbols in sequence, to be reproduced in order"
SOLVABLE = True
LOSS = _symbols.LOSS
SOLVED = 0.05  # the paper's: 95 % right


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is more than one symbol."""
    yield from _generated.too_small("symbols", 2, options, "memorisation")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    items, symbols = options["items"], options["symbols"]
    splits = _generated.splits(options, seed, lambda count, rng: _make(count, items, symbols, rng))
    return _symbols.task("memorisation", splits, symbols, solved=SOLVED)


def _make(count: int, items: int, symbols: int, rng: np.random.Generator) -> Split:
    """Inputs are the symbols and the delimiter."""
    delimiter = symbols
    chosen = rng.integers(0, symbols, (count, items))
    ends = np.full((count, 1), delimiter)
    shown = np.concatenate([chosen, ends, chosen[:, :-1]], axis=1)
    y = np.zeros(shown.shape, np.int32)
    y[:, items:] = chosen
    counts = np.zeros(shown.shape, np.float32)
    counts[:, items:] = 1.0
    lengths = np.full(count, 2 * items, np.int32)
    return Split(_symbols.one_hot(shown, symbols + 1), y, lengths, counts)
