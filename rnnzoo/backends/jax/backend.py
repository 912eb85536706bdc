"""JAX as a backend: this module is a `Backend`."""

from __future__ import annotations

from typing import Any

from rnnzoo.backends.contract import CompiledStep, Fit, LayerStep
from rnnzoo.backends.jax.engine import Engine, shared
from rnnzoo.backends.jax.training import clipped, compiled, gradients, noise, one_thread, repeat

__all__ = [
    "clipped", "compiled", "compiled_step", "fit", "gradients", "joins_weights", "name",
    "needs_plain_operations", "noise", "one_thread", "prepare", "repeat",
]  # fmt: skip

Tensor = Any
name = "jax"
joins_weights = True


def prepare() -> None:
    """JAX's cache looks after itself."""


def compiled_step(layer: LayerStep) -> CompiledStep:
    """A step that is ready to run; equal steps share one."""
    return shared(Engine.of(layer))


def needs_plain_operations() -> bool:
    """Nothing is exported from JAX."""
    return False


def fit(x: Tensor) -> Fit | None:
    """Every shape is compiled as it is."""
    return None
