"""What computes: the contract of a backend, and those that there are.

In: a step of a cell as `LayerStep`.  Out: `CompiledStep`, which runs it over whole sequences; and
what a training needs of the library below: compiled functions, loops, gradients.  A backend is a
folder here.  It may import its library, which nothing else does.

    contract     what a backend is asked for, and the values that pass between it and `rnnzoo.nn`
    step         a layer's step with its program and adjoint, as every backend needs it
    delays       states that need no loop, computed for all steps at once
    scans        a step without a loop: linear states, scanned over time, and others
    units        which units of a step are computed: all, or those that are due
    cache        compiled code that is kept, for every backend
    facts        versions and machine: what outcomes depend on to the last digit
    exporting    whether a model is traced to be exported
    emit         instructions of a program -> tensors, as operations of `keras.ops`
    tensorflow   TensorFlow and XLA
    jax          JAX and XLA
    plain        a step as a loop over plain operations
    torch        torch, for layers only
    native       loops over time as C++, for a backend that binds them
    cuda         loops over time as kernels for a GPU, likewise
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rnnzoo.backends.contract import Backend, ForLayers, Processes
from rnnzoo.spec import settings
from rnnzoo.spec.settings import BACKENDS, KERAS_BACKEND, keras_backend

if TYPE_CHECKING:
    from rnnzoo.backends.jax import backend as _jax
    from rnnzoo.backends.jax import process as _jax_process
    from rnnzoo.backends.tensorflow import backend as _tensorflow
    from rnnzoo.backends.tensorflow import process as _tensorflow_process
    from rnnzoo.backends.torch import backend as _torch

    _COMPUTE: tuple[Backend, ...] = (_jax, _tensorflow)
    _LAYERS: tuple[ForLayers, ...] = (*_COMPUTE, _torch)
    _START: tuple[Processes, ...] = (_jax_process, _tensorflow_process)

__all__ = [
    "Backend", "ForLayers", "Processes", "current", "fastest_backend", "for_layers", "processes",
]  # fmt: skip


def current() -> Backend:
    """The backend of trainings that Keras is set to in this process; its library is imported."""
    backend: Backend = _set()
    return backend


def for_layers() -> ForLayers:
    """What computes layers in this process: that backend, or one that has no trainings."""
    backend: ForLayers = _set()
    return backend


def _set() -> Any:
    return import_module(f"rnnzoo.backends.{keras_backend()[0]}.backend")


def processes(backend: str) -> Processes:
    """A backend for whoever starts processes that compute; nothing heavy is imported."""
    starts: Processes = import_module(f"rnnzoo.backends.{backend}.process")
    return starts


def fastest_backend() -> str:
    """The backend of `backend: auto` where nothing was run yet: that of KERAS_BACKEND; or else one
    whose loops over time are native code here, which takes less time for the main job
    (docs/engine.md); or else TensorFlow.
    """
    name, source = keras_backend()
    if source == "KERAS_BACKEND" and name in BACKENDS:
        return name
    native = (
        name
        for name in BACKENDS
        if settings.is_installed(name) and processes(name).has_native_loops()
    )
    return next(native, KERAS_BACKEND)
