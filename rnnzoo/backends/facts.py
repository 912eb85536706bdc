"""What an outcome depends on to the last digit, beside the trial: versions, and the machine.

In: a backend.  Out: plain text by name.  Nothing heavy is imported.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rnnzoo import __version__, backends


def machine(backend: str, on_card: bool | None = None) -> dict[str, str]:
    """What a trial's outcome depends on here, to the last digit: the same on every machine of a
    cluster.

    Args:
        on_card: where trials train on a GPU; None: as this process computes.
    """
    return {**_here(packages(backend)), "loops": backends.processes(backend).loops(on_card)}


def machine_of_filter() -> dict[str, str]:
    """Likewise of a trial in the bare trainer, which has no backend."""
    return _here(("rnnzoo", "numpy"))


def _here(names: Iterable[str]) -> dict[str, str]:
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        **versions(names),
        "system": system(),
        "processor": model(),
    }


def packages(backend: str) -> tuple[str, ...]:
    """The packages that take part in a training."""
    return ("rnnzoo", *backends.processes(backend).PACKAGES, "numpy")


def versions(names: Iterable[str]) -> dict[str, str]:
    """Versions of those that are installed."""
    installed = {}
    for name in names:
        with suppress(PackageNotFoundError):
            # of a working copy, an environment knows the version with which it was set up
            installed[name] = __version__ if name == "rnnzoo" else version(name)
    return installed


def system() -> str:
    """The operating system, and the kind of processor."""
    return f"{platform.system()} {platform.machine()}"


def model() -> str:
    """The processor's model."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or "unknown"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        "unknown",
    )
