"""A layer of a cell that reads more than x: columns of what Keras hands it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.errors import UsageError
from rnnzoo.lang import ir, reference
from rnnzoo.lang.probes import probes
from rnnzoo.nn.layer import Recurrent
from tests.lang.test_named_inputs import READS

INPUTS, UNITS, BATCH, TIME = 3, 4, 2, 6
COLUMNS = INPUTS + 1 + INPUTS
KEEP = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]], bool)
AGED = "name: q\ninputs: {dt: 1}\nequations: |\n  h = tanh(W @ x) + exp(-dt) * h[t-1]\n"


def cell_of(text: str) -> ir.Cell:
    return lang.parse_text(text)


def read(cell: ir.Cell) -> np.ndarray:
    drawn = probes(cell, INPUTS, (BATCH, TIME), np.random.default_rng(1))
    return np.concatenate([*drawn.values()], -1).astype(np.float32)


def test_a_layer_reads_x_and_the_others_side_by_side() -> None:
    cell = cell_of(READS)
    layer = Recurrent(cell, UNITS, return_sequences=True, return_state=True)
    layer.build((None, None, COLUMNS))
    outputs, *states = layer(read(cell), mask=KEEP)
    run = reference.run(cell, [layer.weights_by_name()], read(cell), UNITS, keep=KEEP)
    np.testing.assert_allclose(outputs, run.outputs, atol=1e-5)
    for name, state in zip(layer.state_names, states, strict=True):
        np.testing.assert_allclose(state, run.states[0][name], atol=1e-5)


def test_read_backwards_dt_is_the_time_to_what_was_read_before() -> None:
    """In the first sequence, the last two steps are padding."""
    cell = cell_of(AGED)
    layer = Recurrent(cell, UNITS, return_sequences=True, go_backwards=True)
    layer.build((None, None, INPUTS + 1))
    x = read(cell)
    turned, elapsed = x[:, ::-1].copy(), x[..., -1]
    turned[0, :, -1] = [0, 0, 0, elapsed[0, 3], elapsed[0, 2], elapsed[0, 1]]
    turned[1, :, -1] = [0, *elapsed[1, :0:-1]]
    run = reference.run(cell, [layer.weights_by_name()], turned, UNITS, keep=KEEP[:, ::-1])
    np.testing.assert_allclose(layer(x, mask=KEEP), run.outputs, atol=1e-5)


def test_read_backwards_dt_passes_over_padding_between_steps() -> None:
    layer = Recurrent(cell_of(AGED), UNITS, go_backwards=True)
    x = np.zeros((1, 5, INPUTS + 1))
    x[0, :, -1] = [0, 0, 2, 0, 3]  # after the first real step, 2 pass to the next, then 3
    mask = keras.ops.convert_to_tensor([[True, False, True, False, True]])
    turned = keras.ops.convert_to_numpy(layer._backwards(keras.ops.convert_to_tensor(x), mask))
    np.testing.assert_array_equal(turned[0, ::2, -1], [0, 3, 2])


def test_shapes_are_known_before_the_layer_is_built() -> None:
    layer = Recurrent(cell_of(READS), UNITS, return_state=True)
    assert layer.state_names == ("h", "q", "u")
    shapes = layer.compute_output_shape((8, 5, COLUMNS))
    assert shapes == ((8, UNITS), (8, UNITS), (8, 1), (8, INPUTS))
    with pytest.raises(UsageError, match="as wide as x, and this layer has read none"):
        assert layer.state_size
    layer.build((None, None, COLUMNS))
    assert layer.state_size == [UNITS, 1, INPUTS]


def test_a_saved_layer_keeps_them() -> None:
    layer = Recurrent(cell_of(READS), UNITS)
    again = Recurrent.from_config(layer.get_config())
    assert again.cell.named_inputs == layer.cell.named_inputs


def test_what_a_layer_cannot_read_is_refused() -> None:
    with pytest.raises(UsageError, match="beside x, and 6 numbers a step leave no whole number"):
        Recurrent(cell_of(READS), UNITS).build((None, None, 6))
    with pytest.raises(UsageError, match="further layers have others"):
        Recurrent(cell_of(READS), UNITS, layers=2)


@pytest.mark.slow
def test_both_directions_train_and_are_saved(tmp_path) -> None:
    inputs = keras.Input((None, COLUMNS))
    both = keras.layers.Bidirectional(Recurrent(cell_of(READS), UNITS, seed=1))
    model = keras.Model(inputs, both(inputs))
    model.compile("adam", "mse")
    x = read(cell_of(READS))
    model.fit(x, np.zeros((BATCH, 2 * UNITS)), verbose=0)
    model.save(tmp_path / "both.keras")
    again = keras.models.load_model(tmp_path / "both.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.slow
def test_each_layer_of_a_stack_reads_the_numbers() -> None:
    cell = cell_of(AGED)
    layer = Recurrent(cell, UNITS, layers=2, return_sequences=True)
    layer.build((None, None, INPUTS + 1))
    named = layer.weights_by_name()
    weights = [{"W": named[f"{number}.W"]} for number in (1, 2)]
    run = reference.run(cell, weights, read(cell), UNITS)
    np.testing.assert_allclose(layer(read(cell)), run.outputs, atol=1e-5)
