"""`rnnzoo doctor`, on a machine that is well and on some that are not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rnnzoo import __version__
from rnnzoo.spec import settings as config
from rnnzoo.sweep import doctor
from rnnzoo.sweep.doctor import Check
from rnnzoo.sweep.lock import held
from tests.command import rnnzoo


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def looked() -> dict[str, Check]:
    return {check.name: check for check in doctor.checks(config.read())}


def test_an_empty_folder_is_well_and_stays_empty(here: Path) -> None:
    checks = looked()
    assert [
        check.name
        for check in checks.values()
        if not check.passed and check.name not in ("memory", "disk")
    ] == []
    assert "made by the first sweep" in checks["storage"].detail
    assert "made by the first sweep" in checks["MLflow"].detail
    assert list(here.iterdir()) == []


def test_a_sweep_that_runs_is_named_and_its_trials_are_no_orphans(here: Path) -> None:
    with held(here / "runs/mine/lock", "mine"):
        assert f"'mine' is running: process {os.getpid()} on" in looked()["sweep"].detail
    assert "sweep" not in looked()


def test_trials_that_nobody_runs_any_more_are_counted(here: Path) -> None:
    import optuna

    (here / "runs").mkdir()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name, count in (("mine/lstm/adding/1", 2), ("mine/gru/adding/1", 1)):
        study = optuna.create_study(storage=f"sqlite:///{here}/runs/optuna.db", study_name=name)
        for _ in range(count):
            study.ask()
    storage = looked()["storage"]
    assert (storage.passed, storage.fix.startswith("3 trials were left running")) == (False, True)
    with held(here / "runs/mine/lock", "mine"):
        assert looked()["storage"].passed


def test_a_damaged_storage_and_a_server_that_is_away_are_told_with_what_to_do(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "runs").mkdir()
    (here / "runs/optuna.db").write_bytes(b"no database at all" * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    checks = looked()
    assert not checks["storage"].passed
    assert not checks["MLflow"].passed
    assert "sync" in checks["MLflow"].fix


def test_the_version_is_that_of_the_files_and_not_that_which_was_set_up(here: Path) -> None:
    assert f"rnnzoo {__version__}, " in looked()["packages"].detail


@pytest.mark.parametrize(
    ("name", "patch", "words"),
    [
        ("Python", ("PYTHONS", ((2, 6), (2, 7))), "is tested with Python 2.6 to 2.7"),
        ("packages", ("PACKAGES", ("numpy", "no-such-package")), "missing: no-such-package"),
        ("memory", ("A_TRIAL", 1e15), "--workers 1"),
        ("disk", ("DISK", 1e18), "make room"),
    ],
)
def test_what_is_lacking_is_told(
    name: str, patch: tuple[str, object], words: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, *patch)
    check = looked()[name]
    assert not check.passed
    assert words in check.fix


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(here: Path) -> None:
    (here / "runs").mkdir(mode=0o500)
    assert not looked()["runs"].passed


def test_the_command_prints_and_its_exit_code_says_whether_all_is_well(tmp_path: Path) -> None:
    plain = rnnzoo("doctor", cwd=tmp_path)
    listed = rnnzoo("doctor", "--json", cwd=tmp_path)
    checks = json.loads(listed.stdout)
    all_passed = all(check["passed"] for check in checks)
    assert (plain.returncode == 0) == (listed.returncode == 0) == all_passed
    assert all(check["name"] in plain.stdout for check in checks)
    away = rnnzoo("doctor", cwd=tmp_path, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert (away.returncode, "fail" in away.stdout) == (1, True)
