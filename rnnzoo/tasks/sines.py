"""Is the period of this sine from 5 to 6?  (Frequency discrimination of Neil, Pfeiffer and Liu
2016, Phased LSTM, arXiv:1610.09513)

A sine is sampled at 15 to `length` times within a duration of 15 to 125, drawn at random or, with
`sampling: even`, at steps of 1 from a time on that is not told.  Inputs are its value and the time
since the sample before, 0 for the first; the latter is `dt` of cells that read it.  Half of the
sines have a period of 5 to 6.  Of the others the logarithm is drawn from 1 to 100, as in the
authors' code (dannyneil/public_plstm), where some of them have such a period by chance; here they
are drawn again, so that the classes are equally large.  The paper trains on ever new samples, up to
125 a sine, and shows the time itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, packed
from rnnzoo.tasks._usual import most_frequent

OPTIONS: dict[str, Any] = {"length": 60, "sampling": "random", **_generated.SIZES}
ABOUT = "whether the period of a sine, sampled at random times, is from 5 to 6"
SOLVABLE = True
LOSS = "categorical"
FILLS = ("dt",)
SAMPLINGS = ("random", "even")
FEWEST, LONGEST = 15, 125  # samples; time from the first to the last of them at most
PERIODS, OTHERS = (5.0, 6.0), (1.0, 100.0)


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there are such samplings, and samples."""
    yield from _generated.not_among("sampling", SAMPLINGS, options, "sines")
    yield from _generated.too_short(FEWEST, options, "sines")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    splits = _generated.splits(options, seed, lambda count, rng: _make(count, options, rng))
    train, test = (packed(splits[name], per_step=False) for name in ("train", "test"))
    return Task(
        name="sines",
        splits=splits,
        loss=LOSS,
        per="sequence",
        outputs=2,
        metric="error",
        unit="share of wrong answers",
        baselines=most_frequent(train, test),
        solved=0.05,
        classes=("another period", "period of 5 to 6"),
        input_names=("value", "dt"),
        fills={"dt": (1,)},
    )


def _make(count: int, options: Mapping[str, Any], rng: np.random.Generator) -> Split:
    y = (np.arange(count) % 2).astype(np.int32)
    periods = np.where(y == 1, rng.uniform(*PERIODS, count), _other_periods(count, rng))
    phases = rng.uniform(0, 2 * np.pi, count)
    lengths = rng.integers(FEWEST, options["length"], count, endpoint=True).astype(np.int32)
    times = np.tile(np.arange(float(options["length"])), (count, 1))
    real = times < lengths[:, None]
    if options["sampling"] == "random":
        durations = rng.uniform(FEWEST, LONGEST, (count, 1))
        drawn = durations * rng.random(times.shape)
        times = np.sort(np.where(real, drawn, LONGEST), axis=1)
    elapsed = np.diff(times, axis=1, prepend=times[:, :1])
    values = np.sin(2 * np.pi * times / periods[:, None] + phases[:, None])
    x = np.where(real[..., None], np.stack([values, elapsed], -1), 0).astype(np.float32)
    order = rng.permutation(count)
    return Split(x[order], y[order], lengths[order])


def _other_periods(count: int, rng: np.random.Generator) -> np.ndarray:
    """Periods that are not from 5 to 6: what is drawn so comes from below, or from above."""
    low, high = np.log(PERIODS)
    least, most = np.log(OTHERS)
    drawn = rng.uniform(least, most - (high - low), count)
    return np.exp(np.where(drawn < low, drawn, drawn + high - low))
