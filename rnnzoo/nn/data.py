"""A task's splits as tensors that stay where the training runs.

In: a `Task`.  Out: the steps of all sequences of all splits, end to end and without padding, so
that every split is a range of rows and one compiled function serves them all; and batches of rows,
padded to one shape throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from rnnzoo.tasks import SPLITS, PackedSplit, Task, packed

Tensor = Any
ALIKE = 0.1  # lengths may be so far apart, as a share, and still come in any order


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Sequences of one step; a row whose weight is 0 is padding of the batch."""

    x: Tensor  # (batch, time, inputs) float32
    y: Tensor  # as in `Split.y`
    mask: Tensor  # (batch, time) bool: real steps
    weights: Tensor  # (batch, time), or (batch,) for one target a sequence: what counts in a loss


@dataclass(frozen=True, eq=False, slots=True)
class Resident:
    """All splits of a task on the device, one sequence after the other.

    Attributes:
        x: of all steps end to end, (steps, inputs).
        y: likewise with one target a step, else (sequences, ...).
        weights: (steps,); None where all steps count.
        starts: (sequences,) int32: the first step of each sequence.
        lengths: (sequences,) int32.
        rows: the sequences of each split.
        time: to how many steps sequences are padded where nobody says less.
    """

    x: Tensor
    y: Tensor
    weights: Tensor | None
    starts: Tensor
    lengths: Tensor
    rows: Mapping[str, range]
    time: int
    per_step: bool

    def batch(self, rows: Tensor, real: Tensor, time: int | None = None) -> Batch:
        """The sequences of these rows (batch,), padded with zeros; `real` (batch,) is 0 where a row
        only fills the batch.

        Args:
            time: to how many steps they are cut, where all of them are that short.
        """
        steps = keras.ops.arange(time or self.time, dtype="int32")
        lengths = keras.ops.take(self.lengths, rows, axis=0)
        within = steps < lengths[:, None]
        place = keras.ops.where(within, keras.ops.take(self.starts, rows)[:, None] + steps, 0)

        def padded(values: Tensor) -> Tensor:
            taken = keras.ops.take(values, place, axis=0)
            known = keras.ops.reshape(within, (*within.shape, *[1] * (len(values.shape) - 1)))
            return keras.ops.where(known, taken, keras.ops.zeros_like(taken))

        mask = keras.ops.logical_and(within, real[:, None] > 0)
        counted = keras.ops.cast(mask if self.per_step else real, "float32")
        if self.weights is not None:
            counted *= padded(self.weights)
        y = padded(self.y) if self.per_step else keras.ops.take(self.y, rows, axis=0)
        return Batch(keras.ops.cast(padded(self.x), "float32"), y, mask, counted)


def resident(task: Task) -> Resident:
    """Put a task's splits on the device."""
    per_step = task.per == "step"
    splits = [packed(task.splits[name], per_step) for name in SPLITS]
    ends = np.cumsum([0, *map(len, splits)])
    rows = {name: range(int(start), int(end)) for name, start, end in zip(SPLITS, ends, ends[1:])}
    lengths = np.concatenate([split.lengths for split in splits]).astype(np.int32)
    weights = None
    if any(split.shares is not None for split in splits):
        weights = _joined([_shares(split) for split in splits])
    return Resident(
        x=_joined([split.values for split in splits]),
        y=_joined([split.targets for split in splits]),
        weights=weights,
        starts=keras.ops.convert_to_tensor((np.cumsum(lengths) - lengths).astype(np.int32)),
        lengths=keras.ops.convert_to_tensor(lengths),
        rows=rows,
        time=max(split.width for split in splits),
        per_step=per_step,
    )


def _joined(arrays: Sequence[np.ndarray]) -> Tensor:
    return keras.ops.convert_to_tensor(np.concatenate(arrays))


def _shares(split: PackedSplit) -> np.ndarray:
    if split.shares is None:
        return np.ones(len(split.values), np.float32)
    return split.shares.astype(np.float32)


def grouped(lengths: np.ndarray, batch: int, order: np.random.Generator) -> np.ndarray:
    """The sequences of an epoch in an order in which those of a batch are nearly of one length.

    Sequences are sorted by their length times a random factor, so that batches differ from epoch to
    epoch, and batches come in a random order.  Where the last one has fewer sequences, any lengths
    may be in it.

    Args:
        lengths: of all sequences.
        batch: sequences in a batch.
    """
    by_length = np.argsort(lengths * order.uniform(1.0, 1.0 + ALIKE, len(lengths)))
    whole, rest = divmod(len(lengths), batch)
    begins = batch * int(order.integers(whole + 1))  # of the batch with fewer sequences
    last = by_length[begins : begins + rest]
    full = np.delete(by_length, np.s_[begins : begins + rest]).reshape(whole, batch)
    return np.concatenate([order.permutation(full).ravel(), last])


def batches(rows: np.ndarray, batch: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows cut into batches of one size, (steps, batch) each of rows and of their weights.

    The last batch is filled, and batches are added up to `steps`, with row 0 at weight 0.
    """
    index = np.zeros(steps * batch, np.int32)
    real = np.zeros(steps * batch, np.float32)
    index[: len(rows)] = rows
    real[: len(rows)] = 1.0
    return index.reshape(steps, batch), real.reshape(steps, batch)
