"""The Launcher contract: submit trials, wait for what happens next.

A launcher runs `work(trial, tell) -> Outcome` somewhere and returns its messages; it does not
access any store.  `work` is the function that trains: `api.root.launched`, which makes the
launcher, passes it as `Setup.work`.  Any end of a trial (a crash, a kill) becomes an Outcome of its
kind.  A trial that the machine interrupted, as by a full disk, is run again once the cause is
removed.

A launcher is one file: of this folder, of a project's `experiments/launchers/`, or what an entry
point of the group `rnnzoo.launchers` names.  `launcher:` in mlflow.yml chooses it by the file's
name.  It holds

    def launcher(setup: Setup) -> Launcher
    OPTIONS: dict[str, Any]     every option with its default; may be left out where there is none

`rnnzoo.testing.launchers.LauncherContract` tests one.  Contains: `local` (a process a trial,
children of a fork server).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from rnnzoo.spec import plugins
from rnnzoo.spec.settings import Chosen
from rnnzoo.spec.trial import Outcome, Progress, Trial

# returns True to go on, False to stop (the sweep pruned the trial)
Tell = Callable[[Progress], bool]
Work = Callable[[Trial, Tell], Outcome]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a submitted trial: progress, or its end."""

    ticket: int
    news: Progress | Outcome


class Launcher(Protocol):
    def capacity(self) -> int:
        """How many trials may run at once."""

    def submit(self, trial: Trial) -> int:
        """Start a trial; returns its ticket."""

    def wait(self, timeout: float | None = None) -> Event | None:
        """The next event, or None after `timeout` seconds without one."""

    def answer(self, ticket: int, go_on: bool) -> None:
        """Answer a progress message; the trial waits for it."""

    def close(self) -> None:
        """Stop all trials; returns when none is running."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a launcher is made from.

    Attributes:
        work: what runs a trial, wherever that is; pickled, it is a name of a module.
        workers: how many trials may run at once.
        preload: modules that are worth importing where trials run, before the first.
        log: a file for what the launcher itself has to say; each trial has `trial.log` of its own.
        environment: variables that `work` must find where it runs.
        minutes: a trial that takes longer is ended as timed out.
        memory: a trial that holds more bytes is ended as out of memory.
        options: from mlflow.yml, over the launcher's `OPTIONS`.
    """

    work: Work
    workers: int
    preload: tuple[str, ...] = ()
    log: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    minutes: float = math.inf
    memory: float = math.inf
    options: Mapping[str, Any] = field(default_factory=dict)


def make(chosen: Chosen, setup: Setup) -> Launcher:
    """The launcher of a name.

    Raises:
        UsageError: what has that name is none.
        SpecError: nothing has that name, or an option is wrong.
    """
    plugin = plugins.plugin("launchers", chosen)
    made: Launcher = plugin.make(Launcher, replace(setup, options=plugin.options))
    if plugin.is_built_in:
        return made
    from rnnzoo.launchers._checked import CheckedLauncher

    return CheckedLauncher(made, plugin.loaded)
