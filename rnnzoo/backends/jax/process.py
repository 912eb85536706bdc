"""JAX in the processes of a sweep: this module is a `Processes`.  It imports nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from rnnzoo.backends import cache
from rnnzoo.backends.native import build

PACKAGES: tuple[str, ...] = ("jax", "jaxlib", "keras")
POPULATIONS = True
CACHE = "JAX_COMPILATION_CACHE_DIR"
# One thread; and LLVM's first level, with which an epoch takes as long, and a trial's first epoch
# and evaluation are compiled in 2.5 s instead of 3.3 (a peephole LSTM on the chorales).  Each word
# must be a flag: XLA reads none that stands behind one which is not.
FLAGS = "--xla_cpu_multi_thread_eigen=false --xla_backend_optimization_level=1"


def folder() -> Path:
    """Where the cache of compiled code is, unless the user has set another."""
    return cache.folder("jax", PACKAGES)


def environment() -> Mapping[str, str]:
    """Variables that a trial's process has beside ours: flags, and a cache of all that is compiled,
    however small.
    """
    flags = f"{FLAGS} {os.environ.get('XLA_FLAGS', '')}".strip()  # of two, the last one counts
    variables = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    place = folder()
    if CACHE in os.environ or not cache.is_usable(place):
        return variables
    return {
        **variables,
        CACHE: str(place),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def loops() -> str:
    """Native code where there is a compiler, else XLA, and why."""
    try:
        return f"native code of {build.compiler()}"
    except build.Missing as error:
        return f"XLA: {error}"


def has_native_loops() -> bool:
    """Where there is a compiler."""
    try:
        return bool(build.compiler())
    except build.Missing:
        return False


def ended() -> None:
    """A sweep has ended: what its trials compiled is there for the next one."""
    cache.record(folder())
