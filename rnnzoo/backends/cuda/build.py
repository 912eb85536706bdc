"""What compiles kernels, and for which card.

In: the machine.  Out: a `Tool` of `native.build`, or why there is none.  nvcc is the one that NVCC
names, else that of PATH, else that of the packages of `rnnzoo[cuda]`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from rnnzoo.backends.cuda.layout import H100, Card
from rnnzoo.backends.native.build import Missing, Tool, check_wanted, command, version

COMPILER = "nvcc"  # unless NVCC names another
# nothing assumes that numbers are finite; products and sums are one operation, as on a CPU
FLAGS = ("-x", "cu", "-O3", "-std=c++17", "-shared", "-Xcompiler", "-fPIC")
PATIENCE = 10.0  # seconds for a driver to answer
# Bytes of shared memory that a block may have, and blocks of a cluster, by compute capability: CUDA
# C++ Programming Guide 13.0, tables of compute capabilities.  Earlier cards have no kernels.
SHARED = {
    "8.0": 163, "8.6": 99, "8.7": 163, "8.9": 99, "9.0": 227, "10.0": 227, "10.3": 227, "12.0": 99,
    "12.1": 99,
}  # fmt: skip
WITH_CLUSTERS = 9  # the major compute capability, Hopper's, from which blocks can form a cluster


def card(capability: str, name: str = "") -> Card:
    """What kernels are laid out for.

    Raises:
        Missing: there are none for such a card.
    """
    if capability not in SHARED:
        raise Missing(f"there are no kernels for a card of compute capability {capability}")
    major, minor = capability.split(".")
    return replace(
        H100,
        name=name or f"a card of compute capability {capability}",
        architecture=f"sm_{major}{minor}",
        shared=SHARED[capability] * 1024,
        cluster=H100.cluster if int(major) >= WITH_CLUSTERS else 1,
    )


def for_card(architecture: str) -> Tool:
    """What compiles for a card.

    Raises:
        Missing: generated loops are not wanted, or there is no nvcc.
    """
    check_wanted()
    called, more = _nvcc()
    flags = (*FLAGS, f"-arch={architecture}", *more)
    return Tool(called, version(called, "release"), flags, architecture, "XLA has the scan")


def _nvcc() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The compiler with what it is called with, and where it does not know its libraries to be."""
    packaged = next(_of_packages(), None)
    is_named = os.environ.get("NVCC") or shutil.which(COMPILER)
    if packaged is None or is_named:
        return command("NVCC", COMPILER), ()
    return (str(packaged),), (f"-L{packaged.parent.parent / 'lib'}",)


def _of_packages() -> Iterator[Path]:
    """Compilers of NVIDIA's Python packages."""
    package = importlib.util.find_spec("nvidia")
    roots = package.submodule_search_locations if package else None
    for root in roots or ():
        yield from sorted(Path(root).glob(f"cu*/bin/{COMPILER}"))


@cache
def first_card() -> Card:
    """The machine's first card, as its driver tells it.

    Raises:
        Missing: there is none.
    """
    asked = ["nvidia-smi", "--query-gpu=compute_cap,name", "--format=csv,noheader"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError):
        raise Missing("there is no card: nvidia-smi does not run") from None
    capability, _, name = done.stdout.partition("\n")[0].partition(", ")
    if not name:
        raise Missing("there is no card: nvidia-smi lists none")
    return card(capability, name)


def told() -> str:
    """The compiler and the card in a few words, or why there are no kernels."""
    try:
        first = first_card()
        tool = for_card(first.architecture)
    except Missing as error:
        return f"no kernels: {error}"
    return f"kernels for {first.name} ({first.architecture}) by {tool.version}"
