"""First weights are the same numbers under every backend: those that TensorFlow draws."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from rnnzoo.nn import initializers
from rnnzoo.nn.initializers import AsTensorFlow

SHAPES = [(7,), (5, 8), (8, 5), (33, 31)]
MADE: dict[str, Any] = {
    "uniform": lambda seed: keras.initializers.RandomUniform(-0.3, 0.5, seed=seed),
    "normal": lambda seed: keras.initializers.RandomNormal(0.2, 0.1, seed=seed),
    "glorot": lambda seed: keras.initializers.GlorotUniform(seed=seed),
    "he normal": lambda seed: keras.initializers.HeNormal(seed=seed),
    "untruncated": lambda seed: keras.initializers.VarianceScaling(
        2.0, "fan_avg", "untruncated_normal", seed=seed
    ),
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_numbers_are_tensorflows(made: Any, shape: tuple[int, ...]) -> None:
    for seed in (0, 3, 2**31 - 1, 2**31 + 5):
        drawn, ours = made(seed)(shape), AsTensorFlow(made(seed))(shape)
        np.testing.assert_allclose(ours, drawn, rtol=2e-6, atol=2e-6)


def test_uniform_numbers_are_tensorflows_to_the_bit() -> None:
    drawn = keras.initializers.RandomUniform(0.0, 1.0, seed=5)((100, 7))
    ours = AsTensorFlow(keras.initializers.RandomUniform(0.0, 1.0, seed=5))((100, 7))
    assert np.array_equal(ours, drawn)


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (8, 8)], ids=str)
def test_orthogonal_matrices_are_tensorflows(shape: tuple[int, int]) -> None:
    drawn = keras.initializers.Orthogonal(1.5, seed=4)(shape)
    ours = np.asarray(AsTensorFlow(keras.initializers.Orthogonal(1.5, seed=4))(shape))
    np.testing.assert_allclose(ours, drawn, atol=2e-6)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -1e-3])
def test_a_constant_is_the_same_number_to_the_bit(value: float) -> None:
    constant = keras.initializers.Constant(value)
    ours = np.asarray(AsTensorFlow(constant)((3, 2), dtype="float32"))
    assert ours.dtype == np.float32
    assert np.array_equal(ours, constant((3, 2), dtype="float32"))


def test_other_kinds_are_left_to_keras() -> None:
    assert np.array_equal(AsTensorFlow(keras.initializers.Ones())((2, 2)), np.ones((2, 2)))


def test_it_is_saved_with_what_it_wraps() -> None:
    made = AsTensorFlow(keras.initializers.Orthogonal(0.5, seed=1))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert np.array_equal(again((4, 4)), made((4, 4)))


def test_under_tensorflow_an_initialiser_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    made = keras.initializers.Orthogonal(seed=1)
    assert initializers.as_tensorflow(made) is made
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    assert isinstance(initializers.as_tensorflow(made), AsTensorFlow)
