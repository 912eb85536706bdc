"""Initialisers that yield the same numbers under every backend of Keras': those that they yield
under TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from rnnzoo.lang import philox
from rnnzoo.lang.start import reservoir

Tensor = Any


def as_tensorflow(initializer: keras.initializers.Initializer) -> keras.initializers.Initializer:
    """An initialiser of Keras' with a seed, which draws as under TensorFlow; under TensorFlow,
    itself.
    """
    return initializer if keras.config.backend() == "tensorflow" else AsTensorFlow(initializer)


@keras.saving.register_keras_serializable(package="rnnzoo")
class AsTensorFlow(keras.initializers.Initializer):  # type: ignore[misc]  # Keras has no types
    """An initialiser of Keras' whose random numbers are TensorFlow's."""

    def __init__(self, initializer: Any) -> None:
        self.initializer = keras.initializers.get(initializer)

    def __call__(self, shape: Sequence[int], dtype: str | None = None, **options: Any) -> Tensor:
        make, config = keras.initializers, self.initializer.get_config()
        seed = config.get("seed")
        if isinstance(self.initializer, make.Constant):  # Keras would compile a product for it
            numbers = np.full(shape, config["value"])
            return keras.ops.convert_to_tensor(numbers, dtype or keras.config.floatx())
        if not isinstance(seed, int):
            return self.initializer(shape, dtype=dtype, **options)
        match self.initializer:
            case make.Orthogonal():
                numbers = philox.orthogonal(seed, shape, config["gain"])
            case make.RandomNormal():
                numbers = config["mean"] + philox.normal(seed, shape, config["stddev"])
            case make.RandomUniform():
                numbers = philox.uniform(seed, shape, config["minval"], config["maxval"])
            case make.VarianceScaling():
                scale, fan = self.initializer.scale, self.initializer.mode
                distribution = self.initializer.distribution
                numbers = philox.scaled(seed, shape, scale, fan, distribution)
            case _:
                return self.initializer(shape, dtype=dtype, **options)
        return keras.ops.convert_to_tensor(numbers, dtype or keras.config.floatx())

    def get_config(self) -> dict[str, Any]:
        return {"initializer": keras.initializers.serialize(self.initializer)}


class AsComputed(keras.initializers.Initializer):  # type: ignore[misc]  # Keras has no types
    """Numbers that are there already, in the orientation of a kernel."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = numbers

    def __call__(self, shape: Sequence[int], dtype: str | None = None, **options: Any) -> Tensor:
        assert tuple(shape) == self.numbers.shape
        return keras.ops.convert_to_tensor(self.numbers, dtype or keras.config.floatx())


class SpectralRadius(keras.initializers.Initializer):  # type: ignore[misc]  # Keras has no types
    """A sparse random matrix of a spectral radius; without a seed, one of Keras' choice."""

    def __init__(self, radius: float, density: float, seed: int | None) -> None:
        self.radius, self.density = radius, density
        self.seed = keras.initializers.RandomUniform(seed=seed).seed

    def __call__(self, shape: Sequence[int], dtype: str | None = None, **options: Any) -> Tensor:
        entries = philox.normal(self.seed, shape, 1.0)
        shares = philox.open_uniform(self.seed + 1, shape)
        numbers = reservoir(entries, shares, self.radius, self.density)
        return keras.ops.convert_to_tensor(numbers, dtype or keras.config.floatx())


class SideBySide(keras.initializers.Initializer):  # type: ignore[misc]  # Keras has no types
    """The kernel of a matrix on joined vectors: for each an initialiser and the vector's size."""

    def __init__(self, blocks: Sequence[tuple[keras.initializers.Initializer, int]]) -> None:
        self.blocks = blocks

    def __call__(self, shape: Sequence[int], dtype: str | None = None, **options: Any) -> Tensor:
        kernels = [make((size, *shape[1:]), dtype=dtype) for make, size in self.blocks]
        return keras.ops.concatenate(kernels)
