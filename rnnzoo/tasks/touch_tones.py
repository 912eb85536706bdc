"""Touch tones: which number is dialled?  A task of our own.

A telephone says each digit by two tones at once, one of four for its row on the keypad and one of
three for its column.  Each step shows how loud the seven are: 1 or 0, and noise.  A key is held for
2 to 6 steps, with a pause of 1 to 4 before it and behind the last.  The answer is the digits in
their order; at which steps they sounded is not told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, _transcription

OPTIONS: dict[str, Any] = {"digits": 6, "noise": 0.3, **_generated.SIZES}
ABOUT = "touch tones among noise: which number of up to `digits` digits is dialled (ctc)"
SOLVABLE = True
LOSS = _transcription.LOSS
SOLVED = 0.02  # label error rate
KEYPAD = ("123", "456", "789", "*0#")
DIGITS = "0123456789"
HELD, PAUSE = (2, 6), (1, 4)  # steps, at least and at most


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether the noise is a deviation."""
    if not 0 <= options["noise"] <= 100:
        problem = f"task 'touch_tones': `noise` must be from 0 to 100, not {options['noise']}"
        yield Wrong("noise", problem, "the standard deviation beside tones of 1")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    digits, noise = options["digits"], options["noise"]
    splits = _generated.splits(options, seed, lambda count, rng: _make(count, digits, noise, rng))
    return _transcription.task("touch_tones", splits, tuple(DIGITS), solved=SOLVED)


def _make(count: int, most: int, noise: float, rng: np.random.Generator) -> Split:
    dialled = rng.integers(0, len(DIGITS), (count, most))
    is_dialled = np.arange(most) < rng.integers(1, most + 1, (count, 1))
    held = rng.integers(HELD[0], HELD[1] + 1, (count, most)) * is_dialled
    pause = rng.integers(PAUSE[0], PAUSE[1] + 1, (count, most)) * is_dialled
    behind = rng.integers(PAUSE[0], PAUSE[1] + 1, count)
    ends = np.cumsum(pause + held, axis=1)
    lengths = (ends[:, -1] + behind).astype(np.int32)
    step = np.arange(most * (HELD[1] + PAUSE[1]) + PAUSE[1])
    # (sequences, time, keys)
    sounds = (step[:, None] >= (ends - held)[:, None]) & (step[:, None] < ends[:, None])
    x = sounds.astype(np.float32) @ _tones()[dialled]
    x += noise * rng.normal(size=x.shape)
    x[step >= lengths[:, None]] = 0
    return Split(x.astype(np.float32), (is_dialled * (1 + dialled)).astype(np.int32), lengths)


def _tones() -> np.ndarray:
    """(digits, 7): the tone of the row, and that of the column."""
    tones = np.zeros((len(DIGITS), len(KEYPAD) + len(KEYPAD[0])), np.float32)
    for row, keys in enumerate(KEYPAD):
        for column, key in enumerate(keys):
            if key in DIGITS:
                tones[DIGITS.index(key), [row, len(KEYPAD) + column]] = 1
    return tones
