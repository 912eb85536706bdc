"""From the soprano of a Bach chorale, the pitch class of its bass: one label for each frame, and no
look-ahead.

In: the highest note of each quarter, one-hot.  Out: which of 12 pitch classes the lowest note has,
or that none sounds.  The pieces are those of the task `chorales`, in their original keys, so that
the key has to be told from what came before.

It stands in for framewise phoneme classification on TIMIT (Greff et al. 2015), which cannot be had
openly: a label for each frame out of a few classes, silence among them, by the share of wrong
frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, _music, _symbols, chorales, digest_of

OPTIONS: dict[str, Any] = {}
ABOUT = (
    "Bach chorales: the pitch class of the bass from the soprano, frame by frame (nothing is"
    " downloaded)"
)
LOSS = "categorical"
NOTE = (
    "Soprano and bass are the highest and the lowest note that sounds: voices that cross are"
    " taken as they sound, and where one note sounds, it is both. A task of our own: no published"
    " numbers."
)
SILENCE = 12  # the classes before it are C, C sharp, ..., B
CLASSES = 13


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """The chorales, out of the cache or out of the package.

    Raises:
        TaskError: the music21 package or a file of its corpus is missing.
    """
    rolls = chorales.rolls(progress)
    low, high = _compass(rolls["train"])
    splits = {name: _split(pieces, low, high) for name, pieces in rolls.items()}
    return Task(
        name="chorale_bass",
        splits=splits,
        loss=LOSS,
        per="step",
        outputs=CLASSES,
        metric="error",
        unit="share of wrong frames",
        baselines=baselines(splits["train"], splits["test"]),
        note=NOTE,
        digest=digest_of(splits),
    )


def bass(roll: np.ndarray) -> np.ndarray:
    """The class of each frame of a piano roll, (frames,) int32."""
    lowest = _music.LOWEST + roll.argmax(1)
    return np.where(roll.any(1), lowest % 12, SILENCE).astype(np.int32)


def soprano(roll: np.ndarray, low: int, high: int) -> np.ndarray:
    """The highest note of each frame, one-hot: (frames, 1 + pitches) uint8, silence first and then
    `low` to `high`.

    A pitch out of that range counts as the nearest in it.
    """
    pitch = np.clip(_highest(roll), low, high)
    column = np.where(roll.any(1), pitch - low + 1, 0)
    return np.eye(high - low + 2, dtype=np.uint8)[column]


def _highest(roll: np.ndarray) -> np.ndarray:
    """MIDI numbers, (frames,); without meaning where nothing sounds."""
    highest: np.ndarray = _music.LOWEST + _music.KEYS - 1 - roll[:, ::-1].argmax(1)
    return highest


def _compass(pieces: Sequence[np.ndarray]) -> tuple[int, int]:
    """The lowest and the highest pitch of the soprano."""
    frames = np.concatenate(pieces)
    pitches = _highest(frames[frames.any(1)])
    return int(pitches.min()), int(pitches.max())


def _split(pieces: Sequence[np.ndarray], low: int, high: int) -> Split:
    lengths = np.array([len(piece) for piece in pieces], np.int32)
    x = np.zeros((len(pieces), int(lengths.max()), high - low + 2), np.uint8)
    y = np.zeros(x.shape[:2], np.int32)
    for number, piece in enumerate(pieces):
        x[number, : len(piece)] = soprano(piece, low, high)
        y[number, : len(piece)] = bass(piece)
    return Split(x, y, lengths)


def baselines(train: Split, test: Split) -> dict[str, float]:
    """Scores on `test` of two predictors fitted on `train`; neither knows any frame but the present
    one.
    """
    return _symbols.most_frequent(train, test, CLASSES, "the soprano")
