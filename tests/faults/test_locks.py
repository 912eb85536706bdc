"""Sweeps of one experiment on two machines: over a folder that both see, and over a server that both have as storage."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest

from rnnzoo.errors import StoreError
from rnnzoo.sweep import lock
from rnnzoo.sweep.lock import held


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


def test_what_a_dead_sweep_of_another_machine_left_is_watched_and_then_taken(tmp_path: Path) -> None:
    leave(tmp_path / "lock", "elsewhere")
    began = time.monotonic()
    with held(tmp_path / "lock", "mine"):
        assert time.monotonic() - began >= 0.5
        assert f"process {os.getpid()} on" in lock.holder(tmp_path / "lock")


def test_a_sweep_that_lives_on_another_machine_is_respected_though_its_lock_does_not_reach_us(tmp_path: Path) -> None:
    leave(tmp_path / "lock", "elsewhere")
    with (
        lock._beating(tmp_path / "lock"),  # as its sweep does there
        pytest.raises(
            StoreError, match=r"another sweep of 'mine' is running: process 7 on elsewhere, since .*\n  fix:"
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
