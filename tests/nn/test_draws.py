"""Random numbers of a step, `d = bernoulli(p)`: drawn in training, and their mean else."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo import lang
from rnnzoo.lang import reference
from rnnzoo.nn.layer import Recurrent

UNITS, INPUTS, BATCH, TIME = 4, 3, 2, 6
DRAWN = """\
name: noisy
options: {p: 0.3}
equations: |
  d = bernoulli(p)
  n = tanh(W @ x + R @ (d * h[t-1]) + b)
  h = d * h[t-1] + (1 - d) * n
"""
GIVEN = """\
name: given
inputs: {e: 4}
constants: |
  I = row == col
equations: |
  d = I @ e
  n = tanh(W @ x + R @ (d * h[t-1]) + b)
  h = d * h[t-1] + (1 - d) * n
"""


def layer_of(text: str, seed: int = 1, **arguments: object) -> Recurrent:
    cell = lang.parse_text(text)
    return Recurrent(cell, UNITS, return_sequences=True, seed=seed, **arguments)  # type: ignore[arg-type]


def data(time: int = TIME) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(BATCH, time, INPUTS)).astype("float32")


@pytest.mark.parametrize("engine", [pytest.param("auto", marks=pytest.mark.slow), "portable"])
def test_a_layer_in_training_computes_with_what_it_draws(engine: str) -> None:
    """What it draws is a named input of another cell, whose engine and gradients are tested."""
    drawing, twin = (layer_of(DRAWN, engine=engine) for _ in range(2))
    given, x = layer_of(GIVEN, engine=engine), tf.constant(data())
    for layer in (drawing, twin):
        layer.build(x.shape)
    drawn = tf.transpose(twin._draws(x)[1]["d"], (1, 0, 2))
    assert {*np.unique(drawn)} == {0.0, 1.0}
    beside = tf.concat([x, drawn], axis=-1)
    given.build(beside.shape)
    given.set_weights_by_name(drawing.weights_by_name())
    results = {}
    for layer, inputs in ((drawing, x), (given, beside)):
        with tf.GradientTape() as tape:
            outputs = layer(inputs, training=layer is drawing)
            loss = tf.reduce_sum(outputs * outputs)
        results[layer] = outputs, *tape.gradient(loss, layer.trainable_variables)
    for ours, expected in zip(results[drawing], results[given], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_a_layer_that_does_not_train_computes_with_the_mean() -> None:
    layer = layer_of(DRAWN, engine="portable")
    outputs = layer(data())
    weights = layer.weights_by_name()
    expected = reference.run(layer.cell, [weights], data(), UNITS).outputs
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


def test_the_seed_decides_what_is_drawn_and_each_draw_is_one_of_its_own() -> None:
    text = DRAWN.replace("  n =", "  e = bernoulli(p)\n  n =").replace("(1 - d) *", "(1 - e) *")
    x = np.zeros((40, 50, INPUTS), "float32")

    def draws(seed: int) -> list[np.ndarray]:
        layer = layer_of(text, seed, layers=2)
        layer.build(x.shape)
        drawn = [each for of_layer in layer._draws(x).values() for each in of_layer.values()]
        return [np.asarray(each) for each in drawn]

    first, again, other = draws(1), draws(1), draws(2)
    assert len(first) == 4
    assert first[0].shape == (50, 40, UNITS)
    for number, drawn in enumerate(first):
        np.testing.assert_array_equal(drawn, again[number])
        assert abs(drawn.mean() - 0.3) < 0.02  # 4 standard deviations
        for different in (*first[:number], other[number]):
            assert 0.3 < (drawn != different).mean() < 0.55  # of independent ones: 2 p (1 - p)


@pytest.mark.parametrize("p", [0, 1])
def test_what_is_certain_is_not_drawn(p: int) -> None:
    layer = layer_of(DRAWN.replace("0.3", str(p)))
    layer.build((BATCH, TIME, INPUTS))
    assert np.all(np.asarray(layer._draws(data())[1]["d"]) == p)


def test_a_layer_without_draws_has_no_generator() -> None:
    assert layer_of(GIVEN)._random is None
    assert isinstance(layer_of(DRAWN)._random, keras.random.SeedGenerator)
