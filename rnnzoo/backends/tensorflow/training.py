"""What a training asks of TensorFlow: compiled functions, loops over batches, gradients, noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnnzoo.backends.tensorflow.scan import inside_compiled_code

Tensor = Any


def one_thread() -> None:
    """One training a core: two threads on one training are slower than two trainings."""
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        pass  # TensorFlow is running already, as in a notebook: its threads stay as they are


def tensor(array: np.ndarray | int) -> Tensor:
    """An array on the device."""
    return keras.ops.convert_to_tensor(array)


def compiled(
    function: Callable[..., Any], variables: Sequence[Any], runs_little: bool = False
) -> Callable[..., Any]:
    """A function of tensors, compiled as a whole with all layers that it calls; TensorFlow finds
    the variables itself, and compiles in one way.
    """
    run: Callable[..., Any] = tf.function(function, jit_compile=True, autograph=False)
    return run


def repeat(
    count: Tensor, step: Callable[..., Sequence[Tensor]], start: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """`step(number, *totals) -> totals` for number = 0 .. count - 1, from these totals on, in
    compiled code.
    """

    def body(number: Tensor, *totals: Tensor) -> tuple[Tensor, ...]:
        return number + 1, *step(number, *totals)

    with inside_compiled_code():
        state = (tf.constant(0), *(tf.convert_to_tensor(total) for total in start))
        totals: tuple[Tensor, ...] = tf.while_loop(lambda number, *_: number < count, body, state)[
            1:
        ]
    return totals


def gradients(
    loss: Callable[[], tuple[Tensor, Any]], variables: Sequence[Any]
) -> tuple[Any, list[Tensor]]:
    """What else a loss yields, and its gradients with respect to variables."""
    with tf.GradientTape() as tape:
        error, others = loss()
    # that of an embedding has the rows only that were looked up
    return others, [tf.convert_to_tensor(slope) for slope in tape.gradient(error, variables)]


def clipped(gradients: Sequence[Tensor], norm: float) -> list[Tensor]:
    """Gradients whose norm, all together, is at most that."""
    shorter: list[Tensor] = tf.clip_by_global_norm(gradients, norm)[0]
    return shorter


def noise(shape: Tensor, seed: Tensor, step: Tensor) -> Tensor:
    """Normal numbers that are a function of a seed and the number of an update.

    Not `keras.random.normal`: under XLA on one core its generator took 5.9 ms for 128 x 88 numbers,
    this one 0.13.
    """
    return tf.random.stateless_normal(
        shape, tf.stack([seed, tf.cast(step, tf.int32)]), alg="threefry"
    )
