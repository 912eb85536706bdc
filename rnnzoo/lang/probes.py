"""Random inputs, on which a cell is run before there are data: x, and what it reads beside x.

In: a cell and sizes.  Out: arrays by name.  Inputs that have a meaning of their own are drawn
accordingly: `dt` is above 0, and `mask` is 0 or 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnzoo.lang import ir

Array = np.ndarray[Any, Any]
ELAPSED, OBSERVED = "dt", "mask"  # names of inputs that have a meaning in every cell
SHARE = 0.7  # of the inputs that are observed


def probes(
    cell: ir.Cell, inputs: int, axes: tuple[int, ...], rng: np.random.Generator
) -> dict[str, Array]:
    """(*axes, size) for x, of so many inputs, and for each named input."""
    drawn = {ir.X: rng.normal(size=(*axes, inputs))}
    for named in cell.named_inputs:
        shape = (*axes, cell.width(named, inputs))
        if named.name == ELAPSED:
            drawn[named.name] = rng.exponential(size=shape)
        elif named.name == OBSERVED:
            drawn[named.name] = (rng.random(shape) < SHARE).astype(float)
        else:
            drawn[named.name] = rng.normal(size=shape)
    return drawn
