"""What a trial that trains nothing costs each part of a sweep on a cluster, in seconds.

In: how many trials.  Out: `Costs`, from three runs on this machine: whole sweeps whose trials end
at once, with MLflow and Optuna's storage in SQLite, and with the storage in PostgreSQL; and a
cluster on loopback.  The process of a sweep does one thing after the other, so what it waits for
its stores is counted by the clock; of other processes, what they compute.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.cluster import FIRST, computed, on_cluster, run
from benchmarks.saturation import Costs
from rnnzoo.errors import UsageError
from rnnzoo.spec import settings as config
from rnnzoo.sweep import open as door
from rnnzoo.sweep.observer import Observer
from rnnzoo.sweep.run import Sweep
from rnnzoo.sweep.search import StudyStore
from rnnzoo.trackers import Tracker
from rnnzoo.trackers.memory import MemoryTracker
from rnnzoo.trackers.mlflow import MlflowTracker
from tests.endurance.thousands import SPEC, work
from tests.faults import postgresql
from tests.sweep.inline import InlineLauncher

VARIANTS = 2


@dataclass(slots=True)
class Clock:
    """Seconds spent in some methods, without those of one that another calls.

    Attributes:
        clock: what tells seconds.
    """

    clock: Callable[[], float] = time.perf_counter
    spent: float = 0.0
    depth: int = 0

    @contextmanager
    def of(self, owner: Any, *names: str) -> Iterator[None]:
        """Time these methods while the block runs."""
        timed = {name: self._timed(getattr(owner, name)) for name in names}
        with mock.patch.multiple(owner, **timed):
            yield

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            began, self.depth = self.clock(), self.depth + 1
            try:
                return method(*arguments, **named)
            finally:
                self.depth -= 1
                if not self.depth:
                    self.spent += self.clock() - began

        return call


@dataclass(frozen=True, slots=True)
class Loop:
    """Seconds a trial of a sweep whose trials end at once: all, in its storage, in its tracker; and
    what the storage's server computed.
    """

    whole: float
    storage: float
    tracker: float
    server: float

    @property
    def own(self) -> float:
        return self.whole - self.storage - self.tracker


def measured(trials: int) -> Costs:
    """What a trial costs each part.

    Raises:
        UsageError: there can be no PostgreSQL here.
    """
    why = postgresql.missing()
    if why:
        raise UsageError(f"what PostgreSQL costs cannot be measured: {why}", "install it")
    with folder() as here:
        in_sqlite = looped(here, trials, "", MlflowTracker)
    served = in_postgresql(trials)
    client, scheduler, worker = clustered(trials)
    return Costs(
        in_sqlite.own, client, in_sqlite.storage, in_sqlite.tracker, served.whole - in_sqlite.own,
        served.server, scheduler, worker,
    )  # fmt: skip


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder, which is the current one while the block runs."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as made:
        os.chdir(made)
        try:
            yield Path(made)
        finally:
            os.chdir(before)


def looped(
    here: Path,
    trials: int,
    storage: str,
    make_tracker: Callable[..., Tracker] | None = None,
    server: int | None = None,
) -> Loop:
    """A sweep of so many trials that end at once.

    Args:
        storage: its URL; empty for SQLite.
        server: the storage's process.
    """
    trials_each = max(30, trials // VARIANTS)  # of fewer, a share could not be kept
    variants = ", ".join(f"{{name: v{number}, cell: rnn}}" for number in range(VARIANTS))
    (here / "e.yaml").write_text(SPEC.format(variants=variants, trials=trials_each))
    (here / "mlflow.yml").write_text(f"storage: {{url: '{storage}'}}\n" if storage else "{}\n")
    settings, opened = config.read(), door.opened(Path("e.yaml"))
    store = door.store(settings, opened.experiment)
    tracker: Tracker = MemoryTracker()
    if make_tracker is not None:
        tracker = make_tracker(settings.tracking, settings.artifacts)
    whole, in_storage, in_tracker = Clock(), Clock(), Clock()
    in_server = Clock(partial(computed, server))
    with (
        in_storage.of(StudyStore, "ask", "tell"),
        in_tracker.of(type(tracker), "record"),
        in_server.of(Sweep, "search"),
        whole.of(Sweep, "search"),
    ):
        Sweep(
            opened.experiment, opened.studies, opened.trials, store, tracker, InlineLauncher(work),
            Observer(), opened.runs,
        ).run()  # fmt: skip
    store.storage.engine.dispose()
    clocks = (whole, in_storage, in_tracker, in_server)
    return Loop(*(clock.spent / (VARIANTS * trials_each) for clock in clocks))


def in_postgresql(trials: int) -> Loop:
    """The same with PostgreSQL."""
    server = postgresql.Server.made(fsync="on")
    password = {"PGPASSWORD": postgresql.PASSWORD}
    try:
        with folder() as here, mock.patch.dict(os.environ, password):
            assert server.process
            return looped(here, trials, server.database("costs"), server=server.process.pid)
    finally:
        server.remove()


def clustered(trials: int) -> tuple[float, float, float]:
    """What a trial costs the sweep's end of a cluster, the scheduler, and the one worker."""
    with on_cluster(1) as (launcher, scheduler):
        run(launcher, FIRST)
        own, far, began = time.process_time(), computed(scheduler), time.perf_counter()
        run(launcher, trials)
        client = (time.process_time() - own) / trials
        there = (computed(scheduler) - far) / trials
        whole = (time.perf_counter() - began) / trials
    return client, there, whole - client - there
