"""What a user of `keras.layers.LSTM` expects, checked against it: our layer with its weights does
the same.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src import testing  # ships with Keras; private, so the lock pins it

import rnnzoo
from rnnzoo import lang
from rnnzoo.errors import UsageError
from rnnzoo.lang import reference
from rnnzoo.lang.text import cell_text
from rnnzoo.nn import Recurrent
from tests.nn.differentiated import gradients
from tests.samples import ALL, slow_outside_of

BATCH, TIME, INPUTS, UNITS = 3, 6, 4, 5
MASK = np.array([[1, 1, 1, 1, 0, 0], [0, 1, 0, 1, 1, 1], [1, 1, 1, 1, 1, 1]], bool)


def data(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(BATCH, TIME, INPUTS)).astype(np.float32)


def pair(**arguments: object) -> tuple[Recurrent, keras.layers.LSTM]:
    """Our LSTM and Keras' own, with the same weights."""
    ours = rnnzoo.layer("lstm", UNITS, **arguments)
    theirs = keras.layers.LSTM(UNITS, **arguments)
    shape = (BATCH, TIME, INPUTS)
    ours.build(shape)
    theirs.build(shape)
    copy(ours, theirs)
    return ours, theirs


def copy(ours: Recurrent, theirs: keras.layers.LSTM) -> None:
    rng = np.random.default_rng(1)
    kernel, recurrent, bias = (
        rng.normal(0, 0.4, weights.shape).astype(np.float32) for weights in theirs.get_weights()[:3]
    )
    theirs.set_weights([kernel, recurrent, bias, *theirs.get_weights()[3:]])
    for gate, place in zip("ifgo", range(4)):
        part = slice(place * UNITS, (place + 1) * UNITS)
        named = {
            f"W_{gate}": kernel[:, part].T,
            f"R_{gate}": recurrent[:, part].T,
            f"b_{gate}": bias[part],
        }
        ours.set_weights_by_name(named)


def same(ours: object, theirs: object) -> None:
    for mine, its in zip(keras.tree.flatten(ours), keras.tree.flatten(theirs), strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(mine), keras.ops.convert_to_numpy(its), atol=1e-5
        )


# without a mask: backwards and with states, the tests below
@pytest.mark.parametrize("masked", [pytest.param(False, marks=pytest.mark.slow), True])
@pytest.mark.parametrize(
    "arguments",
    [
        {"go_backwards": True},
        {"go_backwards": True, "return_sequences": True, "return_state": True},
        {"return_sequences": True, "zero_output_for_mask": True},
    ],
    ids=" ".join,
)
def test_an_argument_does_what_it_does_in_keras(arguments: dict, masked: bool) -> None:
    ours, theirs = pair(**arguments)
    mask = MASK if masked else None
    same(ours(data(), mask=mask), theirs(data(), mask=mask))


def test_a_stateful_layer_goes_on_where_it_ended_until_it_is_reset() -> None:
    ours, theirs = pair(stateful=True, return_sequences=True)
    first = ours(data())
    same(first, theirs(data()))
    same(ours(data(1)), theirs(data(1)))
    ours.reset_state()
    same(ours(data()), first)


def test_a_stateful_clock_runs_on() -> None:
    """A clockwork cell read in two halves is the cell read in one."""
    halves = rnnzoo.layer("clockwork", 8, stateful=True, return_sequences=True, seed=3)
    whole = rnnzoo.layer("clockwork", 8, return_sequences=True, seed=3)
    x = np.random.default_rng(0).normal(size=(2, 10, 3)).astype(np.float32)
    in_halves = np.concatenate([np.asarray(halves(x[:, :5])), np.asarray(halves(x[:, 5:]))], axis=1)
    same(in_halves, whole(x))


def test_a_stateful_layer_refuses_another_batch_and_a_batch_without_size() -> None:
    ours, _ = pair(stateful=True)
    with pytest.raises(UsageError, match="a batch of 3, not of 2"):
        ours(data()[:2])
    with pytest.raises(UsageError, match="batch_shape"):
        rnnzoo.layer("lstm", 3, stateful=True).build((None, None, 4))
    with pytest.raises(UsageError, match="stateful=True"):
        rnnzoo.layer("lstm", 3).reset_state()


# how two outputs become one is for Keras alone
@pytest.mark.parametrize(
    "merge", slow_outside_of(("concat",), ("sum", "mul", "ave", "concat", None))
)
def test_bidirectional_wraps_it(merge: str | None) -> None:
    ours = keras.layers.Bidirectional(
        rnnzoo.layer("lstm", UNITS, return_sequences=True), merge_mode=merge
    )
    theirs = keras.layers.Bidirectional(
        keras.layers.LSTM(UNITS, return_sequences=True), merge_mode=merge
    )
    ours.build(data().shape)
    theirs.build(data().shape)
    copy(ours.forward_layer, theirs.forward_layer)
    copy(ours.backward_layer, theirs.backward_layer)
    same(ours(data(), mask=MASK), theirs(data(), mask=MASK))


def test_time_distributed_wraps_it() -> None:
    ours, theirs = pair()
    x = np.stack([data(0), data(1)], axis=1)
    same(keras.layers.TimeDistributed(ours)(x), keras.layers.TimeDistributed(theirs)(x))


def test_initial_states_may_be_symbolic() -> None:
    ours, theirs = pair(return_state=True)
    inputs, states = keras.Input((TIME, INPUTS)), [keras.Input((UNITS,)), keras.Input((UNITS,))]
    rng = np.random.default_rng(2)
    given = [data(), *(rng.normal(size=(BATCH, UNITS)).astype(np.float32) for _ in states)]
    models = [
        keras.Model([inputs, *states], layer(inputs, initial_state=states))
        for layer in (ours, theirs)
    ]
    same(models[0](given), models[1](given))


def model(cell: str = "peephole") -> keras.Model:
    inputs = keras.Input((None, INPUTS))
    layer = rnnzoo.layer(
        cell, UNITS, layers=2, go_backwards=True, regularizers={"R*": "l2"}, seed=1
    )
    return keras.Model(inputs, keras.layers.Dense(2)(layer(inputs)))


def test_a_model_is_cloned_and_saved(tmp_path: Path) -> None:
    made = model()
    expected = made(data())
    clone = keras.models.clone_model(made)
    clone.set_weights(made.get_weights())
    same(clone(data()), expected)
    made.save_weights(tmp_path / "model.weights.h5")
    other = model()
    other.load_weights(tmp_path / "model.weights.h5")
    same(other(data()), expected)
    made.save(tmp_path / "model.keras")
    same(keras.saving.load_model(tmp_path / "model.keras")(data()), expected)


def test_regularizers_constraints_and_initializers_go_by_name_or_pattern() -> None:
    layer = rnnzoo.layer(
        "lstm", UNITS, initializers={"b_f": "ones", "R_*": "zeros"},
        regularizers={"b_f": keras.regularizers.L2(0.5)},
        constraints={"W_?": keras.constraints.NonNeg()},
    )  # fmt: skip
    inputs = keras.Input((TIME, INPUTS))
    made = keras.Model(inputs, layer(inputs))
    weights = layer.weights_by_name()
    assert (weights["b_f"] == 1).all()
    assert not weights["R_i"].any()
    assert float(keras.ops.sum(keras.ops.stack(made.losses))) == pytest.approx(0.5 * UNITS)
    made.compile("sgd", "mse")
    made.fit(data(), np.zeros((BATCH, UNITS)), verbose=0)
    assert (layer.weights_by_name()["W_i"] >= 0).all()
    again = Recurrent.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_a_pattern_that_fits_no_weight_is_refused() -> None:
    with pytest.raises(UsageError, match="no weight 'R_q'"):
        rnnzoo.layer("lstm", UNITS, regularizers={"R_q": "l2"})


def test_frozen_weights_stay() -> None:
    made = model("rnn")
    made.layers[1].trainable = False
    before = made.layers[1].weights_by_name()
    made.compile("sgd", "mse")
    made.fit(data(), np.ones((BATCH, 2)), verbose=0)
    for name, value in made.layers[1].weights_by_name().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64", "float32"])
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype float64")
def test_a_dtype_policy_rules_what_is_computed(policy: str) -> None:
    """As for Keras' own layer, which has float64 under JAX only where JAX is told to."""
    layer, theirs = (make(UNITS, dtype=policy) for make in (our_gru, keras.layers.GRU))
    assert dtypes(layer(data())) == dtypes(theirs(data()))
    assert dtypes(*layer.weights) == dtypes(*theirs.weights)
    slopes = gradients(
        lambda: keras.ops.sum(keras.ops.cast(layer(data()), "float32")), layer.trainable_variables
    )
    assert all(np.isfinite(slope).all() for slope in slopes)
    assert any(slope.any() for slope in slopes)


def our_gru(units: int, **arguments: object) -> Recurrent:
    return rnnzoo.layer("gru", units, **arguments)


def dtypes(*tensors: object) -> set[str]:
    return {keras.backend.standardize_dtype(tensor.dtype) for tensor in tensors}


def test_a_sequence_is_the_same_in_any_batch() -> None:
    ours, _ = pair(return_sequences=True)
    whole = np.asarray(ours(data()))
    for row in range(BATCH):
        np.testing.assert_allclose(
            np.asarray(ours(data()[row : row + 1]))[0], whole[row], atol=1e-6
        )


def test_fit_with_our_layer_learns_what_fit_with_keras_own_learns() -> None:
    losses = []
    for layer in pair():
        made = keras.Sequential(
            [keras.Input((TIME, INPUTS)), layer, keras.layers.Dense(1, kernel_initializer="ones")]
        )
        made.compile(keras.optimizers.SGD(0.1), "mse")
        losses.append(
            made.fit(data(), np.ones((BATCH, 1)), epochs=4, verbose=0, shuffle=False).history[
                "loss"
            ]
        )
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


def test_the_reference_agrees_with_a_layer_read_backwards() -> None:
    cell = lang.load("peephole")
    weights = reference.random_weights(cell, INPUTS, UNITS, 1, np.random.default_rng(0))
    layer = rnnzoo.layer("peephole", UNITS, go_backwards=True)
    layer.build((None, None, INPUTS))
    layer.set_weights_by_name(weights[0])
    same(layer(data()), reference.run(cell, weights, data()[:, ::-1], UNITS).outputs[:, -1])


CASES: tuple[tuple[str, dict], ...] = (
    ("lstm", {}),
    ("gru", {"return_sequences": True}),
    ("clockwork", {"go_backwards": True}),
)


class TestKerasOwnTest(testing.TestCase):
    """Keras' `run_layer_test`: configuration, shapes, dtypes, masking, a fit step, mixed
    precision.
    """

    @pytest.mark.filterwarnings("ignore")
    def test_it_passes(self) -> None:
        for name, arguments in CASES if ALL else CASES[2:]:
            cell = lang.load(name)
            units = 8 if name == "clockwork" else 3
            self.run_layer_test(
                Recurrent,
                init_kwargs={"cell": cell_text(cell), "units": units, **arguments},
                input_shape=(3, 2, 4),
                expected_output_shape=(3, 2, units)
                if arguments.get("return_sequences")
                else (3, units),
                expected_num_trainable_weights=len(cell.step.weights),
                expected_num_non_trainable_weights=0,
                supports_masking=True,
            )
