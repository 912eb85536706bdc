"""Sequences of a split as a batch without padding: the first steps of all sequences, the longest
sequence first, then the second steps of those that have one, and so on.

In: a split and numbers of sequences.  Out: arrays with a row for each step of each sequence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rnnzoo.tasks import Split, Task

Array = np.ndarray[Any, Any]
MOST_KNOWN = 256  # extents


@dataclass(frozen=True, eq=False)
class Extent:
    """Where the rows of a batch lie.

    Attributes:
        lengths: (sequences,) how many steps each has, the longest first.
    """

    lengths: Array

    @property
    def sequences(self) -> int:
        return len(self.lengths)

    @cached_property
    def steps(self) -> int:
        """How many steps the longest has."""
        return int(self.lengths[0])

    @cached_property
    def rows(self) -> int:
        return int(self.offsets[-1])

    @cached_property
    def offsets(self) -> Array:
        """(steps + 1,) of int32: the first row of each step, and the row behind the last one."""
        goes_on = np.arange(self.steps)[:, None] < self.lengths
        return np.concatenate([[0], np.cumsum(goes_on.sum(axis=1))]).astype(np.int32)

    @cached_property
    def places(self) -> tuple[Array, Array]:
        """Of each row its step, and its sequence among those of the batch."""
        step, sequence = np.nonzero(np.arange(self.steps)[:, None] < self.lengths)
        return step, sequence

    @cached_property
    def before(self) -> Array:
        """(rows,) the row of the step before, counted through the sequences, whose initial states
        these are, and then the rows.
        """
        step, sequence = self.places
        before: Array = np.where(step > 0, self.sequences + self.offsets[step - 1], 0) + sequence
        return before

    @cached_property
    def ends(self) -> Array:
        """(sequences,) the row of each one's last step."""
        ends: Array = self.offsets[self.lengths - 1] + np.arange(self.sequences)
        return ends


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Sequences of one update, or of an evaluation.

    Attributes:
        x: (rows, inputs) of float32, ids as one-hot rows.
        answered: (answers,) the rows at which an answer counts.
        y: (answers, ...) their targets.
    """

    extent: Extent
    x: Array
    answered: Array
    y: Array


def batch_of(task: Task, split: Split, numbers: Array, known: dict[bytes, Extent]) -> Batch:
    """The sequences of these numbers as a batch.

    Args:
        known: extents by the lengths that they are of, to which a new one is added; where there
            are too many of them already, as of lengths that hardly come twice, these go first.
    """
    lengths = split.lengths[numbers]
    order = np.argsort(-lengths, kind="stable")
    numbers, lengths = numbers[order], lengths[order]
    if len(known) >= MOST_KNOWN:
        known.clear()
    extent = known.setdefault(lengths.tobytes(), Extent(lengths))
    step, sequence = extent.places
    rows = numbers[sequence], step
    x = split.x[rows]
    if task.vocabulary:
        x = np.eye(task.vocabulary, dtype=np.float32)[x[:, 0]]
    x = x.astype(np.float32, copy=False)
    if task.per == "sequence":
        return Batch(extent, x, extent.ends, split.y[numbers])
    if split.weights is None:
        return Batch(extent, x, np.arange(extent.rows), split.y[rows])
    answered = np.flatnonzero(split.weights[rows])
    return Batch(extent, x, answered, split.y[rows[0][answered], step[answered]])
