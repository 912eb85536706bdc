"""The layer as a Keras user meets it."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import rnnzoo
from rnnzoo import lang
from rnnzoo.errors import UsageError
from tests.keras_process import printed

X = np.random.default_rng(0).normal(size=(6, 9, 3)).astype("float32")


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="tests/backends has its like for other backends"
)
def test_a_saved_model_loads_in_another_process(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((None, 3)), rnnzoo.layer("depth_gated", 5, layers=2), keras.layers.Dense(2)]
    )
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", model.predict(X, verbose=0))
    model.save(tmp_path / "model.keras")
    program = f"""
import keras, numpy as np, rnnzoo.nn
model = keras.saving.load_model({str(tmp_path / "model.keras")!r})
found = model.predict(np.load({str(tmp_path / "x.npy")!r}), verbose=0)
np.testing.assert_array_equal(found, np.load({str(tmp_path / "y.npy")!r}))
assert model.layers[0].cell.name == "depth_gated"
print("same")
"""
    assert printed(program, tmp_path) == "same\n"


def test_weights_have_the_orientation_of_the_equations() -> None:
    layer = rnnzoo.layer("lstm", 4)
    layer.build((None, None, 3))
    shapes = {name: value.shape for name, value in layer.weights_by_name().items()}
    assert shapes["W_i"] == (4, 3)
    assert shapes["R_i"] == (4, 4)
    assert shapes["b_i"] == (4,)


def test_weights_set_by_name_come_back() -> None:
    layer = rnnzoo.layer("gru", 4, layers=2)
    layer.build((None, None, 3))
    value = np.arange(16.0).reshape(4, 4)
    layer.set_weights_by_name({"2.R_n": value})
    np.testing.assert_array_equal(layer.weights_by_name()["2.R_n"], value)


def test_initial_weights_follow_the_convention() -> None:
    layer = rnnzoo.layer("lstm", 16, seed=3)
    layer.build((None, None, 5))
    weights = layer.weights_by_name()
    np.testing.assert_array_equal(weights["b_f"], np.ones(16))
    np.testing.assert_array_equal(weights["b_i"], np.zeros(16))
    np.testing.assert_allclose(weights["R_o"] @ weights["R_o"].T, np.eye(16), atol=1e-5)
    limit = np.sqrt(6 / (16 + 5))
    assert np.abs(weights["W_i"]).max() <= limit
    assert not np.array_equal(weights["R_o"], weights["R_i"])


def test_the_same_seed_gives_the_same_weights_and_another_does_not() -> None:
    def first(seed: int) -> np.ndarray:
        layer = rnnzoo.layer("rnn", 4, seed=seed)
        layer.build((None, None, 3))
        return layer.weights_by_name()["W"]

    np.testing.assert_array_equal(first(1), first(1))
    assert not np.array_equal(first(1), first(2))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"units": 0}, "units must be a whole number from 1"),
        ({"units": 2.5}, "units must be a whole number from 1"),
        ({"units": 4, "layers": 0}, "layers must be"),
        ({"units": 4, "dropout": 1.0}, "dropout must be at least 0 and below 1"),
    ],
)
def test_wrong_arguments_are_refused_in_words(arguments: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        rnnzoo.layer("lstm", **arguments)


def test_wrong_names_suggest_the_right_ones() -> None:
    with pytest.raises(UsageError, match="did you mean 'peephole'"):
        rnnzoo.layer("peephol", 4)
    layer = rnnzoo.layer("lstm", 4)
    layer.build((None, None, 3))
    with pytest.raises(UsageError, match="did you mean 'W_i'"):
        layer.set_weights_by_name({"Wi": np.zeros((4, 3))})
    with pytest.raises(UsageError, match=r"has shape \(4, 3\), not \(3, 4\)"):
        layer.set_weights_by_name({"W_i": np.zeros((3, 4))})
    with pytest.raises(UsageError, match="initial_state needs 2 tensors"):
        layer(X, initial_state=[keras.ops.zeros((6, 4))])
    with pytest.raises(UsageError, match=r"initial state of 'c' is \(batch, 4\), not \(6, 5\)"):
        layer(X, initial_state=[keras.ops.zeros((6, 4)), keras.ops.zeros((6, 5))])
    with pytest.raises(UsageError, match=r"reads \(batch, time, inputs\), not a shape \(6, 3\)"):
        rnnzoo.layer("lstm", 4).build((6, 3))
    with pytest.raises(UsageError, match="these sequences have no steps"):
        layer(X[:, :0])
    with pytest.raises(UsageError, match="call it on data, or `build` it"):
        rnnzoo.layer("lstm", 4).weights_by_name()


# which "auto" comes to
@pytest.mark.parametrize("jit", ["auto", pytest.param(True, marks=pytest.mark.slow)])
def test_fit_learns_and_masked_weights_stay_zero(jit: bool | str) -> None:
    keras.utils.set_random_seed(0)
    y = X.sum((1, 2), keepdims=False)[:, None]
    layer = rnnzoo.nn.Recurrent(lang.load("clockwork", options={"modules": 3}), 6, seed=0)
    model = keras.Sequential([keras.Input((9, 3)), layer, keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.02), "mse", jit_compile=jit)
    history = model.fit(X, y, epochs=30, verbose=0, batch_size=6).history["loss"]
    assert history[-1] < 0.5 * history[0]
    periods = np.repeat(2 ** np.arange(3), 2)
    recurrent = layer.weights_by_name()["R"]
    assert (recurrent[periods[None, :] < periods[:, None]] == 0).all()
    assert np.count_nonzero(recurrent) == 4 * (3 + 2 + 1)


def test_a_masking_layer_reaches_ours_and_padding_repeats_the_last_output() -> None:
    padded = X.copy()
    padded[:, 6:] = 0.0
    layer = rnnzoo.layer("rnn", 4, return_sequences=True)
    masked = layer(keras.layers.Masking()(padded))
    plain = layer(padded[:, :6])
    np.testing.assert_allclose(masked[:, :6], plain, atol=1e-6)
    np.testing.assert_allclose(masked[:, 6:], np.repeat(plain[:, -1:], 3, axis=1), atol=1e-6)


def test_dropout_is_off_at_inference_and_one_mask_a_sequence_in_training() -> None:
    layer = rnnzoo.layer("rnn", 64, return_sequences=True, dropout=0.5, seed=1)
    x = np.ones((3, 5, 8), "float32")
    layer.build(x.shape)
    # every output is then a function of its own input alone
    layer.set_weights_by_name({"R": np.zeros((64, 64))})
    np.testing.assert_array_equal(layer(x), layer(x))
    trained = layer(x, training=True)
    np.testing.assert_allclose(trained, np.repeat(trained[:, :1], 5, axis=1), atol=1e-6)
    assert not np.allclose(trained, layer(x))
    assert not np.allclose(trained[0], trained[1])
    again = rnnzoo.layer("rnn", 64, return_sequences=True, dropout=0.5, seed=1)
    again.build(x.shape)
    again.set_weights_by_name(layer.weights_by_name())
    np.testing.assert_array_equal(again(x, training=True), trained)


def test_recurrent_dropout_leaves_the_carry_alone() -> None:
    """With all products at zero, f = 1/2 and the carry halves at each step, whatever is dropped."""
    layer = rnnzoo.layer("lstm", 6, return_state=True, recurrent_dropout=0.5, seed=2)
    layer.build((None, None, 3))
    layer.set_weights_by_name(
        {name: np.zeros_like(value) for name, value in layer.weights_by_name().items()}
    )
    start = [keras.ops.zeros((6, 6)), keras.ops.ones((6, 6))]
    _, _, carry = layer(X, initial_state=start, training=True)
    np.testing.assert_allclose(carry, np.full((6, 6), 0.5**9), rtol=1e-5)


def test_the_expected_value_under_dropout_is_the_value_without() -> None:
    layer = rnnzoo.layer("rnn", 1, dropout=0.4, seed=5)
    x = np.full((20_000, 1, 1), 0.01, "float32")  # small, where tanh is the identity
    layer.build(x.shape)
    layer.set_weights_by_name({"W": np.ones((1, 1))})
    dropped, whole = (
        float(keras.ops.mean(layer(x, training=training))) for training in (True, False)
    )
    assert dropped == pytest.approx(whole, rel=0.02)


def test_learned_initial_states_are_weights() -> None:
    cell = lang.parse_text(
        "name: q\nequations: |\n  h = tanh(W @ x + R @ h[t-1])\ninitial: {h: learned}\n"
    )
    from rnnzoo.nn import Recurrent

    layer = Recurrent(cell, 3)
    layer.build((None, None, 2))
    assert layer.weights_by_name()["initial_h"].shape == (3,)
    layer.set_weights_by_name(
        {"initial_h": np.array([9.0, -9.0, 9.0]), "R": 9 * np.eye(3), "W": np.zeros((3, 2))}
    )
    np.testing.assert_allclose(layer(np.zeros((1, 1, 2), "float32")), [[1, -1, 1]], atol=1e-5)


@pytest.mark.parametrize(
    ("sequences", "states"), [(False, False), (True, False), (False, True), (True, True)]
)
def test_symbolic_shapes_are_the_real_ones(sequences: bool, states: bool) -> None:
    layer = rnnzoo.layer("lstm", 4, layers=2, return_sequences=sequences, return_state=states)
    symbolic = layer(keras.Input((9, 3), batch_size=6))
    real = layer(X)
    for shown, computed in zip(
        symbolic if states else [symbolic], real if states else [real], strict=True
    ):
        assert tuple(shown.shape) == tuple(computed.shape)


def test_sequences_of_any_length_go_through_one_model() -> None:
    model = keras.Sequential([keras.Input((None, 3)), rnnzoo.layer("rnn", 4)])
    for length in (4, 9, 6):  # at the second length Keras makes a function for all lengths
        outputs = model.predict(X[:, :length], verbose=0)
        np.testing.assert_allclose(outputs, model.layers[0](X[:, :length]), atol=1e-6)


def test_training_goes_on_with_sequences_of_another_length() -> None:
    model = keras.Sequential(
        [keras.Input((None, 3)), keras.layers.Masking(), rnnzoo.layer("rnn", 4, dropout=0.1)]
    )
    model.compile("adam", "mse")
    for length in (4, 9):
        assert np.isfinite(
            model.fit(X[:, :length], np.zeros((6, 4)), verbose=0).history["loss"]
        ).all()
