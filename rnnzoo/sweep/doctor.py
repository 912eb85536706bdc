"""What a sweep needs of a machine, looked at before it is missed.

In: settings.  Out: one `Check` after the other: what was found, whether it passed, and what to do
if not.  Nothing is made, changed or ended here.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rnnzoo import backends, trackers
from rnnzoo.backends import facts
from rnnzoo.errors import (
    RnnzooError,
    StoreError,
    UsageError,
    listed,
    number_of,
    without_password,
)
from rnnzoo.spec import cards
from rnnzoo.spec.settings import (
    BACKENDS,
    KERAS_BACKEND,
    MLFLOW,
    POPULATION_SIZE,
    TITLES,
    Settings,
    cache_folder,
    check_layer_backend,
    exists,
    is_installed,
    keras_backend,
    runs,
)
from rnnzoo.sweep import lock, machine
from rnnzoo.sweep.search import Store

LIBRARY = backends.processes(KERAS_BACKEND).PACKAGES
PACKAGES = ("rnnzoo", *LIBRARY, "optuna", "mlflow", "numpy", "scipy", "scikit-learn")
PYTHONS = ((3, 11), (3, 13))  # the oldest and the newest that the tests run with
A_TRIAL = 1.5e9  # bytes of memory that a trial takes, most of it TensorFlow
DISK = 2e9  # bytes: models, logs and databases of a large sweep


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what is there, whether a sweep can run with it, and else what to do."""

    name: str
    detail: str
    passed: bool = True
    fix: str = ""

    def to_dict(self) -> dict[str, object]:
        return {"name": self.name, "detail": self.detail, "passed": self.passed, "fix": self.fix}


def checks(settings: Settings) -> Iterator[Check]:
    """All of them, the quick ones first."""
    yield _python()
    yield _packages()
    yield _backends()
    yield _keras()
    yield from _machine()
    for name, folder in (("runs", runs()), ("cache", cache_folder())):
        yield _writable(name, folder)
    yield from _locks()
    yield _graphics()
    yield _storage(settings)
    yield _tracking(settings)


def _python() -> Check:
    low, high = PYTHONS
    passed = low <= sys.version_info[:2] <= high
    fix = ""
    if not passed:
        fix = f"rnnzoo is tested with Python {low[0]}.{low[1]} to {high[0]}.{high[1]}: make setup"
    return Check(
        "Python",
        f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        passed,
        fix,
    )


def _packages() -> Check:
    installed = facts.versions(PACKAGES)
    missing = [name for name in PACKAGES if name not in installed]
    versions = [f"{name} {number}" for name, number in installed.items()]
    fix = f"missing: {', '.join(missing)}; run make setup" if missing else ""
    return Check("packages", ", ".join(versions), not missing, fix)


def _backends() -> Check:
    """What trials can compute with, and what `backend: auto` is here; an extra that is missing is
    no fault.
    """
    installed = [name for name in BACKENDS if is_installed(name)]
    missing = [
        f"`rnnzoo[{name}]` adds {TITLES[name]}" for name in BACKENDS if name not in installed
    ]
    titles = " and ".join(TITLES[name] for name in installed)
    loops = [
        f"loops of {TITLES[name]}: {backends.processes(name).loops()}" for name in installed[1:]
    ]
    auto = f"{titles}, `auto` is {backends.fastest_backend()}"
    return Check("backends", "; ".join([auto, *loops, *missing]))


def _keras() -> Check:
    """Whether layers can compute with the backend that Keras is set to.

    Trials have their experiment's.
    """
    backend, source = keras_backend()
    try:
        check_layer_backend(backend, source)
    except UsageError as error:
        problem, fix = error.parts
        return Check("Keras", problem, False, fix)
    if not is_installed(backend):
        problem = f"{source} sets Keras to '{backend}', and {TITLES[backend]} is not installed"
        return Check("Keras", problem, False, f"install it, or set KERAS_BACKEND={KERAS_BACKEND}")
    return Check("Keras", f"with {backend}")


def _machine() -> Iterator[Check]:
    cores = machine.cores()
    yield Check("cores", f"{cores}, so {number_of(cores, 'trial')} at once")
    memory = machine.free_memory()
    if memory is not None:
        fix = (
            f"a trial takes about {A_TRIAL / 1e9:g} GB: rnnzoo sweep SPEC --workers"
            f" {max(1, int(memory / A_TRIAL))}"
        )
        passed = memory >= cores * A_TRIAL
        yield Check("memory", f"{memory / 1e9:.1f} GB free", passed, "" if passed else fix)
    # the first sweep makes `runs`; until then its disk is that of the nearest folder above
    folder = next(
        above for above in (runs().resolve(), *runs().resolve().parents) if above.exists()
    )
    free = shutil.disk_usage(folder).free
    passed = free >= DISK
    yield Check(
        "disk",
        f"{free / 1e9:.1f} GB free for {runs()}/",
        passed,
        "" if passed else "make room, or sweep elsewhere",
    )


def _writable(name: str, folder: Path) -> Check:
    """Whether files can be written to a folder, or it can be made."""
    place = next(above for above in (folder.resolve(), *folder.resolve().parents) if above.exists())
    passed = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
    fix = ""
    if not passed:
        fix = f"allow writing to {place}" + ("" if name == "runs" else ", or set XDG_CACHE_HOME")
    return Check(name, str(folder), passed, fix)


def _locks() -> Iterator[Check]:
    """Sweeps that run now.  No lock is ever stale: it ends with its process."""
    for path in sorted(runs().glob("*/lock")):
        holder = lock.holder(path)
        if holder:
            yield Check("sweep", f"'{path.parent.name}' is running: {holder}")


def _graphics() -> Check:
    """Whether trials would train on a GPU; what is missing for that is no fault."""
    known = cards.cards()
    if not known:
        return Check("GPU", "none, and none is needed")
    model = cards.model() or "an NVIDIA GPU"
    described = model if len(known) == 1 else f"{len(known)} GPUs, {model}"
    able = [name for name in BACKENDS if backends.processes(name).POPULATIONS]
    using = [TITLES[name] for name in able if backends.processes(name).uses_cards()]
    if using:
        lanes = f"new experiments train in populations of {POPULATION_SIZE}"
        return Check(
            "GPU", f"{described}: {lanes} with {listed(using)}, unless mlflow.yml says else"
        )
    (title, *_) = (TITLES[name] for name in able)
    needs = f'a population needs {title} with CUDA: pip install "jax[cuda13]"'
    return Check("GPU", f"{described}, which trials do not use: {needs}")


def _storage(settings: Settings) -> Check:
    """Optuna's storage: whether it opens, and trials that nobody runs any more."""
    if not exists(settings.storage):
        return Check("storage", f"{settings.storage}: made by the first sweep")
    try:
        store = Store(settings.storage)
        running = store.running()
        busy = {name for name in running if store.holders(name)}
    except StoreError as error:
        problem, fix = error.parts
        return Check("storage", problem, False, fix)
    # a sweep shows by a lock in the storage, or by one on a file
    busy |= {path.parent.name for path in runs().glob("*/lock") if lock.holder(path)}
    left = sum(count for name, count in running.items() if name not in busy)
    fix = ""
    if left:
        fix = (
            f"{number_of(left, 'trial was', 'trials were')} left running by a sweep that died: the"
            " next sweep of that experiment begins again what was lost"
        )
    return Check("storage", without_password(settings.storage), not left, fix)


def _tracking(settings: Settings) -> Check:
    """The tracker's store: whether it can be reached."""
    if settings.tracker != MLFLOW:
        try:
            return Check("tracker", trackers.make(settings).where())
        except RnnzooError as error:
            problem, fix = error.parts
            return Check("tracker", problem, False, fix)
    if not exists(settings.tracking):
        return Check("MLflow", f"{settings.tracking}: made by the first sweep")
    from rnnzoo.trackers.mlflow import MlflowTracker, astray

    try:
        MlflowTracker(settings.tracking, settings.artifacts)
        moved = astray(settings.tracking, settings.artifacts)
    except StoreError as error:
        problem, fix = error.parts
        return Check(
            "MLflow",
            problem,
            False,
            f"{fix}; sweeps go on without it, and rnnzoo sync writes what it missed",
        )
    if moved:
        store = without_password(settings.tracking)
        files = f"files of {number_of(len(moved), 'experiment')}"
        problem = f"{store}: {files} are looked for where the project was"
        return Check(
            "MLflow", problem, False, "rnnzoo sync SPEC, the next sweep or make ui lead them here"
        )
    return Check("MLflow", without_password(settings.tracking))


def as_json(checks: list[Check]) -> str:
    return json.dumps([check.to_dict() for check in checks], indent=2)
