"""States as a user hands them over: by order, by name, from call to call; and the number of the
step among them.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

import rnnzoo
from rnnzoo import lang
from rnnzoo.errors import UsageError
from rnnzoo.lang import ir, reference
from rnnzoo.nn import Recurrent

zeros, convert = keras.ops.zeros, keras.ops.convert_to_tensor
BATCH, TIME, INPUTS, UNITS = 3, 8, 4, 5
X = np.random.default_rng(0).normal(size=(BATCH, TIME, INPUTS)).astype("float32")
EVERY_OTHER = (
    "name: q\nequations: |\n  h = where(t % 2 == 0, tanh(W @ x + R @ h[t-1] + b), h[t-1])\n"
)


def counter(steps: int) -> ir.Cell:
    """A cell that yields a number in every `steps`-th step, counted from 0, and 0 in the others."""
    equation = f"h = where(t % {steps} == 0, sigmoid(W @ x + R @ h[t-1]), 0)"
    return lang.parse_text(f"name: q\nequations: |\n  {equation}\n")


def test_the_number_of_the_step_is_a_whole_number_and_states_are_not() -> None:
    layer = Recurrent(counter(3), 8, stateful=True)
    layer.build((BATCH, None, INPUTS))
    assert [(name, state.dtype) for name, state in zip(layer.state_names, layer.states)] == [
        ("h", "float32"),
        ("t", "int32"),
    ]


@pytest.mark.parametrize("name", [pytest.param("lstm", marks=pytest.mark.slow), "clockwork"])
@pytest.mark.parametrize("layers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_step_by_step_with_states_handed_on_equals_the_whole_sequence(
    name: str, layers: int
) -> None:
    layer = rnnzoo.layer(name, 8, layers=layers, seed=1, return_sequences=True, return_state=True)
    whole, *last = layer(X)
    outputs, states = [], layer.get_initial_state(BATCH)
    for t in range(TIME):
        output, *states = layer(X[:, t : t + 1], initial_state=states)
        outputs.append(output)
    np.testing.assert_allclose(np.concatenate(outputs, axis=1), whole, atol=1e-6)
    for state, its in zip(states, last, strict=True):
        np.testing.assert_allclose(state, its, atol=1e-6)


def test_the_number_of_the_step_is_the_last_state_of_a_cell_that_reads_it() -> None:
    layer = rnnzoo.layer("clockwork", 8, layers=2, return_state=True)
    assert layer.state_names == ("1.h", "2.h", "t")
    assert layer.state_size == [8, 8, 1]
    *_, t = layer(X)
    assert keras.backend.standardize_dtype(t.dtype) == "int32"
    np.testing.assert_array_equal(t, np.full((BATCH, 1), TIME))
    symbols = layer(keras.Input((TIME, INPUTS)))
    assert [symbol.dtype for symbol in symbols] == ["float32", "float32", "float32", "int32"]
    assert rnnzoo.layer("lstm", 8).state_names == ("h", "c")


def test_zeros_as_states_begin_anew_whatever_came_before() -> None:
    layer = rnnzoo.layer("clockwork", 8, seed=1, stateful=True)
    first = np.asarray(layer(X))
    assert np.abs(np.asarray(layer(X)) - first).max() > 1e-3
    anew = [zeros((BATCH, 8)), zeros((BATCH, 1), "int32")]
    np.testing.assert_allclose(layer(X, initial_state=anew), first, atol=1e-6)
    layer.reset_states()
    np.testing.assert_allclose(layer(X), first, atol=1e-6)


def test_each_sequence_has_a_number_of_steps_of_its_own() -> None:
    cell = lang.parse_text(EVERY_OTHER)
    weights = reference.random_weights(cell, INPUTS, UNITS, 1, np.random.default_rng(0))
    layer = Recurrent(cell, UNITS, return_sequences=True)
    layer.build(X.shape)
    layer.set_weights_by_name(weights[0])
    behind = np.array([[0], [1], [20_000_001]])  # float32 has no odd number of that size
    outputs = layer(X, initial_state=[zeros((BATCH, UNITS)), convert(behind, "int32")])
    np.testing.assert_allclose(
        outputs, reference.run(cell, weights, X, UNITS, first=behind).outputs, atol=1e-5
    )


def test_read_backwards_with_padding_steps_are_counted_on_from_those_behind() -> None:
    cell = lang.parse_text(EVERY_OTHER)
    layer = Recurrent(cell, UNITS, return_state=True, go_backwards=True, seed=0)
    real = np.array([TIME, 5, 2])  # all else is padding, and read first
    mask = np.arange(TIME)[None] < real[:, None]
    for behind in (0, 3):
        start = [zeros((BATCH, UNITS)), np.full((BATCH, 1), behind, np.int32)]
        outputs, _, after = layer(X, initial_state=start, mask=mask)
        np.testing.assert_array_equal(np.asarray(after)[:, 0], behind + real)
        for row, count in enumerate(real):
            alone = [state[row : row + 1] for state in start]
            expected, *_ = layer(X[row : row + 1, :count], initial_state=alone)
            np.testing.assert_allclose(outputs[row], expected[0], atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float32"])
def test_steps_are_counted_in_whole_numbers_whatever_the_layer_computes_in(policy: str) -> None:
    """bfloat16 has whole numbers up to 256, float16 up to 2,048; neither has 1,027."""
    layer = Recurrent(counter(1027), 1, return_sequences=True, dtype=policy)
    outputs = np.asarray(layer(np.zeros((1, 4200, 1), "float32")), "float32")[0, :, 0]
    np.testing.assert_array_equal(np.flatnonzero(outputs), [0, 1027, 2054, 3081, 4108])


def test_states_are_taken_in_order_by_position_by_name_and_of_one_sequence() -> None:
    layer = rnnzoo.layer("lstm", UNITS, seed=0)
    theirs = keras.layers.LSTM(UNITS)
    theirs(X)
    layer.build(X.shape)
    mask = np.arange(TIME)[None] < np.array([[TIME], [3], [5]])
    h, c = (np.random.default_rng(1).normal(size=(1, UNITS)).astype("float32") for _ in range(2))
    wide = [np.repeat(state, BATCH, axis=0) for state in (h, c)]
    expected = layer(X, initial_state=wide, mask=mask)
    for outputs in (
        # the order of keras.layers.LSTM
        layer(X, [convert(state) for state in wide], convert(mask)),
        layer(X, initial_state=[h, c], mask=mask),
        layer(X, initial_state={"c": wide[1], "h": wide[0]}, mask=mask),
    ):
        np.testing.assert_allclose(outputs, expected, atol=1e-6)
    assert theirs(X, [convert(state) for state in wide], convert(mask)).shape == expected.shape


def test_the_mask_of_a_layer_below_acts_with_initial_states_too() -> None:
    """Keras' own layers drop it there without a word."""
    layer = rnnzoo.layer("lstm", UNITS, seed=0)
    padded = X.copy()
    padded[:, 5:] = 0
    start = [zeros((BATCH, UNITS))] * 2
    outputs = layer(keras.layers.Masking()(padded), initial_state=start)
    np.testing.assert_allclose(outputs, layer(X[:, :5]), atol=1e-6)


def test_both_directions_hand_their_states_on() -> None:
    both = keras.layers.Bidirectional(rnnzoo.layer("clockwork", 8, return_state=True))
    symbols = both(keras.Input((TIME, INPUTS)))
    results = both(X)
    assert [symbol.shape[1] for symbol in symbols] == [16, 8, 1, 8, 1]
    assert [result.shape[1] for result in results] == [16, 8, 1, 8, 1]
    again = both(X, initial_state=results[1:])
    np.testing.assert_array_equal(again[2], np.full((BATCH, 1), 2 * TIME))


def test_no_sequences_give_no_outputs() -> None:
    assert rnnzoo.layer("lstm", UNITS)(X[:0]).shape == (0, UNITS)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([zeros((BATCH, 8))], "t is how many steps each sequence has behind it"),
        ({"h": zeros((BATCH, 8))}, "lacks t"),
        (
            {"h": zeros((BATCH, 8)), "t": zeros((BATCH, 1)), "c": zeros((BATCH, 8))},
            "has no 'c'",
        ),
        ([zeros((2, 8)), zeros((BATCH, 1))], "'h' is for 2 sequences, and there are 3"),
        ([zeros((BATCH, TIME), "bool"), zeros((BATCH, 1))], "a mask is given as mask="),
        (
            [zeros((BATCH, 8), "complex64"), zeros((BATCH, 1))],
            "must be real numbers, not complex64",
        ),
        ([zeros((BATCH, 8)), zeros((BATCH, 1), "float16")], "float16 cannot"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_states_that_do_not_fit_are_refused_in_words(given: object, words: str) -> None:
    layer = rnnzoo.layer("clockwork", 8, autocast=False)
    layer.build(X.shape)
    for inputs in (X, keras.Input(batch_shape=X.shape)):
        with pytest.raises(UsageError, match=words):
            layer(inputs, initial_state=given)


def test_states_of_an_unbuilt_layer_are_known_unless_they_are_learned() -> None:
    assert [state.shape for state in rnnzoo.layer("clockwork", 8).get_initial_state(2)] == [
        (2, 8),
        (2, 1),
    ]
    learned = lang.parse_text(
        "name: q\nequations: |\n  h = tanh(W @ x + R @ h[t-1])\ninitial: {h: learned}\n"
    )
    with pytest.raises(UsageError, match="no weights yet"):
        Recurrent(learned, 3).get_initial_state(2)
