"""Losses: what is trained is what NumPy says, and slopes are those of the values."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.nn.losses import LOSSES


def answers(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Targets and logits, some of them large."""
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(2, 5, 3)) * np.array([1.0, 5.0, 40.0])
    y = rng.integers(0, 3, (2, 5)) if name == "categorical" else rng.integers(0, 2, (2, 5, 3))
    return y.astype(np.int32), logits


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_the_same_in_numpy_and_where_it_is_trained(name: str) -> None:
    y, logits = answers(name)
    value, _ = LOSSES[name].value(tf.constant(y), tf.constant(logits, tf.float32))
    np.testing.assert_allclose(value, LOSSES[name].numpy(y, logits), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_slope_is_the_gradient_of_what_is_trained(name: str) -> None:
    y, logits = answers(name)
    given = tf.constant(logits, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(given)
        total = tf.reduce_sum(LOSSES[name].value(tf.constant(y), given)[0])
    np.testing.assert_allclose(LOSSES[name].slope(y, logits), tape.gradient(total, given), rtol=1e-4, atol=1e-5)


def test_an_answer_is_wrong_where_another_class_is_likelier() -> None:
    logits = tf.constant([[0.1, 2.0, -1.0], [3.0, 2.0, -1.0]])
    _, wrong = LOSSES["categorical"].value(tf.constant([1, 1]), logits)
    np.testing.assert_array_equal(wrong, [0.0, 1.0])
