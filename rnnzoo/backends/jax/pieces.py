"""Weights side by side, and cut: one call of C++ each, where XLA would compile a kernel.

An epoch cuts and joins weights everywhere: an update is one of all weights as one vector, products
that read one vector are one product.  Of the 70 kernels in the epoch of a peephole LSTM, 34 did
nothing else, and to compile them took two fifths of the time.  Without a compiler, on another
device, and in what is exported, they are XLA's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate, pairwise
from math import prod
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from rnnzoo.backends.exporting import is_exporting
from rnnzoo.backends.jax.calls import registered
from rnnzoo.backends.native.build import Missing

Tensor = Any
SOURCE = Path(__file__).with_name("pieces.cc")
AXES = 2  # of weights; sequences have more, and are cut where they are read


def join(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors side by side along their last axis."""
    target = _target("join", tensors)
    if target is None:
        return jnp.concatenate(tensors, axis=-1)
    widths = [tensor.shape[-1] for tensor in tensors]
    shape = (*tensors[0].shape[:-1], sum(widths))
    return _called(target, [shape], shape, 0, widths, tensors)[0]


def cut(tensor: Tensor, widths: Sequence[int], begin: int = 0) -> list[Tensor]:
    """A tensor cut along its last axis into pieces, of which the first begins there."""
    target = _target("cut", [tensor])
    if target is None:
        ends = accumulate(widths, initial=begin)
        return [tensor[..., first:last] for first, last in pairwise(ends)]
    shapes = [(*tensor.shape[:-1], width) for width in widths]
    return _called(target, shapes, tensor.shape, begin, widths, [tensor])


def between(tensor: Tensor, begin: int, end: int) -> Tensor:
    """The columns from one to before another."""
    return cut(tensor, [end - begin], begin)[0]


class Joining:
    """Weights as one vector."""

    def join(self, weights: Sequence[Tensor]) -> Tensor:
        return join([jnp.reshape(weight, -1) for weight in weights])

    def cut(self, vector: Tensor, shapes: Sequence[Sequence[int]]) -> list[Tensor]:
        pieces = cut(vector, [prod(shape) for shape in shapes])
        return [jnp.reshape(piece, shape) for piece, shape in zip(pieces, shapes, strict=True)]


def _target(name: str, tensors: Sequence[Tensor]) -> str | None:
    """What XLA calls; None where it compiles this itself."""
    fits = all(tensor.ndim <= AXES and tensor.dtype == jnp.float32 for tensor in tensors)
    if not fits or jax.default_backend() != "cpu" or is_exporting():
        return None
    return _targets().get(name)


@cache
def _targets() -> Mapping[str, str]:
    """What XLA calls, by the function's name; none without a compiler, which is asked once."""
    names = ("join", "cut")
    try:
        return dict(zip(names, registered(SOURCE.read_text(), names), strict=True))
    except Missing:
        return {}


def _called(
    target: str,
    shapes: Sequence[Sequence[int]],
    whole: Sequence[int],
    begin: int,
    widths: Sequence[int],
    tensors: Sequence[Tensor],
) -> list[Tensor]:
    sizes = np.array([prod(whole[:-1]), whole[-1], begin, len(widths), *widths], np.int32)
    results = [jax.ShapeDtypeStruct(tuple(shape), np.float32) for shape in shapes]
    return list(jax.ffi.ffi_call(target, results, vmap_method="sequential")(sizes, *tensors))
