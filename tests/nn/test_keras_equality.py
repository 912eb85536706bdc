"""Our compiled cells against Keras' own layers, with the weights copied over: outputs, states and
gradients.
"""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnnzoo

INPUTS, UNITS, BATCH, TIME = 5, 8, 4, 7
KEEP = np.array(  # whole; right-padded; padded in front with a hole; nothing but padding
    [[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0], [0, 0, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0, 0]],
    bool,
)
L = keras.layers


def gates(weights: list[np.ndarray], order: str, sign: dict[str, float]) -> dict[str, np.ndarray]:
    """Keras' kernel and recurrent kernel, cut into our matrices."""
    kernel, recurrent, _ = weights
    found = {}
    for at, name in enumerate(order):
        part = slice(at * UNITS, (at + 1) * UNITS)
        found[f"W_{name}"] = sign.get(name, 1.0) * kernel[:, part].T
        found[f"R_{name}"] = sign.get(name, 1.0) * recurrent[:, part].T
    return found


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
            [np.random.default_rng(3).normal(0, 0.4, one.shape) for one in layer.get_weights()]
        )
    return layers


def slow(*case: object) -> object:
    return pytest.param(*case, marks=pytest.mark.slow)


CASES = list(itertools.product(PAIRS, (1, 2), (False, True)))
SAMPLE = {("lstm", 1, False), *((name, 2, True) for name in PAIRS)}


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
            for n, one in enumerate(copied, 1)
            for key, v in one.items()
        }
    )
    x = tf.constant(np.random.default_rng(0).normal(size=(BATCH, TIME, INPUTS)), tf.float32)
    mask = tf.constant(KEEP) if masked else None
    goal = tf.constant(np.random.default_rng(9).normal(size=(BATCH, TIME, UNITS)), tf.float32)

    with tf.GradientTape() as tape:
        tape.watch(x)
        output, *states = ours(x, mask=mask)
        loss = tf.reduce_sum(output * goal) + tf.add_n([tf.reduce_sum(one**2) for one in states])
    our_x, *our_gradients = tape.gradient(
        loss, [x, *(one.value for one in ours.trainable_variables)]
    )

    with tf.GradientTape() as tape:
        tape.watch(x)
        sequence, their_states = x, []
        for layer in theirs:
            sequence, *last = layer(sequence, mask=mask)
            their_states += last
        loss = tf.reduce_sum(sequence * goal) + tf.add_n(
            [tf.reduce_sum(one**2) for one in their_states]
        )
    variables = [one for layer in theirs for one in layer.trainable_variables]
    their_x, *their_gradients = tape.gradient(loss, [x, *(one.value for one in variables)])

    np.testing.assert_allclose(output, sequence, atol=1e-5)
    for one, other in zip(states, their_states, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    np.testing.assert_allclose(our_x, their_x, atol=1e-4, rtol=1e-4)
    # Gradients are copied over just as weights are.
    per_layer = len(their_gradients) // layers
    expected = [
        PAIRS[name][1]([g.numpy() for g in their_gradients[at * per_layer : (at + 1) * per_layer]])
        for at in range(layers)
    ]
    named = dict(zip((one.name for one in ours.trainable_variables), our_gradients, strict=True))
    for number, found in enumerate(expected, start=1):
        for key, value in found.items():
            ours_here = named[f"{number}.{key}" if layers > 1 else key].numpy().T
            np.testing.assert_allclose(
                ours_here, value, atol=1e-4, rtol=1e-4, err_msg=f"layer {number}, {key}"
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
    x = tf.constant(rng.normal(size=(BATCH, TIME, INPUTS)), tf.float32)
    start = [tf.constant(rng.normal(size=(BATCH, UNITS)), tf.float32) for _ in range(2)]
    for one, other in zip(
        ours(x, mask=tf.constant(KEEP), initial_state=start),
        theirs(x, mask=tf.constant(KEEP), initial_state=start),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)
