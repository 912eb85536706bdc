"""Where and with what trials were run: what a reader needs who wants the same numbers.

In: a folder.  Out: versions, machine and commit, as plain text by name.  Kept with each study, once
for each different set.
"""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rnnzoo import backends


def here(folder: Path, backend: str) -> dict[str, str]:
    """What this process would run trials with; the commit is that of the folder's repository, where
    it is in one.
    """
    provenance = {"Python": platform.python_version()}
    for name in ("rnnzoo", *backends.processes(backend).PACKAGES, "numpy", "optuna"):
        try:
            provenance[name] = version(name)
        except PackageNotFoundError:
            continue
    provenance["system"] = f"{platform.system()} {platform.machine()}"
    provenance["processor"] = processor()
    provenance["loops"] = backends.processes(backend).loops()
    commit = _commit(folder)
    return {**provenance, **({"commit": commit} if commit else {})}


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
