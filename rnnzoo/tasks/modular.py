"""Modular arithmetic: the sum so far, modulo `modulus`, after every step.

With `kind: addition` each step shows a digit from 0 to `modulus` - 1, with `kind: counting` a bit,
of which the ones are counted.  The state is a position on a ring; whoever saturates loses it.
Without memory nothing is known but the first answer.  Deletang et al. 2023 (Neural Networks and the
Chomsky Hierarchy) have it among their regular languages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, _symbols

OPTIONS: dict[str, Any] = {
    "length": 40,
    "modulus": 5,
    "kind": "addition",
    **_generated.SIZES,
    **_generated.LENGTHS,
}
ABOUT = "the sum of digits (or of ones) so far, modulo `modulus`: a class a step"
SOLVABLE = True
LOSS = _symbols.LOSS
KINDS = ("addition", "counting")


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is a ring, and what to go round it by."""
    yield from _generated.too_short(2, options, "modular")
    yield from _generated.too_small("modulus", 2, options, "modular")
    yield from _generated.not_among("kind", KINDS, options, "modular")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    modulus = options["modulus"]
    digits = 2 if options["kind"] == "counting" else modulus
    splits = _generated.at_lengths(
        options, seed, lambda count, length, rng: sums(count, length, digits, modulus, rng)
    )
    return _symbols.task("modular", splits, modulus, by_length=bool(options["test_lengths"]))


def sums(count: int, length: int, digits: int, modulus: int, rng: np.random.Generator) -> Split:
    """Random digits and, for every step, their sum so far."""
    shown = rng.integers(0, digits, (count, length))
    y = (np.cumsum(shown, axis=1) % modulus).astype(np.int32)
    return Split(_symbols.one_hot(shown, digits), y, np.full(count, length, np.int32))
