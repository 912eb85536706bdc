"""A kept model as MLflow loads it: `mlflow.pyfunc.load_model("runs:/RUN/model").predict(x)`.

`MLmodel`, beside the model's file, names this module; MLflow calls what it finds by its name.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import rnnzoo.nn  # noqa: F401  # registers the layer


class Served:
    """
    Args:
        model: of Keras.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, inputs: Any, params: Any = None) -> np.ndarray:
        """Logits of sequences.

        Args:
            inputs: (sequences, steps, inputs); where the model has several inputs, such arrays by
                name.
            params: MLflow hands them over; there are none.
        """
        return np.asarray(keras.ops.convert_to_numpy(self.model(inputs)))


def _load_pyfunc(path: str) -> Served:
    """What MLflow calls, with the path of the model's file."""
    return Served(keras.saving.load_model(path))
