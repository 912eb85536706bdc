"""What computes: the contract of a backend, and the one that Keras is set to.

In: a step of a cell as `LayerStep`.  Out: `CompiledStep`, which runs it over whole sequences; and
what a training needs of the library below: compiled functions, loops, gradients.  A backend is a
folder here.  It may import its library, which nothing else does.

    contract     what a backend is asked for, and the values that pass between it and `rnnzoo.nn`
    step         a layer's step with its program and adjoint, as every backend needs it
    emit         instructions of a program -> tensors, as operations of `keras.ops`
    tensorflow   TensorFlow and XLA
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from rnnzoo.backends.contract import Backend, Processes
from rnnzoo.spec.settings import KERAS_BACKEND

if TYPE_CHECKING:
    from rnnzoo.backends.tensorflow import backend as _backend
    from rnnzoo.backends.tensorflow import process as _process

    _COMPUTES: Backend = _backend
    _STARTS: Processes = _process

__all__ = ["Backend", "Processes", "current", "processes"]


def current() -> Backend:
    """The backend that this process computes with; its library is imported."""
    backend: Backend = import_module(f"rnnzoo.backends.{KERAS_BACKEND}.backend")
    return backend


def processes() -> Processes:
    """The same for whoever starts processes that compute; nothing heavy is imported."""
    found: Processes = import_module(f"rnnzoo.backends.{KERAS_BACKEND}.process")
    return found
