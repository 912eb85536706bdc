"""Sweeps of one experiment on two machines: over a folder that both see, and over a server that
both have as storage.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from pathlib import Path

import pytest

from rnnzoo.errors import StoreError
from rnnzoo.spec.trial import Kind, Outcome
from rnnzoo.sweep import lock, status
from rnnzoo.sweep.lock import FileLock, held
from rnnzoo.sweep.steering import steered
from tests.sweep.loop import SPEC, Quiet, sweep


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "BEAT", 0.05)
    monkeypatch.setattr(lock, "WATCHED", 0.5)


def leave(path: Path, host: str) -> None:
    """The file of a sweep that was cut off."""
    path.write_text(json.dumps({"host": host, "pid": 7, "since": "2026-01-01T00:00:00+00:00"}))


def test_what_a_dead_sweep_of_this_machine_left_is_taken_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "WATCHED", 60.0)
    leave(tmp_path / "lock", socket.gethostname())
    began = time.monotonic()
    with held(tmp_path / "lock", "mine"):
        assert f"process {os.getpid()} on" in lock.holder(tmp_path / "lock")
    assert time.monotonic() - began < 5


def test_what_a_dead_sweep_of_another_machine_left_is_watched_and_then_taken(
    tmp_path: Path,
) -> None:
    leave(tmp_path / "lock", "elsewhere")
    began = time.monotonic()
    with held(tmp_path / "lock", "mine"):
        assert time.monotonic() - began >= 0.5
        assert f"process {os.getpid()} on" in lock.holder(tmp_path / "lock")


def test_a_sweep_that_lives_on_another_machine_is_respected_though_its_lock_does_not_reach_us(
    tmp_path: Path,
) -> None:
    leave(tmp_path / "lock", "elsewhere")
    with (
        FileLock(tmp_path / "lock", "mine").beating(),  # as its sweep does there
        pytest.raises(
            StoreError,
            match=r"another sweep of 'mine' is running: process 7 on elsewhere, since .*\n  fix:",
        ),
        held(tmp_path / "lock", "mine"),
    ):
        pass
    assert json.loads((tmp_path / "lock").read_text())["host"] == "elsewhere"


def test_a_sweep_renews_its_lock_and_leaves_no_name_when_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held(path, "mine"):
        before = path.stat().st_mtime_ns
        time.sleep(0.3)
        assert path.stat().st_mtime_ns > before
    assert path.read_text() == ""
    with held(path, "mine"):  # and nothing is watched
        pass


def test_who_is_refused_is_told_that_a_search_runs_and_not_a_sweep(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        held(path, "mine", lock.SEARCH),
        pytest.raises(StoreError, match=r"another search of 'mine' is running: process \d+ on"),
        held(path, "mine"),
    ):
        pass


@pytest.mark.parametrize("deleted", ["file", "folder"])
def test_a_lock_that_is_deleted_under_its_holder_still_keeps_others_away_and_is_there_again_soon(
    deleted: str, tmp_path: Path
) -> None:
    path = tmp_path / "runs" / "mine" / "lock"
    with held(path, "mine") as check:
        path.unlink()
        if deleted == "folder":
            path.parent.rmdir()
        with (
            pytest.raises(
                StoreError,
                match=r"another sweep of 'mine' is running: (process|the file of its lock)",
            ),
            held(path, "mine"),
        ):
            pass
        end = time.monotonic() + 10
        while not (path.exists() and path.read_text()):
            assert time.monotonic() < end
            time.sleep(0.02)
        check()
        assert lock.holder(path).startswith(f"process {os.getpid()} on")
    with held(path, "mine"):
        pass


def test_a_holder_whose_file_is_deleted_and_held_by_another_learns_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a system without names for locks, or from a container with a network of its own."""
    monkeypatch.setattr(lock.sys, "platform", "darwin")
    path = tmp_path / "lock"
    with held(path, "mine") as check:
        check()
        path.unlink()
        with held(path, "mine") as other:
            with pytest.raises(
                StoreError, match=r"another sweep of 'mine' is running: process \d+ on"
            ):
                check()
            other()
        assert path.read_text() == ""
    assert path.read_text() == ""


def test_of_two_results_of_one_index_the_first_in_the_storage_counts(tmp_path: Path) -> None:
    """Only two sweeps at once can leave such; here the second begins while the first one's trials
    run.
    """
    spec = SPEC.format(sampler="random")
    first = sweep(tmp_path, spec, 2, Quiet())
    planned = first.studies[0]
    experiment = first.experiment
    attributes = {"experiment": "loop", "on": "validation", "parts": {}}
    study = first.store.study(planned.identity, attributes, experiment.search)
    point = {"units": 4, "learning_rate": 0.01, "optimizer": "adam"}
    told = [study.ask(0, point, planned.variant.space) for _ in range(2)]
    for score, (number, chosen) in enumerate(told):
        scores = dict.fromkeys(("train", "validation", "test"), float(score))
        study.tell(number, planned.trial(0, chosen), Outcome(Kind.COMPLETE, scores))
    (result,) = first.store.results("loop")
    assert result.outcome.scores["test"] == 0.0
    assert study.done()[0].scores["test"] == 0.0
    (row, _) = status.rows(first.studies, first.store, 6)
    assert (row.counts[Kind.COMPLETE], row.best) == (1, 0.0)
    assert first.store.editions("loop")[planned.identity][1] == 1
    first.run()
    keys = [(result.study, result.trial.index) for result in first.results()]
    assert len(set(keys)) == len(keys) == 8


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk without locks: what Lustre says where it was mounted without them."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)


@pytest.mark.usefixtures("without_locks")
def test_a_disk_without_locks_is_no_other_sweep(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match=r"files cannot be locked .* not implemented\n  fix: work"),
        held(tmp_path / "lock", "mine"),
    ):
        pass
    assert lock.holder(tmp_path / "lock") == ""


@pytest.mark.usefixtures("without_locks")
def test_a_part_on_a_disk_without_locks_runs_and_says_that_nobody_can_tell_it_anything(
    tmp_path: Path,
) -> None:
    """There a PostgreSQL storage keeps parts with a common trial apart, and no file does."""
    part = sweep(tmp_path, SPEC.format(sampler="random"), 2, Quiet())
    with steered(part) as steering:
        assert steering.inbox is None
    (note,) = part.observer.notes
    assert note.startswith("`rnnzoo ctl` cannot reach this sweep: ")
    assert "files cannot be locked there" in note
    assert "\n" not in note


def test_a_lock_that_is_deleted_while_it_is_looked_at_is_held_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: True)  # and when it is opened it is gone
    assert lock.holder(tmp_path / "lock") == ""
