"""Cells of clocks: computing only what is due gives what computing everything gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from rnnzoo import lang
from rnnzoo.backends import units as of_units
from rnnzoo.backends.tensorflow import backend
from rnnzoo.backends.tensorflow.engine import Engine
from rnnzoo.lang import ir, reference
from rnnzoo.lang.passes import periodic_update
from rnnzoo.nn import Recurrent
from rnnzoo.spec.cell import built_in_names

INPUTS, TIME = 4, 21
KEEP = np.ones((3, TIME), bool)
KEEP[1, 9:] = False
KEEP[2, :3] = False


def values_and_gradients(cell: ir.Cell, units: int, masked: bool) -> tuple[str, list[np.ndarray]]:
    cell = replace(
        cell, states=(replace(cell.states[0], initial="learned"),)
    )  # its gradient is that of the first state
    layer = Recurrent(
        cell, units, return_sequences=True, return_state=True, dtype="float64", seed=1
    )
    x = tf.constant(np.random.default_rng(0).normal(size=(3, TIME, INPUTS)))
    layer.build(x.shape)
    layer.set_weights_by_name({"initial_h": np.random.default_rng(1).normal(size=units)})
    with tf.GradientTape() as tape:
        tape.watch(x)
        output, state, _ = layer(x, mask=tf.constant(KEEP) if masked else None)
        loss = tf.reduce_sum(tf.sin(output)) + tf.reduce_sum(state * state)
    weights = [weight.value for weight in layer.trainable_variables]
    ((_, engine),) = layer._built().compiled.values()
    return type(engine.units).__name__, [
        np.asarray(tensor) for tensor in (output, state, *tape.gradient(loss, [x, *weights]))
    ]


CLOCKS = (
    "constants: |\n"
    "  T = {periods}\n"
    "equations: |\n"
    "  h = where(t % T == 0, tanh(W @ x + R @ h[t-1] + b), h[t-1])\n"
)


CELLS = {
    "clockwork": (lang.load("clockwork"), 16),
    "unequal": (lang.load("clockwork"), 21),  # modules of unequal size
    "base 3": (lang.load("clockwork", options={"modules": 3, "base": 3}), 7),  # unequal, too
    "never at most steps": (
        lang.parse_text("name: slow\n" + CLOCKS.format(periods="4 * (1 + floor(unit / 3))"),
            file="slow.yaml"), 6
    ),
}  # fmt: skip
# of the cell itself, tests/conformance has the values and gradients
SAMPLE = (("base 3", True), ("never at most steps", False))


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        pytest.param(name, masked, marks=() if (name, masked) in SAMPLE else pytest.mark.slow)
        for name in CELLS
        for masked in (False, True)
    ],
)
def test_what_is_not_due_need_not_be_computed(
    name: str, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, units = CELLS[name]
    kind, due = values_and_gradients(cell, units, masked)
    assert kind == "DueUnits"
    monkeypatch.setattr(backend, "of_due_units", lambda dense, switch: dense)
    kind, expected = values_and_gradients(cell, units, masked)
    assert kind == "AllUnits"
    for computed, wanted in zip(due, expected, strict=True):
        np.testing.assert_allclose(computed, wanted, atol=1e-11)


def test_only_the_clockwork_cell_of_the_zoo_has_clocks() -> None:
    assert [name for name in built_in_names() if periodic_update(lang.load(name).step)] == [
        "clockwork"
    ]


@pytest.mark.parametrize(
    ("periods", "blocks"),
    [
        ([1, 1, 2, 4, 4], ((1, 0, 2), (2, 2, 3), (4, 3, 5))),
        ([3, 3], ((3, 0, 2),)),
        ([2, 1], ()),  # the slow ones first
        ([1, 2, 3], ()),  # 3 is due where 2 is not
        ([1, 1.5], ()),
        ([0.5, 1], ()),
    ],
)
def test_periods_that_divide_one_another_make_blocks(periods: list[float], blocks: tuple) -> None:
    assert of_units.blocks_of(np.array(periods, float)) == blocks


def spelt(*equations: str) -> ir.Cell:
    lines = "".join(f"  {equation}\n" for equation in equations)
    return lang.parse_text(
        f"name: q\nconstants: |\n  T = 2 ** floor(unit / 4)\nequations: |\n{lines}", file="q.yaml"
    )


SPELLINGS = {
    "as in the zoo": ("h = where(t % T == 0, tanh(W @ x + R @ h[t-1] + b), h[t-1])",),
    "0 first": ("h = where(0 == t % T, tanh(W @ x + R @ h[t-1] + b), h[t-1])",),
    "branches exchanged": ("h = where(t % T != 0, h[t-1], tanh(W @ x + R @ h[t-1] + b))",),
    "a name for the value": ("u = tanh(W @ x + R @ h[t-1] + b)",
        "h = where(t % T == 0, u, h[t-1])"),
    "a name for the condition": ("due = t % T == 0",
        "h = where(due, tanh(W @ x + R @ h[t-1] + b), h[t-1])"),
    "a factor of 1": ("h = where(t % T == 0, tanh(W @ x + R @ h[t-1] + b), 1 * h[t-1])",),
    "all of these": (
        "phase = t % T", "waits = 0 != phase", "u = tanh(W @ x + R @ h[t-1] + b)",
        "old = h[t-1] + 0", "h = where(waits, old, u)",
    ),
}  # fmt: skip


def engine_of(cell: ir.Cell) -> Engine:
    layer = Recurrent(cell, 16, return_sequences=True, seed=1)
    layer.build((None, None, INPUTS))
    return layer._built().compiled_step(layer._built().layers[0])[1]


@pytest.mark.parametrize("equations", SPELLINGS.values(), ids=SPELLINGS)
def test_however_a_clockwork_step_is_spelt_it_has_one_engine(equations: tuple[str, ...]) -> None:
    engine = engine_of(spelt(*equations))
    assert type(engine.units).__name__ == "DueUnits"
    assert engine.identity == engine_of(spelt(*SPELLINGS["as in the zoo"])).identity


RESEMBLING = {
    "reads a unit of its own": (
        "h = where(t % T == 0, tanh(W @ x + R @ h[t-1] + b + h[t-1]), h[t-1])",
    ),
    "another phase": ("h = where(t % T == 1, tanh(W @ x + R @ h[t-1] + b), h[t-1])",),
    "forgets": ("h = where(t % T == 0, tanh(W @ x + R @ h[t-1] + b), 0)",),
    "due when it should not be": ("h = where(t % T != 0, tanh(W @ x + R @ h[t-1] + b), h[t-1])",),
    "two products with x": (
        "h = where(t % T == 0, tanh(W @ x) * sigmoid(V @ x + R @ h[t-1]), h[t-1])",
    ),
    "two products with the state": (
        "h = where(t % T == 0, tanh(W @ x + R @ h[t-1]) * sigmoid(S @ h[t-1]), h[t-1])",
    ),
    "a product of a product": (
        "h = where(t % T == 0, tanh(V @ tanh(W @ x + R @ h[t-1])), h[t-1])",
    ),
    "another state": (
        "h = where(t % T == 0, tanh(W @ x + R @ h[t-1] + c), h[t-1])",
        "c = 0.5 * c[t-1] + b",
    ),
}


@pytest.mark.parametrize("equations", RESEMBLING.values(), ids=RESEMBLING)
def test_what_only_resembles_clocks_is_computed_whole(equations: tuple[str, ...]) -> None:
    assert periodic_update(spelt(*equations).step) is None


@pytest.mark.parametrize(
    "name", ["two products with x", "two products with the state", "a product of a product"]
)
def test_steps_of_several_products_equal_the_reference(name: str) -> None:
    cell = spelt(*RESEMBLING[name])
    weights = reference.random_weights(cell, INPUTS, 16, 1, np.random.default_rng(0))
    layer = Recurrent(cell, 16, return_sequences=True, dtype="float64")
    layer.build((None, None, INPUTS))
    layer.set_weights_by_name(weights[0])
    x = np.random.default_rng(1).normal(size=(3, TIME, INPUTS))
    np.testing.assert_allclose(layer(x), reference.run(cell, weights, x, 16).outputs, atol=1e-12)
