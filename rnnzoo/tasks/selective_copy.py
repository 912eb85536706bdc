"""Selective copying: symbols at random places among blanks, to be repeated in order at the end (Gu
and Dao 2023, Mamba; after Jing et al. 2019).

Where the symbols of copy memory stand at fixed steps, these stand anywhere, so that it must be
decided at each step whether to keep it.  `items` symbols out of `symbols` stand among `length`
steps; `items` markers follow, and at each the next of the symbols is asked for.  No other step
counts.  The paper has 16 symbols out of 16 in 4,096 steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, _symbols

OPTIONS: dict[str, Any] = {
    "length": 40,
    "items": 4,
    "symbols": 4,
    **_generated.SIZES,
    **_generated.LENGTHS,
}
ABOUT = "symbols at random places among blanks, to be repeated in order at the end"
SOLVABLE = True
LOSS = _symbols.LOSS


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there are steps for all symbols, and more than one symbol."""
    yield from _generated.too_short(options["items"], options, "selective_copy")
    yield from _generated.too_small("symbols", 2, options, "selective_copy")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    items, symbols = options["items"], options["symbols"]
    splits = _generated.at_lengths(
        options, seed, lambda count, length, rng: _make(count, length, items, symbols, rng)
    )
    return _symbols.task("selective_copy", splits, symbols, by_length=bool(options["test_lengths"]))


def _make(count: int, length: int, items: int, symbols: int, rng: np.random.Generator) -> Split:
    """Inputs are the symbols, the blank and the marker."""
    blank, marker = symbols, symbols + 1
    chosen = rng.integers(0, symbols, (count, items))
    places = np.sort(rng.random((count, length)).argsort(axis=1)[:, :items], axis=1)
    shown = np.full((count, length + items), blank)
    np.put_along_axis(shown, places, chosen, axis=1)
    shown[:, length:] = marker
    y = np.zeros(shown.shape, np.int32)
    y[:, length:] = chosen
    lengths = np.full(count, length + items, np.int32)
    x = _symbols.one_hot(shown, symbols + 2)
    return Split(x, y, lengths, (shown == marker).astype(np.float32))
