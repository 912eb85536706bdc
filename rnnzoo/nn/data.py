"""A task's splits as tensors: whole, where the training runs, or a portion at a time.

In: a `Task`. Out: portions of an epoch, each some batches of rows and the sequences that these are
of, padded to one length, so that one compiled function serves them all. What is small stays on the
device as one portion (`Resident`), whose batches may be packed (`nn.packing`). What is large stays
in its files, or in memory without padding, and a portion is made of a few batches when it is their
turn (`Streamed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np

from rnnzoo import backends
from rnnzoo.nn.packing import Packed, Packing, longest_first, packed
from rnnzoo.tasks import SPLITS, Split, Task, take

Tensor = Any
FIRST = np.zeros(1, np.int32)  # the row of the first sequence
# of `x`, `y`, lengths and weights; None where there are no weights
Types = tuple[np.dtype, np.dtype, np.dtype, np.dtype | None]
ALIKE = 0.1  # lengths may be so far apart, as a share, and still come in any order
WHOLE = 2**26  # bytes, with padding, up to which data stay on the device
PORTION = 2**22  # bytes, with padding, of batches that go there together
WIDTHS = 4  # that are compiled for batches by length; each is half the one before


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Sequences of one step; a row whose weight is 0 is padding of the batch.

    Attributes:
        packed: where the steps of the sequences are; then x, the mask and what there is for each
            step have a batch of 1, whose steps are rows.
    """

    x: Tensor  # (batch, time, inputs) float32, or (batch, time, 1) int32 of ids
    y: Tensor  # as in `Split.y`
    mask: Tensor  # (batch, time) bool: real steps
    weights: Tensor  # (batch, time), or (batch,) for one target a sequence: what counts in a loss
    packed: Packed | None = None


class Sequences(NamedTuple):
    """Sequences on the device, padded to one length; fields are as in `Split`."""

    x: Tensor
    y: Tensor
    lengths: Tensor
    weights: Tensor | None


class Rows(NamedTuple):
    """Which sequences are in some batches, before they are on the device; fields are as in
    `Portion`.
    """

    rows: np.ndarray
    real: np.ndarray
    packing: Packing | None


class Portion(NamedTuple):
    """Some batches of an epoch, and what they are of."""

    sequences: Sequences
    rows: Tensor  # (steps, batch) int32: which of the sequences
    real: Tensor  # (steps, batch) float32: 0 where a row only fills the batch
    steps: Tensor | None  # how many are run, from the first on; None: all of them
    packing: Packing | None = None  # where the rows of packed batches come from


@dataclass(frozen=True, eq=False, slots=True)
class Data:
    """All splits of a task.

    Attributes:
        sizes: how many sequences each split has.
        time: to how many steps all of them are padded.
        per_step: whether there is a target at each step.
        ids: whether `x` holds ids, which are read as they are.
    """

    sizes: Mapping[str, int]
    time: int
    per_step: bool
    ids: bool

    def batch(self, portion: Portion, number: Tensor, time: int | None = None) -> Batch:
        """A batch of a portion.

        Args:
            time: to how many steps sequences are cut, where all of them are that short.
        """
        if portion.packing is not None:
            return self._packed(portion, portion.packing, number)
        return self._padded(portion.sequences, portion.rows[number], portion.real[number], time)

    def _packed(self, portion: Portion, packing: Packing, number: Tensor) -> Batch:
        take, sequences = keras.ops.take, portion.sequences
        rows, steps, offsets = portion.rows[number], packing.steps[number], packing.offsets[number]
        real = keras.ops.arange(steps.shape[0], dtype="int32") < offsets[-1]
        x = take(_in_a_row(sequences.x), steps, axis=0)
        y, weights = sequences.y, sequences.weights
        if self.per_step:
            counted = keras.ops.cast(real, "float32")[None]
            y = take(_in_a_row(y), steps, axis=0)[None]
            weights = None if weights is None else take(_in_a_row(weights), steps, axis=0)[None]
        else:
            counted, y = portion.real[number], take(y, rows, axis=0)
            weights = None if weights is None else take(weights, rows, axis=0)
        return Batch(
            keras.ops.cast(x, "int32" if self.ids else "float32")[None],
            y,
            real[None],
            counted if weights is None else counted * weights,
            Packed(packing.before[number], offsets, rows.shape[0]),
        )

    def _padded(self, sequences: Sequences, rows: Tensor, real: Tensor, time: int | None) -> Batch:
        """The sequences of these rows (batch,); `real` (batch,) is 0 where a row only fills the
        batch.
        """
        width = sequences.x.shape[1]
        time = min(time or width, width)
        lengths = keras.ops.take(sequences.lengths, rows, axis=0)
        mask = keras.ops.logical_and(
            keras.ops.arange(time, dtype="int32") < lengths[:, None], real[:, None] > 0
        )
        counted = keras.ops.cast(mask if self.per_step else real, "float32")
        if sequences.weights is not None:
            weights = keras.ops.take(sequences.weights, rows, axis=0)
            counted *= weights[:, :time] if self.per_step else weights
        x = keras.ops.take(sequences.x, rows, axis=0)[:, :time]
        y = keras.ops.take(sequences.y, rows, axis=0)
        return Batch(
            keras.ops.cast(x, "int32" if self.ids else "float32"),
            y[:, :time] if self.per_step else y,
            mask,
            counted,
        )


@dataclass(frozen=True, eq=False, slots=True)
class Resident(Data):
    """All of them on the device.

    Attributes:
        sequences: of all splits, one split behind the other.
        begins: the first row of each split.
        lengths: of all sequences.
    """

    sequences: Sequences
    begins: Mapping[str, int]
    lengths: np.ndarray

    def portions(
        self,
        split: str,
        rows: np.ndarray,
        batch: int,
        time: int,
        steps: int | None = None,
        room: int = 0,
    ) -> Iterator[Portion]:
        """Batches of some rows of a split: one portion.

        Args: as of `rows_of`.
        """
        index, real, packing = self.rows_of(split, rows, batch, time, steps, room)
        yield Portion(
            self.sequences,
            _tensor(index),
            _tensor(real),
            _tensor(None if steps is None else ceil(len(rows), batch)),
            None if packing is None else Packing(*map(_tensor, packing)),
        )

    def rows_of(
        self,
        split: str,
        rows: np.ndarray,
        batch: int,
        time: int,
        steps: int | None = None,
        room: int = 0,
    ) -> Rows:
        """Where the batches of some rows of a split come from.

        Args:
            time: how many steps the longest has; batches are cut as they are made.
            steps: for how many batches there is room, so that one size is compiled for all splits;
                without it, for these.
            room: for how many rows a packed batch has room; they are packed where all of them
                fit, and with `steps` in an order in which they do.  0: they are padded.
        """
        count, rows = ceil(len(rows), batch), rows + self.begins[split]
        if room and steps is not None:
            index, real = dealt(rows, self.lengths[rows], batch, steps)
        else:
            index, real = batches(rows, batch, steps or count)
        packing = None
        if room:
            lengths = np.where(real > 0, self.lengths[index], 0)
            order = longest_first(lengths)
            index, real, lengths = (
                np.take_along_axis(array, order, axis=1) for array in (index, real, lengths)
            )
            packing = packed(index, lengths, self.time, time, room)
        return Rows(index, real, packing)


@dataclass(frozen=True, eq=False, slots=True)
class Streamed(Data):
    """A few batches at a time on the device.

    Attributes:
        splits: in files that are mapped, or in memory.
        types: of the arrays there.
        step: bytes of a step of a sequence there.
        widths: to how many lengths batches are padded, each half the one before.
    """

    splits: Mapping[str, Split]
    types: Types
    step: int
    widths: int

    def portions(
        self,
        split: str,
        rows: np.ndarray,
        batch: int,
        time: int,
        steps: int | None = None,
        room: int = 0,
    ) -> Iterator[Portion]:
        """Batches of some rows of a split, in their order.

        Args:
            time: to how many steps the longest are padded.
            steps: not asked for, since a portion has room for as many batches as fit in `PORTION`.
            room: not asked for, since they are padded.
        """
        index, real = batches(rows, batch, ceil(len(rows), batch))
        longest = np.max(self.splits[split].lengths[index], axis=1, initial=1, where=real > 0)
        begin = 0
        while begin < len(index):
            end, width = self._next(longest[begin:], batch, time)
            end += begin
            yield self._portion(split, index[begin:end], real[begin:end], width)
            begin = end

    def _room(self, batch: int, width: int) -> int:
        """For how many batches a portion has room."""
        return max(1, PORTION // (batch * width * self.step))

    def _next(self, longest: np.ndarray, batch: int, time: int) -> tuple[int, int]:
        """How many of these batches, which have these longest sequences, are in the next portion;
        and to how many steps it is padded.
        """
        widths = np.array([ceil(time, 2**halved) for halved in range(self.widths)][::-1])
        needed = np.maximum.accumulate(longest[: self._room(batch, int(widths[0]))])
        padded = widths[np.searchsorted(widths, needed)]
        count = 1
        while count < len(padded) and count < self._room(batch, int(padded[count])):
            count += 1
        return count, int(padded[count - 1])

    def _portion(self, split: str, index: np.ndarray, real: np.ndarray, width: int) -> Portion:
        count, batch = index.shape
        room = self._room(batch, width)
        taken = take(self.splits[split], index.ravel(), width, self.per_step)
        arrays = _arrays(taken, self.types, self.per_step)
        rows = [_longer(array, room * batch) for array in arrays]
        numbers = np.arange(room * batch, dtype=np.int32).reshape(room, batch)
        return Portion(
            Sequences(*map(_tensor, rows)), *map(_tensor, (numbers, _longer(real, room), count))
        )


def data_of(task: Task, by_length: bool) -> Resident | Streamed:
    """A task's splits, on the device where they are small.

    Args:
        by_length: whether batches hold sequences of nearly one length.
    """
    per_step = task.per == "step"
    splits = {name: task.splits[name] for name in SPLITS}
    sizes = {name: len(split) for name, split in splits.items()}
    time = max(split.width for split in splits.values())
    types, step = _types([take(split, FIRST, 1, per_step) for split in splits.values()], per_step)
    form = (sizes, time, per_step, task.vocabulary > 0)
    if sum(sizes.values()) * time * step > WHOLE:
        return Streamed(*form, splits, types, step, WIDTHS if by_length else 1)
    whole = [take(split, np.arange(len(split)), time, per_step) for split in splits.values()]
    arrays = zip(*(_arrays(split, types, per_step) for split in whole))
    joined = map(_joined, arrays)
    ends = np.cumsum([0, *sizes.values()])
    lengths = np.concatenate([split.lengths for split in splits.values()])
    begins = dict(zip(SPLITS, map(int, ends)))
    return Resident(*form, Sequences(*map(_tensor, joined)), begins, lengths)


def _types(splits: Sequence[Split], per_step: bool) -> tuple[Types, int]:
    """What arrays are on the device, and how many bytes a step is there.

    Args:
        splits: one step of each.
    """
    weights = None
    if any(split.weights is not None for split in splits):
        weights = np.dtype(np.float32)
    types = (
        np.result_type(*(split.x for split in splits)),
        np.result_type(*(split.y for split in splits)),
        np.dtype(np.int32),
        weights,
    )
    x, y, _, shares = _arrays(splits[0], types, per_step)
    arrays = (x, *((y, shares) if per_step else ()))
    return types, sum(array.nbytes for array in arrays if array is not None)


def _arrays(split: Split, types: Types, per_step: bool) -> list[np.ndarray | None]:
    """The fields of `Sequences`; where other splits have weights, those of this one are 1."""
    weights = split.weights
    if weights is None:
        weights = np.ones((len(split), split.width)[: 1 + per_step], np.float32)
    arrays = (split.x, split.y, split.lengths, weights)
    return [_of_type(array, dtype) for array, dtype in zip(arrays, types, strict=True)]


def _of_type(array: np.ndarray, dtype: np.dtype | None) -> np.ndarray | None:
    """None where no split has such an array."""
    return None if dtype is None else array.astype(dtype, copy=False)


def _joined(parts: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """An array of each split, one behind the other; all splits have it, or none has."""
    arrays = [array for array in parts if array is not None]
    return np.concatenate(arrays) if arrays else None


def _longer(array: np.ndarray | None, rows: int) -> np.ndarray | None:
    """With rows of zeros behind it."""
    if array is None or len(array) == rows:
        return array
    return np.concatenate([array, np.zeros((rows - len(array), *array.shape[1:]), array.dtype)])


def _tensor(array: Any) -> Tensor:
    return None if array is None else backends.current().tensor(array)


def _in_a_row(padded: Tensor) -> Tensor:
    """(sequences, time, ...) -> (sequences times time, ...)."""
    return keras.ops.reshape(padded, (-1, *padded.shape[2:]))


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


def dealt(
    rows: np.ndarray, lengths: np.ndarray, batch: int, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """The same for rows whose order does not matter, in as few batches, which have about as many
    steps of time each.

    Args:
        lengths: of the rows.
    """
    index = np.zeros((steps, batch), np.int32)
    real = np.zeros((steps, batch), np.float32)
    longest_first = rows[np.argsort(-lengths, kind="stable")]
    count = ceil(len(rows), batch)
    for number in range(count):
        share = longest_first[number::count]
        index[number, : len(share)] = share
        real[number, : len(share)] = 1.0
    return index, real


def ceil(count: int, size: int) -> int:
    """How many parts of a size hold so many."""
    return -(-count // size)
