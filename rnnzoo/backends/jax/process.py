"""JAX in the processes of a sweep: this module is a `Processes`.  It imports nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from rnnzoo.backends import cache
from rnnzoo.backends.native import build
from rnnzoo.spec.cards import cards, model
from rnnzoo.spec.settings import is_installed

PACKAGES: tuple[str, ...] = ("jax", "jaxlib", "keras")
POPULATIONS = True
# packages that bring CUDA to JAX, by the module that each of them has
PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin")
CACHE = "JAX_COMPILATION_CACHE_DIR"
# One thread; and LLVM's first level, with which an epoch takes as long, and a trial's first epoch
# and evaluation are compiled in 2.5 s instead of 3.3 (a peephole LSTM on the chorales).  Each word
# must be a flag: XLA reads none that stands behind one which is not.
FLAGS = "--xla_cpu_multi_thread_eigen=false --xla_backend_optimization_level=1"
# FLAGS alone leave threads for each core in JAX's client, which hand parts of a training to each
# other, and last digits depend on how many they are.  Where a user sets PJRT_NPROC, that counts.
THREADS = {"NPROC": "1"}
# XLA times several kernels for one product and takes the fastest, which may be another one in the
# next process; and adds up in whatever order blocks come.  Both change last digits.
CARD_FLAGS = "--xla_gpu_autotune_level=0 --xla_gpu_deterministic_ops=true"
# In JAX_PLATFORMS: where there is no GPU, JAX says so, and does not take the processor instead.
CARD = "cuda,cpu"
PRECISION = "JAX_DEFAULT_MATMUL_PRECISION"
# by our word, what JAX calls it; without it JAX takes tf32 on a GPU, and says nothing
PRECISIONS = {"float32": "float32", "tf32": "tensorfloat32"}


def folder() -> Path:
    """Where the cache of compiled code is, unless the user has set another."""
    return cache.folder("jax", PACKAGES)


def environment(precision: str = "") -> Mapping[str, str]:
    """Variables that a trial's process has beside ours: flags, and a cache of all that is compiled,
    however small; of a population's, also what makes bits the same in each process.
    """
    on_card = bool(precision) and uses_cards()
    ours = f"{FLAGS} {CARD_FLAGS}" if on_card else FLAGS
    flags = f"{ours} {os.environ.get('XLA_FLAGS', '')}".strip()  # of two, the last one counts
    variables = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags, **THREADS}
    if precision:
        variables[PRECISION] = PRECISIONS[precision]
    if on_card:
        variables["JAX_PLATFORMS"] = CARD
    place = folder()
    if CACHE in os.environ or not cache.is_usable(place):
        return variables
    return {
        **variables,
        CACHE: str(place),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def uses_cards() -> bool:
    """Where there is a GPU, JAX has CUDA, and the user has not set it to something else."""
    platforms = os.environ.get("JAX_PLATFORMS", "") or CARD
    may = not {"cuda", "gpu"}.isdisjoint(platforms.split(","))
    return may and bool(cards()) and any(map(is_installed, PLUGINS))


# why generated loops failed in this process, though the machine has a compiler for them
_failures: list[str] = []


def loops(on_card: bool | None = None) -> str:
    """On a GPU, XLA, and kernels or why there are none; else native code where there is a compiler,
    and XLA where there is none, and why.
    """
    if on_card is None:
        on_card = os.environ.get("JAX_PLATFORMS") == CARD
        if _failures:
            return _by_xla(on_card)
    if on_card:
        from rnnzoo.backends.cuda import build as kernels  # read where there is a card only

        return f"XLA on {model() or 'a GPU'}; {kernels.told()}"
    try:
        return f"native code of {build.compiler()}"
    except build.Missing as error:
        return f"XLA: {error}"


def fall_back(reason: str) -> None:
    """A layer of this process has XLA's loops, since those of its own could not be compiled."""
    _failures.append(reason)


def fell_back() -> str:
    """What computes loops in this process in place of what the machine has; empty where that
    does.
    """
    return loops() if _failures else ""


def _by_xla(on_card: bool) -> str:
    place = f"XLA on {model() or 'a GPU'}; no kernels" if on_card else "XLA"
    return f"{place}: {_failures[0]}"


def has_native_loops() -> bool:
    """Where there is a compiler."""
    try:
        return bool(build.compiler())
    except build.Missing:
        return False


def ended() -> None:
    """A sweep has ended: what its trials compiled is there for the next one."""
    cache.record(folder())
