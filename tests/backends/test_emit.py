"""From the IR to tensors: every operation, and random cells, against NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnzoo import lang
from rnnzoo.backends.emit import Emitter
from rnnzoo.lang import ir, reference
from rnnzoo.lang.primitives import ELEMENTWISE, PRIMITIVES, OverUnits
from rnnzoo.nn import Recurrent
from tests.samples import examples
from tests.strategies import cell_texts

INPUTS, UNITS, BATCH, TIME = 3, 4, 2, 5
KEEP = np.array([[1, 0, 1, 1, 0], [0, 1, 1, 0, 0]], bool)
POSITIVE = {"log", "sqrt", "pow"}
LOWERED = [op for op in PRIMITIVES.values() if isinstance(op, OverUnits) and op.lowering]
GRID = np.array([-3.5, -3.0, -1.0, -0.25, 0.0, 0.25, 1.0, 2.0, 3.0, 40.0])


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_operation_is_the_same_in_numpy_and_in_the_compiled_layer(name: str) -> None:
    op = ELEMENTWISE[name]
    grid = GRID[GRID > 0] if name in POSITIVE else GRID
    axes = np.meshgrid(*[grid] * op.arity)
    args = [axis.ravel() for axis in axes]
    if name in ("div", "mod"):
        args = [operand[args[1] != 0] for operand in args]
    emitter = Emitter(ir.Sizes(1, 1, {}), "float64", {})
    emitted = keras.ops.convert_to_numpy(
        emitter.apply(op, [keras.ops.convert_to_tensor(operand, "float64") for operand in args])
    )
    assert emitted.dtype == np.float64
    np.testing.assert_allclose(emitted, op.numpy(*args), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("groups", [None, 3])
@pytest.mark.parametrize("op", LOWERED, ids=str)
def test_every_operation_over_units_is_the_same_in_numpy_and_as_tensors(
    op: OverUnits, groups: int | None
) -> None:
    vectors = np.random.default_rng(0).normal(size=(2, 5, 6)).round(1)  # with some equal
    emitted = op.lowered(keras.ops, keras.ops.convert_to_tensor(vectors, "float64"), groups)
    exact = op.numpy(vectors) if groups is None else op.numpy(vectors, np.asarray(groups))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(emitted), exact, rtol=1e-12)


def differences(cell: ir.Cell, layers: int, keep: np.ndarray | None) -> float:
    """The largest difference between a float64 layer and the reference: outputs and all states."""
    rng = np.random.default_rng(0)
    weights = reference.random_weights(cell, INPUTS, UNITS, layers, rng)
    x = rng.normal(size=(BATCH, TIME, INPUTS))
    run = reference.run(cell, weights, x, UNITS, keep=keep)
    layer = Recurrent(
        cell, UNITS, layers=layers, return_sequences=True, return_state=True, dtype="float64"
    )
    layer.build((None, None, INPUTS))
    named = {
        (f"{number}.{name}" if layers > 1 else name): value
        for number, of_layer in enumerate(weights, start=1)
        for name, value in of_layer.items()
    }
    layer.set_weights_by_name(named)
    expected = [
        run.outputs,
        *(states[state.name] for states in run.states for state in cell.states),
    ]
    # behind the states stands the number of the step, where a cell reads it
    computed = layer(x, mask=None if keep is None else tf.constant(keep))[: len(expected)]
    return max(
        float(np.abs(value - exact).max()) for value, exact in zip(computed, expected, strict=True)
    )


@given(cell_texts(), st.integers(1, 2), st.booleans())
@settings(max_examples=examples(16), suppress_health_check=[HealthCheck.too_slow])
def test_any_cell_compiles_to_a_layer_that_equals_the_reference(
    text: str, layers: int, masked: bool
) -> None:
    assert differences(lang.parse_text(text), layers, KEEP if masked else None) < 1e-10


HOISTED = {
    "a state": "  u = tanh(W @ x)\n  h = tanh(R @ u[t-1])\n",
    "the first layer's output": (
        "  h = tanh(W @ x + R @ h[t-1] + V @ below.h)\nfirst_layer: |\n  h = tanh(W @ x)\n"
    ),
    "what the layer above reads": (
        "  e = tanh(E @ x)\n"
        "  h = tanh(W @ x + R @ h[t-1] + V @ below.e)\n"
        "first_layer: |\n"
        "  h = tanh(W @ x + R @ h[t-1])\n"
    ),
}


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("equations", HOISTED.values(), ids=HOISTED)
def test_what_leaves_the_loop_is_carried_and_repeated_in_padding_all_the_same(
    equations: str, layers: int
) -> None:
    assert differences(lang.parse_text(f"name: q\nequations: |\n{equations}"), layers, KEEP) < 1e-10
