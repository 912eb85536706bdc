"""What layers compute in float64, under any backend of Keras' that has it."""

from __future__ import annotations

from collections.abc import Iterable

import keras
import numpy as np

from rnnzoo import lang
from rnnzoo.lang import reference
from rnnzoo.nn import Recurrent
from tests import samples
from tests.nn.differentiated import gradients

Layer = tuple[str, int, bool]  # cell, number of layers, whether some steps are padding
UNITS = 8
INPUTS = 3
KEEP = np.array([[1, 1, 0, 1, 1, 0], [1] * 6], bool)


def read(name: str) -> np.ndarray:
    """What the layers of a cell read."""
    return samples.inputs_of(lang.load(name), INPUTS, (2, 6), seed=1)


def random_weights(layer: Layer) -> list[dict[str, np.ndarray]]:
    """The weights that `computed` has, by layer."""
    name, count, _ = layer
    cell, rng = lang.load(name), np.random.default_rng(0)
    count = samples.layers_at_most(cell, count)
    return reference.random_weights(cell, cell.columns(INPUTS), UNITS, count, rng)


def computed(layer: Layer) -> tuple[np.ndarray, list[np.ndarray]]:
    """Outputs at every step, and the library's own gradients of x and of the weights."""
    name, count, masked = layer
    cell, given = lang.load(name), read(name)
    count = samples.layers_at_most(cell, count)
    made = Recurrent(
        cell, UNITS, layers=count, return_sequences=True, dtype="float64", engine="portable"
    )
    made.build(given.shape)
    for number, of_layer in enumerate(random_weights(layer), start=1):
        prefix = f"{number}." if count > 1 else ""
        made.set_weights_by_name({prefix + key: value for key, value in of_layer.items()})
    x = keras.Variable(given, dtype="float64")
    mask = keras.ops.convert_to_tensor(KEEP) if masked else None
    outputs = keras.ops.convert_to_numpy(made(x.value, mask=mask))
    upstream = keras.ops.convert_to_tensor(np.random.default_rng(2).normal(size=outputs.shape))
    slopes = gradients(
        lambda: keras.ops.sum(made(x.value, mask=mask) * upstream),
        [x, *made.trainable_variables],
    )
    return outputs, slopes


def save(file: str, layers: Iterable[Layer]) -> None:
    """Keep what several layers compute, as `<layer> <number>`: outputs first, then gradients."""
    kept = {}
    for layer in layers:
        outputs, slopes = computed(layer)
        for number, array in enumerate([outputs, *slopes]):
            kept[f"{layer} {number:03}"] = array
    np.savez(file, **kept)
