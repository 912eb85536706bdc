"""What generated tasks share: a generator for each split, so that a size or a seed more leaves the others as they were."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnzoo.errors import UsageError
from rnnzoo.tasks import SPLITS, Split

SIZES = {"train": 2000, "valid": 500, "test": 500}  # options: sequences of each split
_SPLIT_OF = dict(zip(SIZES, SPLITS))


def at_least(least: int, length: int, task: str) -> int:
    """The length, if the task has room in it.

    Raises:
        UsageError: it has not.
    """
    if length < least:
        raise UsageError(f"task '{task}': `length` must be at least {least}, not {length}")
    return length


def splits(
    options: Mapping[str, Any], seed: int, make: Callable[[int, np.random.Generator], Split]
) -> dict[str, Split]:
    """`make(sequences, generator)` for every split."""
    generators = {name: np.random.default_rng([seed, zlib.crc32(name.encode())]) for name in SIZES}
    return {split: make(options[name], generators[name]) for name, split in _SPLIT_OF.items()}
