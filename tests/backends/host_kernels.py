"""Runs a kernel on a CPU, on NumPy arrays, as a backend does on its own."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

import numpy as np

from rnnzoo.backends.cuda.kernel import Kernel
from rnnzoo.backends.native.plan import Axes, Named
from rnnzoo.backends.native.write import Layout as Rows

Array = np.ndarray
Values = Mapping[Named, Array | list[Array]]


def called(
    library: ctypes.CDLL,
    name: str,
    kernel: Kernel,
    values: Values,
    steps: tuple[int, int],
    real: Array | None = None,
    rows: int = 0,
    models: int = 1,
) -> dict[Named, Array]:
    """What a kernel writes, by key.

    Args:
        values: float64 arrays, matrices as (rows, columns); with several models, of those that
            differ between them one behind the other, (models, ...), where `values` has a list.
        real: which steps are real, or where the steps of packed sequences begin.
        rows: how many sequences a block takes; 0 for as many as suit.
    """
    arrays: list[Array] = []
    if real is not None:
        kind = np.int32 if kernel.padding is Rows.PACKED else np.uint8
        arrays.append(np.ascontiguousarray(real, kind))
    strides = [0] * len(arrays)
    for argument in kernel.plan.inputs:
        (kind_, key), axes = argument.key, argument.memory.axes
        value = values["constant" if axes is Axes.EXACT else kind_, key]
        of_models = value if isinstance(value, list) else [value]
        turned = [np.asarray(each).T if axes is Axes.MATRIX else each for each in of_models]
        exact = np.stack(turned)
        near = np.ascontiguousarray(exact, np.float32)
        both = [near, (exact - near).astype(np.float32)] if axes is Axes.EXACT else [near]
        arrays += both
        strides += [near[0].size if len(turned) > 1 else 0] * len(both)
    count = int(np.prod(steps)) if kernel.padding is not Rows.PACKED else _rows_of(values)
    written = {}
    for argument in kernel.plan.outputs:
        width = kernel.homes.width(argument.memory.sizes)
        axes = argument.memory.axes
        shape = steps if axes is Axes.STEPS else steps[1:]
        if kernel.padding is Rows.PACKED and axes is Axes.STEPS:
            shape = (count, 1)
        written[argument.key] = np.full((models, *shape, width), np.nan, np.float32)
    counts = np.array([*steps, count, 1, models, rows], np.int32)
    function = getattr(library, name)
    function.restype = ctypes.c_char_p
    problem = function(
        ctypes.c_void_p(counts.ctypes.data),
        _pointers(arrays),
        (ctypes.c_long * max(1, len(strides)))(*strides),
        _pointers(list(written.values())),
        (ctypes.c_long * len(written))(*(each[0].size for each in written.values())),
        None,
    )
    assert problem is None, problem
    return {key: value if models > 1 else value[0] for key, value in written.items()}


def _rows_of(values: Values) -> int:
    return next(len(value) for (kind, _), value in values.items() if kind == "after")


def _pointers(arrays: list[Array]) -> ctypes.Array:
    return (ctypes.c_void_p * max(1, len(arrays)))(*(array.ctypes.data for array in arrays))
