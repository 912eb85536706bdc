"""Where a database and the files of runs are, whatever the project's folder is called and wherever
it is moved to.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mlflow.tracking._tracking_service import utils

from rnnzoo.spec import settings as config
from rnnzoo.spec.trial import Kind, Outcome, Result, Trial
from rnnzoo.sweep import doctor
from rnnzoo.sweep.search import Store
from rnnzoo.trackers.mlflow import MlflowTracker, astray


def tracker(project: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowTracker:
    """That of a project's folder, as a command of a new process makes it there."""
    utils._artifact_repos_cache.clear()  # by which MLflow remembers where the files of a run are
    monkeypatch.chdir(project)
    settings = config.read()
    return MlflowTracker(settings.tracking, settings.artifacts)


def write(made: MlflowTracker, project: Path, index: int) -> None:
    """A trial with a file."""
    (project / "log.txt").write_text(f"trial {index}")
    trial = Trial("moved", "rnn", "name: rnn", "adding", index, {"units": 4}, seed=0)
    made.open("moved", "", {"spec.yaml": "text"})
    made.record(Result(trial, Outcome(Kind.COMPLETE), "moved/rnn/adding/1"), [project / "log.txt"])


def logs(made: MlflowTracker, to: Path) -> set[str]:
    """What the files of all trials say."""
    client = made.client
    identity = client.get_experiment_by_name("moved").experiment_id
    runs = client.search_runs([identity], "tags.`rnnzoo.role` = 'trial'")
    return {
        Path(client.download_artifacts(run.info.run_id, "log.txt", str(to))).read_text()
        for run in runs
    }


@pytest.mark.parametrize("name", ["feature%2Fx", "what? a#b%20c"])
def test_any_name_of_a_projects_folder_will_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / name
    project.mkdir()
    made = tracker(project, monkeypatch)
    write(made, project, 0)
    Store(config.read().storage)
    assert [path.name for path in tmp_path.iterdir()] == [name]  # and no other beside it
    assert {path.name for path in (project / "runs").iterdir()} >= {
        "optuna.db",
        "mlflow.db",
        "artifacts",
    }
    assert len(list((project / "runs/artifacts/moved").rglob("log.txt"))) == 1
    assert logs(made, tmp_path) == {"trial 0"}
    assert config.exists(config.read().storage)
    checks = {check.name: check for check in doctor.checks(config.read())}
    assert checks["storage"].passed
    assert checks["MLflow"].passed


@pytest.mark.parametrize("old", ["blocked", "copied from"])
def test_files_of_runs_follow_a_project_that_was_moved(
    old: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, now = tmp_path / "before", tmp_path / "now"
    before.mkdir()
    write(tracker(before, monkeypatch), before, 0)
    monkeypatch.chdir(tmp_path)
    if old == "copied from":
        shutil.copytree(before, now)
    else:
        before.rename(now)
    if old == "blocked":
        before.touch()
    monkeypatch.chdir(now)
    (check,) = [check for check in doctor.checks(config.read()) if check.name == "MLflow"]
    assert (
        check.passed,
        "files of 1 experiment are looked for where the project was" in check.detail,
    ) == (False, True)
    moved = tracker(now, monkeypatch)
    write(moved, now, 1)
    assert len(list((now / "runs/artifacts").rglob("log.txt"))) == 2
    assert before.is_dir() == (old == "copied from")
    assert len(list(tmp_path.rglob("before/runs/artifacts/**/log.txt"))) == (old == "copied from")
    if old == "copied from":
        shutil.rmtree(before)
    assert logs(moved, tmp_path) == {"trial 0", "trial 1"}
    (check,) = [check for check in doctor.checks(config.read()) if check.name == "MLflow"]
    assert check.passed


def test_files_stay_where_they_are_when_somebody_chooses_another_folder_for_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tracker(tmp_path, monkeypatch), tmp_path, 0)
    (tmp_path / "mlflow.yml").write_text("tracking: {artifacts: elsewhere}\n")
    settings = config.read()
    assert not astray(settings.tracking, settings.artifacts)
    made = tracker(tmp_path, monkeypatch)
    write(made, tmp_path, 1)
    assert logs(made, tmp_path) == {"trial 0", "trial 1"}


def test_the_address_of_a_bucket_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.yml").write_text("tracking: {artifacts: 's3://bucket/runs'}\n")
    assert config.read().artifacts == "s3://bucket/runs"
