"""Losses whose derivative is written down, since what JAX derives takes longer.

The cross-entropy of sigmoids is, in Keras under JAX, two softplus, and its derivative two more
exponentials with a choice for each infinite value.  Here the loss has one exponential and one
logarithm, as TensorFlow's, and its derivative is `sigmoid(logit) - target`.
"""

from __future__ import annotations

from typing import Any

import jax
import keras
from jax import numpy as jnp

Tensor = Any


class Operations:
    """`keras.ops`, with losses of our own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(keras.ops, name)

    def binary_crossentropy(
        self, target: Tensor, output: Tensor, from_logits: bool = False
    ) -> Tensor:
        """As Keras', for probabilities or logits."""
        if from_logits and jnp.shape(target) == jnp.shape(output):
            loss: Tensor = _of_sigmoids(jnp.asarray(target), jnp.asarray(output))
            return loss
        return keras.ops.binary_crossentropy(target, output, from_logits=from_logits)


@jax.custom_jvp  # type: ignore[untyped-decorator]  # mypy does not read JAX
def _of_sigmoids(target: Tensor, logit: Tensor) -> Tensor:
    # log(1 + e^x) - x y, with an exponential that cannot overflow
    return jnp.maximum(logit, 0) - logit * target + jnp.log1p(jnp.exp(-jnp.abs(logit)))


@_of_sigmoids.defjvp  # type: ignore[untyped-decorator]
def _derivative(
    values: tuple[Tensor, Tensor], changes: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    target, logit = values
    of_target, of_logit = changes
    slope = (jax.nn.sigmoid(logit) - target) * of_logit - logit * of_target
    return _of_sigmoids(target, logit), slope
