"""A task's splits as tensors that stay where the training runs.

In: a `Task`.  Out: one array of all sequences of all splits, padded to one length, so that every
split is a range of rows and one compiled function serves them all; and batches of rows, of one
shape throughout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from rnnzoo.tasks import SPLITS, Split, Task, to_width

Tensor = Any
ALIKE = 0.1  # lengths may be so far apart, as a share, and still come in any order


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Sequences of one step; a row whose weight is 0 is padding of the batch."""

    x: Tensor  # (batch, time, inputs) float32, or (batch, time, 1) int32 of ids
    y: Tensor  # as in `Split.y`
    mask: Tensor  # (batch, time) bool: real steps
    weights: Tensor  # (batch, time), or (batch,) for one target a sequence: what counts in a loss


@dataclass(frozen=True, eq=False, slots=True)
class Resident:
    """All splits of a task on the device."""

    x: Tensor
    y: Tensor
    lengths: Tensor
    weights: Tensor | None
    rows: Mapping[str, range]
    time: int
    per_step: bool
    ids: bool = False  # `x` holds ids, which are read as they are

    def batch(self, rows: Tensor, real: Tensor, time: int | None = None) -> Batch:
        """The sequences of these rows (batch,); `real` (batch,) is 0 where a row only fills the
        batch.

        Args:
            time: to how many steps they are cut, where all of them are that short.
        """
        time = time or self.time
        lengths = keras.ops.take(self.lengths, rows, axis=0)
        mask = keras.ops.logical_and(
            keras.ops.arange(time, dtype="int32") < lengths[:, None], real[:, None] > 0
        )
        counted = keras.ops.cast(mask if self.per_step else real, "float32")
        if self.weights is not None:
            counted *= keras.ops.take(self.weights, rows, axis=0)[:, :time]
        x, y = keras.ops.take(self.x, rows, axis=0)[:, :time], keras.ops.take(self.y, rows, axis=0)
        return Batch(
            keras.ops.cast(x, "int32" if self.ids else "float32"),
            y[:, :time] if self.per_step else y,
            mask,
            counted,
        )


def resident(task: Task) -> Resident:
    """Put a task's splits on the device."""
    splits = [task.splits[name] for name in SPLITS]
    time = max(split.width for split in splits)
    per_step = task.per == "step"
    ends = np.cumsum([0, *map(len, splits)])
    rows = {name: range(int(start), int(end)) for name, start, end in zip(SPLITS, ends, ends[1:])}
    x = np.concatenate([to_width(split.x, time) for split in splits])
    targets = [split.y for split in splits]
    if per_step:
        targets = [to_width(y, time) for y in targets]
    lengths = np.concatenate([split.lengths for split in splits]).astype(np.int32)
    weights = None
    if any(split.weights is not None for split in splits):
        of_splits = [_weights(split, time) for split in splits]
        weights = keras.ops.convert_to_tensor(np.concatenate(of_splits))
    return Resident(
        x=keras.ops.convert_to_tensor(x),
        y=keras.ops.convert_to_tensor(np.concatenate(targets)),
        lengths=keras.ops.convert_to_tensor(lengths),
        weights=weights,
        rows=rows,
        time=time,
        per_step=per_step,
        ids=task.vocabulary > 0,
    )


def _weights(split: Split, time: int) -> np.ndarray:
    if split.weights is None:
        return to_width(np.ones((len(split), split.width), np.float32), time)
    return to_width(split.weights.astype(np.float32), time)


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
