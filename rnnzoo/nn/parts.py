"""What a network has beside its recurrent layers, as Keras layers that are saved with it.

In: ids.  Out: what recurrent layers read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

Tensor = Any


@keras.saving.register_keras_serializable(package="rnnzoo")
class OneHot(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Ids (batch, time, 1) below a number -> (batch, time, that number): 1 at the id, else 0."""

    def __init__(self, vocabulary: int, **options: Any) -> None:
        super().__init__(**options)
        self.vocabulary = vocabulary
        self.supports_masking = True

    def call(self, ids: Tensor) -> Tensor:
        return keras.ops.one_hot(ids[..., 0], self.vocabulary, dtype=self.compute_dtype)

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*shape[:-1], self.vocabulary)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary": self.vocabulary}


@keras.saving.register_keras_serializable(package="rnnzoo")
class Embedding(keras.layers.Embedding):  # type: ignore[misc]  # Keras has no types
    """Ids (batch, time, 1) -> (batch, time, size): a row of trained weights for each id.

    Steps are masked by who calls it: no id stands for padding.
    """

    def call(self, ids: Tensor) -> Tensor:
        return super().call(ids[..., 0])

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*shape[:-1], self.output_dim)

    def compute_mask(self, ids: Tensor, mask: Tensor | None = None) -> Tensor | None:
        return mask
