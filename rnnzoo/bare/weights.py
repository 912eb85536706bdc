"""The weights that a training begins with: those of `rnnzoo.nn`, to the bit where they are uniform
or constant.

In: a cell and the trial's seed.  Out: arrays by name, matrices as kernels (columns, rows); and all
trained ones as one vector, which is updated as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from rnnzoo.lang import ir, philox, reference
from rnnzoo.lang.start import beginning, by_columns, expressions, reservoir
from rnnzoo.spec.cell import Init
from rnnzoo.spec.seeds import seed_for

Array = np.ndarray[Any, Any]
NUMBER = 1  # of the layer: there is one
GLOROT = Init("glorot_uniform")  # of a read-out, as Keras' dense layers begin


def of_layer(cell: ir.Cell, sizes: ir.Sizes, seed: int) -> dict[str, Array]:
    """The weights of the first layer, those that are never trained and learned initial states among
    them.

    Raises:
        UsageError: an expression that a weight begins with has no finite value at these sizes.
    """
    constants = reference.constants(cell, sizes)
    begun = expressions(cell, NUMBER, sizes, constants, partial(_uniform, seed))
    weights = {}
    for weight in cell.layer(NUMBER).weights:
        kernel = begun[weight.name].T if weight.name in begun else _drawn(weight, sizes, seed)
        mask = reference.mask(cell, weight, sizes)
        kernel = kernel if mask is None else kernel * mask.T
        weights[weight.name] = np.ascontiguousarray(kernel, np.float32)
    for weight in cell.learned:
        weights[weight.name] = np.zeros(sizes.shape(weight.shape), np.float32)
    return weights


def numbers(init: Init, options: Mapping[str, float], seed: int, shape: tuple[int, ...]) -> Array:
    """What a weight begins with that does so by an initialiser, as a kernel of this shape."""
    start = beginning(init, options)
    match start.kind, start.numbers:
        case "constant", (value,):
            return np.full(shape, value, np.float32)
        case "identity", (gain,):
            return np.eye(*shape, dtype=np.float32) * np.float32(gain)
        case "orthogonal", (gain,):
            return philox.orthogonal(seed, shape, gain)
        case "normal", (deviation,):
            return philox.normal(seed, shape, deviation)
        case "uniform", (low, high):
            return philox.uniform(seed, shape, low, high)
        case "spectral_radius", (radius, density):
            entries, shares = philox.normal(seed, shape, 1.0), philox.open_uniform(seed + 1, shape)
            return reservoir(entries, shares, radius, density)
        case _, (scale,):
            kind = "uniform" if start.distribution == "uniform" else "truncated_normal"
            return philox.scaled(seed, shape, scale, start.fan, kind)
    raise AssertionError(start)


def _drawn(weight: ir.Weight, sizes: ir.Sizes, seed: int) -> Array:
    """A weight that does not begin with an expression, as a kernel."""
    blocks = []
    for place, (name, shape) in enumerate(by_columns(weight, sizes)):
        own = _seed_of(seed, f"{weight.name}[:, {place}]")
        blocks.append(numbers(Init(name), sizes.options, own, shape[::-1]))
    if blocks:
        return np.concatenate(blocks)
    shape = sizes.shape(weight.shape)[::-1]
    return numbers(weight.init, sizes.options, _seed_of(seed, weight.name), shape)


def _uniform(seed: int, name: str, shape: tuple[int, ...]) -> Array:
    """Numbers between 0 and 1 for an expression."""
    return philox.open_uniform(_seed_of(seed, name), shape)


def _seed_of(seed: int, name: str) -> int:
    return seed_for(seed, f"{NUMBER} {name}")


class Vector:
    """Arrays of numbers as one vector.

    Attributes:
        whole: all of them.
        views: each by its name; who writes to one writes to `whole`.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.whole = np.concatenate([array.ravel() for array in arrays.values()])
        self.views: dict[str, Array] = {}
        begin = 0
        for name, array in arrays.items():
            self.views[name] = self.whole[begin : begin + array.size].reshape(array.shape)
            begin += array.size
