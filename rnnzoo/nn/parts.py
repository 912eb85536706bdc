"""What a network has beside its recurrent layers, as Keras layers that are saved with it.

In: ids, or the outputs of recurrent layers.  Out: what recurrent layers read, or the read-out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

Tensor = Any
LEAST = -1e30  # below every output


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

    Call arguments:
        reverse: (..., size) -> (..., ids): the products with all rows, as a read-out that has the
            same weights (Press and Wolf 2017, Using the output embedding to improve language
            models).
    """

    def __init__(self, *sizes: int, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.supports_masking = True

    def call(self, inputs: Tensor, reverse: bool = False) -> Tensor:
        if reverse:
            return keras.ops.matmul(inputs, keras.ops.transpose(self.embeddings))
        return super().call(inputs[..., 0])

    def compute_output_spec(self, inputs: Tensor, reverse: bool = False) -> keras.KerasTensor:
        size = self.input_dim if reverse else self.output_dim
        return keras.KerasTensor((*inputs.shape[:-1], size), dtype=self.compute_dtype)

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor | None:
        return mask


@keras.saving.register_keras_serializable(package="rnnzoo")
class Arranged(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """(batch, time, inputs) -> the same with its inputs in another order."""

    def __init__(self, order: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.order = list(order)
        self.supports_masking = True

    def call(self, x: Tensor) -> Tensor:
        return keras.ops.take(x, keras.ops.convert_to_tensor(self.order, "int32"), axis=-1)

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*shape[:-1], len(self.order))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "order": self.order}


@keras.saving.register_keras_serializable(package="rnnzoo")
class Bias(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Adds a trained vector: what a read-out has beside weights that it shares."""

    def __init__(self, initializer: Any = "zeros", **options: Any) -> None:
        super().__init__(**options)
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True

    def build(self, shape: Sequence[int | None]) -> None:
        self.bias = self.add_weight(shape=(shape[-1],), initializer=self.initializer, name="bias")

    def call(self, x: Tensor) -> Tensor:
        return x + self.bias

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "initializer": initializer}


@keras.saving.register_keras_serializable(package="rnnzoo")
class Pool(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """(batch, time, size) -> (batch, size): the `mean`, or the `max`, over real steps; 0 without
    any.
    """

    def __init__(self, pool: str, **options: Any) -> None:
        super().__init__(**options)
        self.pool = pool
        self.supports_masking = True

    def call(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return keras.ops.mean(x, axis=1) if self.pool == "mean" else keras.ops.max(x, axis=1)
        real = keras.ops.cast(mask, "bool")[..., None]
        count = keras.ops.sum(keras.ops.cast(real, x.dtype), axis=1)
        if self.pool == "mean":
            return keras.ops.sum(keras.ops.where(real, x, 0), axis=1) / keras.ops.maximum(count, 1)
        return keras.ops.where(count > 0, keras.ops.max(keras.ops.where(real, x, LEAST), axis=1), 0)

    def compute_mask(self, x: Tensor, mask: Tensor | None = None) -> None:
        return None

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return shape[0], shape[-1]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pool": self.pool}
