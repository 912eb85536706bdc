"""What polyphonic music tasks share: piano rolls, next-frame prediction, and predictors that learn
nothing sequential.

A frame is which of 88 keys sound; column k is MIDI note k + 21.  The score is the negative
log-likelihood of a frame, in nats, summed over keys and averaged over all frames but the first
(Boulanger-Lewandowski et al. 2012; averaged over frames as Bai, Kolter and Koltun 2018 do).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rnnzoo.tasks import Split, Task, digest_of

LOSS = "bernoulli"
KEYS = 88
LOWEST = 21  # MIDI number of the lowest key

Rolls = Mapping[str, Sequence[np.ndarray]]  # split -> piano rolls (frames, 88) of 0 and 1


def roll(frames: Sequence[Sequence[int]]) -> np.ndarray:
    """A piano roll (frames, 88), uint8, from the MIDI numbers that sound in each frame."""
    keys = np.zeros((len(frames), KEYS), np.uint8)
    for frame, notes in enumerate(frames):
        keys[frame, [note - LOWEST for note in notes]] = 1
    return keys


def windows(pieces: Sequence[np.ndarray], length: int) -> list[np.ndarray]:
    """Pieces in parts in which so many frames are predicted, in the last of a piece maybe fewer.

    A part begins with the last frame of the one before it: each frame of a piece but the first is
    predicted once, as in the whole.
    """
    parts = []
    for piece in pieces:
        begins = range(0, len(piece) - 1, length)
        parts += [piece[begin : begin + length + 1] for begin in begins]
    return parts


def task(name: str, rolls: Rolls, note: str) -> Task:
    """Next-frame prediction on piano rolls."""
    splits = {split: _split(pieces) for split, pieces in rolls.items()}
    return Task(
        name=name,
        splits=splits,
        loss=LOSS,
        per="step",
        outputs=KEYS,
        metric="nll",
        unit="nats per frame",
        baselines=baselines(rolls["train"], rolls["test"]),
        note=note,
        digest=digest_of(splits),
    )


def _split(pieces: Sequence[np.ndarray]) -> Split:
    lengths = np.array([len(piece) - 1 for piece in pieces], np.int32)
    frames = np.zeros((len(pieces), int(lengths.max()) + 1, KEYS), np.uint8)
    for row, piece in zip(frames, pieces):
        row[: len(piece)] = piece
    x, y = frames[:, :-1].copy(), frames[:, 1:].copy()
    for row, length in zip(x, lengths):
        row[length:] = 0  # the last frame is only ever a target
    return Split(x, y, lengths)


def baselines(train: Sequence[np.ndarray], test: Sequence[np.ndarray]) -> dict[str, float]:
    """Scores on `test` of two predictors fitted on `train` with add-half smoothing.

    `key frequencies` knows how often each key sounds; `Markov per key` knows, for each key by
    itself, how often it sounds after it did and after it did not.  A network that is worse than the
    second has learnt nothing from one frame to the next.
    """
    return {
        "key frequencies": _nll(_frequencies(train), test),
        "Markov per key": _nll(_transitions(train), test),
    }


def _frequencies(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """(2, 88): the probability that a key sounds, whatever it did before."""
    frames = np.concatenate([piece[1:] for piece in pieces])
    likely = (frames.sum(0) + 0.5) / (len(frames) + 1.0)
    return np.stack([likely, likely])


def _transitions(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """(2, 88): the probability that a key sounds, after silence and after sounding."""
    before = np.concatenate([piece[:-1] for piece in pieces]).astype(bool)
    after = np.concatenate([piece[1:] for piece in pieces])
    rows = [((after * came).sum(0) + 0.5) / (came.sum(0) + 1.0) for came in (~before, before)]
    return np.stack(rows)


def _nll(likely: np.ndarray, pieces: Sequence[np.ndarray]) -> float:
    before = np.concatenate([piece[:-1] for piece in pieces]).astype(int)
    after = np.concatenate([piece[1:] for piece in pieces])
    chance = likely[before, np.arange(KEYS)]
    return float(-np.log(np.where(after == 1, chance, 1.0 - chance)).sum(1).mean())
