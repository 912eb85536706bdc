"""Buffer assignment: where a loop keeps what its steps yield, in sequences that it reads for the
last time or in new rows.

In: values and their sizes, and sequences that nothing reads afterwards.  Out: an `Assignment`.
Under XLA new rows are filled with zeros first: for an LSTM that took as long as two thirds of its
forward loop.  So the gates go where the projections of x were, and the adjoints of the
pre-activations where the gates were.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Buffer:
    """Rows of one width, one for each step.

    Attributes:
        reuses: number of the sequence whose rows they are, each replaced once it has been read;
            None for new rows.
        carries: number of a carried value: one row more, the first, holds what it begins with, so
            that row t is the value before step t and row t + 1 the one after it.
    """

    width: int
    reuses: int | None = None
    carries: int | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Where in the rows of which buffer a value lies."""

    buffer: int
    first: int
    width: int

    @property
    def end(self) -> int:
        return self.first + self.width


@dataclass(frozen=True, slots=True)
class Assignment(Generic[Key]):
    """Buffers, and the slice of them that each value has."""

    buffers: tuple[Buffer, ...]
    slices: Mapping[Key, Slice]

    def added(self, key: Key, buffer: Buffer) -> Assignment[Key]:
        """The same with one more value in a buffer of its own."""
        own = Slice(len(self.buffers), 0, buffer.width)
        return Assignment((*self.buffers, buffer), {**self.slices, key: own})

    def values_in(self, buffer: int) -> list[Key]:
        return [key for key, own in self.slices.items() if own.buffer == buffer]


def assign(values: Mapping[Key, int], free: Mapping[int, int]) -> Assignment[Key]:
    """Place values of these widths, the widest first, in free sequences of these widths, as long as
    they fit.

    Args:
        values: key -> width.
        free: number of a sequence -> its width.
    """
    buffers: list[Buffer] = []
    used: list[int] = []  # width of each buffer that has values
    opened: dict[int, int] = {}  # sequence -> buffer
    slices: dict[Key, Slice] = {}
    for key, width in sorted(values.items(), key=lambda item: -item[1]):
        taken = {sequence: used[buffer] for sequence, buffer in opened.items()}
        fitting = [
            sequence for sequence, size in free.items() if taken.get(sequence, 0) + width <= size
        ]
        # the tightest fit: what no value fills of a sequence is memory for nothing
        sequence = min(fitting, key=free.__getitem__, default=None)
        if sequence is None or sequence not in opened:
            buffers.append(Buffer(width) if sequence is None else Buffer(free[sequence], sequence))
            used.append(0)
            if sequence is not None:
                opened[sequence] = len(buffers) - 1
        buffer = len(buffers) - 1 if sequence is None else opened[sequence]
        slices[key] = Slice(buffer, used[buffer], width)
        used[buffer] += width
    # in the order that was given, in which the step of a loop yields its values
    return Assignment(tuple(buffers), {key: slices[key] for key in values})
