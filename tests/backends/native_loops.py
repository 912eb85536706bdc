"""Runs a native loop on NumPy arrays, as a backend does on its own."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

import numpy as np

from rnnzoo.backends.native.arguments import numbers_at
from rnnzoo.backends.native.plan import Axes, Named, Plan
from rnnzoo.backends.native.planner import Loops
from rnnzoo.lang import ir
from rnnzoo.lang.adjoint import Adjoint
from rnnzoo.lang.program import Program

Array = np.ndarray
Values = Mapping[Named, Array]


def loops_of(program: Program, back: Adjoint, carried: Mapping[str, ir.Size]) -> Loops:
    fixed = {instruction.name for instruction in program.once}
    aliases = {
        (atom.kind, atom.name): name
        for name, atom in program.results.items()
        if isinstance(atom, ir.Ref) and atom.kind == "value" and atom.shape
        if atom.name not in fixed
    }
    return Loops(program, back, carried, tuple(carried), aliases)


def called(
    library: ctypes.CDLL,
    name: str,
    plan: Plan,
    values: Values,
    sizes: ir.Sizes,
    steps: tuple[int, int],
    real: Array,
) -> dict[Named, Array]:
    """What a loop writes, by key; `values` has float64 arrays, matrices as (rows, columns)."""
    arrays = [
        np.array([*steps, 1, *map(sizes.of, plan.sizes)], np.int32),
        np.array(numbers_at(plan, sizes), np.float32),
    ]
    arrays.append(np.ascontiguousarray(real, np.uint8))
    for argument in plan.inputs:
        (kind, key), axes = argument.key, argument.memory.axes
        value = values["constant" if axes is Axes.EXACT else kind, key]
        value = value.T if axes is Axes.MATRIX else value
        near = np.ascontiguousarray(value, np.float32)
        arrays.append(near)
        if axes is Axes.EXACT:
            arrays.append((value - near).astype(np.float32))
    written = {}
    for argument in plan.outputs:
        width = sizes.of(argument.memory.sizes)
        axes = steps if argument.memory.axes is Axes.STEPS else steps[1:]
        written[argument.key] = np.full((*axes, width), np.nan, np.float32)
    pointers = [_pointers(arrays), _pointers(list(written.values()))]
    getattr(library, name)(*pointers)
    return written


def _pointers(arrays: list[Array]) -> ctypes.Array:
    return (ctypes.c_void_p * max(1, len(arrays)))(*(array.ctypes.data for array in arrays))
