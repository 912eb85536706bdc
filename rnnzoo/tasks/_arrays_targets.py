"""The targets of `arrays`: `y` as people have it -> what the contract takes.

Contains: `next_step`, `numbers` for `regress`, `tags` for `tag`, and `classes` for `classify`,
which takes numbers, one-hot rows and names; each at every step or for each sequence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from rnnzoo.errors import Remark, TaskError
from rnnzoo.spec.written import setting
from rnnzoo.tasks import _arrays_file as files

CLASSES = 100_000  # labels above are identifiers, not classes from 0
_MISSING = ("", "nan", "NaN", "None", "<NA>", "NaT")  # as pandas and NumPy write a missing label
_KEPT = "says which to keep: x=x[keep], y=y[keep], the other arrays likewise"

Per = Literal["step", "sequence"]
Problem = files.Problem


@dataclass(frozen=True, eq=False, slots=True)
class Targets:
    """What is predicted, and by which loss; as the fields of `Task`, and `y` as that of `Split`."""

    y: np.ndarray
    loss: str
    per: Per
    outputs: int
    classes: tuple[str, ...] = ()


def refuse(path: Path, problem: str, fix: str) -> TaskError:
    return TaskError(f"{path}: {problem}", fix)


def called_missing(classes: Sequence[str], fix: str) -> Iterator[Remark]:
    """Whether a class is what programs write where a label is missing.

    Args:
        fix: where it is one; `{name!r}` in it is the name of the class.
    """
    name = next((name for name in classes if name in _MISSING), None)
    if name is not None:
        problem = f"a class is called {name!r}, as a missing label is written"
        yield Remark(problem, fix.format(name=name))


def real_steps(lengths: np.ndarray, steps: int) -> np.ndarray:
    """(sequences, time) bool: what is no padding."""
    return np.arange(steps)[None, :] < lengths[:, None]


# ------------------------------------------------------------------ numbers


def next_step(x: np.ndarray, lengths: np.ndarray, path: Path) -> tuple[np.ndarray, Targets]:
    """The inputs of x, which are all steps but the last, and as targets all but the first; x is
    written into, since copies are large.
    """
    if lengths.min() < 2:
        problem = "to predict the next step, every sequence needs at least 2 steps"
        raise refuse(
            path, problem, f"leave out sequence {int(lengths.argmin())} and others as short"
        )
    binary = _binary(x)
    y = x[:, 1:].astype(np.uint8 if binary else np.float32)
    if not binary:
        _check_squares("x", y, path)
    loss = "bernoulli" if binary else "squared"
    x[np.arange(len(x)), lengths - 1] = 0  # the last real step, which predicts nothing
    return x[:, :-1], Targets(y, loss, "step", x.shape[-1])


def _binary(x: np.ndarray) -> bool:
    """Whether all numbers are 0 or 1; looked at sequence by sequence, since what is made for all of
    them is large.
    """
    return all(bool(((sequence == 0) | (sequence == 1)).all()) for sequence in x)


def numbers(y: np.ndarray, real: np.ndarray, per: str, path: Path) -> Targets:
    """Targets of `regress`.

    Args:
        real: (sequences, time), what is no padding.
        per: the option.
    """
    if files.at_steps(y.shape, real.shape, per):
        given = y.reshape(*real.shape, -1)
        # What stands in the padding must not matter, NaN included.
        given = np.where(real[..., None], given, 0)
        resolved: Per = "step"
    else:
        given, resolved = y.reshape(len(y), -1), "sequence"
    single = as_single(given)
    if not np.isfinite(single).all():
        raise not_finite("y", given, path, _fix_of_holes(y, resolved))
    _check_squares("y", single, path)
    return Targets(single, "squared", resolved, single.shape[-1])


def tags(y: np.ndarray, real: np.ndarray, per: str, path: Path) -> Targets:
    """Targets of `tag`: each output is a yes, 1, or a no, 0; arguments as of `numbers`."""
    given = numbers(y, real, per, path)
    other = given.y[(given.y != 0) & (given.y != 1)]
    if other.size:
        problem = f"to tag, y holds 1 for yes and 0 for no, and there is {other[0]:g}"
        raise refuse(path, problem, f"of one class among several, {setting('kind', 'classify')}")
    return Targets(given.y, "bernoulli", given.per, given.outputs)


def _fix_of_holes(y: np.ndarray, per: Per) -> str:
    if per == "step" and y.ndim == 2:
        return f"fill them in, or keep = np.isfinite(y).all(1) {_KEPT}"
    if per == "step":
        return f"fill them in, or keep = np.isfinite(y).all((1, 2)) {_KEPT}"
    return f"keep = {'np.isfinite(y)' if y.ndim == 1 else 'np.isfinite(y).all(1)'} {_KEPT}"


def as_single(array: np.ndarray) -> np.ndarray:
    """As float32, the same array where it is that already; what is too large for it becomes
    infinite, which is refused in words.
    """
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)


def not_finite(name: str, array: np.ndarray, path: Path, fix: str) -> TaskError:
    """How many values are no numbers, and where the first is."""
    bad = ~np.isfinite(array)
    fault = "NaN or infinite values"
    if not bad.any():
        bad = ~np.isfinite(as_single(array))
        fault = "values that are too large for single precision (3.4e38)"
    first = np.argwhere(bad)[0]
    last = {"x": "input", "y": "output"}.get(name, "column")
    axes = ("sequence", "step", last) if array.ndim == 3 else ("sequence", last)
    place = ", ".join(f"{axis} {position}" for axis, position in zip(axes, first))
    return refuse(
        path, f"{name} holds {bad.sum():,} {fault}, the first in {place} (counted from 0)", fix
    )


def _check_squares(name: str, targets: np.ndarray, path: Path) -> None:
    """Refuse targets whose squared error is infinite at the first step, so that every training
    would diverge.
    """
    with np.errstate(over="ignore"):
        finite = all(np.isfinite(np.square(target).sum()) for target in targets)
    if not finite:
        problem = (
            f"the squares of {name} are too large for single precision (3.4e38): no error could be"
            " computed"
        )
        raise refuse(path, problem, f"{name}=({name} - {name}.mean()) / {name}.std()")


# ------------------------------------------------------------------ classes


def classes(y: np.ndarray, real: np.ndarray, per: str, path: Path) -> Targets:
    """Targets of `classify`.

    Args:
        real: (sequences, time), what is no padding.
        per: the option.
    """
    for problem, fix in _no_labels(y, real, per):
        raise _no_classes(problem, fix, path)
    if files.at_steps(y.shape, real.shape, per):
        resolved: Per = "step"
        labels = y if y.ndim == 2 else _of_steps(y)
        counted = real
    else:
        resolved = "sequence"
        labels = y if y.ndim == 1 else _of_sequences(y)
        counted = np.ones(len(labels), bool)
    known = labels[counted]
    names: tuple[str, ...] = ()
    if known.dtype.kind in files.TEXTS:
        texts, known = np.unique(known, return_inverse=True)
        names = tuple(map(files.text, texts.tolist()))
    for problem, fix in _no_numbers(known, np.argwhere(counted), names):
        raise _no_classes(problem, fix, path)
    numbered = np.zeros(labels.shape, np.int32)  # what stands in the padding must not matter
    numbered[counted] = known
    return Targets(numbered, "categorical", resolved, int(known.max()) + 1, names)


def _no_classes(problem: str, fix: str, path: Path) -> TaskError:
    return refuse(
        path,
        "to classify, y must be one class a sequence or a step, a name or a whole number from 0 to"
        f" {CLASSES - 1}: {problem}",
        fix,
    )


def _rows_of_one(y: np.ndarray) -> bool:
    """Whether each row of the last axis is one-hot."""
    if y.dtype.kind in files.TEXTS or y.shape[-1] < 2:
        return False
    return bool(((y == 0) | (y == 1)).all()) and bool((y.sum(-1, dtype=float) == 1).all())


def _of_steps(y: np.ndarray) -> np.ndarray:
    """(sequences, time) of labels, out of a column or of one-hot rows."""
    return y[..., 0] if y.shape[-1] == 1 else y.argmax(-1)


def _of_sequences(y: np.ndarray) -> np.ndarray:
    """(sequences,) of labels, out of a column or of one-hot rows."""
    return y[:, 0] if y.shape[1] == 1 else y.argmax(1)


def _no_labels(y: np.ndarray, real: np.ndarray, per: str) -> Iterator[Problem]:
    """Why the form of y has no labels, where its shape alone does not tell."""
    steps = real.shape[1]
    if y.ndim == 1 or y.shape[-1] == 1:
        return
    if y.ndim == 3:
        if not _rows_of_one(y[real]):
            yield (
                f"it has shape {y.shape}, and not one 1 among zeros at each step",
                f"several labels a step are not offered: {setting('kind', 'regress')} predicts"
                f" {y.shape[-1]} numbers",
            )
        return
    at_steps, one_hot = y.shape[1] == steps, _rows_of_one(y)
    if one_hot and at_steps and not per:
        yield (
            f"it has shape {y.shape}, one 1 in each row, and x has {steps} steps: one-hot classes"
            " of a sequence, or a class at every step?",
            f"{setting('per', 'sequence')}, or {setting('per', 'step')}",
        )
    elif one_hot or (at_steps and per != "sequence"):
        return
    elif y.dtype.kind not in files.TEXTS and bool(((y == 0) | (y == 1)).all()):
        yield (
            f"it has shape {y.shape}, several labels a sequence",
            f"several labels a sequence are not offered: {setting('kind', 'regress')} predicts"
            f" {y.shape[1]} numbers",
        )
    elif at_steps:
        yield (
            f"it has shape {y.shape}, a class at every step",
            f"leave `{setting('per', 'sequence')}` out, or y=y[:, -1] keeps the last one",
        )
    else:
        other = setting("kind", "regress", "transcribe")
        fix = f"a class a sequence, one at each of the {steps} steps, or {other}"
        yield f"it has shape {y.shape}", fix


def _no_numbers(labels: np.ndarray, places: np.ndarray, names: Sequence[str]) -> Iterator[Problem]:
    """Why these are no classes, and what makes classes of them.

    Args:
        labels: (how many,), without padding.
        places: (how many, 1 or 2): the sequence of each, and its step.
        names: of the classes, where these are their numbers already.
    """
    counted = "y=np.unique(y, return_inverse=True)[1] numbers classes from 0"
    bad = ~np.isfinite(labels) if labels.dtype.kind == "f" else np.zeros(len(labels), bool)
    if bad.any():
        axes = ("sequence", "step")
        place = ", ".join(
            f"{axis} {position}" for axis, position in zip(axes, places[bad.argmax()])
        )
        keep = "np.isfinite(y)" if places.shape[1] == 1 else "np.isfinite(y).all(1)"
        yield (
            f"{bad.sum()} of them are NaN or infinite, the first that of {place}",
            f"keep = {keep} {_KEPT}",
        )
    elif not np.array_equal(labels, np.floor(labels)):
        first = labels[labels != np.floor(labels)][0]
        yield f"{first:g} is no whole number", f"{setting('kind', 'regress')}, if y are quantities"
    elif labels.min() < 0:
        yield f"the least is {labels.min():g}", counted
    elif float(labels.max()) >= CLASSES:  # which a number of two bytes cannot be compared with
        yield f"the largest is {labels.max():g}", counted
    elif labels.min() == labels.max():
        label = repr(names[0]) if names else f"{labels.max():g}"
        yield (
            f"all are {label}, one class only: there is nothing to tell apart",
            "y=..., of two classes or more",
        )
