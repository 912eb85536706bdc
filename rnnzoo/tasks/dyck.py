"""Dyck words of bounded depth: after each bracket, which symbols may come next (the languages of
Hewitt, Hahn, Ganguli, Liang and Manning 2020, RNNs can generate bounded hierarchical languages).

`kinds` kinds of brackets are nested at most `depth` deep.  With nothing open, one of the opening
brackets comes; at the full depth, the closing bracket that fits; else one or the other with equal
probability.  Sequences are the first `length` symbols of such words.

The answer is the set of symbols that may come next, as one class: which bracket is open innermost,
if any, and whether there is room for another.  So an answer is right only where the whole set is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, _symbols

OPTIONS: dict[str, Any] = {
    "length": 40,
    "kinds": 2,
    "depth": 3,
    **_generated.SIZES,
    **_generated.LENGTHS,
}
ABOUT = "brackets of `kinds` kinds, at most `depth` deep: which symbols may come next"
SOLVABLE = True
LOSS = _symbols.LOSS


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is something to remember."""
    yield from _generated.too_short(4, options, "dyck")
    yield from _generated.too_small("depth", 2, options, "dyck")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    kinds, depth = options["kinds"], options["depth"]
    splits = _generated.at_lengths(
        options, seed, lambda count, length, rng: _make(count, length, kinds, depth, rng)
    )
    return _symbols.task("dyck", splits, 1 + 2 * kinds, by_length=bool(options["test_lengths"]))


def _make(count: int, length: int, kinds: int, depth: int, rng: np.random.Generator) -> Split:
    """Symbols are opening brackets 0 to `kinds` - 1, then closing ones.

    Classes are 0 where nothing is open; 1 + k where a bracket k is, and there is room for another;
    1 + `kinds` + k where there is none.
    """
    rows = np.arange(count)
    stack = np.zeros((count, depth + 1), int)  # the kinds that are open; column 0 is never read
    height = np.zeros(count, int)
    shown, y = np.zeros((2, count, length), int)
    wishes, opened = rng.integers(0, 2, (count, length)), rng.integers(0, kinds, (count, length))
    for step in range(length):
        opens = (height == 0) | ((height < depth) & (wishes[:, step] == 1))
        shown[:, step] = np.where(opens, opened[:, step], kinds + stack[rows, height])
        height += np.where(opens, 1, -1)
        stack[rows[opens], height[opens]] = opened[opens, step]
        innermost = 1 + stack[rows, height] + kinds * (height == depth)
        y[:, step] = np.where(height == 0, 0, innermost)
    lengths = np.full(count, length, np.int32)
    return Split(_symbols.one_hot(shown, 2 * kinds), y.astype(np.int32), lengths)
