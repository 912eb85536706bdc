"""A split whose steps lie end to end, without padding: in memory, or in a file that is mapped into
it.

In: arrays of all real steps, one sequence after the other, and the lengths.  Out: a `Split`, whose
padded arrays are made anew each time that they are asked for, and not kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnzoo.tasks._contract import Split


class PackedSplit(Split):
    """A `Split` without padding.

    Attributes:
        values: of all steps end to end, (steps, inputs).
        targets: (steps, ...) with one target a step, else (sequences, ...) as `Split.y`.
        shares: of steps that count, (steps,); None where all of them do.
        width: to how many steps the arrays are padded.
        per_step: whether there is a target at each step.
        held: what keeps the files from being deleted as long as the split is used.
    """

    __slots__ = ("held", "per_step", "shares", "targets", "values", "width")

    values: np.ndarray
    targets: np.ndarray
    shares: np.ndarray | None
    width: int
    per_step: bool
    held: Any

    def __init__(
        self,
        values: np.ndarray,
        targets: np.ndarray,
        lengths: np.ndarray,
        shares: np.ndarray | None,
        *,
        width: int,
        per_step: bool,
        held: Any = None,
    ) -> None:
        given = {"values": values, "targets": targets, "lengths": lengths, "shares": shares}
        for name, value in {**given, "width": width, "per_step": per_step, "held": held}.items():
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
        return None if self.shares is None else padded(self.shares, self.lengths, self.width)

    @property
    def counted(self) -> np.ndarray:
        """Targets that count: (how many,) of classes, or (how many, outputs)."""
        if self.shares is None:
            return self.targets
        return np.asarray(self.targets[self.shares > 0])

    def __len__(self) -> int:
        return len(self.lengths)


def packed(split: Split, per_step: bool) -> PackedSplit:
    """The same without padding; where there is none, no array is copied."""
    if isinstance(split, PackedSplit):
        return split
    weights = None if split.weights is None else _steps(split.weights, split.lengths)
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
