"""Few shapes for XLA, which compiles anew for each: lengths and batch sizes go up to the next of a
short list.

In: sequences of any length, in batches of any size.  Out: the same, padded, and how to cut the
results.  The engine runs as many steps as there really are; what is added is a copy of what is
there, so that no cell divides by a zero that nobody gave.  Nothing is padded where XLA compiles the
caller's code as a whole, nor what a graph says beforehand: a model of fixed length is compiled for
it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from rnnzoo.backends.contract import NO_STEPS
from rnnzoo.backends.tensorflow import scan

Tensor = Any
Count = Any  # an int, or a scalar tensor where a graph does not know it beforehand

LONGEST = 2**30
LENGTHS = tuple(2**power for power in range(3, 31))  # steps that are added cost nothing in the loop


def _batch_sizes() -> tuple[int, ...]:
    """None stays none.

    Every sequence that is added is computed: above 16 they are at most 7, or an eighth.
    """
    sizes = [0, 1, 2, 4, 8, 16]
    while sizes[-1] < LONGEST:
        octave = 2 ** (sizes[-1].bit_length() - 1)
        sizes.append(sizes[-1] + max(8, octave // 8))
    return tuple(sizes)


BATCHES = _batch_sizes()


def rounded(count: Count, sizes: Sequence[int]) -> Count:
    """The next of these sizes."""
    if isinstance(count, int):
        return sizes[bisect_left(sizes, count)]
    return tf.gather(sizes, tf.searchsorted(sizes, count[None])[0])


@dataclass(frozen=True, slots=True)
class Fit:
    """How sequences are padded.

    Attributes:
        time, batch: what there is.
        steps, sequences: how many are added.
        counted: whether the number of steps is a value of run time.
    """

    time: Count
    batch: Count
    steps: Count
    sequences: Count
    counted: bool

    def longer(self, rows: Tensor, real: bool = True) -> Tensor:
        """(time, batch, size) -> with the steps and sequences that are added; zeros for steps that
        are not real.
        """
        return self.wider(_extended(rows, self.steps, 0, 1.0 if real else 0.0), axis=1)

    def wider(self, rows: Tensor, axis: int = 0) -> Tensor:
        """(batch, size) -> with the sequences that are added."""
        return _extended(rows, self.sequences, axis, 1.0)

    def cut(self, rows: Tensor) -> Tensor:
        """(time, batch, size) -> what belongs to the steps and sequences that there are."""
        return self.narrower(rows if _none(self.steps) else rows[: self.time], axis=1)

    def narrower(self, rows: Tensor, axis: int = 0) -> Tensor:
        """(batch, size) -> what belongs to the sequences that there are."""
        if _none(self.sequences):
            return rows
        return rows[:, : self.batch] if axis else rows[: self.batch]


def fit(x: Tensor) -> Fit | None:
    """How to pad (time, batch, size); None where its shape is compiled as it is."""
    if scan.compiled_as_a_whole():
        return None
    eager = tf.executing_eagerly()
    known = [None, None] if eager else list(x.shape[:2])
    if None not in known:
        return None
    time, batch = x.shape[:2] if eager else tf.unstack(tf.shape(x)[:2])
    if known[0] is None and not eager:
        time = _some(time)
    steps = rounded(time, LENGTHS) - time if known[0] is None else 0
    sequences = rounded(batch, BATCHES) - batch if known[1] is None else 0
    return Fit(time, batch, steps, sequences, counted=known[0] is None)


def _some(time: Tensor) -> Tensor:
    """The same number of steps; none is an error in words when the graph runs, since it cannot be
    seen beforehand.
    """
    with tf.control_dependencies([tf.debugging.Assert(time > 0, [NO_STEPS])]):
        return tf.identity(time)


def _extended(rows: Tensor, count: Count, axis: int, factor: float) -> Tensor:
    """The same and, behind it, so many copies of the last along an axis, times a factor."""
    if _none(count):
        return rows
    # a copy is padding, and adds nothing to the gradient of what it repeats
    last = tf.stop_gradient(rows[:, -1:] if axis else rows[-1:]) * tf.cast(factor, rows.dtype)
    shape = list(last.shape) if tf.executing_eagerly() else tf.unstack(tf.shape(last))
    shape[axis] = count
    return tf.concat([rows, tf.broadcast_to(last, shape)], axis)


def _none(count: Count) -> bool:
    return isinstance(count, int) and count == 0
