"""Associative recall with several queries: the value that was shown behind a key (MQAR; Arora,
Eyuboglu, Timalsina, Johnson, Poli, Zou, Rudra and Re 2023, Zoology).

First come `pairs` keys, each followed by its value; then each of these keys once more, in random
order at random steps, with blanks between.  Each query asks for the value; no other step counts.
The keys of a sequence differ, and so do its values.  The paper has 8,192 symbols, places queries
by a power law, near ones more often, and may fill the blanks with noise; here places are uniform.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, _symbols

OPTIONS: dict[str, Any] = {
    "length": 40,
    "pairs": 4,
    "keys": 8,
    "values": 8,
    **_generated.SIZES,
    **_generated.LENGTHS,
}
ABOUT = "keys with values, then some keys again: the value of each (multi-query recall)"
SOLVABLE = True
LOSS = _symbols.LOSS


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there are symbols and steps enough for all pairs."""
    pairs = options["pairs"]
    yield from _generated.too_small("pairs", 2, options, "associative_recall")
    yield from _generated.too_short(3 * pairs, options, "associative_recall")
    yield from _generated.too_small("keys", pairs, options, "associative_recall")
    yield from _generated.too_small("values", pairs, options, "associative_recall")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    pairs, keys, values = options["pairs"], options["keys"], options["values"]
    splits = _generated.at_lengths(
        options, seed, lambda count, length, rng: _make(count, length, pairs, keys, values, rng)
    )
    shown = {"any value that was shown": 1 - 1 / pairs}
    return _symbols.task(
        "associative_recall", splits, values, shown, by_length=bool(options["test_lengths"])
    )


def _make(
    count: int, length: int, pairs: int, keys: int, values: int, rng: np.random.Generator
) -> Split:
    """Symbols are the blank, the keys and the values."""
    chosen_keys = _distinct(count, pairs, keys, rng)
    chosen_values = _distinct(count, pairs, values, rng)
    shown = np.zeros((count, length), int)
    shown[:, 0 : 2 * pairs : 2] = 1 + chosen_keys
    shown[:, 1 : 2 * pairs : 2] = 1 + keys + chosen_values
    queries = 2 * pairs + _distinct(count, pairs, length - 2 * pairs, rng)
    y, weights = np.zeros((count, length), np.int32), np.zeros((count, length), np.float32)
    np.put_along_axis(shown, queries, 1 + chosen_keys, axis=1)
    np.put_along_axis(y, queries, chosen_values.astype(np.int32), axis=1)
    np.put_along_axis(weights, queries, 1.0, axis=1)
    x = _symbols.one_hot(shown, 1 + keys + values)
    return Split(x, y, np.full(count, length, np.int32), weights)


def _distinct(count: int, wanted: int, known: int, rng: np.random.Generator) -> np.ndarray:
    """(count, wanted): in each row some of 0 to `known` - 1, none twice, in random order."""
    return rng.random((count, known)).argsort(axis=1)[:, :wanted]
