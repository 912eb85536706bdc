"""One layer on one sequence, with weights that its caller gives: what it computes, and how far back
its gradient reaches.

In: a cell, a sequence, and weights by name, as numbers or arrays.  Out: NumPy arrays in float64,
from the reference and from the adjoint that the engine compiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnzoo.errors import UsageError, nearest
from rnnzoo.lang import ir, memory, reference, start

Array = np.ndarray[Any, Any]
Given = Mapping[str, ArrayLike]


def weights(cell: ir.Cell, inputs: int, units: int, given: Given, seed: int) -> dict[str, Array]:
    """Weights of a layer: those that are given, and the others as training begins with them.

    Args:
        inputs: how many numbers the layer reads at a step, named inputs among them.
        given: by name; a single number stands for every entry.

    Raises:
        UsageError: a name that no weight has, a wrong shape, or what is no finite number.
    """
    begun = start.weights(cell, 1, ir.sizes(cell, inputs, units, 1), np.random.default_rng(seed))
    for name in given:
        if name not in begun:
            raise UsageError(f"cell '{cell.name}' has no weight '{name}'", nearest(name, begun))
    own = {name: _filled(name, value, begun[name].shape) for name, value in given.items()}
    return {**begun, **own}


def values(
    cell: ir.Cell, x: ArrayLike, units: int, given: Given, seed: int = 0
) -> dict[str, Array]:
    """What each equation yields at each step, (steps, size) by name.

    Args:
        x: (steps, inputs), named inputs last; or (steps,), of one input.
        given, seed: as of `weights`.

    Raises:
        UsageError: as of `weights`, and where x is no sequence.
    """
    sequence = _sequence(x)
    layer = weights(cell, sequence.shape[-1], units, given, seed)
    run = reference.run(cell, [layer], sequence[None], units)
    return {name: value[0] for name, value in run.values[0].items()}


def gradient_norms(
    cell: ir.Cell, x: ArrayLike, units: int, given: Given, seed: int = 0
) -> dict[str, Array]:
    """Norms of the gradient of the sum of the last outputs, by state: entry k is with respect to
    the state k + 1 steps before the end (`lang.memory`).

    Args:
        x, given, seed: as of `values`.

    Raises:
        UsageError: as of `values`.
    """
    sequence = _sequence(x)
    layer = weights(cell, sequence.shape[-1], units, given, seed)
    sizes = ir.sizes(cell, sequence.shape[-1], units, 1)
    of_each_output = np.ones((1, sizes.of(cell.output_size)))
    norms = memory.norms(cell, layer, sequence[None], units, of_each_output)
    return {name: norm[:, 0] for name, norm in norms.items()}


def _sequence(x: ArrayLike) -> Array:
    """(steps, inputs) in float64."""
    sequence = _numbers("x", x)
    if sequence.ndim == 1:
        sequence = sequence[:, None]
    if sequence.ndim != 2 or 0 in sequence.shape:
        raise UsageError(
            f"x has the shape {sequence.shape}, and is one sequence",
            "an array of the shape (steps, inputs)",
        )
    return sequence


def _filled(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Array:
    """A weight of that shape; of a single number, in each of its entries."""
    array = _numbers(name, value)
    if array.ndim and array.shape != shape:
        raise UsageError(
            f"the weight '{name}' has the shape {shape} here, not {array.shape}",
            "a number, or an array of that shape",
        )
    return np.broadcast_to(array, shape)


def _numbers(name: str, value: ArrayLike) -> Array:
    """In float64, which must be finite."""
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise UsageError(f"'{name}' is no array of numbers: {value!r}") from None
    if not np.isfinite(array).all():
        raise UsageError(f"'{name}' has a number that is not finite")
    return array
