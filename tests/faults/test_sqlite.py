"""Databases in files that are locked, read-only, deleted, of another version, or no databases at
all.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from rnnzoo.errors import StoreError
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Outcome, Trial
from rnnzoo.sweep import _retry, database
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.search import Store
from rnnzoo.trackers.memory import MemoryTracker
from rnnzoo.trackers.mlflow import MlflowTracker
from tests.faults.disks import read_only
from tests.sweep.loop import SPEC, Quiet, sweep

pytestmark = pytest.mark.usefixtures("shared_fork_servers")
RANDOM = SPEC.format(sampler="random")
LOCK = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("begin exclusive")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow tries four times to open a database, within a second."""
    from mlflow.store.db import utils

    monkeypatch.setattr(utils, "time", SimpleNamespace(sleep=lambda seconds: None))


@dataclass
class Stranger(Quiet):
    """Does something to the storage's file when some trials have ended."""

    act: Callable[[], object] = lambda: None
    acts_at: int = 4

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        super().ended(study, trial, outcome)
        if len(self.ends) == self.acts_at:
            self.act()


@contextmanager
def program(path: Path, seconds: float) -> Iterator[Callable[[], None]]:
    """What starts another program that locks a database for some seconds."""
    started = []

    def start() -> None:
        command = [sys.executable, "-c", LOCK, str(path), str(seconds)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        assert started[-1].stdout is not None
        assert started[-1].stdout.readline() == b"locked\n"

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.wait()


def check_the_books(folder: Path, tracker: MemoryTracker) -> None:
    store = Store(f"sqlite:///{folder}/optuna.db")
    results = store.results("loop")
    assert len({(result.study, result.trial.index) for result in results}) == len(results) == 8
    assert not store.running()
    assert tracker.results("loop") == results


def test_a_storage_that_is_locked_for_seconds_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCKED", 0.3)
    with program(tmp_path / "optuna.db", 1.5) as lock:
        ran = sweep(tmp_path, RANDOM, 2, Stranger(act=lock))
        ran.run()
    assert [note.partition(";")[0] for note in ran.observer.notes] == [
        "the storage is away (database is locked)",
        "the storage is back",
    ]
    check_the_books(tmp_path, ran.tracker)


def test_a_storage_that_stays_locked_is_told_plainly_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCKED", 0.3)
    monkeypatch.setattr(_retry, "LONGEST", 0.5)
    tracker = MemoryTracker()
    with program(tmp_path / "optuna.db", 60) as lock:
        stopped = sweep(tmp_path, RANDOM, 2, Stranger(act=lock), tracker)
        with pytest.raises(
            StoreError, match=r"database is locked\n  fix: another program holds it"
        ):
            stopped.run()
    assert not stopped.launcher.children
    assert len(Store(f"sqlite:///{tmp_path}/optuna.db").results("loop")) == 4
    sweep(tmp_path, RANDOM, 2, Quiet(), tracker).run()
    check_the_books(tmp_path, tracker)


def test_a_driver_that_raises_without_a_word_is_named_by_its_error() -> None:
    assert _retry.plain(sqlite3.OperationalError()) == "OperationalError"
    assert _retry.plain(sqlite3.OperationalError("no such table\nand more")) == "no such table"
    assert _retry.plain(ValueError("ours")) is None


def test_a_storage_that_is_deleted_during_a_run_ends_it_plainly_and_the_tracker_keeps_what_ended(
    tmp_path: Path,
) -> None:
    path, tracker = tmp_path / "optuna.db", MemoryTracker()
    stopped = sweep(tmp_path, RANDOM, 2, Stranger(act=path.unlink), tracker)
    with pytest.raises(
        StoreError, match=r"optuna.db cannot be used: .*\n  fix: it was deleted or moved"
    ):
        stopped.run()
    assert len(tracker.results("loop")) == 4
    assert not path.exists()
    again = sweep(tmp_path, RANDOM, 2, Quiet(), tracker)
    again.given = tracker.results("loop")
    again.run()
    assert len(again.observer.ends) == 4
    check_the_books(tmp_path, tracker)


# ------------------------------------------------------------------ files that cannot be used


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a storage and an MLflow database of our versions."""
    folder = tmp_path_factory.mktemp("made")
    Store(f"sqlite:///{folder}/optuna.db")
    MlflowTracker(f"sqlite:///{folder}/mlflow.db")
    return folder


def opened(name: str) -> Callable[[Path], object]:
    """What opens one of the two for writing."""

    def optuna(folder: Path) -> object:
        experiment = parse_experiment(RANDOM, str(folder / "loop.yaml"), folder)
        return Store(f"sqlite:///{folder}/optuna.db").study(
            "loop/a/b/1", {"on": "test"}, experiment.search
        )

    def mlflow(folder: Path) -> object:
        return MlflowTracker(f"sqlite:///{folder}/mlflow.db").open("loop", "", {})

    return {"optuna": optuna, "mlflow": mlflow}[name]


@pytest.mark.parametrize("name", ["optuna", "mlflow"])
@pytest.mark.parametrize(
    ("revision", "words"),
    [("later", "was written by a later version"), ("older", "was written by an older version")],
)
def test_a_database_of_another_version_is_left_alone_and_it_is_said_what_to_do(
    name: str, revision: str, words: str, made: Path, tmp_path: Path
) -> None:
    older = {"optuna": "v3.0.0.a", "mlflow": "451aebb31d03"}[name]
    path = tmp_path / f"{name}.db"
    shutil.copy(made / path.name, path)
    with sqlite3.connect(path) as database:
        database.execute(
            "update alembic_version set version_num = ?", [older if revision == "older" else "v99"]
        )
    before = path.read_bytes()
    with pytest.raises(StoreError, match=rf"{words}(.|\n)*fix: (keep a copy|make setup)"):
        opened(name)(tmp_path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["optuna", "mlflow"])
@pytest.mark.parametrize("kind", ["garbage", "a folder"])
def test_what_is_no_database_is_left_alone_and_it_is_said_what_to_do(
    name: str, kind: str, tmp_path: Path
) -> None:
    path = tmp_path / f"{name}.db"
    path.mkdir() if kind == "a folder" else path.write_bytes(b"no database" * 1000)
    with pytest.raises(
        StoreError, match=r"cannot be used: .*\n  fix: (it is damaged|that is no file)"
    ):
        opened(name)(tmp_path)
    assert path.is_dir() or path.read_bytes() == b"no database" * 1000


@pytest.mark.parametrize("name", ["optuna", "mlflow"])
def test_an_empty_file_becomes_a_database(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.db").touch()
    opened(name)(tmp_path)
    assert (tmp_path / f"{name}.db").stat().st_size


@pytest.mark.parametrize("name", ["optuna", "mlflow"])
@pytest.mark.parametrize("there", [True, False])
def test_a_folder_that_cannot_be_written_is_told_with_what_to_do(
    name: str, there: bool, made: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "stores"
    folder.mkdir()
    if there:
        shutil.copy(made / f"{name}.db", folder)
    with (
        read_only(folder),
        pytest.raises(StoreError, match="fix: allow writing to it and to its folder"),
    ):
        opened(name)(folder)


def test_a_database_whose_folder_cannot_be_made_asks_for_leave_to_write(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    with (
        read_only(project),
        pytest.raises(StoreError, match="fix: allow writing to it and to its folder"),
    ):
        Store(f"sqlite:///{project}/runs/optuna.db")
