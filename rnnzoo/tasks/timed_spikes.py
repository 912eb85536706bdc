"""Generating timed spikes: a spike after as many steps as are asked for, again and again (GTS of
Gers, Schraudolph and Schmidhuber 2002).

`spike_delays` the other way round: the n-th spike must come `interval` + I(n) steps after the one
before, or after the start.  The input is the delay I(n), one of 0 to `delays` - 1, and is shown
from the step after the last spike to that of the next.  Each step asks whether there is a spike.
In the paper only LSTMs with peepholes solve it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, _generated, _symbols, spike_delays

OPTIONS: dict[str, Any] = {"interval": 10, "delays": 2, "spikes": 10, **_generated.SIZES}
ABOUT = "a spike `interval` steps, or a few more, after the last: in which steps is one?"
SOLVABLE = True
LOSS = _symbols.LOSS
check = spike_delays.check


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    splits = _generated.splits(options, seed, lambda count, rng: _make(count, options, rng))
    steps = options["interval"] + (options["delays"] - 1) / 2  # from spike to spike, on average
    return _symbols.task("timed_spikes", splits, 2, solved=0.05 / steps)


def _make(count: int, options: Mapping[str, Any], rng: np.random.Generator) -> Split:
    delays, times = spike_delays.drawn(count, options, rng)
    lengths = times[:, -1].astype(np.int32)
    y = np.zeros((count, int(lengths.max())), np.int32)
    np.put_along_axis(y, times - 1, 1, axis=1)
    interval = np.cumsum(y, axis=1) - y  # of each step, from 0 on
    real = np.arange(y.shape[1]) < lengths[:, None]
    shown = np.take_along_axis(delays, np.where(real, interval, 0), axis=1)
    x = _symbols.one_hot(shown, options["delays"]) * real[..., None].astype(np.uint8)
    return Split(x, y, lengths)
