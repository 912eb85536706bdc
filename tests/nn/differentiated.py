"""Gradients under any backend of Keras'."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np


def gradients(loss: Callable[[], Any], variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    """Those of a scalar with respect to variables of Keras', in the variables' dtypes."""
    slopes = _UNDER[keras.config.backend()](loss, variables)
    return [keras.ops.convert_to_numpy(slope) for slope in slopes]


def _under_tensorflow(loss: Callable[[], Any], variables: Sequence[keras.Variable]) -> Any:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss()
    return tape.gradient(value, [variable.value for variable in variables])


def _under_jax(loss: Callable[[], Any], variables: Sequence[keras.Variable]) -> Any:
    import jax

    def of_values(values: Sequence[Any]) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return loss()

    # op by op, it takes several times as long
    return jax.jit(jax.grad(of_values))([variable.value for variable in variables])


def _under_torch(loss: Callable[[], Any], variables: Sequence[keras.Variable]) -> Any:
    import torch

    return torch.autograd.grad(loss(), [variable.value for variable in variables])


_UNDER = {"tensorflow": _under_tensorflow, "jax": _under_jax, "torch": _under_torch}
