"""How the weights of a cell begin, in NumPy: the initialisers of `spec.cell`, with the meaning that Keras gives them.

In: a cell and the sizes of a layer.  Out: weights by name, in the orientation of the equations.  The draws are not Keras'
own, and the normal ones are not cut off at two standard deviations, as Keras does for `glorot_normal` and its like.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnzoo.lang import ir
from rnnzoo.spec.cell import Init

Array = np.ndarray[Any, Any]


def weights(cell: ir.Cell, layer: int, size: ir.Sizes, rng: np.random.Generator) -> dict[str, Array]:
    """Weights of one layer (from 1) as training begins with them, and the learned starts of states."""
    found = {
        weight.name: draw(weight.init, size.shape(weight.shape), size.options, rng)
        for weight in cell.layer(layer).weights
    }
    for state in cell.states:
        if state.initial == "learned":
            found[f"initial_{state.name}"] = np.zeros(size.of(state.size))
    return found


def draw(init: Init, shape: tuple[int, ...], options: Any, rng: np.random.Generator) -> Array:
    """A weight as an initialiser begins it."""
    values = [float(options[value]) if isinstance(value, str) else float(value) for value in init.values]
    match init.name, values:
        case "constant", [value]:
            return np.full(shape, value)
        case "zeros", _:
            return np.zeros(shape)
        case "ones", _:
            return np.ones(shape)
        case "identity", _:
            return np.eye(shape[0], shape[1]) * (values[0] if values else 1.0)
        case "orthogonal", _:
            return _orthogonal(shape, rng) * (values[0] if values else 1.0)
        case "normal", [deviation]:
            return rng.normal(0.0, deviation, shape)
        case "uniform", [limit]:
            return rng.uniform(-limit, limit, shape)
        case "uniform", [low, high]:
            return rng.uniform(low, high, shape)
    family, _, kind = init.name.partition("_")
    rows, columns = (shape[0], shape[-1]) if shape else (1, 1)
    variance = {"glorot": 2.0 / (rows + columns), "he": 2.0 / columns, "lecun": 1.0 / columns}[family]
    if kind == "uniform":
        limit = np.sqrt(3.0 * variance)
        return rng.uniform(-limit, limit, shape)
    return rng.normal(0.0, np.sqrt(variance), shape)


def _orthogonal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    rows, columns = shape
    q, r = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
    q *= np.sign(np.diag(r))
    return q if rows >= columns else q.T
