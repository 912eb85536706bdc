"""mlflow.yml: which of its places wins, and what it may not hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnzoo.errors import SpecError
from rnnzoo.spec import settings
from rnnzoo.spec.document import parse, plain

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def test_without_a_file_all_goes_to_sqlite_under_runs(tmp_path: Path) -> None:
    chosen = settings.read()
    assert chosen.tracking == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert chosen.storage == f"sqlite:///{tmp_path}/runs/optuna.db"
    assert chosen.artifacts == f"{tmp_path}/runs/artifacts"
    assert (chosen.host, chosen.port) == ("127.0.0.1", 5000)


@pytest.mark.parametrize("text", ["", "\n\n", "# the project's folder\n"])
def test_a_file_that_says_nothing_is_as_good_as_none(text: str, tmp_path: Path) -> None:
    """It marks the folder of a project."""
    file = tmp_path / "mlflow.yml"
    file.write_text(text)
    assert settings.read(file) == settings.read(tmp_path / "none.yml")


def test_the_file_in_the_repository_says_what_is_built_in() -> None:
    assert settings.read(ROOT / "mlflow.yml") == settings.read(Path("nothing.yml"))
    assert set(plain(parse((ROOT / "mlflow.yml").read_text(), "mlflow.yml"))) == {
        "tracking",
        "storage",
        "ui",
    }


def test_the_environment_wins_over_the_file_and_an_empty_variable_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("mlflow.yml").write_text("tracking: {uri: 'http://127.0.0.1:5001'}\n")
    assert settings.read().tracking == "http://127.0.0.1:5001"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert settings.read().tracking == "http://127.0.0.1:5001"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5002")
    assert settings.read().tracking == "http://127.0.0.1:5002"


def test_a_server_keeps_the_files_of_runs_itself() -> None:
    Path("mlflow.yml").write_text("tracking: {uri: 'http://127.0.0.1:5001'}\n")
    assert settings.read().artifacts is None
    Path("mlflow.yml").write_text("tracking: {uri: 'http://127.0.0.1:5001', artifacts: kept}\n")
    assert settings.read().artifacts == str(Path("kept").resolve())


@pytest.mark.parametrize(
    "text",
    [
        "tracking: {uri: 'http://me:secret@127.0.0.1'}",
        "storage: {url: 'postgresql+psycopg://me:secret@127.0.0.1/db'}",
    ],
)
def test_a_password_is_refused_and_not_repeated(text: str) -> None:
    Path("mlflow.yml").write_text(text + "\n")
    with pytest.raises(SpecError, match=r"mlflow.yml:1:.* holds a password") as caught:
        settings.read()
    assert "secret" not in str(caught.value)


def test_a_user_without_a_password_is_no_secret() -> None:
    url = "postgresql+psycopg://me@127.0.0.1:5432/db"
    Path("mlflow.yml").write_text(f"storage: {{url: '{url}'}}\n")
    assert settings.read().storage == url


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("traking: {}", "did you mean 'tracking'"), ("ui: {port: 0}", "below its least value 1"),
        ("storage: sqlite:///x.db", "must be a table"), ("ui: {hosts: x}", "did you mean 'host'"),
    ],
)  # fmt: skip
def test_mistakes_in_the_file_have_places(text: str, message: str) -> None:
    Path("mlflow.yml").write_text(text + "\n")
    with pytest.raises(SpecError, match=message):
        settings.read()


@pytest.mark.parametrize(
    "address", ["s3://bucket/runs", "file:///tmp/runs", "mlflow-artifacts:/runs"]
)
def test_an_address_for_the_files_of_runs_is_no_folder(address: str) -> None:
    Path("mlflow.yml").write_text(f"tracking: {{artifacts: '{address}'}}\n")
    assert settings.read().artifacts == address
