"""Disks that are full: what cannot be written ends plainly or is left out, and goes on when there
is room.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rnnzoo.errors import StoreError
from rnnzoo.spec.trial import Kind, Outcome, Result, Trial
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.search import Store
from rnnzoo.trackers import Tracker
from rnnzoo.trackers._buffered import BufferedTracker
from rnnzoo.trackers.memory import MemoryTracker
from rnnzoo.trackers.mlflow import MlflowTracker
from tests.cli.test_commands import SPEC
from tests.command import rnnzoo
from tests.faults.disks import fill, make_room, small
from tests.faults.work import CHATTY, chatty
from tests.sweep import test_run
from tests.sweep.loop import Quiet, sweep

pytestmark = pytest.mark.usefixtures("shared_fork_servers")
RANDOM = test_run.SPEC.format(sampler="random")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small(tmp_path / "disk", "6m") as folder:
        yield folder


@dataclass
class Filler(Quiet):
    """Fills a disk when some trials have ended."""

    disk: Path = field(default_factory=Path)
    fills_at: int = 4

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        super().ended(study, trial, outcome)
        if len(self.ends) == self.fills_at:
            fill(self.disk)


def check_the_books(store: Store, tracker: Tracker) -> None:
    results = store.results("loop")
    assert len({(result.study, result.trial.index) for result in results}) == len(results) == 8
    assert {result.outcome.kind for result in results} == {Kind.COMPLETE}
    assert not store.running()
    assert tracker.results("loop") == results


def test_a_storage_whose_disk_is_full_ends_the_sweep_plainly_and_with_room_it_goes_on(
    disk: Path, tmp_path: Path
) -> None:
    url, tracker = f"sqlite:///{disk}/optuna.db", MemoryTracker()
    stopped = sweep(tmp_path, RANDOM, 2, Filler(disk=disk), tracker, storage=url)
    with pytest.raises(StoreError, match="disk is full\n  fix: make room on that disk"):
        stopped.run()
    assert not stopped.launcher.children
    make_room(disk)
    sweep(tmp_path, RANDOM, 2, Quiet(), tracker, storage=url).run()
    check_the_books(Store(url), tracker)


def test_logs_whose_disk_is_full_end_the_sweep_plainly_and_no_trial_is_blamed(
    disk: Path, tmp_path: Path
) -> None:
    url, tracker = f"sqlite:///{tmp_path}/optuna.db", MemoryTracker()
    stopped = sweep(disk, RANDOM, 2, Filler(disk=disk), tracker, work=chatty, storage=url)
    with pytest.raises(
        StoreError, match=r"No space left on device.*\n  fix: make room on that disk"
    ):
        stopped.run()
    assert {result.outcome.kind for result in Store(url).results("loop")} == {Kind.COMPLETE}
    make_room(disk)
    sweep(disk, RANDOM, 2, Quiet(), tracker, work=chatty, storage=url).run()
    check_the_books(Store(url), tracker)


def test_a_sweep_goes_on_where_mlflows_disk_is_full_and_brings_it_level_later(
    disk: Path, tmp_path: Path
) -> None:
    def buffered(observer: Quiet) -> BufferedTracker:
        return BufferedTracker(
            lambda: MlflowTracker(f"sqlite:///{disk}/mlflow.db", str(disk / "artifacts")),
            observer.notes.append,
        )

    observer = Filler(disk=disk)
    tracker = buffered(observer)
    ran = sweep(tmp_path, RANDOM, 2, observer, tracker, work=chatty)
    ran.run()
    assert [note.partition(";")[0].endswith("disk is full") for note in observer.notes] == [True]
    assert len(tracker.missed) == 4
    make_room(disk)
    again = Quiet()
    level = buffered(again)
    later = sweep(tmp_path, RANDOM, 2, again, level, work=chatty)
    later.run()
    assert not again.ends
    check_the_books(later.store, level)
    client = MlflowTracker(f"sqlite:///{disk}/mlflow.db").client
    identity = client.get_experiment_by_name("loop").experiment_id
    assert not client.search_runs([identity], "attributes.status = 'RUNNING'")
    # whole logs, not beginnings
    for run in client.search_runs([identity], "tags.`rnnzoo.role` = 'trial'"):
        assert [file.file_size for file in client.list_artifacts(run.info.run_id)] == [CHATTY]


@pytest.mark.parametrize(
    "make",
    [lambda path: Store(f"sqlite:///{path}"), lambda path: MlflowTracker(f"sqlite:///{path}")],
)
def test_a_database_that_there_is_no_room_for_is_not_half_made(make, disk: Path) -> None:
    fill(disk)
    with pytest.raises(StoreError, match="fix: make room on that disk"):
        make(disk / "new.db")
    assert [path.name for path in disk.iterdir()] == ["filler"]
    make_room(disk)
    make(disk / "new.db")


@pytest.mark.slow
def test_real_trainings_go_on_without_a_cache_and_stop_where_their_models_cannot_be_written(
    disk: Path, tmp_path: Path
) -> None:
    (disk / "small.yaml").write_text(SPEC)
    (disk / "mlflow.yml").write_text(f"""\
tracking: {{uri: "sqlite:///{tmp_path}/mlflow.db", artifacts: {tmp_path}/artifacts}}
storage: {{url: "sqlite:///{tmp_path}/optuna.db"}}
""")
    with small(tmp_path / "cache", "64k") as cache:
        fill(cache)
        first = rnnzoo("sweep", "small.yaml", "--trials", "3", cwd=disk, XDG_CACHE_HOME=str(cache))
    assert first.returncode == 0, first.stderr
    assert len(Store(f"sqlite:///{tmp_path}/optuna.db").results("small")) == 6
    fill(disk)
    full = rnnzoo("sweep", "small.yaml", "--trials", "5", cwd=disk)
    assert (full.returncode, "Traceback" in full.stderr) == (1, False), full.stderr
    assert "fix: make room on that disk" in full.stderr
    make_room(disk)
    done = rnnzoo("sweep", "small.yaml", "--trials", "5", cwd=disk)
    assert done.returncode == 0, done.stderr
    results: Sequence[Result] = Store(f"sqlite:///{tmp_path}/optuna.db").results("small")
    assert [result.outcome.kind for result in results] == [Kind.COMPLETE] * 10
    assert all((disk / result.trial.folder / "model.keras").stat().st_size for result in results)
