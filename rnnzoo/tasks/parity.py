"""Parity: whether the ones so far are odd in number.

Each step shows a bit.  With `answer: step` every step asks for the parity of all bits up to it;
with `answer: sequence` the end asks for that of the whole, and sequences have from 1 to `length`
steps, as in Deletang et al. 2023 (Neural Networks and the Chomsky Hierarchy): with long ones alone
next to nothing can be learnt from, since every bit matters and none by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, _symbols, modular

OPTIONS: dict[str, Any] = {"length": 40, "answer": "step", **_generated.SIZES, **_generated.LENGTHS}
ABOUT = "whether the ones so far are odd in number: at each step, or at the end"
SOLVABLE = True
LOSS = _symbols.LOSS
ANSWERS = ("step", "sequence")


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is more than one bit, and where the parity is asked for."""
    yield from _generated.too_short(2, options, "parity")
    yield from _generated.not_among("answer", ANSWERS, options, "parity")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    if options["answer"] == "step":
        splits = _generated.at_lengths(options, seed, _running)
    else:
        splits = _generated.at_lengths(options, seed, _of_lengths_up_to, at_length=_whole)
    return _symbols.task("parity", splits, 2, by_length=bool(options["test_lengths"]))


def _running(count: int, length: int, rng: np.random.Generator) -> Split:
    return modular.sums(count, length, digits=2, modulus=2, rng=rng)


def _whole(count: int, length: int, rng: np.random.Generator) -> Split:
    running = _running(count, length, rng)
    return Split(running.x, running.y[:, -1], running.lengths)


def _of_lengths_up_to(count: int, length: int, rng: np.random.Generator) -> Split:
    running = _running(count, length, rng)
    lengths = rng.integers(1, length + 1, count).astype(np.int32)
    real = np.arange(length) < lengths[:, None]
    return Split(running.x * real[..., None], running.y[np.arange(count), lengths - 1], lengths)
