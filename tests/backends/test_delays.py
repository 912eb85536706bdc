"""What a state was a step before, for all steps at once, against a loop that carries it; and layers
whose delays are apart.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.backends.delays import WithoutDelays, delayed, last
from rnnzoo.lang import reference
from rnnzoo.nn import Recurrent
from tests.nn.differentiated import gradients

TIME, BATCH, UNITS, INPUTS = 6, 4, 3, 2
MASKS = {
    "padding at the ends": [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [1] * 6, [0] * 6],
    "padding in front": [[0, 0, 1, 1, 1, 1], [1] * 6, [0, 1, 1, 1, 1, 0], [0] * 6],
    "gaps": [[1, 1, 0, 1, 0, 1], [0, 1, 0, 0, 1, 1], [0, 0, 1, 1, 0, 0], [0] * 6],
}
NO_LOOP = "name: a\ntitle: a\nequations: |\n  u = V @ x\n  h = tanh(W @ x + u[t-1] + b)\n"


def carried(rows: np.ndarray, start: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """What a loop carries into each step, and out of the last."""
    states = [start]
    for row, is_real in zip(rows, keep.T, strict=True):
        states.append(np.where(is_real[:, None], row, states[-1]))
    return np.stack(states)


@pytest.mark.parametrize("kind", MASKS)
def test_a_delay_under_a_mask_is_what_a_loop_carries(kind: str) -> None:
    rng = np.random.default_rng(0)
    rows, start = rng.normal(size=(TIME, BATCH, UNITS)), rng.normal(size=(BATCH, UNITS))
    keep = np.array(MASKS[kind])
    expected = carried(rows, start, keep)
    given = [keras.ops.convert_to_tensor(array) for array in (rows, start, keep.T[..., None])]
    is_real = keep.T[..., None] > 0  # elsewhere nothing reads it
    np.testing.assert_array_equal(np.where(is_real, delayed(*given), 0), expected[:-1] * is_real)
    np.testing.assert_array_equal(last(*given), expected[-1])


def test_without_a_mask_it_is_a_shift_and_ends_where_the_count_says() -> None:
    rows, start = np.arange(12.0).reshape(TIME, 2, 1), -np.ones((2, 1))
    given = keras.ops.convert_to_tensor(rows), keras.ops.convert_to_tensor(start)
    np.testing.assert_array_equal(delayed(*given)[..., 0].numpy().T[0], [-1, 0, 2, 4, 6, 8])
    np.testing.assert_array_equal(last(*given), rows[-1])
    np.testing.assert_array_equal(last(*given, count=keras.ops.convert_to_tensor(4)), rows[3])


@pytest.mark.parametrize("text", ["qrnn", NO_LOOP], ids=["qrnn", "no loop"])
@pytest.mark.parametrize("kind", ["", *MASKS])
def test_a_layer_of_plain_operations_equals_the_reference(text: str, kind: str) -> None:
    cell = lang.parse_text(text) if "\n" in text else lang.load(text)
    weights = reference.random_weights(cell, INPUTS, UNITS, 1, np.random.default_rng(0))
    layer = Recurrent(
        cell, UNITS, return_sequences=True, return_state=True, dtype="float64", engine="portable"
    )
    layer.build((BATCH, TIME, INPUTS))
    layer.set_weights_by_name(weights[0])
    x = np.random.default_rng(1).normal(size=(BATCH, TIME, INPUTS))
    keep = np.array(MASKS[kind], bool) if kind else None
    outputs, *states = layer(x, mask=None if keep is None else keras.ops.convert_to_tensor(keep))
    run = reference.run(cell, weights, x, UNITS, keep=keep)
    np.testing.assert_allclose(outputs, run.outputs, atol=1e-12)
    for state, of_cell in zip(states, cell.states, strict=True):
        np.testing.assert_allclose(state, run.states[0][of_cell.name], atol=1e-12)


@pytest.mark.parametrize(("dropout", "is_apart"), [(0.0, True), (0.5, False)])
def test_recurrent_dropout_acts_on_products_of_delays_too(dropout: float, is_apart: bool) -> None:
    layer = Recurrent(lang.load("rwkv4"), UNITS, recurrent_dropout=dropout, engine="portable")
    layer(np.zeros((1, 2, INPUTS), "float32"), training=True)
    ((_, step),) = layer._built().compiled.values()
    assert isinstance(step, WithoutDelays) == is_apart


def test_a_quotient_of_inputs_has_finite_gradients_at_padding() -> None:
    equations = "  k = V @ x / norm(V @ x)\n  h = tanh(W @ x + k[t-1] + R @ h[t-1])\n"
    cell = lang.parse_text(f"name: a\ntitle: a\nequations: |\n{equations}")
    layer = Recurrent(cell, UNITS, dtype="float64")
    x = np.array([[[1.0, 2.0], [2.0, 1.0], [0.0, 0.0]]])
    padded = slopes(layer, x, [[True, True, False]])
    np.testing.assert_allclose(padded[0][:, :2], slopes(layer, x[:, :2], None)[0], atol=1e-12)
    assert all(np.isfinite(value).all() for value in padded)


def slopes(layer: Recurrent, x: np.ndarray, mask: list[list[bool]] | None) -> list[np.ndarray]:
    """Gradients of the sum of the outputs, of x and of the weights."""
    variable = keras.Variable(x, dtype="float64")
    layer(variable.value)
    return gradients(
        lambda: keras.ops.sum(layer(variable.value, mask=mask)),
        [variable, *layer.trainable_variables],
    )
