"""Losses: what they are as tensors, and in float64 NumPy with their slope.

Each is a function of targets and of what the read-out yields, its logits, (..., outputs).  To add one, add an object to the
table.  A slope is d loss / d logits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from rnnzoo.lang.primitives.activations import sigmoid

Tensor = Any
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss.

    Attributes:
        value: (targets, logits) -> the loss of each answer, and 1 for each that is wrong.
        numpy: the loss of each answer in float64.
        slope: (targets, logits) -> d loss / d logits in float64.
    """

    value: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    numpy: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]


def _bernoulli(y: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Independent sigmoids: the sum over outputs, in nats."""
    each = keras.ops.binary_crossentropy(keras.ops.cast(y, "float32"), logits, from_logits=True)
    losses = keras.ops.sum(each, axis=-1)
    return losses, keras.ops.zeros_like(losses)


def _bernoulli_numpy(y: Array, logits: Array) -> Array:
    total: Array = (np.logaddexp(0.0, logits) - y * logits).sum(axis=-1)
    return total


def _bernoulli_slope(y: Array, logits: Array) -> Array:
    return np.asarray(sigmoid.numpy(logits) - y)


def _categorical(y: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax over classes, in nats; and whether the likeliest class is wrong."""
    losses = keras.ops.sparse_categorical_crossentropy(y, logits, from_logits=True)
    likeliest = keras.ops.cast(keras.ops.argmax(logits, axis=-1), "int32")
    return losses, keras.ops.cast(keras.ops.not_equal(likeliest, keras.ops.cast(y, "int32")), "float32")


def _categorical_numpy(y: Array, logits: Array) -> Array:
    highest = logits.max(axis=-1, keepdims=True)
    total = highest[..., 0] + np.log(np.exp(logits - highest).sum(axis=-1))
    return np.asarray(total - np.take_along_axis(logits, y[..., None].astype(int), axis=-1)[..., 0])


def _categorical_slope(y: Array, logits: Array) -> Array:
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True) - np.eye(logits.shape[-1])[y])


def _squared(y: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Squared error, the mean over outputs."""
    losses = keras.ops.mean(keras.ops.square(logits - keras.ops.cast(y, "float32")), axis=-1)
    return losses, keras.ops.zeros_like(losses)


def _squared_numpy(y: Array, logits: Array) -> Array:
    return np.asarray(np.square(logits - y).mean(axis=-1))


def _squared_slope(y: Array, logits: Array) -> Array:
    return np.asarray(2.0 * (logits - y) / logits.shape[-1])


LOSSES: Mapping[str, Loss] = {
    "bernoulli": Loss(_bernoulli, _bernoulli_numpy, _bernoulli_slope),
    "categorical": Loss(_categorical, _categorical_numpy, _categorical_slope),
    "squared": Loss(_squared, _squared_numpy, _squared_slope),
}
