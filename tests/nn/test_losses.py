"""Losses and metrics of the package: what is trained is what NumPy says, and slopes are those of
the values.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo import losses, metrics
from rnnzoo.nn.losses import in_tensors
from rnnzoo.testing.losses import LossContract
from rnnzoo.testing.metrics import MetricContract


@pytest.mark.parametrize("name", losses.names())
class TestLosses(LossContract):
    @pytest.fixture(autouse=True)
    def _named(self, name: str) -> None:
        self.name = name

    def test_a_slope_is_the_gradient_of_what_is_trained(self) -> None:
        y, logits = self.answers()
        loss, given = self.load(), tf.constant(logits, tf.float32)
        targets = tf.constant(y, tf.int32 if loss.targets in losses.WHOLE else tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(given)
            total = tf.reduce_sum(loss.value(targets, given, keras.ops))
        np.testing.assert_allclose(
            loss.slope(y, logits), tape.gradient(total, given), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("name", metrics.names())
class TestMetrics(MetricContract):
    @pytest.fixture(autouse=True)
    def _named(self, name: str) -> None:
        self.name = name


def test_an_answer_is_wrong_where_another_class_is_likelier() -> None:
    logits = np.array([[0.1, 2.0, -1.0], [3.0, 2.0, -1.0]])
    np.testing.assert_array_equal(
        in_tensors(metrics.load("error"), np.array([1, 1]), logits), [0.0, 1.0]
    )
