"""A piece of recorded sound out of nothing (see `_one_curve`).

The paper has five pieces of 7 ms of music which are not public.  Here a piece is taken from the
recording of a melody, 20 seconds at 44,100 samples a second, that comes with the music21 package:
`length` samples from `second` on.  Nothing is downloaded, and music21 itself is never imported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import TaskError
from rnnzoo.tasks import Report, Task, Wrong, _generated, _music21, _one_curve, _wave

OPTIONS: dict[str, Any] = {"second": 4.0, "length": _one_curve.LENGTH, **_one_curve.SIZES}
ABOUT = "7 ms of recorded music, from no input at all (nothing is downloaded)"
SOLVABLE = True
LOSS = _one_curve.LOSS
FOLDER, FILE = "audioSearch", "test_audio.wav"  # in the package
FORM = (1, 2, 44_100)  # channels, bytes a sample, samples a second
SECONDS = 881_664 / FORM[2]  # how long it is
FIRST = 1.75  # second before which nothing is played
SHORTEST = 20  # samples that are not all alike


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """A piece must lie within the recording."""
    yield from _generated.too_small("length", SHORTEST, options, "recorded_sound")
    last = math.floor(100 * (SECONDS - options["length"] / FORM[2])) / 100  # as it is printed
    if not FIRST <= options["second"] <= last:
        yield Wrong(
            "second",
            f"task 'recorded_sound': `second` must be from {FIRST} to {last:g}, where"
            f" {options['length']} samples of music begin, not {options['second']:g}",
        )


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """The piece, out of the package.

    Raises:
        TaskError: the music21 package is missing, or its recording is not that which it was.
    """
    begin = round(options["second"] * FORM[2])
    samples = recording()[begin : begin + options["length"]]
    return _one_curve.task("recorded_sound", _one_curve.standard(samples), options)


def recording() -> np.ndarray:
    """All samples.

    Raises:
        TaskError: the music21 package is missing, or its recording is not that which it was.
    """
    path = _music21.folder(FOLDER) / FILE
    try:
        with path.open("rb") as file:
            form, samples = _wave.read(file)
    except (OSError, ValueError) as error:
        reinstall = f"reinstall it: {_music21.INSTALL}"
        raise TaskError(f"cannot read {path}: {error}", reinstall) from None
    if form != FORM or len(samples) != round(SECONDS * FORM[2]):
        raise TaskError(f"{path} is another recording", f"reinstall it: {_music21.INSTALL}")
    return samples.astype(float)
