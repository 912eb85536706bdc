"""A piece of sound out of nothing: without any input, a network must produce one given curve
(sequence generation of Koutnik, Greff, Gomez and Schmidhuber 2014, section 4.1).

The paper has five pieces of 7 ms of music, 320 samples each, which are not public.  Here a piece is
made of `tones` sines with periods of 5 to 160 steps, the longer the louder, and a burst of noise of
a tenth of its length.  `piece` says which, and the sweep's seed has no part in it.  A piece has
mean 0 and variance 1, so that its mean squared error is that of the paper, as a share of the
variance.

All sequences are the same: what is learnt is this curve, and nothing is to be generalised.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, _generated

OPTIONS: dict[str, Any] = {
    "piece": 1, "tones": 5, "length": 320, "train": 20, "valid": 1, "test": 1,
}  # fmt: skip
ABOUT = "a piece of sound, tones and a burst of noise, from no input at all"
SOLVABLE = True
LOSS = "squared"
PERIODS = 5.0, 160.0  # steps
BURST = 0.1  # share of the length


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    values = piece(options["piece"], options["tones"], options["length"])
    splits = _generated.splits(options, seed, lambda count, rng: _repeated(values, count))
    return Task(
        name="waveforms",
        splits=splits,
        loss=LOSS,
        per="step",
        outputs=1,
        metric="mse",
        unit="mean squared error, variance 1",
        baselines={"always the mean": float(np.mean(splits["test"].y ** 2))},
        solved=0.1,
    )


def piece(number: int, tones: int, length: int) -> np.ndarray:
    """The samples of one piece, (length,)."""
    rng = np.random.default_rng([2014, number])
    low, high = np.log(PERIODS)
    periods = np.exp(rng.uniform(low, high, tones))
    phases = rng.uniform(0, 2 * np.pi, tones)
    steps = np.arange(length)
    waves = np.sin(2 * np.pi * steps[:, None] / periods + phases)
    sound = waves @ np.sqrt(periods)
    burst = max(1, int(BURST * length))
    begin = rng.integers(0, length - burst + 1)
    sound[begin : begin + burst] += sound.std() / 2 * rng.normal(size=burst)
    scaled: np.ndarray = (sound - sound.mean()) / sound.std()
    return scaled


def _repeated(values: np.ndarray, count: int) -> Split:
    length = len(values)
    y = np.tile(values.astype(np.float32)[None, :, None], (count, 1, 1))
    return Split(np.zeros((count, length, 1), np.uint8), y, np.full(count, length, np.int32))
