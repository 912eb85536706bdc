"""The same layer as plain operations: where models are exported, and for second derivatives."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnnzoo
from rnnzoo import lang
from rnnzoo.errors import UsageError
from rnnzoo.lang import reference
from rnnzoo.nn import Recurrent
from tests import samples

INPUTS, UNITS, BATCH, TIME = 4, 9, 3, 5
KEEP = np.array([[1, 1, 1, 1, 0], [0, 1, 0, 1, 0], [0, 0, 0, 0, 0]], bool)
X = np.random.default_rng(0).normal(size=(BATCH, TIME, INPUTS))
CELLS = samples.cells(samples.FEW)


def named(weights: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    label = "{number}.{name}" if len(weights) > 1 else "{name}"
    return {
        label.format(number=number, name=name): value
        for number, layer in enumerate(weights, start=1)
        for name, value in layer.items()
    }


@pytest.mark.parametrize(("layers", "masked"), [(1, False), (2, True)])
@pytest.mark.parametrize("name", CELLS)
def test_plain_operations_equal_the_reference(name: str, layers: int, masked: bool) -> None:
    cell = lang.load(name)
    layers, columns = samples.layers_at_most(cell, layers), cell.columns(INPUTS)
    x = samples.inputs_of(cell, INPUTS, (BATCH, TIME))
    weights = reference.random_weights(cell, columns, UNITS, layers, np.random.default_rng(5))
    layer = rnnzoo.layer(
        name,
        UNITS,
        layers=layers,
        return_sequences=True,
        return_state=True,
        dtype="float64",
        engine="portable",
    )
    layer.build((None, None, columns))
    layer.set_weights_by_name(named(weights))
    keep = KEEP if masked else None
    run = reference.run(cell, weights, x, UNITS, keep=keep)
    expected = [
        run.outputs,
        *(states[state.name] for states in run.states for state in cell.states),
    ]
    # behind the states, the number of the step where a cell reads it
    computed = layer(x, mask=keep)[: len(expected)]
    for value, exact in zip(computed, expected, strict=True):
        np.testing.assert_allclose(value, exact, atol=1e-12)


def gradients(layer: Recurrent, masked: bool) -> list[np.ndarray]:
    x = tf.constant(samples.inputs_of(layer.cell, INPUTS, (BATCH, TIME)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        computed = layer(x, mask=tf.constant(KEEP) if masked else None)
        # the number of the step is a whole one
        differentiable = [tensor for tensor in computed if tensor.dtype.is_floating]
        loss = tf.add_n([tf.reduce_sum(tf.sin(tensor)) for tensor in differentiable])
    return [
        np.asarray(gradient)
        for gradient in tape.gradient(
            loss, [x, *(weight.value for weight in layer.trainable_variables)]
        )
    ]


def pair(name: str, **arguments: object) -> list[Recurrent]:
    """A layer of each engine with the same weights."""
    made = [
        rnnzoo.layer(name, UNITS, dtype="float64", seed=1, engine=engine, **arguments)
        for engine in ("auto", "portable")
    ]
    for layer in made:
        layer.build((None, None, layer.cell.columns(INPUTS)))
    made[1].set_weights(made[0].get_weights())
    return made


@pytest.mark.parametrize("name", samples.cells(("lstm",)))
def test_both_engines_have_the_same_gradients(name: str) -> None:
    compiled, portable = pair(name, return_sequences=True, return_state=True)
    both = zip(gradients(compiled, True), gradients(portable, True), strict=True)
    for of_compiled, of_portable in both:
        np.testing.assert_allclose(of_compiled, of_portable, atol=1e-10)


def penalty(layer: keras.layers.Layer, x: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """A gradient penalty, and its gradient with respect to x and the weights."""
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            loss = tf.reduce_sum(layer(x) ** 2)
        norm = tf.reduce_sum(inner.gradient(loss, x) ** 2)
    return norm, outer.gradient(norm, [x, *(weight.value for weight in layer.trainable_variables)])


# in short: those of Keras' LSTM, below
@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "in a graph"])
@pytest.mark.parametrize("name", ["lstm", "clockwork"])
def test_second_derivatives_equal_differences_of_first_ones(name: str, compiled: bool) -> None:
    """Of the layer that is compiled, along random directions."""
    layer, _ = pair(name)
    function = tf.function(penalty) if compiled else penalty
    _, slopes = function(layer, tf.constant(X))
    rng, variables = np.random.default_rng(1), layer.trainable_variables
    start, directions = (
        [np.asarray(variable) for variable in variables],
        [rng.normal(size=slope.shape) for slope in slopes],
    )
    parts = [
        float(np.sum(slope * direction))
        for slope, direction in zip(slopes, directions, strict=True)
    ]

    def moved(by_x: float, by_weights: float) -> float:
        for variable, value, direction in zip(variables, start, directions[1:], strict=True):
            variable.assign(value + by_weights * direction)
        return float(penalty(layer, tf.constant(X + by_x * directions[0]))[0])

    assert parts[0] == pytest.approx((moved(1e-5, 0) - moved(-1e-5, 0)) / 2e-5, rel=1e-5, abs=1e-8)
    assert sum(parts[1:]) == pytest.approx(
        (moved(0, 1e-5) - moved(0, -1e-5)) / 2e-5, rel=1e-5, abs=1e-8
    )


def test_second_derivatives_are_those_of_keras_lstm() -> None:
    theirs = keras.layers.LSTM(UNITS, dtype="float64")
    ours, _ = pair("lstm")
    theirs.build((None, None, INPUTS))
    parts = [np.split(value, 4, axis=-1) for value in theirs.get_weights()]
    for number, gate in enumerate("ifgo"):
        kernel, recurrent, bias = (part[number] for part in parts)
        ours.set_weights_by_name(
            {f"W_{gate}": kernel.T, f"R_{gate}": recurrent.T, f"b_{gate}": bias}
        )
    x = tf.constant(X)
    ours_twice, theirs_twice = penalty(ours, x), penalty(theirs, x)
    assert float(ours_twice[0]) == pytest.approx(float(theirs_twice[0]))
    np.testing.assert_allclose(ours_twice[1][0], theirs_twice[1][0], atol=1e-10)


def test_a_model_of_fixed_shape_becomes_a_tflite_model_that_predicts_the_same() -> None:
    model = keras.Sequential(
        [keras.Input(batch_shape=(1, TIME, INPUTS)), rnnzoo.layer("lstm", UNITS)]
    )
    x = X[:1].astype("float32")
    expected = np.asarray(model(x))
    interpreter = tf.lite.Interpreter(
        model_content=tf.lite.TFLiteConverter.from_keras_model(model).convert()
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    predicted = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(predicted, expected, atol=1e-5)


def test_an_exported_model_has_no_operation_of_xla_and_a_model_in_use_has(tmp_path) -> None:  # type: ignore[no-untyped-def]
    model = keras.Sequential([keras.Input((None, INPUTS)), rnnzoo.layer("gru", UNITS)])
    model.export(tmp_path / "saved", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "saved"))
    np.testing.assert_allclose(exported.serve(X.astype("float32")), model(X), atol=1e-5)
    assert "Xla" not in str(exported.signatures["serving_default"].graph.as_graph_def())
    used = tf.function(model.call).get_concrete_function(tf.TensorSpec((None, None, INPUTS)))
    assert "Xla" in str(used.graph.as_graph_def())


def test_functions_that_run_eagerly_need_no_xla() -> None:
    layer, _ = pair("gru")
    expected = layer(X)
    tf.config.run_functions_eagerly(True)
    try:
        np.testing.assert_allclose(layer(X), expected, atol=1e-10)
    finally:
        tf.config.run_functions_eagerly(False)


def test_a_portable_layer_has_a_jacobian() -> None:
    _, layer = pair("rnn")
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x)
    jacobian = tape.batch_jacobian(outputs, x)
    assert jacobian.shape == (BATCH, UNITS, TIME, INPUTS)
    up, down = X.copy(), X.copy()
    up[0, 1, 2] += 1e-6
    down[0, 1, 2] -= 1e-6
    np.testing.assert_allclose(
        jacobian[0, :, 1, 2], (layer(up)[0] - layer(down)[0]) / 2e-6, atol=1e-8
    )


def test_the_engine_is_kept_in_the_configuration_and_a_wrong_name_is_refused() -> None:
    layer = rnnzoo.layer("lstm", UNITS, engine="portable")
    assert Recurrent.from_config(layer.get_config()).engine == "portable"
    older = {key: value for key, value in layer.get_config().items() if key != "engine"}
    assert Recurrent.from_config(older).engine == "auto"
    with pytest.raises(UsageError, match="did you mean 'portable'"):
        rnnzoo.layer("lstm", UNITS, engine="portabel")
