"""A split whose steps lie end to end, without padding: in memory, or in a file that is mapped into
it.

In: arrays of all real steps, one sequence after the other, and the lengths.  Out: a `Split`, whose
padded arrays are made anew each time that they are asked for, and not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from rnnzoo.tasks._contract import Split

_BLOCK = 2**24  # bytes, with padding, that are made together


class Held(Protocol):
    """Files that are mapped into memory."""

    def release(self) -> None:
        """Give back the memory that what was read of them takes; it is read again where it is
        used.
        """


class PackedSplit(Split):
    """A `Split` without padding.  Its arrays may be mapped out of files (`np.load(...,
    mmap_mode="r")`) that are larger than memory.

    Attributes:
        values: of all steps end to end, (steps, inputs).
        targets: (steps, ...) with one target a step, else (sequences, ...) as `Split.y`.
        shares: how much answers count, (steps,) with one target a step, else (sequences,); None
            where all of them count alike.
        width: to how many steps the arrays are padded.
        per_step: whether there is a target at each step.
        held: the files that are mapped, which keeps them from being deleted as long as the split
            is used; None where nobody deletes them.
        starts: (sequences,) int64: the first step of each sequence.

    Raises:
        ValueError: lengths and arrays do not fit.
    """

    __slots__ = ("held", "per_step", "shares", "starts", "targets", "values", "width")

    values: np.ndarray
    targets: np.ndarray
    shares: np.ndarray | None
    width: int
    per_step: bool
    held: Held | None
    starts: np.ndarray

    def __init__(
        self,
        values: np.ndarray,
        targets: np.ndarray,
        lengths: np.ndarray,
        shares: np.ndarray | None = None,
        *,
        per_step: bool,
        width: int | None = None,
        held: Held | None = None,
    ) -> None:
        ends = np.cumsum(lengths, dtype=np.int64)
        steps = int(ends[-1]) if len(ends) else 0
        given = {
            "values": values, "targets": targets, "lengths": lengths, "shares": shares,
            "width": int(lengths.max()) if width is None else width, "per_step": per_step,
            "held": held, "starts": ends - lengths,
        }  # fmt: skip
        of_answers = [targets, *([] if shares is None else [shares])]
        of_steps = [values, *(of_answers if per_step else [])]
        if any(len(array) != steps for array in of_steps):
            counts = ", ".join(str(len(array)) for array in of_steps)
            raise ValueError(f"lengths are {steps} steps in all, and the arrays have {counts}")
        if not per_step and any(len(array) != len(lengths) for array in of_answers):
            counts = " and ".join(str(len(array)) for array in of_answers)
            raise ValueError(f"there are {len(lengths)} lengths, and {counts} targets")
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @property
    def inputs(self) -> int:
        return int(self.values.shape[-1])

    @property
    def x(self) -> np.ndarray:
        return padded(self.values, self.lengths, self.width)

    @property
    def y(self) -> np.ndarray:
        return padded(self.targets, self.lengths, self.width) if self.per_step else self.targets

    @property
    def weights(self) -> np.ndarray | None:
        if self.shares is None or not self.per_step:
            return self.shares
        return padded(self.shares, self.lengths, self.width)

    @property
    def stored(self) -> Mapping[str, np.ndarray]:
        arrays = {"x": self.values, "y": self.targets}
        return arrays if self.shares is None else {**arrays, "weights": self.shares}

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        shapes = {}
        for name, array in self.stored.items():
            of_steps = (len(self), self.width, *array.shape[1:])
            shapes[name] = of_steps if self._of_steps(name) else array.shape
        return shapes

    def padded(self, name: str) -> Iterator[np.ndarray]:
        array = self.stored[name]
        if not self._of_steps(name):
            yield array
            return
        rows = max(1, _BLOCK // max(1, self.width * array[:1].nbytes))
        for first in range(0, len(self), rows):
            lengths = self.lengths[first : first + rows]
            begin = int(self.starts[first])
            yield padded(array[begin : begin + int(lengths.sum())], lengths, self.width)

    def _of_steps(self, name: str) -> bool:
        return name == "x" or self.per_step

    @property
    def counted(self) -> np.ndarray:
        """Targets that count: (how many,) of classes, or (how many, outputs)."""
        if self.shares is None:
            return self.targets
        return np.asarray(self.targets[self.shares > 0])

    @property
    def counts(self) -> np.ndarray | None:
        """(how many,) how much each of `counted` counts; None where all count alike."""
        return None if self.shares is None else np.asarray(self.shares[self.shares > 0])

    def __len__(self) -> int:
        return len(self.lengths)


def packed(split: Split, per_step: bool) -> PackedSplit:
    """The same without padding; where there is none, no array is copied."""
    if isinstance(split, PackedSplit):
        return split
    weights = split.weights
    if weights is not None and per_step:
        weights = _steps(weights, split.lengths)
    return PackedSplit(
        _steps(split.x, split.lengths),
        _steps(split.y, split.lengths) if per_step else split.y,
        split.lengths,
        weights,
        width=split.width,
        per_step=per_step,
    )


def _steps(array: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(sequences, width, ...) -> (steps, ...)."""
    width = array.shape[1]
    if (lengths == width).all():
        return array.reshape(-1, *array.shape[2:])
    steps: np.ndarray = array[real(lengths, width)]
    return steps


def take(split: Split, rows: np.ndarray, width: int, per_step: bool) -> Split:
    """Some sequences, cut or padded to a width; what was mapped is read for these only, and its
    memory given back.

    Args:
        rows: numbers of sequences; one may come several times.
        per_step: whether there is a target at each step.
    """
    if isinstance(split, PackedSplit):
        return _gathered(split, rows, width)

    def cut(array: np.ndarray) -> np.ndarray:
        return to_width(array[rows, :width], width)

    def of_answers(array: np.ndarray) -> np.ndarray:
        return cut(array) if per_step else array[rows]

    return Split(
        cut(split.x),
        of_answers(split.y),
        split.lengths[rows],
        None if split.weights is None else of_answers(split.weights),
    )


def _gathered(split: PackedSplit, rows: np.ndarray, width: int) -> Split:
    within = real(split.lengths[rows], width)
    steps = (split.starts[rows][:, None] + np.arange(width))[within]

    def whole(values: np.ndarray) -> np.ndarray:
        array = np.zeros((*within.shape, *values.shape[1:]), values.dtype)
        array[within] = values[steps]
        return array

    def of_answers(values: np.ndarray) -> np.ndarray:
        return whole(values) if split.per_step else values[rows]

    taken = Split(
        whole(split.values),
        of_answers(split.targets),
        split.lengths[rows],
        None if split.shares is None else of_answers(split.shares),
    )
    if split.held is not None:
        split.held.release()
    return taken


def padded(steps: np.ndarray, lengths: np.ndarray, width: int) -> np.ndarray:
    """Steps end to end as (sequences, width, ...), with zeros behind each sequence; where there is
    nothing to pad, it is a view.
    """
    shape = (len(lengths), width, *steps.shape[1:])
    if len(steps) == len(lengths) * width:
        return steps.reshape(shape)
    whole = np.zeros(shape, steps.dtype)
    whole[real(lengths, width)] = steps
    return whole


def stacked(sequences: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of any lengths, (steps, ...) each, as (sequences, longest, ...) with zeros behind
    each, and their lengths.
    """
    lengths = np.array([len(steps) for steps in sequences], np.int32)
    return padded(np.concatenate(sequences), lengths, int(lengths.max())), lengths


def to_width(array: np.ndarray, width: int) -> np.ndarray:
    """(sequences, width, ...) with zeros at the end of the second axis; the array itself where none
    are missing.
    """
    if array.shape[1] == width:
        return array
    return np.pad(array, [(0, 0), (0, width - array.shape[1]), *[(0, 0)] * (array.ndim - 2)])


def real(lengths: np.ndarray, width: int) -> np.ndarray:
    """(sequences, width) bool: the steps that are no padding."""
    return np.arange(width) < lengths[:, None]


def weighted_mean(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """The mean over the first axis; without weights, each counts alike."""
    if weights is None:
        return np.asarray(values.mean(0))
    return np.asarray(np.average(values, axis=0, weights=weights.astype(float)))
