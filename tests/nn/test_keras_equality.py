"""Our compiled cells against Keras' own layers, with the weights copied over: outputs, states and
gradients.
"""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest

import rnnzoo
from tests.nn.differentiated import gradients
from tests.samples import slow

INPUTS, UNITS, BATCH, TIME = 5, 8, 4, 7
KEEP = np.array(  # whole; right-padded; padded in front with a hole; nothing but padding
    [[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0], [0, 0, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0, 0]],
    bool,
)
L = keras.layers
convert = keras.ops.convert_to_tensor


def gates(weights: list[np.ndarray], order: str, sign: dict[str, float]) -> dict[str, np.ndarray]:
    """Keras' kernel and recurrent kernel, cut into our matrices."""
    kernel, recurrent, _ = weights
    matrices = {}
    for number, name in enumerate(order):
        part = slice(number * UNITS, (number + 1) * UNITS)
        matrices[f"W_{name}"] = sign.get(name, 1.0) * kernel[:, part].T
        matrices[f"R_{name}"] = sign.get(name, 1.0) * recurrent[:, part].T
    return matrices


def lstm(weights: list[np.ndarray]) -> dict[str, np.ndarray]:
    biases = np.split(weights[2], 4)
    return {
        **gates(weights, "ifgo", {}),
        **{f"b_{name}": bias for name, bias in zip("ifgo", biases)},
    }


def gru(weights: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Keras' z says what is kept, ours what is written: 1 - sigmoid(a) = sigmoid(-a)."""
    z, r, n = np.split(weights[2], 3)
    return {**gates(weights, "zrn", {"z": -1.0}), "b_z": -z, "b_r": r, "b_n": n}


def gru_reset_after(weights: list[np.ndarray]) -> dict[str, np.ndarray]:
    (z, r, n), (rz, rr, rn) = (np.split(bias, 3) for bias in weights[2])
    return {
        **gates(weights, "zrn", {}),
        "b_z": z,
        "b_r": r,
        "b_n": n,
        "b_rz": rz,
        "b_rr": rr,
        "b_rn": rn,
    }


def rnn(weights: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {"W": weights[0].T, "R": weights[1].T, "b": weights[2]}


PAIRS = {
    "lstm": (lambda **k: L.LSTM(UNITS, **k), lstm),
    "gru": (lambda **k: L.GRU(UNITS, reset_after=False, **k), gru),
    "gru_reset_after": (lambda **k: L.GRU(UNITS, reset_after=True, **k), gru_reset_after),
    "rnn": (lambda **k: L.SimpleRNN(UNITS, **k), rnn),
}


def theirs_of(name: str) -> list[keras.layers.Layer]:
    """Two of Keras' layers, with random weights, biases too."""
    keras.utils.set_random_seed(1)
    layers = [PAIRS[name][0](return_sequences=True, return_state=True) for _ in range(2)]
    for layer, inputs in zip(layers, (INPUTS, UNITS)):
        layer.build((None, None, inputs))
        layer.set_weights(
            [
                np.random.default_rng(3).normal(0, 0.4, weight.shape)
                for weight in layer.get_weights()
            ]
        )
    return layers


CASES = list(itertools.product(PAIRS, (1, 2), (False, True)))
SAMPLE = {("lstm", 2, True), *((name, 1, True) for name in PAIRS if name != "lstm")}


@pytest.mark.parametrize(
    ("name", "layers", "masked"), [case if case in SAMPLE else slow(*case) for case in CASES]
)
def test_a_layer_of_ours_equals_keras_own(name: str, layers: int, masked: bool) -> None:
    theirs = theirs_of(name)[:layers]
    ours = rnnzoo.layer(name, UNITS, layers=layers, return_sequences=True, return_state=True)
    ours.build((None, None, INPUTS))
    copied = [PAIRS[name][1](layer.get_weights()) for layer in theirs]
    ours.set_weights_by_name(
        {
            (f"{n}.{key}" if layers > 1 else key): v
            for n, of_layer in enumerate(copied, 1)
            for key, v in of_layer.items()
        }
    )
    x = keras.Variable(np.random.default_rng(0).normal(size=(BATCH, TIME, INPUTS)))
    goal = np.random.default_rng(9).normal(size=(BATCH, TIME, UNITS)).astype("float32")
    mask = convert(KEEP) if masked else None

    def of_theirs() -> list[Any]:
        sequence, their_states = x.value, []
        for layer in theirs:
            sequence, *last = layer(sequence, mask=mask)
            their_states += last
        return [sequence, *their_states]

    def of_ours() -> list[Any]:
        return list(ours(x.value, mask=mask))

    def loss(results: list[Any]) -> Any:
        sequence, *states = results
        return keras.ops.sum(sequence * goal) + sum(keras.ops.sum(state**2) for state in states)

    variables = [variable for layer in theirs for variable in layer.trainable_variables]
    our_x, *our_gradients = gradients(lambda: loss(of_ours()), [x, *ours.trainable_variables])
    their_x, *their_gradients = gradients(lambda: loss(of_theirs()), [x, *variables])
    for result, expected in zip(of_ours(), of_theirs(), strict=True):
        np.testing.assert_allclose(result, expected, atol=1e-5)
    np.testing.assert_allclose(our_x, their_x, atol=1e-4, rtol=1e-4)
    # Gradients are copied over just as weights are.
    per_layer = len(their_gradients) // layers
    expected_of_layers = [
        PAIRS[name][1](their_gradients[number * per_layer : (number + 1) * per_layer])
        for number in range(layers)
    ]
    named = dict(zip(ours.weights_by_name(), our_gradients, strict=True))
    for number, of_layer in enumerate(expected_of_layers, start=1):
        for key, value in of_layer.items():
            ours_here = named[f"{number}.{key}" if layers > 1 else key].T
            np.testing.assert_allclose(
                ours_here, value, atol=1e-4, rtol=1e-4, err_msg=f"layer {number}, {key}"
            )


@pytest.mark.skipif(
    keras.config.backend() == "jax",
    reason="there, Keras' own layers yield the initial state, not 0, before the first real step",
)
@pytest.mark.parametrize("sequences", [False, True], ids=["last", "sequences"])
def test_initial_states_and_padding_act_as_in_keras(sequences: bool) -> None:
    """Padding in front keeps the states and gives 0 as the output, whatever the states begin
    with.
    """
    theirs = L.LSTM(UNITS, return_sequences=sequences, return_state=True)
    ours = rnnzoo.layer("lstm", UNITS, return_sequences=sequences, return_state=True)
    theirs.build((None, None, INPUTS))
    ours.build((None, None, INPUTS))
    ours.set_weights_by_name(lstm(theirs.get_weights()))
    rng = np.random.default_rng(0)
    x = convert(rng.normal(size=(BATCH, TIME, INPUTS)), "float32")
    start = [convert(rng.normal(size=(BATCH, UNITS)), "float32") for _ in range(2)]
    for value, exact in zip(
        ours(x, mask=convert(KEEP), initial_state=start),
        theirs(x, mask=convert(KEEP), initial_state=start),
        strict=True,
    ):
        np.testing.assert_allclose(value, exact, atol=1e-5)
