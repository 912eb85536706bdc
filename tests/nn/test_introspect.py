"""What `inspect` and `gradients` show, against the compiled layer and TensorFlow's differentiation
in float64.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import rnnzoo
from rnnzoo import lang, losses, tasks
from rnnzoo.errors import UsageError
from rnnzoo.lang import memory
from rnnzoo.spec.cell import built_in_names

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402

from rnnzoo.nn import introspect  # noqa: E402

UNITS, INPUTS, TIME, BATCH = 9, 4, 7, 3


def model_of(cell: str, layers: int = 1, outputs: int = 3, dtype: str = "float64") -> keras.Model:
    inputs = keras.Input((None, INPUTS), dtype=dtype)
    recurrent = rnnzoo.layer(cell, UNITS, layers=layers, return_sequences=True, seed=1, dtype=dtype)
    return keras.Model(inputs, keras.layers.Dense(outputs, dtype=dtype)(recurrent(inputs)))


def data(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(BATCH, TIME, INPUTS))


def test_values_and_predictions_are_those_of_the_compiled_layer_on_real_sequences() -> None:
    task = tasks.load("chorales")
    split = task.splits["test"]
    inputs = keras.Input((None, task.inputs))
    recurrent = rnnzoo.layer("peephole", 12, layers=2, return_sequences=True, seed=3)
    model = keras.Model(inputs, keras.layers.Dense(task.outputs)(recurrent(inputs)))
    x, lengths = split.x[:4], split.lengths[:4]
    numbers = introspect.numpy_model(model)
    values = introspect.values(numbers, x, lengths)
    keep = np.arange(x.shape[1])[None] < lengths[:, None]
    layer_alone = keras.Model(inputs, recurrent.output)
    np.testing.assert_allclose(
        values[1]["h"][keep], np.asarray(layer_alone(x.astype("float32")))[keep], atol=1e-5
    )
    states = rnnzoo.layer("peephole", 12, layers=2, return_state=True)
    states.build((None, None, task.inputs))
    states.set_weights_by_name(recurrent.weights_by_name())
    last = dict(zip(states.state_names, states(x.astype("float32"), mask=keep)[1:]))
    for name, value in last.items():
        layer, _, state = name.partition(".")
        shown = values[int(layer) - 1][state][np.arange(len(x)), lengths - 1]
        np.testing.assert_allclose(shown, value, atol=1e-5)
    predicted = introspect.predictions(numbers, values[1]["h"])
    np.testing.assert_allclose(
        predicted[keep], np.asarray(model(x.astype("float32")))[keep], atol=1e-4
    )


# a run that begins in the middle has another clock, so none of those with a clock
@pytest.mark.parametrize(
    "cell",
    [
        "rnn",
        "depth_gated",
        *(pytest.param(cell, marks=pytest.mark.slow) for cell in ("fgr", "lstm", "gru", "mut1")),
    ],
)
def test_gradient_norms_are_those_of_automatic_differentiation(cell: str) -> None:
    """d loss_T / d state_t: run to t, begin again there with the state as an input, and
    differentiate.
    """
    model = model_of(cell)
    numbers, x, y, lag = introspect.numpy_model(model), data(), np.array([0, 2, 1]), 5
    norms = introspect.gradients(numbers, "categorical", x, y)
    whole = rnnzoo.layer(cell, UNITS, return_sequences=True, return_state=True, dtype="float64")
    whole.build((None, None, INPUTS))
    whole.set_weights_by_name(model.layers[1].weights_by_name())
    states = [tf.convert_to_tensor(state) for state in whole(x[:, : TIME - lag])[1:]]
    with tf.GradientTape() as tape:
        tape.watch(states)
        output = whole(x[:, TIME - lag :], initial_state=states)[0][:, -1]
        loss = tf.reduce_sum(
            tf.nn.sparse_softmax_cross_entropy_with_logits(y, model.layers[2](output))
        )
    gradients = dict(zip(whole.state_names, tape.gradient(loss, states)))
    assert norms
    for name, found_norms in norms.items():
        np.testing.assert_allclose(
            found_norms[lag - 1], np.linalg.norm(gradients[name], axis=-1), rtol=1e-9, atol=1e-14
        )


def test_no_gradient_of_a_plain_network_is_above_the_bound() -> None:
    numbers = introspect.numpy_model(model_of("rnn"))
    norms = introspect.gradients(numbers, "squared", data(), np.zeros((BATCH, 3)))["h"]
    factors = memory.bound(numbers.cell, numbers.layers[0], TIME)
    assert factors is not None
    output = introspect.values(numbers, data(), np.full(BATCH, TIME))[0]["h"][:, -1]
    begin = np.linalg.norm(
        losses.load("squared").slope(np.zeros((BATCH, 3)), introspect.predictions(numbers, output))
        @ numbers.read_out[-1][0].T,
        axis=-1,
    )
    assert np.all(norms <= factors[:, None] * begin[None] * (1 + 1e-9))


def test_there_is_a_bound_for_plain_networks_only() -> None:
    assert [
        name
        for name in built_in_names()
        if memory.bound(lang.load(name), _named(name), 2) is not None
    ] == ["rnn"]


def _named(name: str) -> dict[str, np.ndarray]:
    return {weight.name: np.eye(2) for weight in lang.load(name).first.weights}


def test_what_is_no_model_of_ours_is_refused() -> None:
    other = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(4), keras.layers.Dense(2)])
    with pytest.raises(UsageError, match="take a model of a sweep"):
        introspect.numpy_model(other)


def test_both_directions_and_gradients_of_pooled_steps_are_refused() -> None:
    inputs = keras.Input((None, INPUTS))
    both = keras.layers.Bidirectional(rnnzoo.layer("rnn", UNITS))(inputs)
    with pytest.raises(UsageError, match="reads in both directions"):
        introspect.numpy_model(keras.Model(inputs, keras.layers.Dense(2)(both)))
    pooled = replace(introspect.numpy_model(model_of("rnn")), pool="mean")
    with pytest.raises(UsageError, match="reads all of them out"):
        introspect.gradients(pooled, "squared", data(), np.zeros((BATCH, 3)))


def test_gradients_come_through_dense_layers_as_numeric_differentiation_has_them() -> None:
    rng, small = np.random.default_rng(0), 1e-6
    dense = tuple(
        (rng.normal(size=(a, b)), rng.normal(size=b)) for a, b in ((9, 6), (6, 5), (5, 3))
    )
    model = replace(introspect.numpy_model(model_of("rnn")), read_out=dense)
    output, slope = rng.normal(size=(BATCH, UNITS)), rng.normal(size=(BATCH, 3))
    numeric = np.zeros_like(output)
    for column in range(UNITS):
        step = small * np.eye(UNITS)[column]
        ends = [introspect.predictions(model, output + sign * step) for sign in (1, -1)]
        numeric[:, column] = ((ends[0] - ends[1]) * slope).sum(1) / (2 * small)
    np.testing.assert_allclose(introspect.upstream(model, output, slope), numeric, atol=1e-6)
