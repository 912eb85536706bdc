"""Batches without padding: the steps of all sequences one after the other.

In: which sequences are in each batch, and how long they are.  Out: where the rows of a packed batch
come from.  Row by row these are the first steps of all sequences, the longest sequence first, then
the second steps of those that have one, and so on, so that a loop over time finds the sequences
that go on side by side.  Where lengths differ, everything that is computed for all steps at once is
computed for that many fewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Tensor = Any
ROUND = 16  # the room of a batch is a multiple
# So many standard deviations of its number of steps a batch may be above the mean: of 20,000 random
# batches, about one is not.
ABOVE = 4.0
WORTH = 0.8  # of the rows with padding; above, sequences are padded


class Packing(NamedTuple):
    """Packed batches of an epoch; numbers are int32.

    Attributes:
        steps: (batches, rows) which step of which sequence each row is, counted through the padded
            steps of all sequences; a row that is not used is any.
        before: (batches, rows) the row of the step before, counted through the initial states and
            then the rows.
        offsets: (batches, time + 1) the first row of each step, and the row behind the last one.
    """

    steps: Tensor
    before: Tensor
    offsets: Tensor


@dataclass(frozen=True, eq=False, slots=True)
class Packed:
    """Where the steps of one batch are; as in `Packing`.

    Attributes:
        sequences: how many there are, those that only fill the batch among them.
    """

    before: Tensor
    offsets: Tensor
    sequences: int


def room(lengths: np.ndarray, batch: int) -> int:
    """How many rows random batches of these sequences have room for; few batches need more."""
    count = len(lengths)
    most = int(np.sort(lengths)[-batch:].sum())
    if count <= batch:
        return _rounded(most)
    # of sums of draws without replacement
    variance = batch * float(lengths.var()) * (count - batch) / (count - 1)
    usual = batch * float(lengths.mean()) + ABOVE * variance**0.5
    return _rounded(min(most, int(np.ceil(usual))))


def room_of(batches: np.ndarray) -> int:
    """How many rows are needed for batches with these lengths, (batches, batch)."""
    return _rounded(int(batches.sum(axis=1).max()))


def is_worth_it(rows: int, batch: int, time: int) -> bool:
    """Whether so many rows are few enough beside those of a batch with padding."""
    return rows <= WORTH * batch * time


def longest_first(lengths: np.ndarray) -> np.ndarray:
    """The order of the sequences of each batch, (batches, batch), in which they are packed."""
    return np.argsort(-lengths, axis=1, kind="stable")


def packed(
    index: np.ndarray, lengths: np.ndarray, width: int, time: int, rows: int
) -> Packing | None:
    """Where the rows of these batches come from; None where one of them needs more rows.

    Args:
        index: (batches, batch) the numbers of sequences, the longest first.
        lengths: (batches, batch) of these; 0 where one only fills its batch.
        width: to how many steps all sequences are padded where they come from.
        time: how many steps the longest of all may have.
        rows: for how many a batch has room.
    """
    if int(lengths.sum(axis=1).max()) > rows:
        return None
    of_batches = [_packed(*batch, width, time, rows) for batch in zip(index, lengths, strict=True)]
    steps, before, offsets = (np.stack(arrays) for arrays in zip(*of_batches, strict=True))
    return Packing(steps, before, offsets)


def _packed(
    index: np.ndarray, lengths: np.ndarray, width: int, time: int, rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    goes_on = np.arange(time)[:, None] < lengths  # (time, batch)
    offsets = np.zeros(time + 1, np.int32)
    np.cumsum(goes_on.sum(axis=1), out=offsets[1:])
    step, sequence = np.nonzero(goes_on)
    steps, before = np.zeros((2, rows), np.int32)
    steps[: len(step)] = index[sequence] * width + step
    before[: len(step)] = np.where(step > 0, len(index) + offsets[step - 1], 0) + sequence
    return steps, before, offsets


def _rounded(rows: int) -> int:
    return -(-rows // ROUND) * ROUND
