"""The composition root: which tracker and which launcher there is, made as the settings say.

In: settings, an experiment's limits.  Out: what a `Sweep` is made of.  Nothing else makes a tracker
or a launcher.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rnnzoo import backends, tasks
from rnnzoo.errors import UsageError, argument, nearest
from rnnzoo.spec import plugins
from rnnzoo.spec import settings as config
from rnnzoo.spec.claims import FASTER
from rnnzoo.spec.experiment import Experiment, Resources
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.settings import Chosen, Settings
from rnnzoo.spec.trial import RETRIED, Kind, Trial
from rnnzoo.sweep.begun import Lanes

if TYPE_CHECKING:
    from rnnzoo.launchers import Launcher
    from rnnzoo.trackers import Tracker
    from rnnzoo.trackers._buffered import BufferedTracker

PRELOAD = ("rnnzoo.sweep.preload", "rnnzoo.sweep.work")
PRELOAD_FILTER = ("rnnzoo.bare.filter",)
UNLIMITED = sys.maxsize  # trials at once: as many as a cluster has room for


def tracker(settings: Settings) -> Tracker:
    """The tracker, its store made where there is none.

    Raises:
        UsageError, SpecError: what mlflow.yml says of it is wrong.
        StoreError: its store cannot be used.
    """
    from rnnzoo import trackers

    return trackers.make(settings)


def has_tracker(settings: Settings) -> bool:
    """Whether there is a tracker to read from: MLflow's store is made by the first sweep."""
    return settings.tracker != config.MLFLOW or config.exists(settings.tracking)


def existing_tracker(settings: Settings) -> Tracker:
    """The tracker, to read from.

    Raises:
        UsageError: it has no store.
        StoreError: its store cannot be used.
    """
    if not has_tracker(settings):
        raise UsageError(
            f"MLflow has no database at {settings.tracking}", "see `tracking:` in mlflow.yml"
        )
    return tracker(settings)


def buffered_tracker(settings: Settings, note: Callable[[str], None]) -> BufferedTracker:
    """The tracker as a sweep has it: opened when it is used, and its store may go away."""
    from rnnzoo.trackers._buffered import BufferedTracker

    return BufferedTracker(lambda: tracker(settings), note)


def no_tracker() -> BufferedTracker:
    """A tracker that keeps what it gets in memory."""
    from rnnzoo.trackers._buffered import BufferedTracker
    from rnnzoo.trackers.memory import MemoryTracker

    return BufferedTracker(MemoryTracker, lambda note: None)


def workers(given: int | None, chosen: Chosen = config.LOCAL, studies: int = 1) -> int:
    """How many trials run at once: one a core, where nothing is given; on a cluster, as many as it
    has room for; as populations, as many as fill one of each study in each process.

    Args:
        chosen: a launcher with a name.

    Raises:
        UsageError: it is less than 1.
    """
    if given is not None and given < 1:
        raise UsageError(f"{argument('workers')} must be at least 1, not {given}")
    if given is None and chosen.name == config.CLUSTER:
        return UNLIMITED
    if given is None and chosen.name == config.POPULATION:
        from rnnzoo.launchers import population

        options = {**population.OPTIONS, **chosen.options}
        return int(options["size"]) * len(population.checked(options)) * max(studies, 1)
    from rnnzoo.sweep import machine

    return given or machine.cores()


def checked_hours(hours: float | None) -> float | None:
    """
    Raises:
        UsageError: it is no number of hours.
    """
    if hours is not None and not 0.0 < hours < math.inf:
        raise UsageError(f"{argument('hours')} must be a number above 0, not {hours:g}")
    return hours


def kinds_again(given: Sequence[str]) -> tuple[Kind, ...]:
    """The kinds of `--again`.

    Raises:
        UsageError: one of them is no end of a trial that is begun once more.
    """
    known = [str(kind) for kind in RETRIED]
    for kind in given:
        if kind not in known:
            raise UsageError(
                f"{argument('again', kind)}: no trials that are begun again", nearest(kind, known)
            )
    return tuple(Kind(kind) for kind in given)


def chosen_launcher(cluster: str | None = None, certificates: str | None = None) -> Chosen:
    """The launcher of mlflow.yml; or a cluster, at an address and with certificates that go over
    what mlflow.yml says of one.

    Raises:
        UsageError: the cluster cannot be reached from here, whatever is there; an argument is
            empty, which would mean another place than the one that was meant; or an option of
            populations is wrong.
        SpecError: likewise.
    """
    chosen = config.read().launcher
    for name, value in (("cluster", cluster), ("certificates", certificates)):
        if value is not None and not value.strip():
            raise UsageError(
                f"{argument(name)} is empty",
                "give a value, or leave the option out; a variable of the shell may be unset",
            )
    options = {"address": cluster, "certificates": certificates}
    given = {option: value for option, value in options.items() if value is not None}
    if cluster is not None:
        written = chosen.options if chosen.name == config.CLUSTER else {}
        chosen = Chosen(config.CLUSTER, {**written, **given})
    elif given:
        raise UsageError(
            f"{argument('certificates')} is for {argument('cluster')}", "give both, or neither"
        )
    if chosen.name == config.CLUSTER:
        from rnnzoo.launchers import dask

        dask.checked({**dask.OPTIONS, **chosen.options})
    if chosen.name == config.POPULATION:
        from rnnzoo.launchers import population

        population.checked(plugins.plugin("launchers", chosen).options)
    return chosen


def settled_launcher(chosen: Chosen, experiment: Experiment) -> Chosen:
    """The launcher that trains an experiment as it was begun.

    Raises:
        UsageError: it trains otherwise.
    """
    lanes, written = Lanes.of(experiment.training), experiment.training.backend
    if not lanes.size:
        return config.LOCAL if chosen == config.AUTO_LAUNCHER else chosen
    if chosen.name not in (config.AUTO_LAUNCHER.name, config.POPULATION):
        raise UsageError(
            f"this experiment trains {lanes.words}, and the launcher '{chosen.name}' each trial by"
            " itself",
            f"`launcher: {config.POPULATION}` in mlflow.yml; or start anew without `population` in"
            " `training:`",
        )
    if not backends.processes(written).POPULATIONS:
        raise UsageError(
            f"{config.TITLES[written]} trains no populations",
            "`training: {backend: jax}`, or `launcher: local` in mlflow.yml",
        )
    if any(claim.form == FASTER for claim in experiment.claims):
        raise UsageError(
            f"a claim compares the speed of trainings, and those {lanes.words} share a machine",
            "`launcher: local` in mlflow.yml, or leave the claim out",
        )
    return _of_lanes(chosen, lanes)


def _fitting(training: Training) -> Chosen:
    """The launcher of mlflow.yml, or else the one that trains so."""
    chosen, lanes = config.read().launcher, Lanes.of(training)
    return _of_lanes(chosen, lanes) if lanes.size else one_by_one(chosen)


def one_by_one(chosen: Chosen) -> Chosen:
    """The launcher, or `local` where it may train populations: for trials that share no program."""
    together = (config.AUTO_LAUNCHER.name, config.POPULATION)
    return config.LOCAL if chosen.name in together else chosen


def _of_lanes(chosen: Chosen, lanes: Lanes) -> Chosen:
    """The launcher of populations of this size, with what else was chosen for one."""
    options = chosen.options if chosen.name == config.POPULATION else {}
    options = {**options, "size": lanes.size, "precision": lanes.precision}
    return Chosen(config.POPULATION, options, chosen.span, chosen.places)


def data_of(trial: Trial) -> tuple[Path, ...]:
    """The folders of a trial's data, relative to the cache's."""
    if not trial.data:
        return ()
    return (tasks.place_of_prepared(trial.task, trial.task_options, trial.data),)


@contextmanager
def launched(
    workers: int,
    runs: Path,
    training: Training,
    limits: Resources | None = None,
    chosen: Chosen | None = None,
    answers: bool = True,
    note: Callable[[str], None] | None = None,
    ends_at: float = math.inf,
) -> Iterator[Launcher]:
    """Where trials run, with a backend's cache; whatever compiled something, the next run finds it.

    Args:
        training: of the trials: their backend, and whether they train together.
        chosen: the launcher, with a name; None: that of mlflow.yml, if it trains so.
        answers: whether a trial may be told to stop after an epoch.
        note: told what there is to say of where trials run.
        ends_at: on the monotonic clock; no machine is waited for after that.

    Raises:
        UsageError: the backend is not installed, or KERAS_BACKEND asks for another.
    """
    from rnnzoo import launchers
    from rnnzoo.backends import facts
    from rnnzoo.sweep import provenance
    from rnnzoo.sweep.work import together, work

    backend, lanes = training.backend, Lanes.of(training)
    config.check_trial_backend(backend)
    library = backends.processes(backend)
    limits = limits or Resources()
    log = runs / "workers.log"
    remote = launchers.Remote(
        partial(facts.machine, backend), library.environment, data_of, provenance.MACHINE
    )
    setup = launchers.Setup(
        work,
        workers,
        PRELOAD,
        log,
        library.environment(lanes.precision if lanes.size else ""),
        limits.minutes,
        limits.memory,
        answers=answers,
        note=note or launchers.silent,
        remote=remote,
        ends_at=ends_at,
        many=together,
    )
    launcher = launchers.make(chosen or _fitting(training), setup)
    try:
        yield launcher
    finally:
        launcher.close()
        library.ended()


@contextmanager
def launched_filter(
    workers: int, runs: Path, limits: Resources, chosen: Chosen, ends_at: float = math.inf
) -> Iterator[Launcher]:
    """Where candidates of a search over cells are trained on the filter: without any backend."""
    from rnnzoo import launchers
    from rnnzoo.backends import facts
    from rnnzoo.bare.filter import work
    from rnnzoo.sweep import provenance

    setup = launchers.Setup(
        work,
        workers,
        PRELOAD_FILTER,
        runs / "workers.log",
        minutes=limits.minutes,
        memory=limits.memory,
        answers=False,
        remote=launchers.Remote(facts.machine_of_filter, data=data_of, local=provenance.MACHINE),
        ends_at=ends_at,
    )
    launcher = launchers.make(chosen, setup)
    try:
        yield launcher
    finally:
        launcher.close()
