"""Periodic functions out of nothing: without any input, a network must go on for ever (PFG of Gers,
Schraudolph and Schmidhuber 2002).

The target at step t, from 0 on, is a function of t modulo `period` with values from 0 to 1:

    cos        (1 - cos(2 pi t / period)) / 2
    triangle   up in the first half of the period and down in the second, in straight lines
    rectangle  0 in the first half, 1 in the second

All sequences are the same; `train` says how many of them make an epoch.  Whether a network goes on
beyond what it was trained on is what `test_lengths` are for.  The paper has periods of 10 and 25,
and asks for an error below 0.3 at each step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated

OPTIONS: dict[str, Any] = {
    "shape": "cos", "period": 10, "length": 100, "train": 200, "valid": 1, "test": 1,
    **_generated.LENGTHS,
}  # fmt: skip
ABOUT = "a cosine, triangles or rectangles of `period` steps, from no input at all"
SOLVABLE = True
LOSS = _generated.LOSS
SHAPES = ("cos", "triangle", "rectangle")


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is such a function, and a whole period of it."""
    yield from _generated.not_among("shape", SHAPES, options, "periodic")
    yield from _generated.too_small("period", 2, options, "periodic")
    yield from _generated.too_short(options["period"], options, "periodic")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    splits = _generated.at_lengths(
        options,
        seed,
        lambda count, length, rng: _make(count, length, options["shape"], options["period"]),
    )
    test = splits["test"]
    values = test.y[np.arange(test.y.shape[1]) < test.lengths[:, None]]
    usual = float(splits["train"].y.mean())
    return Task(
        name="periodic",
        splits=splits,
        loss=LOSS,
        per="step",
        outputs=1,
        metric="mse",
        unit="mean squared error",
        baselines={"always the mean": float(np.mean((values - usual) ** 2))},
        solved=0.01,
        by_length=bool(options["test_lengths"]),
    )


def function(shape: str, phase: np.ndarray) -> np.ndarray:
    """Values at phases from 0 to 1, of which 1 is a whole period."""
    if shape == "cos":
        values: np.ndarray = (1 - np.cos(2 * np.pi * phase)) / 2
    elif shape == "triangle":
        values = 1 - np.abs(2 * phase - 1)
    else:
        values = (phase >= 1 / 2).astype(float)
    return values


def _make(count: int, length: int, shape: str, period: int) -> Split:
    values = function(shape, np.arange(length) % period / period)
    y = np.tile(values.astype(np.float32)[None, :, None], (count, 1, 1))
    return Split(np.zeros((count, length, 1), np.uint8), y, np.full(count, length, np.int32))
