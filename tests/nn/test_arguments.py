"""What a layer is given: refused in words where it would have no effect, a wrong one, or an error
of TensorFlow's.
"""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnnzoo
from rnnzoo import lang
from rnnzoo.errors import UsageError
from rnnzoo.nn import Recurrent

X = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"return_sequences": "False"}, "return_sequences must be True or False, not 'False'"),
        ({"stateful": 1}, "stateful must be True or False, not 1"),
        ({"go_backwards": None}, "go_backwards must be True or False"),
        ({"seed": 1.5}, "seed must be a whole number from 0, not 1.5"),
        ({"seed": True}, "seed must be a whole number"),
        ({"seed": -1}, "seed must be a whole number from 0, not -1"),
        ({"seed": 2**40}, "seed must be below 4,294,967,296"),
        ({"layers": True}, "layers must be a whole number"),
        ({"dropout": None}, "fix: 0 drops nothing"),
        ({"dropout": "0.1"}, "dropout must be at least 0 and below 1, not '0.1'"),
        ({"recurrent_dropout": float("nan")}, "recurrent_dropout must be at least 0"),
        ({"dtype": "int32"}, "computes in a floating dtype, not in int32"),
        ({"return_sequence": True}, "did you mean 'return_sequences'"),
        ({"use_bias": False}, r"without `\+ b`"),
        ({"activation": "relu"}, "rnnzoo new cell"),
        ({"kernel_initializer": "zeros"}, r"initializers=\{'W\*': ...\}"),
        ({"unroll": True}, "leave it out"),
        ({"initializers": "zeros"}, "initializers must say for which weights, not 'zeros'"),
        (
            {"initializers": {"R_i": "orthogonl"}},
            "initializers: Keras knows nothing by 'orthogonl'",
        ),
        ({"regularizers": {"foo.R_i": "l2"}}, "regularizers: the cell has no weight 'foo.R_i'"),
        ({"regularizers": {"1.R_i": "l2"}}, "did you mean 'R_i'"),
        ({"layers": 2, "constraints": {"3.R_i": "non_neg"}}, "the cell has no weight '3.R_i'"),
        (
            {"constraints": {"R_*": "non_neg", "R_?": "unit_norm"}},
            r"'R_\?' has no effect, since 'R_\*'",
        ),
    ],
    ids=str,
)
def test_an_argument_without_effect_or_sense_is_refused_in_words(
    arguments: dict, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        rnnzoo.layer("lstm", 5, **arguments)


def test_numbers_of_numpy_are_numbers() -> None:
    layer = rnnzoo.layer(
        "lstm", np.int64(5), layers=np.int32(2), dropout=np.float32(0.5), seed=np.int64(3)
    )
    again = Recurrent.from_config(layer.get_config())
    assert (again.units, again.layers, again.dropout, again.seed) == (5, 2, 0.5, 3)
    assert type(again.units) is int
    assert rnnzoo.layer("lstm", 5, stateful=np.bool_(True)).stateful is True


@pytest.mark.parametrize("make", [rnnzoo.layer, Recurrent])
def test_a_layer_is_made_of_a_cell_as_it_is_shown(make: object) -> None:
    view = rnnzoo.cell("clockwork", options={"modules": 3})
    assert make(view, 6).cell == lang.load("clockwork", options={"modules": 3})  # type: ignore[operator]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: rnnzoo.layer("LSTM", 5), "did you mean 'lstm'"),
        (lambda: rnnzoo.layer(rnnzoo.cell("clockwork"), 8, options={"modules": 3}), "rnnzoo.cell"),
        (lambda: rnnzoo.layer(None, 5), "is made of a cell, not of None"),  # type: ignore[arg-type]
        (lambda: Recurrent("lstm", 5), "looks a name or a path up"),
    ],
)
def test_what_is_no_cell_is_refused_in_words(make: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make()  # type: ignore[operator]


def built() -> Recurrent:
    layer = rnnzoo.layer("lstm", 5)
    layer.build(X.shape)
    return layer


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda layer: layer(X, mask=np.ones((3, 5), bool)),
            r"the mask is \(batch, time\), here \(3, 6\), not \(3, 5\)",
        ),
        (lambda layer: layer(X, mask=np.ones((2, 6), bool)), r"not \(2, 6\)"),
        (lambda layer: layer(X, mask=np.ones((3, 6, 1), bool)), r"fix: mask\[..., 0\]"),
        (
            lambda layer: layer(X, mask=tf.complex(X[..., 0], X[..., 0])),
            "the mask must be real numbers",
        ),
        (lambda layer: layer(tf.complex(X, X)), "the inputs must be real numbers, not complex64"),
        (lambda layer: layer.call(tf.zeros((3, 6, 7))), "built for 4 inputs a step, not for 7"),
        (lambda layer: layer(X[:, :0]), "these sequences have no steps"),
        (lambda layer: keras.Sequential([layer])(X[:, :0]), "these sequences have no steps"),
        (
            lambda layer: layer.set_weights_by_name({"b_i": np.ones(5) * 1j}),
            "holds real numbers, not complex128",
        ),
        (
            lambda layer: layer.set_weights_by_name({"b_i": list("abcde")}),
            "holds real numbers, not <U1",
        ),
    ],
)
def test_a_message_of_a_call_is_ours_alone(call: object, words: str) -> None:
    """Keras adds escapes and the arguments of the call to what a layer says; a terminal shows ours
    as they are.
    """
    with pytest.raises(UsageError, match=words) as caught:
        call(built())  # type: ignore[operator]
    assert "\N{REPLACEMENT CHARACTER}" not in str(caught.value)
    assert "Exception encountered" not in str(caught.value)


def test_other_features_and_other_ranks_are_told_by_the_input_spec() -> None:
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 4"):
        built()(X[..., :3])
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        rnnzoo.layer("lstm", 5)(X[:, 0])


# ------------------------------------------------------------------ initialisers by pattern


def matrices(**arguments: object) -> dict[str, np.ndarray]:
    layer = rnnzoo.layer("lstm", 5, layers=2, **arguments)
    layer.build((None, None, 5))
    return {name: value for name, value in layer.weights_by_name().items() if value.ndim == 2}


@pytest.mark.parametrize(
    "asked",
    [
        "orthogonal",
        keras.initializers.Orthogonal(),
        keras.initializers.Orthogonal(seed=3),
        keras.initializers.Orthogonal,
    ],
    ids=["by name", "an object", "with a seed", "a class"],
)
@pytest.mark.parametrize("seed", [None, 1])
def test_weights_that_share_an_initialiser_begin_differently(
    asked: object, seed: int | None
) -> None:
    weights = matrices(initializers={"*[WR]_?": asked}, seed=seed)
    for weight, other in itertools.combinations(weights.values(), 2):
        assert not np.allclose(weight, other)
    for value in weights.values():
        np.testing.assert_allclose(value @ value.T, np.eye(5), atol=1e-5)


def test_an_initialiser_without_a_seed_has_the_seed_of_the_layer() -> None:
    """So the cell's own initialiser, asked for by name, changes nothing."""
    plain = matrices(seed=1)
    for name, value in matrices(seed=1, initializers={"R_*": "orthogonal"}).items():
        np.testing.assert_array_equal(value, plain[name])


def test_an_initialiser_of_one_weight_yields_what_keras_says() -> None:
    layer = rnnzoo.layer(
        "rnn", 5, seed=1, initializers={"R": keras.initializers.Orthogonal(seed=3)}
    )
    layer.build((None, None, 4))
    expected = np.asarray(keras.initializers.Orthogonal(seed=3)((5, 5)))
    np.testing.assert_allclose(layer.weights_by_name()["R"], expected.T, atol=1e-6)


def test_regularisers_by_name_are_one_for_each_weight_and_an_object_is_one_for_all() -> None:
    mine = keras.regularizers.L2(0.1)
    layer = rnnzoo.layer("lstm", 5, regularizers={"R_*": "l2", "W_*": mine})
    layer.build((None, None, 4))
    by_name = {weight.name: weight.regularizer for weight in layer.weights}
    assert by_name["R_i"] is not by_name["R_f"]
    assert by_name["W_i"] is by_name["W_f"] is mine


def test_both_directions_begin_differently() -> None:
    both = keras.layers.Bidirectional(rnnzoo.layer("rnn", 5, seed=1))
    both.build((None, None, 4))
    ahead, back = (
        layer.weights_by_name()["R"] for layer in (both.forward_layer, both.backward_layer)
    )
    assert not np.allclose(ahead, back)


def test_learned_initial_states_take_initialisers_too() -> None:
    cell = lang.parse_text(
        "name: q\nequations: |\n  h = tanh(W @ x + R @ h[t-1])\ninitial: {h: learned}\n"
    )
    layer = Recurrent(cell, 3, initializers={"initial_*": "ones"})
    layer.build((None, None, 2))
    np.testing.assert_array_equal(layer.weights_by_name()["initial_h"], np.ones(3))


def test_a_regulariser_sees_only_entries_that_act() -> None:
    layer = rnnzoo.layer("clockwork", 8, seed=0, regularizers={"R": keras.regularizers.L2(1.0)})
    layer.build((None, None, 4))
    expected = np.sum(layer.weights_by_name()["R"] ** 2)
    np.testing.assert_allclose(
        float(keras.ops.sum(keras.ops.stack(layer.losses))), expected, rtol=1e-5
    )
