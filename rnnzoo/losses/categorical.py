"""Softmax over classes: the cross-entropy in nats."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnzoo.losses import Array, Tensor

ABOUT = "softmax over classes, in nats"
TARGETS = "classes"
METRIC = "cross_entropy"


def value(y: Tensor, logits: Tensor, ops: Any) -> Tensor:
    return ops.sparse_categorical_crossentropy(y, logits, from_logits=True)


def numpy(y: Array, logits: Array) -> Array:
    highest = logits.max(axis=-1, keepdims=True)
    total = highest[..., 0] + np.log(np.exp(logits - highest).sum(axis=-1))
    return np.asarray(total - np.take_along_axis(logits, y[..., None].astype(int), axis=-1)[..., 0])


def slope(y: Array, logits: Array) -> Array:
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True) - np.eye(logits.shape[-1])[y])
