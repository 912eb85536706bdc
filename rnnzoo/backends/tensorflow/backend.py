"""TensorFlow as a backend: this module is a `Backend`."""

from __future__ import annotations

import keras

from rnnzoo.backends.contract import CompiledStep, Joining, LayerStep, Together
from rnnzoo.backends.delays import without_delays
from rnnzoo.backends.tensorflow.cut_entries import set_aside_what_is_cut as prepare
from rnnzoo.backends.tensorflow.engine import Engine, shared
from rnnzoo.backends.tensorflow.scan import needs_plain_operations, switch
from rnnzoo.backends.tensorflow.shapes import fit
from rnnzoo.backends.tensorflow.training import (
    clipped,
    compiled,
    gradients,
    noise,
    one_thread,
    repeat,
    tensor,
)
from rnnzoo.backends.units import of_due_units

__all__ = [
    "clipped", "compiled", "compiled_step", "fit", "gradients", "joining", "name",
    "needs_plain_operations", "noise", "one_thread", "operations", "packs", "prepare",
    "repeat", "scans", "tensor", "together",
]  # fmt: skip

name = "tensorflow"
scans = False
joining: Joining | None = None
together: Together | None = None  # what it compiles holds the variables of one model
operations = keras.ops


def compiled_step(layer: LayerStep) -> CompiledStep:
    """A step that is ready to run; equal steps share one."""
    return without_delays(layer, Engine, _loop)


def packs(step: CompiledStep) -> bool:
    """No step does: a batch runs as many steps as its longest sequence has."""
    return False


def _loop(layer: LayerStep) -> Engine:
    """A step as it is."""
    return shared(of_due_units(Engine.of(layer), switch))
