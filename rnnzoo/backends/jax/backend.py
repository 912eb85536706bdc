"""JAX as a backend: this module is a `Backend`."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

import jax

from rnnzoo.backends import contract
from rnnzoo.backends.contract import CompiledStep, Fit, LayerStep
from rnnzoo.backends.delays import without_delays
from rnnzoo.backends.jax import process
from rnnzoo.backends.jax.engine import Engine, shared, switch
from rnnzoo.backends.jax.lanes import Together
from rnnzoo.backends.jax.losses import Operations
from rnnzoo.backends.jax.native import NativeEngine
from rnnzoo.backends.jax.newton import settled
from rnnzoo.backends.jax.pieces import Joining
from rnnzoo.backends.jax.training import (
    clipped,
    compiled,
    gradients,
    noise,
    one_thread,
    repeat,
    tensor,
)
from rnnzoo.backends.native.build import Failed, Missing, check_wanted
from rnnzoo.backends.native.plan import Unprintable
from rnnzoo.backends.scans import scanned
from rnnzoo.backends.units import of_due_units

__all__ = [
    "clipped", "compiled", "compiled_step", "fit", "gradients", "joining", "name",
    "needs_plain_operations", "noise", "one_thread", "operations", "packs", "prepare",
    "repeat", "scans", "tensor", "together",
]  # fmt: skip

Tensor = Any
name = "jax"
scans = True
joining: contract.Joining | None = Joining()
together: contract.Together | None = Together()
operations = Operations()
# From so many units on, a clockwork layer computes only those that are due.  A training step at
# 32 x 100 takes 1.6 times as long without it at 128 and at 256 units, and 1.15 times at 64, where
# 5 s more for compiling its branches are not made up for.
DUE_FROM = 128

with suppress(ImportError):  # not in every version of JAX
    # JAX imports it when it first compiles, which takes a tenth of a second: a fork server has it
    import_module("jaxlib.mlir.dialects.mhlo")


def prepare() -> None:
    """JAX's cache looks after itself."""


def compiled_step(layer: LayerStep) -> CompiledStep:
    """A step that is ready to run; equal steps share one."""
    if layer.scanned:
        return scanned(layer, Engine, _loop, settled)
    return without_delays(layer, Engine, _loop)


def _loop(layer: LayerStep) -> Engine:
    """A step as it is."""
    engine = Engine.of(layer)
    if layer.sizes.units >= DUE_FROM and not _is_on_a_card():
        engine = of_due_units(engine, switch)
    try:
        check_wanted()  # here, too: what was compiled before it was said is known already
        engine = _loops().of_engine(engine)
    except Failed as error:
        process.fall_back(str(error))
    except (Missing, Unprintable):
        pass  # known from the machine and the cell
    return shared(engine)


def _is_on_a_card() -> bool:
    return str(jax.default_backend()) == "gpu"


def _loops() -> type[NativeEngine]:
    """What has generated loops on this machine."""
    if not _is_on_a_card():
        return NativeEngine
    from rnnzoo.backends.jax.cuda import CudaEngine  # read where there is a card only

    return CudaEngine


def packs(step: CompiledStep) -> bool:
    """Native loops do."""
    return isinstance(step, NativeEngine)


def needs_plain_operations() -> bool:
    """What JAX exports is XLA's code, which may be compiled."""
    return False


def fit(x: Tensor) -> Fit | None:
    """Every shape is compiled as it is."""
    return None
