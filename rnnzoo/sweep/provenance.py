"""Where and with what trials were run: what a reader needs who wants the same numbers.

In: a folder.  Out: versions, machine and commit, as plain text by name.  Kept with each study, once
for each different set.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

from rnnzoo import backends
from rnnzoo.backends import facts
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.sweep.begun import LANES, Lanes

MACHINE = ("system", "processor", "loops")  # of what a machine is, and not what is installed

# on what no outcome of a trial at a known point depends, trained alone
NO_CAUSE = ("commit", "optuna", LANES)


def here(folder: Path, training: Training) -> dict[str, str]:
    """What this process would run trials with; the commit is that of the folder's repository, where
    it is in one.
    """
    backend, together = training.backend, Lanes.of(training)
    commit = _commit(folder)
    return {
        "Python": platform.python_version(),
        **facts.versions((*facts.packages(backend), "optuna")),
        "system": facts.system(),
        "processor": processor(),
        "loops": backends.processes(backend).loops(on_card(training)),
        **({LANES: together.mark} if together.size else {}),
        **({"commit": commit} if commit else {}),
    }


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """On what scores may depend that is not now as it was then, in words.  What one of the two does
    not tell, as older versions did not tell of loops, is left out.
    """
    return [
        f"{name} {then[name]} then, {now[name]} here"
        for name in then
        if name in now and name not in NO_CAUSE and then[name] != now[name]
    ]


def on_card(training: Training) -> bool:
    """Whether trials that are trained so train on a GPU here."""
    return bool(training.population) and backends.processes(training.backend).uses_cards()


def processor() -> str:
    """What this machine computes with."""
    return f"{facts.model()}, {os.cpu_count()} cores"


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
