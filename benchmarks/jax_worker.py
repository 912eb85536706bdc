"""A training step of a layer under JAX, as `benchmarks.protocol` asks for it; the same work as
`ours` in `tensorflow_worker`.
"""

import os

os.environ |= {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}

from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp

import rnnzoo
from benchmarks.protocol import Step, serve

CLASSES = 10


def make(_: str, cell: str, batch: int, time: int, inputs: int, units: int) -> Step:
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((batch, time, inputs)), jnp.float32)
    y = jnp.asarray(rng.integers(0, CLASSES, batch))
    layer, read_out = rnnzoo.layer(cell, units), keras.layers.Dense(CLASSES)
    read_out(layer(x))
    parts = (layer, read_out)
    still = [[variable.value for variable in part.non_trainable_variables] for part in parts]

    def loss(weights: Any) -> Any:
        outputs = x
        for part, own, others in zip(parts, weights, still, strict=True):
            outputs, _ = part.stateless_call(own, others, outputs)
        return -jnp.mean(jax.nn.log_softmax(outputs)[jnp.arange(batch), y])

    @jax.jit
    def update(weights: Any, momentum: Any) -> Any:
        value, gradient = jax.value_and_grad(loss)(weights)
        momentum = jax.tree.map(lambda m, g: 0.9 * m + g, momentum, gradient)
        return jax.tree.map(lambda w, m: w - 0.01 * m, weights, momentum), momentum, value

    weights = [[variable.value for variable in part.trainable_variables] for part in parts]
    held = [weights, jax.tree.map(jnp.zeros_like, weights)]

    def step() -> float:
        held[0], held[1], value = update(*held)
        return float(value)

    return step


if __name__ == "__main__":
    serve(make)
