"""What `waveforms` and `recorded_sound` share: without any input, a network must produce one given
curve (sequence generation of Koutnik, Greff, Gomez and Schmidhuber 2014, section 4.1).

A curve has mean 0 and variance 1, so that its mean squared error is that of the paper, as a share
of the variance.  All sequences are the same: what is learnt is this curve, and nothing is to be
generalised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnzoo.tasks import Split, Task, _generated

SIZES = {"train": 20, "valid": 1, "test": 1}  # options: sequences of each split
LENGTH = 320  # samples of the paper's pieces, 7 ms of 44,100 samples a second
LOSS = _generated.LOSS


def standard(samples: np.ndarray) -> np.ndarray:
    """Samples with mean 0 and variance 1."""
    scaled: np.ndarray = (samples - samples.mean()) / samples.std()
    return scaled


def task(name: str, curve: np.ndarray, options: Mapping[str, Any]) -> Task:
    """The task to produce a curve.

    Args:
        curve: (length,), as `standard` leaves it.
        options: with the `SIZES`.
    """
    # every sequence is the same, so no seed is needed
    splits = _generated.splits(options, 0, lambda count, rng: _repeated(curve, count))
    return Task(
        name=name,
        splits=splits,
        loss=LOSS,
        per="step",
        outputs=1,
        metric="mse",
        unit="mean squared error, variance 1",
        baselines={"always the mean": float(np.mean(splits["test"].y ** 2))},
        solved=0.1,
    )


def _repeated(curve: np.ndarray, count: int) -> Split:
    length = len(curve)
    y = np.tile(curve.astype(np.float32)[None, :, None], (count, 1, 1))
    return Split(np.zeros((count, length, 1), np.uint8), y, np.full(count, length, np.int32))
