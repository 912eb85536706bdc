"""The targets of `kind: transcribe` of `arrays`: labels in their order, whose places among the
steps are not known.

In: `y` as people have it, and `y_lengths` if they have that.  Out: what the contract takes, whole
numbers from 1 with zeros behind the last.  `y` is one of

    (sequences,)            texts, whose characters are the labels
    (sequences, labels)     names, with '' behind the last; or whole numbers from 0, with -1, or
                            NaN, behind the last; or either with `y_lengths`
    (all labels,)           names or numbers, those of each sequence behind those of the one
                            before, with `y_lengths`
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rnnzoo.tasks import _arrays_file as files
from rnnzoo.tasks import _transcription
from rnnzoo.tasks._arrays_targets import CLASSES, Targets, refuse
from rnnzoo.tasks._contract import cannot_spell, steps_to_spell
from rnnzoo.tasks._packed import padded

_COUNTS = "y_lengths=..., how many labels each sequence has"


def labels(y: np.ndarray, counts: np.ndarray | None, lengths: np.ndarray, path: Path) -> Targets:
    """The targets.

    Args:
        counts: `y_lengths`, if the file has it.
        lengths: how many steps each sequence has.

    Raises:
        TaskError: there is no label, a label is none, or a sequence is too short for its labels.
    """
    if counts is not None:
        given, real = _counted(y, counts, path)
    elif y.ndim == 1:
        given, real = _characters(y)
    else:
        given, real = y, _before_the_end(y, path)
    known = given[real]
    if not known.size:
        raise refuse(
            path, "to transcribe, y must have labels, and all are empty", "y=..., y_lengths"
        )
    names: tuple[str, ...] = ()
    if known.dtype.kind in files.TEXTS:
        texts, known = np.unique(known, return_inverse=True)
        names = ("", *map(files.text, texts.tolist()))
    for problem, fix in _no_numbers(known, real):
        raise refuse(path, f"to transcribe, labels must be names or numbers from 0: {problem}", fix)
    numbered = np.zeros(given.shape, np.int32)
    numbered[real] = known.astype(np.int32) + 1
    numbered = numbered[:, : int(real.sum(1).max())]
    _check_steps(numbered, lengths, path)
    return Targets(numbered, _transcription.LOSS, "sequence", int(numbered.max()) + 1, names)


def _counted(y: np.ndarray, counts: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(sequences, most) of labels, and which of them there are."""
    if counts.min() < 0:
        raise refuse(path, f"y_lengths has {counts.min()}, below 0", _COUNTS)
    if y.ndim == 1:
        if counts.sum() != len(y):
            problem = f"y has {len(y)} labels, and y_lengths {counts.sum()} in all"
            raise refuse(
                path, problem, "y=np.concatenate(labels), y_lengths=list(map(len, labels))"
            )
        y = padded(y, counts, max(1, int(counts.max())))
    elif counts.max() > y.shape[1]:
        problem = f"y_lengths has {counts.max()}, and y has {y.shape[1]} labels a sequence"
        raise refuse(path, problem, _COUNTS)
    return y, np.arange(y.shape[1]) < counts[:, None]


def _characters(texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(sequences, most) of the characters of texts, and which of them there are."""
    words = [files.text(text) for text in texts.tolist()]
    counts = np.array([len(word) for word in words])
    width = max(1, int(counts.max()))
    real = np.arange(width) < counts[:, None]
    letters = np.full(real.shape, "", "U1")
    letters[real] = list("".join(words))
    return letters, real


def _before_the_end(y: np.ndarray, path: Path) -> np.ndarray:
    """(sequences, most) of bool: which labels there are, before what marks that there is none."""
    if y.dtype.kind in files.TEXTS:
        real = y != y.dtype.type()
    else:
        real = ~(np.isnan(y) | (y == files.NONE)) if y.dtype.kind == "f" else y != files.NONE
    torn = np.flatnonzero((~real[:, :-1] & real[:, 1:]).any(1))
    if len(torn):
        problem = f"sequence {torn[0]} of y has a gap between its labels"
        raise refuse(path, problem, "-1, or '' of names, behind the last label only")
    if real.all() and y.dtype.kind not in files.TEXTS and _ends_with_zeros(y):
        raise refuse(
            path,
            "rows of y end with zeros: is 0 a label, or is there none?",
            f"y=y - 1 where 0 is none; else {_COUNTS}",
        )
    return np.asarray(real)


def _ends_with_zeros(y: np.ndarray) -> bool:
    """Whether zeros stand at the end of some rows, and nowhere else."""
    is_zero = y == 0
    return bool(is_zero[:, -1].any()) and not bool((is_zero[:, :-1] & ~is_zero[:, 1:]).any())


def _no_numbers(known: np.ndarray, real: np.ndarray) -> Iterator[files.Problem]:
    """Why labels, (how many,), are no numbers from 0."""
    whole = np.isfinite(known) & (known == np.floor(known))
    bad = ~whole | (known < 0) | (known >= CLASSES)
    if bad.any():
        sequence, place = np.argwhere(real)[bad.argmax()]
        yield (
            f"{known[bad.argmax()]:g} stands in sequence {sequence}, label {place}",
            f"from 0 to {CLASSES - 1}, and -1 behind the last",
        )


def _check_steps(numbered: np.ndarray, lengths: np.ndarray, path: Path) -> None:
    """
    Raises:
        TaskError: a sequence has fewer steps than its labels need.
    """
    short = np.flatnonzero(steps_to_spell(numbered) > lengths)
    if len(short):
        number, steps = int(short[0]), int(lengths[short[0]])
        raise refuse(path, *cannot_spell(numbered[number], steps, f"sequence {number}"))
