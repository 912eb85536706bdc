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
children of a fork server), `population` (many trials in one process; `_desk` is that process,
`_halving` finds the trial that ends it) and `dask` (trials on the workers of a cluster; `_address`
connects to it and shows `_certificates`, `_cluster` looks after its workers, `_node` runs trials in
one, `_parcel` is files on their way).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from rnnzoo.spec import plugins
from rnnzoo.spec.settings import AUTO_LAUNCHER, LOCAL, Chosen
from rnnzoo.spec.trial import Outcome, Progress, Trial

# returns True to go on, False to stop (the sweep pruned the trial)
Tell = Callable[[Progress], bool]
Work = Callable[[Trial, Tell], Outcome]


class Desk(Protocol):
    """Where a function that trains many trials at once gets them from, and hands in what comes of
    them; a trial is known by its ticket.
    """

    def take(self, wait: bool) -> Sequence[tuple[int, Trial]]:
        """The trials that were submitted since the last call.

        Args:
            wait: for at least one; none then means that there will be no more.
        """

    def tell(self, news: Mapping[int, Progress]) -> frozenset[int]:
        """Tell of an epoch of each of these trials; returns which of them go on.

        The others stop, as a trial does whose `Tell` returned False.
        """

    def finish(self, ticket: int, outcome: Outcome) -> None:
        """Hand in how a trial ended."""


# a function of a module; the second argument is how many trials train at once
Many = Callable[[Desk, int], None]


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


def _nothing(trial: Trial) -> Sequence[Path]:
    """No folders."""
    return ()


def silent(text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Remote:
    """What a launcher is given for trials on other machines; its functions are pickled by name.

    Attributes:
        about: what a machine runs trials with, by name: versions, processor.
        environment: `Setup.environment` as the machine itself has it; None: as given there.
        data: folders of a trial's data, relative to the cache's; each is named by a digest of
            what is in it.
        local: names in `about` that may differ from the sweep's own machine, though not from
            another on which trials run.
    """

    about: Callable[[], Mapping[str, str]] = dict
    environment: Callable[[], Mapping[str, str]] | None = None
    data: Callable[[Trial], Sequence[Path]] = _nothing
    local: tuple[str, ...] = ()


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
        home: the folder in which `work` runs; None: the sweep's own.
        answers: whether the sweep may answer progress with stop; where it does not, a launcher
            may let trials go on without asking.
        note: told a sentence for whoever watches the sweep.
        remote: what trials on other machines need.
        ends_at: on the monotonic clock; a launcher that waits for machines waits no longer, and
            ends trials that have not begun by then as interrupted, to be retried.
        many: what trains many trials at once in one process, pickled likewise; None: nothing does.
    """

    work: Work
    workers: int
    preload: tuple[str, ...] = ()
    log: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    minutes: float = math.inf
    memory: float = math.inf
    options: Mapping[str, Any] = field(default_factory=dict)
    home: Path | None = None
    answers: bool = True
    note: Callable[[str], None] = silent
    remote: Remote = field(default_factory=Remote)
    ends_at: float = math.inf
    many: Many | None = None


def elsewhere(launcher: Launcher) -> Mapping[str, str]:
    """What the machines are on which a launcher runs trials, by name (`Remote.local`); empty where
    they run here.
    """
    machines: Mapping[str, str] = getattr(launcher, "machines", dict)()
    return machines


def resize(launcher: Launcher, workers: int) -> None:
    """Let a launcher run so many trials at once, from now on; one that cannot be told so, because
    it has no `resize(workers)`, goes on as it is.
    """
    change: Callable[[int], None] | None = getattr(launcher, "resize", None)
    if change is not None:
        change(workers)


def place(launcher: Launcher, trial: Trial) -> str:
    """Where a launcher runs a trial, in words; empty where it does not run or nobody tells."""
    tell: Callable[[Trial], str] | None = getattr(launcher, "place", None)
    return tell(trial) if tell else ""


def make(chosen: Chosen, setup: Setup) -> Launcher:
    """The launcher of a name; that of `auto` is `local`, unless whoever asks has settled otherwise.

    Raises:
        UsageError: what has that name is none.
        SpecError: nothing has that name, or an option is wrong.
    """
    plugin = plugins.plugin("launchers", LOCAL if chosen == AUTO_LAUNCHER else chosen)
    made: Launcher = plugin.make(Launcher, replace(setup, options=plugin.options))
    if plugin.is_built_in:
        return made
    from rnnzoo.launchers._checked import CheckedLauncher

    return CheckedLauncher(made, plugin.loaded)
