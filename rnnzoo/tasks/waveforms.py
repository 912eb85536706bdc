"""A piece of sound out of nothing, made of tones (see `_one_curve`).

The paper has five pieces of 7 ms of music, 320 samples each, which are not public.  Here a piece is
made of `tones` sines with periods of 5 to 160 steps, the longer the louder, and a burst of noise of
a tenth of its length.  `piece` says which, and the sweep's seed has no part in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Task, Wrong, _generated, _one_curve

OPTIONS: dict[str, Any] = {
    "piece": 1, "tones": 5, "length": _one_curve.LENGTH, **_one_curve.SIZES,
}  # fmt: skip
ABOUT = "a piece of sound, tones and a burst of noise, from no input at all"
SOLVABLE = True
LOSS = _one_curve.LOSS
PERIODS = 5.0, 160.0  # steps
BURST = 0.1  # share of the length


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether it is a curve."""
    return _generated.too_small("length", 2, options, "waveforms")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    curve = piece(options["piece"], options["tones"], options["length"])
    return _one_curve.task("waveforms", curve, options)


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
    return _one_curve.standard(sound)
