"""What a loop is called with that is not yet an array.

In: a plan, and sizes or constants of a layer.  Out: numbers, and arrays of float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnzoo.backends.native.plan import Known, Plan
from rnnzoo.lang import ir

Array = np.ndarray[Any, Any]


def numbers_at(plan: Plan, sizes: ir.Sizes) -> tuple[float, ...]:
    """The options and sizes that a loop reads as floats, in the order of its plan."""
    return tuple(_number(known, sizes) for known in plan.numbers)


def _number(known: Known, sizes: ir.Sizes) -> float:
    name = known.ref.name
    number = sizes.options[name] if known.ref.kind == "option" else sizes.of(name)
    (near,), (rest,) = in_two(np.array([number]))
    if known.is_rest:
        return float(rest)
    return float(number) if np.isfinite(near) else float(near)


def in_two(constant: Array) -> tuple[Array, Array]:
    """A constant in float64 as two arrays of float32, whose sum it is; infinite where a float32
    is.
    """
    flat = np.asarray(constant, np.float64).reshape(-1)
    with np.errstate(over="ignore"):
        near = flat.astype(np.float32)
    rest = np.where(np.isfinite(near), flat - near, 0)  # infinity less infinity is no number
    return near, rest.astype(np.float32)
