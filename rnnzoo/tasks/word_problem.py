"""The word problem of a group of permutations: the product of all elements so far, after each step.

With `group: S5` or `A5` this is complete for NC1 (Barrington 1989): unless TC0 is NC1, no fixed
number of layers without a recurrence computes it at every length.  S3, S4 and A4 are solvable
groups, for which that does not hold.  Liu et al. 2023 (Transformers Learn Shortcuts to Automata)
and Merrill, Petty and Sabharwal 2024 (The Illusion of State in State-Space Models) compare models
by it.

Each step shows an element, uniform over the group; the class is the product in which what is shown
first is applied first.  Elements are numbered in lexicographic order, the identity first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, _symbols

OPTIONS: dict[str, Any] = {"length": 20, "group": "S3", **_generated.SIZES, **_generated.LENGTHS}
ABOUT = "the product of the permutations so far, in the group S3, S4, S5, A4 or A5"
SOLVABLE = True
LOSS = _symbols.LOSS
GROUPS = ("S3", "S4", "S5", "A4", "A5")


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is a product, and such a group."""
    yield from _generated.too_short(2, options, "word_problem")
    yield from _generated.not_among("group", GROUPS, options, "word_problem")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    table = products(elements(options["group"]))
    splits = _generated.at_lengths(
        options, seed, lambda count, length, rng: _make(count, length, table, rng)
    )
    return _symbols.task(
        "word_problem", splits, len(table), by_length=bool(options["test_lengths"])
    )


def elements(group: str) -> np.ndarray:
    """(elements, points): where each permutation sends each point; of `A...` the even ones."""
    points = int(group[1:])
    permutations = np.array(list(itertools.permutations(range(points))))
    if group.startswith("S"):
        return permutations
    first, second = np.triu_indices(points, 1)
    inversions = (permutations[:, first] > permutations[:, second]).sum(1)
    even: np.ndarray = permutations[inversions % 2 == 0]
    return even


def products(group: np.ndarray) -> np.ndarray:
    """(elements, elements): the number of the product of a first and a second element."""
    points = group.shape[1]
    places = points ** np.arange(points)[::-1]  # elements as numbers in that base are in order
    composed = np.stack([group[:, first] for first in group])  # second after first
    table: np.ndarray = np.searchsorted(group @ places, composed @ places)
    return table


def _make(count: int, length: int, table: np.ndarray, rng: np.random.Generator) -> Split:
    shown = rng.integers(0, len(table), (count, length))
    y = shown.astype(np.int32)
    for step in range(1, length):
        y[:, step] = table[y[:, step - 1], shown[:, step]]
    return Split(_symbols.one_hot(shown, len(table)), y, np.full(count, length, np.int32))
