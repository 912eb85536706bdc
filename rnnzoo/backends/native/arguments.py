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
    return number - float(np.float32(number)) if known.is_rest else number


def in_two(constant: Array) -> tuple[Array, Array]:
    """A constant in float64 as two arrays of float32, whose sum it is."""
    flat = np.asarray(constant, np.float64).reshape(-1)
    near = flat.astype(np.float32)
    return near, (flat - near).astype(np.float32)
