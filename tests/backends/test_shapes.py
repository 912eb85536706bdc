"""Lengths and batch sizes that are padded: few shapes are compiled, and results stay what they
are.
"""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnnzoo
from rnnzoo import lang
from rnnzoo.backends.tensorflow import shapes
from rnnzoo.backends.tensorflow.shapes import BATCHES, LENGTHS, rounded
from rnnzoo.nn import Recurrent
from tests.samples import cells, slow

INPUTS, UNITS = 3, 8
# becomes (16, 16, INPUTS)
PADDED = np.random.default_rng(0).normal(size=(9, 11, INPUTS)).astype("float32")
KEEP = np.arange(11)[None, :] < np.array([11, 4, 0, 1, 7, 7, 9, 2, 5])[:, None]


def test_a_size_goes_up_to_the_next_of_its_list_in_python_and_in_a_graph() -> None:
    for sizes in (LENGTHS, BATCHES):
        for count in (0, 1, 2, 7, 8, 9, 16, 17, 33, 64, 65, 100, 1000):
            expected = min(size for size in sizes if size >= count)
            assert rounded(count, sizes) == expected == int(rounded(tf.constant(count), sizes))


def test_large_batches_grow_by_an_eighth_at_most() -> None:
    assert all(rounded(count, BATCHES) - count <= max(7, count / 8) for count in range(17, 5000))
    assert BATCHES[:12] == (0, 1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64)


def results(
    layer: Recurrent, x: np.ndarray, mask: np.ndarray | None = None, training: bool = False
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Outputs and states; gradients of x and of the weights."""
    keras.utils.set_random_seed(1)
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x, mask=None if mask is None else tf.constant(mask), training=training)
        # the number of the step is a whole one
        differentiable = [tensor for tensor in outputs if tensor.dtype.is_floating]
        loss = tf.add_n([tf.reduce_sum(tf.sin(tensor)) for tensor in differentiable])
    gradients = tape.gradient(loss, [x, *(weight.value for weight in layer.trainable_variables)])
    return [np.asarray(tensor) for tensor in outputs], [np.asarray(tensor) for tensor in gradients]


CASES = [
    ({}, False),
    ({"layers": 2, "go_backwards": True}, True),
    ({"stateful": True}, False),
    slow({}, True),
    slow({"zero_output_for_mask": True}, True),
    slow({"return_sequences": False}, True),
    slow({"return_sequences": False, "layers": 2}, False),
    slow({"dropout": 0.3, "recurrent_dropout": 0.3}, False),
    slow({"stateful": True}, True),
]


@pytest.mark.parametrize(("arguments", "masked"), CASES)
def test_padding_changes_no_result_but_for_rounding(
    arguments: dict, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums of products are added up in an order that depends on how many rows there are."""

    def twice() -> list[tuple[list[np.ndarray], list[np.ndarray]]]:
        layer = rnnzoo.layer(
            "rnn", UNITS, **{"return_sequences": True, "return_state": True, "seed": 1, **arguments}
        )
        mask = KEEP if masked else None
        return [results(layer, PADDED, mask, "dropout" in arguments) for _ in range(2)]

    rounded = twice()
    monkeypatch.setattr(shapes, "fit", lambda x: None)
    for (outputs, gradients), (outputs_exact, gradients_exact) in zip(
        rounded, twice(), strict=True
    ):
        for value, exact in zip(outputs, outputs_exact, strict=True):
            np.testing.assert_allclose(value, exact, rtol=1e-5, atol=1e-6)
        for value, exact in zip(gradients, gradients_exact, strict=True):
            np.testing.assert_allclose(value, exact, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", cells(("clockwork",)))
def test_padding_changes_no_result_of_any_cell(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = rnnzoo.layer(
        name, UNITS, return_sequences=True, return_state=True, seed=1, dtype="float64"
    )
    x = PADDED.astype("float64")
    rounded = keras.tree.flatten(results(layer, x))
    monkeypatch.setattr(shapes, "fit", lambda x: None)
    expected = keras.tree.flatten(results(layer, x))
    for value, exact in zip(rounded, expected, strict=True):
        np.testing.assert_allclose(value, exact, rtol=1e-9, atol=1e-12)


DIVIDES = "name: q\nequations: |\n  v = 1 + sigmoid(R @ v[t-1] + V @ x + b)\n  h = (W @ x) / v\n"


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
def test_steps_that_are_not_real_divide_nothing_by_zero(masked: bool) -> None:
    """States that lie in rows behind the last step, or of a sequence without any, are 0."""
    layer = Recurrent(
        lang.parse_text(DIVIDES), UNITS, return_sequences=True, return_state=True, seed=1
    )
    mask = KEEP & (np.arange(11) < 8)[None, :] if masked else None
    outputs, gradients = results(layer, PADDED, mask)
    assert all(np.isfinite(tensor).all() for tensor in (*outputs, *gradients))


def engines(layer: Recurrent) -> list[Any]:
    return [engine for _, engine in layer._built().compiled.values()]


def compilations(layer: Recurrent) -> int:
    """Shapes for which the forward pass of the engines was compiled."""
    return sum(len(_compiled(engine)) for engine in engines(layer))


def _compiled(engine) -> dict:  # type: ignore[no-untyped-def]
    forward, _ = engine.compiled
    return forward.traced


def test_thirty_lengths_and_twelve_batch_sizes_are_compiled_a_few_times() -> None:
    layer = rnnzoo.layer("rnn", 37)  # of no other test, with which it would share what is compiled
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for length in range(3, 33):
            layer(np.ones((2, length, INPUTS), "float32"))
        assert compilations(layer) == 3
        for batch in range(1, 13):
            layer(np.ones((batch, 8, INPUTS), "float32"))
    assert compilations(layer) == 3 + 4


def test_equal_layers_share_what_is_compiled_and_others_do_not() -> None:
    x = PADDED[:2]
    first, second = (rnnzoo.layer("rnn", 38) for _ in range(2))
    first(x)
    second(x)
    assert engines(first) == engines(second)
    assert engines(first)[0] is engines(second)[0]
    for other in (
        rnnzoo.layer("rnn", 39),
        rnnzoo.layer("rnn", 38, dtype="float64"),
        rnnzoo.layer("fastrnn", 38),
    ):
        other(x)
        assert engines(other)[0] is not engines(first)[0]


def test_many_cells_in_one_process_print_no_warning_of_tensorflow(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for units in range(41, 47):  # six engines
        rnnzoo.layer("rnn", units)(PADDED[:2])
    assert "retracing" not in caplog.text


def test_a_graph_of_one_length_is_compiled_for_it_and_one_of_all_lengths_for_few() -> None:
    layer = rnnzoo.layer("rnn", 40)
    layer.build((None, None, INPUTS))
    fixed, any_length = (  # as Keras calls a layer: Python's own `if` and `for` stay what they are
        tf.function(layer.call, [tf.TensorSpec((*shape, INPUTS))], autograph=False)
        for shape in ((9, 11), (None, None))
    )
    np.testing.assert_allclose(fixed(PADDED), any_length(PADDED), rtol=1e-5)
    traced = {shape for engine in engines(layer) for shape in _compiled(engine)}
    assert traced == {(11, 9, INPUTS), (None, None, INPUTS)}


def of_unknown_size(layer: Recurrent) -> tf.types.experimental.PolymorphicFunction:
    """The layer's output and the gradient of its sum with respect to x, as a graph that knows
    neither length nor batch.
    """

    @tf.function(input_signature=[tf.TensorSpec((None, None, INPUTS))], autograph=False)
    def run(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = layer(x)
            total = tf.reduce_sum(output)
        return output, tape.gradient(total, x)

    return run


@pytest.mark.parametrize("engine", ["auto", "portable"])
def test_a_batch_of_no_sequences_yields_none_where_a_graph_knows_no_size(engine: str) -> None:
    """As `keras.layers.LSTM` does: the last batch of a stream that was filtered may be empty."""
    output, gradient = of_unknown_size(rnnzoo.layer("rnn", UNITS, seed=1, engine=engine))(
        PADDED[:0]
    )
    assert output.shape == (0, UNITS)
    assert gradient.shape == (0, 11, INPUTS)


def test_sequences_of_no_steps_are_told_in_words_where_a_graph_knows_no_size() -> None:
    run = of_unknown_size(rnnzoo.layer("rnn", UNITS, seed=1))
    with pytest.raises(tf.errors.InvalidArgumentError, match="these sequences have no steps"):
        run(PADDED[:, :0])
