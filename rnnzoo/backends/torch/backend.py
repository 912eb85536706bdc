"""torch as a backend of layers, not of trainings: this module is a `ForLayers`.

Layers are plain operations in a loop (`backends.plain`), which torch differentiates by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras
import torch

from rnnzoo.backends.contract import CompiledStep, Fit, LayerStep
from rnnzoo.backends.delays import without_delays
from rnnzoo.backends.emit import Emitter
from rnnzoo.backends.plain import PlainStep
from rnnzoo.backends.step import Given

Tensor = Any
name = "torch"
scans = False
# those that turn float64 into float32 where Keras has them
OWN: dict[str, Callable[..., Tensor]] = {
    "floor": torch.floor,
    "matmul": torch.matmul,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
}


def prepare() -> None:
    """There are no caches."""


def compiled_step(layer: LayerStep) -> CompiledStep:
    """A step that is ready to run."""
    return without_delays(layer, Step, Step.of)


def packs(step: CompiledStep) -> bool:
    """Trials do not train with torch."""
    return False


def needs_plain_operations() -> bool:
    """There are no others."""
    return True


def fit(x: Tensor) -> Fit | None:
    """Nothing is compiled, so any shape will do."""
    return None


@dataclass(frozen=True)
class Step(PlainStep):
    """A step under torch."""

    def emitter(self, given: Given) -> Emitter:
        return replace(given.emitter(), operation=_operation)


def _operation(name: str) -> Callable[..., Tensor] | None:
    return OWN.get(name) or getattr(keras.ops, name, None)
