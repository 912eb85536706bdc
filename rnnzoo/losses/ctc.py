"""Connectionist temporal classification (Graves, Fernandez, Gomez and Schmidhuber 2006): labels
whose places among the steps are not known.

Output 0 is the blank, which says nothing.  A path has an output for each step; it spells what is
left of it when repeated outputs are made one and blanks are deleted.  The probability of labels is
that of all paths which spell them together, and the loss is minus its logarithm, in nats a
sequence.

Forward and backward variables (sections 4.1 and 4.2 of the paper) are computed as logarithms, in
one loop over the steps: backward ones are forward ones of labels and steps in reverse.  They give
the slopes as well (equation 16), so that nothing is differentiated through the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnzoo.losses import Array, Tensor

ABOUT = "connectionist temporal classification: labels without their places, in nats"
TARGETS = "labels"
METRIC = "ctc"
_NEVER = -1e30  # the logarithm of a probability of 0, with which can be calculated

Scan = Callable[..., tuple[Any, Any]]  # as `keras.ops.scan`


def value(y: Tensor, logits: Tensor, ops: Any) -> Tensor:
    fixed = ops.stop_gradient(logits)
    losses, slopes = _losses_and_slopes(y, fixed, ops, ops.scan)
    # `logits - fixed` is 0, and has the slopes
    return losses + ops.sum(slopes * (logits - fixed), axis=(-2, -1))


def numpy(y: Array, logits: Array) -> Array:
    losses, _ = _losses_and_slopes(y, logits, np, _scan)
    return np.where(losses < -_NEVER / 2, losses, np.inf)


def slope(y: Array, logits: Array) -> Array:
    _, slopes = _losses_and_slopes(y, logits, np, _scan)
    return np.asarray(slopes)


def _losses_and_slopes(y: Tensor, logits: Tensor, ops: Any, scan: Scan) -> tuple[Tensor, Tensor]:
    """The loss of each sequence, and its slopes.

    Args:
        y: (..., labels).
        logits: (..., time, outputs).
        ops: `keras.ops`, or NumPy.
    """
    time, outputs = logits.shape[-2:]
    frames = ops.reshape(logits, (-1, time, outputs))
    frames = frames - ops.max(frames, axis=-1, keepdims=True)
    frames = frames - ops.log(ops.sum(ops.exp(frames), axis=-1, keepdims=True))
    spelt = _with_blanks(ops.reshape(y, (-1, y.shape[-1])), ops)  # (sequences, places)
    # (time, sequences, places)
    said = ops.transpose(ops.take_along_axis(frames, spelt[:, None, :], axis=-1), (1, 0, 2))
    forward, backward = _variables(spelt, said, ops, scan)
    whole = ops.logaddexp(backward[0, :, 0], backward[0, :, 1])
    through = ops.exp(forward + backward - said - whole[:, None])  # of paths, at each place
    shares = ops.einsum(
        "tns,nsk->ntk", through, _is_equal(spelt[..., None], ops.arange(outputs), ops)
    )
    slopes = ops.exp(frames) - shares
    return ops.reshape(-whole, logits.shape[:-2]), ops.reshape(slopes, logits.shape)


def _with_blanks(labels: Tensor, ops: Any) -> Tensor:
    """(sequences, labels) -> (sequences, places): a blank before, between and behind labels."""
    blanks = ops.zeros_like(labels)
    pairs = ops.reshape(ops.stack([blanks, labels], axis=-1), (-1, 2 * labels.shape[1]))
    return ops.concatenate([pairs, blanks[:, :1]], axis=1)


def _variables(spelt: Tensor, said: Tensor, ops: Any, scan: Scan) -> tuple[Tensor, Tensor]:
    """Logarithms of the forward and the backward variables, (time, sequences, places)."""
    places = spelt.shape[1]
    number = ops.arange(places)
    count = spelt.shape[0]
    # a label may follow another at once that is not the same
    other = ops.logical_and(
        ops.not_equal(spelt[:, 2:], spelt[:, :-2]), ops.not_equal(spelt[:, 2:], 0)
    )
    skips = ops.where(other, 0.0, _NEVER)
    never = ops.full_like(said[0, :, :2], _NEVER)
    last = places - 1 - 2 * ops.count_nonzero(spelt, axis=1)  # counted from the end
    begins = _NEVER * (1 - _is_equal(number[None], 0, ops)) + ops.zeros_like(said[0])
    ends = _NEVER * (1 - _is_equal(number[None], last[:, None], ops)) + ops.zeros_like(said[0])
    start = ops.concatenate([begins, ends])
    skips = ops.concatenate([
        ops.concatenate([never, skips], axis=1),
        ops.concatenate([never, ops.flip(skips, axis=1)], axis=1),
    ])  # fmt: skip
    both = ops.concatenate([said, ops.flip(said, axis=(0, 2))], axis=1)
    edge = ops.concatenate([never, never])

    def step(before: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        from_last = ops.concatenate([edge[:, :1], before[:, :-1]], axis=1)
        skipping = ops.concatenate([edge, before[:, :-2]], axis=1) + skips
        high = ops.maximum(ops.maximum(before, from_last), skipping)
        sums = ops.exp(before - high) + ops.exp(from_last - high) + ops.exp(skipping - high)
        after = high + ops.log(sums) + now
        return after, after

    _, steps = scan(step, start, both)
    return steps[:, :count], ops.flip(steps[:, count:], axis=(0, 2))


def _is_equal(numbers: Tensor, others: Tensor, ops: Any) -> Tensor:
    """1 where they are equal, else 0."""
    return ops.where(ops.equal(numbers, others), 1.0, 0.0)


def _scan(step: Callable[..., tuple[Array, Array]], start: Array, rows: Array) -> tuple[Any, Any]:
    """`keras.ops.scan` in NumPy."""
    yielded = []
    for row in rows:
        start, result = step(start, row)
        yielded.append(result)
    return start, np.stack(yielded)
