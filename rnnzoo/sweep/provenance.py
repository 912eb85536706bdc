"""Where and with what trials were run: what a reader needs who wants the same numbers.

In: a folder.  Out: versions, machine and commit, as plain text by name.  Kept with each study, once
for each different set.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rnnzoo import backends

MACHINE = ("system", "processor", "loops")  # of what a machine is, and not what is installed


def here(folder: Path, backend: str) -> dict[str, str]:
    """What this process would run trials with; the commit is that of the folder's repository, where
    it is in one.
    """
    commit = _commit(folder)
    return {
        "Python": platform.python_version(),
        **_versions((*_packages(backend), "optuna")),
        "system": _system(),
        "processor": processor(),
        "loops": backends.processes(backend).loops(),
        **({"commit": commit} if commit else {}),
    }


def machine(backend: str) -> dict[str, str]:
    """What a trial's outcome depends on here, to the last digit: the same on every machine of a
    cluster.
    """
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        **_versions(_packages(backend)),
        "system": _system(),
        "processor": _model(),
        "loops": backends.processes(backend).loops(),
    }


def _packages(backend: str) -> tuple[str, ...]:
    return ("rnnzoo", *backends.processes(backend).PACKAGES, "numpy")


def _versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of those that are installed."""
    versions = {}
    for name in packages:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def _system() -> str:
    return f"{platform.system()} {platform.machine()}"


def processor() -> str:
    """What this machine computes with."""
    return f"{_model()}, {os.cpu_count()} cores"


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        "unknown",
    )


def _commit(folder: Path) -> str:
    """The commit, with a `+` where files that git knows have changed since; empty outside a
    repository.
    """

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + (
            "+" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.SubprocessError):
        return ""
