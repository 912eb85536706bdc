"""What a loop is called with that is not yet an array.

In: a plan, and sizes or constants of a layer.  Out: numbers, and arrays of float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnzoo.backends.native.plan import Plan
from rnnzoo.lang import ir

Array = np.ndarray[Any, Any]


def numbers_at(plan: Plan, sizes: ir.Sizes) -> tuple[float, ...]:
    """The options and sizes that a loop reads as floats, in the order of its plan."""
    return tuple(_number(ref, sizes) for ref in plan.numbers)


def _number(ref: ir.Ref, sizes: ir.Sizes) -> float:
    return sizes.options[ref.name] if ref.kind == "option" else sizes.of(ref.name)


def in_two(constant: Array) -> tuple[Array, Array]:
    """A constant in float64 as two arrays of float32, whose sum it is."""
    flat = np.asarray(constant, np.float64).reshape(-1)
    near = flat.astype(np.float32)
    return near, (flat - near).astype(np.float32)
