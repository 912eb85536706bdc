"""Independent sigmoids: the negative log-likelihood in nats, summed over outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnzoo.lang.primitives.activations import sigmoid
from rnnzoo.losses import Array, Tensor

ABOUT = "independent sigmoids, in nats, summed over outputs"
TARGETS = "shares"
METRIC = "nll"


def value(y: Tensor, logits: Tensor, ops: Any) -> Tensor:
    return ops.sum(ops.binary_crossentropy(y, logits, from_logits=True), axis=-1)


def numpy(y: Array, logits: Array) -> Array:
    total: Array = (np.logaddexp(0.0, logits) - y * logits).sum(axis=-1)
    return total


def slope(y: Array, logits: Array) -> Array:
    return np.asarray(sigmoid.numpy(logits) - y)
