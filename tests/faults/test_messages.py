"""What is told of a store that cannot be used: what to do, and never a password."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rnnzoo.errors import StoreError, UsageError, without_password
from rnnzoo.spec import settings as config
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.sweep import doctor
from rnnzoo.sweep import open as door
from rnnzoo.sweep.search import Store
from rnnzoo.trackers.mlflow import MlflowTracker
from tests.sweep.loop import SPEC


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@there/runs", "postgresql://...@there/runs"),
        ("https://me:s@cr@t@there:5000", "https://...@there:5000"),
        ("postgresql://me@there/runs", "postgresql://...@there/runs"),
        ("https://there/a", "https://there/a"),
        ("sqlite:////home/me@work/optuna.db", "sqlite:////home/me@work/optuna.db"),
    ],
)
def test_an_address_is_shown_without_a_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    "uri", ["http://me:secret@127.0.0.1:9", "postgresql://me:secret@127.0.0.1:9/runs"]
)
def test_an_mlflow_that_is_away_is_told_soon_and_its_password_is_not(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if uri.startswith("postgresql"):
        pytest.importorskip("psycopg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(
        StoreError, match=r"MLflow at \w+://\.\.\.@127.0.0.1:9.* cannot be used"
    ) as caught:
        MlflowTracker(uri)
    assert "secret" not in str(caught.value)
    assert "secret" not in doctor.as_json(list(doctor.checks(config.read())))


@pytest.mark.parametrize("uri", ["file:{}/mlruns", "{}/mlruns"])
def test_a_folder_as_mlflows_store_is_told_with_what_to_name_instead(
    uri: str, tmp_path: Path
) -> None:
    with pytest.raises(
        StoreError, match=r"keeps no runs in a folder any more\n  fix: name a database or a server"
    ) as caught:
        MlflowTracker(uri.format(tmp_path))
    assert uri.format(tmp_path) in str(caught.value)


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"fix: pip install 'rnnzoo\[postgresql\]'"):
        Store("postgresql://127.0.0.1:9/runs")


def test_one_database_for_optuna_and_mlflow_is_refused_before_either_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mlflow.yml").write_text(
        "tracking: {uri: sqlite:///one.db}\nstorage: {url: sqlite:///one.db}\n"
    )
    experiment = parse_experiment(SPEC.format(sampler="random"), "loop.yaml", Path())
    with pytest.raises(UsageError, match="cannot share a database"):
        door.store(config.read(), experiment)
    assert not Path("one.db").exists()
