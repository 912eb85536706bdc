"""Cells of clocks: computing only what is due gives what computing everything gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

import rnnzoo
from rnnzoo import lang
from rnnzoo.lang import ir
from rnnzoo.lang.passes import ticked as clocks
from rnnzoo.nn import ticked
from rnnzoo.spec.cell import built_in_names

INPUTS, TIME = 4, 21
KEEP = np.ones((3, TIME), bool)
KEEP[1, 9:] = False
KEEP[2, :3] = False


def values_and_gradients(cell: ir.Cell, units: int, masked: bool) -> tuple[str, list[np.ndarray]]:
    cell = replace(
        cell, states=(replace(cell.states[0], initial="learned"),)
    )  # its gradient is that of the first state
    layer = rnnzoo.nn.Recurrent(cell, units, return_sequences=True, return_state=True, dtype="float64", seed=1)
    x = tf.constant(np.random.default_rng(0).normal(size=(3, TIME, INPUTS)))
    layer.build(x.shape)
    layer.set_weights_by_name({"initial_h": np.random.default_rng(1).normal(size=units)})
    with tf.GradientTape() as tape:
        tape.watch(x)
        output, state, _ = layer(x, mask=tf.constant(KEEP) if masked else None)
        loss = tf.reduce_sum(tf.sin(output)) + tf.reduce_sum(state * state)
    weights = [one.value for one in layer.trainable_variables]
    (engine,) = layer._engines.values()
    return type(engine).__name__, [np.asarray(one) for one in (output, state, *tape.gradient(loss, [x, *weights]))]


CLOCKS = "constants: |\n  T = {periods}\nequations: |\n  h = where(t % T == 0, tanh(W @ x + R @ h[t-1] + b), h[t-1])\n"


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("cell", "units"),
    [
        (lang.load("clockwork"), 16),
        (lang.load("clockwork"), 21),  # modules of unequal size
        (lang.load("clockwork", options={"modules": 3, "base": 3}), 7),
        (lang.parse_text("name: slow\n" + CLOCKS.format(periods="4 * (1 + floor(unit / 3))"), file="slow.yaml"), 6),
    ],
    ids=["clockwork", "unequal", "base 3", "never at most steps"],
)
def test_what_is_not_due_need_not_be_computed(
    cell: ir.Cell, units: int, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, found = values_and_gradients(cell, units, masked)
    assert kind == "TickedEngine"
    monkeypatch.setattr(ticked, "engine", lambda dense: dense)
    kind, expected = values_and_gradients(cell, units, masked)
    assert kind == "Engine"
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-11)


def test_only_the_clockwork_cell_of_the_zoo_ticks() -> None:
    assert [name for name in built_in_names() if clocks(lang.load(name).step)] == ["clockwork"]


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
    assert ticked.blocks_of(np.array(periods, float)) == blocks


@pytest.mark.parametrize(
    "equation",
    [
        "h = where(t % T == 0, tanh(W @ x + R @ h[t-1] + b + h[t-1]), h[t-1])",
        "h = where(t % T == 1, tanh(W @ x + R @ h[t-1] + b), h[t-1])",
        "h = where(t % T == 0, tanh(W @ x + R @ h[t-1] + b), 0)",
    ],
    ids=["reads a unit of its own", "another phase", "forgets"],
)
def test_what_only_resembles_clocks_is_computed_whole(equation: str) -> None:
    cell = lang.parse_text(
        f"name: q\nconstants: |\n  T = 2 ** floor(unit / 4)\nequations: |\n  {equation}\n", file="q.yaml"
    )
    assert clocks(cell.step) is None
