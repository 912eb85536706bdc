"""Measuring spike delays: how late was this spike? (MSD of Gers, Schraudolph and Schmidhuber 2002)

Spikes come at T(0) = 0 and T(n) = T(n - 1) + `interval` + I(n), where the delay I(n) is one of 0 to
`delays` - 1, all alike.  Each spike but the first asks for its delay; no other step counts.  The
paper has two delays, intervals of up to 50 steps, and streams that end with a mistake or after 100
spikes (in tests 1000); here a sequence ends with its `spikes`-th delay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, _symbols

OPTIONS: dict[str, Any] = {"interval": 10, "delays": 2, "spikes": 10, **_generated.SIZES}
ABOUT = "how late each spike is, by whether it came after `interval` steps or a few more"
SOLVABLE = True
LOSS = _symbols.LOSS


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is more than one delay."""
    return _generated.too_small("delays", 2, options, "spike_delays")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    splits = _generated.splits(options, seed, lambda count, rng: _make(count, options, rng))
    return _symbols.task("spike_delays", splits, options["delays"])


def drawn(
    count: int, options: Mapping[str, Any], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The delays I(1), I(2), ... and the times T(1), T(2), ... of spikes, both (count, spikes)."""
    delays = rng.integers(0, options["delays"], (count, options["spikes"]))
    return delays, np.cumsum(options["interval"] + delays, axis=1)


def _make(count: int, options: Mapping[str, Any], rng: np.random.Generator) -> Split:
    """Inputs are no spike and a spike."""
    delays, times = drawn(count, options, rng)
    lengths = (times[:, -1] + 1).astype(np.int32)
    shape = count, int(lengths.max())
    y, weights = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    np.put_along_axis(y, times, delays.astype(np.int32), axis=1)
    np.put_along_axis(weights, times, 1.0, axis=1)
    x = _symbols.one_hot((weights > 0).astype(int), 2)
    x[:, 0] = 0, 1  # the first spike, which is asked nothing
    x[np.arange(shape[1]) >= lengths[:, None]] = 0
    return Split(x, y, lengths, weights)
