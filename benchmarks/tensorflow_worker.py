"""A training step of rnnzoo or of Keras, or the matrix products alone, as `benchmarks.protocol`
asks for it.

What: `ours`; `keras` and `keras-jit`, the built-in layer; `cell` and `cell-jit`, `keras.layers.RNN`
with the cell by hand; `ceiling`.  All but the last train through one step function: gradient, SGD
with momentum, a read-out of 10 classes.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import rnnzoo
from benchmarks.keras_cells import CELLS
from benchmarks.protocol import Step, serve
from rnnzoo.backends.tensorflow.scan import inside_compiled_code
from rnnzoo.lang import counts

CLASSES = 10
BUILT_IN = {
    "lstm": keras.layers.LSTM,
    "gru": lambda units: keras.layers.GRU(units, reset_after=False),
    "gru_reset_after": keras.layers.GRU,
    "rnn": keras.layers.SimpleRNN,
}


def training_step(
    recurrent: keras.layers.Layer, batch: int, time: int, inputs: int, jit: bool
) -> Step:
    """One update on data that stays in memory."""
    rng = np.random.default_rng(0)
    x = tf.constant(rng.standard_normal((batch, time, inputs)), tf.float32)
    y = tf.constant(rng.integers(0, CLASSES, batch))
    read_out = keras.layers.Dense(CLASSES)
    read_out(recurrent(x))
    weights = recurrent.trainable_variables + read_out.trainable_variables
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    optimizer.build(weights)

    @tf.function(jit_compile=jit)
    def update() -> tf.Tensor:
        with inside_compiled_code(), tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, read_out(recurrent(x)))
            loss = tf.reduce_mean(losses)
        optimizer.apply(tape.gradient(loss, [weight.value for weight in weights]), weights)
        return loss

    return lambda: float(update())


def ceiling(cell: str, batch: int, time: int, inputs: int, units: int) -> Step:
    """The multiply-adds of a training step, three times those of the forward pass, as products of
    the loop's shape.
    """
    known = rnnzoo.cell(cell).ir
    multiply_adds = counts.multiply_adds(known, inputs, units)
    # of a matrix that does the same work in one product
    rows = max(1, round(multiply_adds / units))
    kernel = tf.constant(np.random.default_rng(0).standard_normal((units, rows)) * 0.01, tf.float32)
    start = tf.ones((batch, units))

    @tf.function(jit_compile=True)
    def multiply() -> tf.Tensor:
        def body(step: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            product = tf.matmul(state, kernel)
            taken = (
                product[:, :units]
                if rows >= units
                else tf.pad(product, [[0, 0], [0, units - rows]])
            )
            return step + 1, taken + state * 0.5

        return tf.reduce_sum(
            tf.while_loop(
                lambda step, _: step < 3 * time, body, (0, start), maximum_iterations=3 * time
            )[1]
        )

    return lambda: float(multiply())


def make(contestant: str, cell: str, batch: int, time: int, inputs: int, units: int) -> Step:
    keras.utils.set_random_seed(0)
    if contestant == "ceiling":
        return ceiling(cell, batch, time, inputs, units)
    kind, _, jit = contestant.partition("-")
    if kind == "ours":
        return training_step(rnnzoo.layer(cell, units), batch, time, inputs, jit=True)
    layer = BUILT_IN[cell](units) if kind == "keras" else keras.layers.RNN(CELLS[cell](units))
    return training_step(layer, batch, time, inputs, jit=bool(jit))


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    serve(make)
