"""The project that a folder belongs to: looked for upwards, as git does."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from rnnzoo.errors import UsageError
from rnnzoo.spec import settings
from rnnzoo.spec.cell import find
from rnnzoo.spec.trial import Trial
from rnnzoo.sweep import open as door

SPEC = """\
experiment: small
task: {name: adding, length: 10, train: 8, valid: 4, test: 4}
variants: [rnn]
search: {trials: 1, space: {units: 4}}
"""


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder two below one that may become a project; it is the current one."""
    folder = tmp_path / "experiments" / "mine"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    "marks", [["mlflow.yml"], ["runs/optuna.db"], ["runs/mlflow.db"], ["pyproject.toml"]]
)
def test_a_command_in_a_subfolder_works_on_the_project_around_it(
    marks: list[str], deep: Path, tmp_path: Path
) -> None:
    for mark in marks:
        (tmp_path / mark).parent.mkdir(exist_ok=True)
        (tmp_path / mark).write_text("ui: {port: 5001}\n")
    assert settings.project() == Path("../..")
    chosen = settings.read()
    assert chosen.storage == f"sqlite:///{tmp_path}/runs/optuna.db"
    assert chosen.artifacts == f"{tmp_path}/runs/artifacts"
    assert os.path.realpath(settings.runs()) == f"{tmp_path}/runs"


@pytest.mark.parametrize("others", [["runs/events.log"], ["pyproject.toml"], []])
def test_what_is_no_mark_leaves_the_current_folder_the_project(
    others: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    for other in others:
        (tmp_path / other).parent.mkdir(exist_ok=True)
        (tmp_path / other).touch()
    monkeypatch.chdir(tmp_path / "below")
    assert settings.project() == Path()
    assert settings.read().storage == f"sqlite:///{tmp_path}/below/runs/optuna.db"


def test_the_nearest_project_counts(deep: Path, tmp_path: Path) -> None:
    (tmp_path / "mlflow.yml").touch()
    (deep / "mlflow.yml").touch()
    assert settings.project() == Path()


@pytest.mark.parametrize("kind", ["home", "for everybody"])
def test_what_lies_in_a_folder_that_many_share_is_no_mark_for_those_within(
    kind: str, deep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlflow.yml").touch()
    if kind == "home":
        monkeypatch.setenv("HOME", str(tmp_path))
    else:
        tmp_path.chmod(0o1777)
    assert settings.project() == Path()
    monkeypatch.chdir(tmp_path)
    assert settings.project() == Path()  # itself it may be one


def test_a_home_that_is_not_there_is_shared_by_nobody(
    deep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    assert settings.project() == Path()
    (tmp_path / "mlflow.yml").touch()
    assert settings.project() == Path("../..")


def test_a_user_without_a_home_is_told_what_to_set(
    deep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    for name in ("HOME", "XDG_CACHE_HOME", "KERAS_BACKEND", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(UsageError, match=r"no home folder\n  fix: set XDG_CACHE_HOME"):
        settings.cache_folder()
    assert settings.project() == Path()
    assert settings.keras_backend() == (settings.KERAS_BACKEND, "Keras")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert settings.cache_folder() == tmp_path / "rnnzoo"


def test_paths_of_mlflow_yml_are_relative_to_its_folder(deep: Path, tmp_path: Path) -> None:
    text = "storage: {url: sqlite:///kept/optuna.db}\ntracking: {artifacts: kept/files}\n"
    (tmp_path / "mlflow.yml").write_text(text)
    chosen = settings.read()
    assert chosen.storage == f"sqlite:///{tmp_path}/kept/optuna.db"
    assert chosen.artifacts == f"{tmp_path}/kept/files"


def test_what_a_trial_keeps_is_found_from_every_folder_of_the_project(
    deep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlflow.yml").write_text("launcher: local\n")
    (deep / "small.yaml").write_text(SPEC)
    opened = door.opened(Path("small.yaml"))
    assert opened.runs == Path("../../runs/small")
    trial = opened.studies[0].trial(0, {"units": 4}, opened.runs)
    assert trial.base == "experiments/mine"
    assert Path(trial.folder).parts[0] == "runs"
    places = set()
    for folder in (deep, tmp_path):
        monkeypatch.chdir(folder)
        places |= {(trial.log.resolve(), trial.model.resolve(), trial.home.resolve())}
    ((log, model, home),) = places
    assert log.is_relative_to(tmp_path / "runs/small")
    assert model.parent == log.parent
    assert home == deep


def test_a_whole_path_stays_where_it_is(deep: Path, tmp_path: Path) -> None:
    (tmp_path / "mlflow.yml").touch()
    trial = Trial("e", "v", "name: v", "adding", 0, {}, seed=0, base="/data", folder="/logs/0")
    assert (trial.home, trial.log) == (Path("/data"), Path("/logs/0/log.txt"))


def test_cells_of_the_project_are_known_in_its_subfolders(deep: Path, tmp_path: Path) -> None:
    (tmp_path / "mlflow.yml").touch()
    (tmp_path / "experiments/cells").mkdir()
    (tmp_path / "experiments/cells/mine.yaml").touch()
    assert find("mine", Path("elsewhere")).resolve() == tmp_path / "experiments/cells/mine.yaml"


def test_a_current_folder_that_was_deleted_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UsageError, match="the current folder is gone"):
        settings.project()
