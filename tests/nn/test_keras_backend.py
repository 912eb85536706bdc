"""Keras set to another backend than TensorFlow: one sentence, and trials have their own setting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnzoo.api.root import launched
from rnnzoo.cli import main
from rnnzoo.errors import UsageError
from rnnzoo.spec import settings
from rnnzoo.spec.settings import keras_backend
from rnnzoo.sweep import doctor

TRAIN = ["train", "rnn", "--task", "adding", "--set", "units=4", "--set", "learning_rate=0.01"]
SMALL = [
    part
    for key in ("length=20", "train=32", "valid=16", "test=16")
    for part in ("--set", f"task.{key}")
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of Keras' whose file names another backend."""
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "torch", "floatx": "float32"}))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return tmp_path


def test_the_environment_goes_over_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keras_backend() == ("torch", str(home / "keras.json"))
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert keras_backend() == ("jax", "KERAS_BACKEND")


@pytest.mark.parametrize("written", ["", "[]", "{}", "{broken"])
def test_without_a_word_about_it_keras_takes_tensorflow(home: Path, written: str) -> None:
    (home / "keras.json").write_text(written)
    assert keras_backend() == ("tensorflow", "Keras")
    (home / "keras.json").unlink()
    assert keras_backend() == ("tensorflow", "Keras")


@pytest.mark.parametrize(
    "variables", [{"KERAS_BACKEND": "jax"}, {"KERAS_BACKEND": "torch"}, {}], ids=str
)
def test_a_layer_is_refused_in_one_sentence_before_keras_is_imported(
    home: Path, variables: dict[str, str]
) -> None:
    program = "import rnnzoo; rnnzoo.layer('lstm', 5)"
    environment = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    *_, problem, fix = done.stderr.strip().splitlines()
    source = "KERAS_BACKEND" if variables else home / "keras.json"
    assert problem.endswith(
        f"rnnzoo computes with TensorFlow, and {source} sets Keras to '{keras_of(variables)}'"
    )
    assert fix == "  fix: set KERAS_BACKEND=tensorflow before Python starts"
    assert "keras/src" not in done.stderr


def keras_of(variables: dict[str, str]) -> str:
    return variables.get("KERAS_BACKEND", "torch")


def test_a_training_is_refused_where_the_environment_asks_for_another_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert main([*TRAIN, *SMALL, "--set", "training.epochs=1"]) == 2
    assert (
        "KERAS_BACKEND sets Keras to 'jax'\n  fix: set KERAS_BACKEND=tensorflow"
        in capsys.readouterr().err
    )


def test_trials_have_their_own_backend_whatever_a_file_says(home: Path) -> None:
    with launched(1, home) as launcher:
        assert launcher.setup.environment["KERAS_BACKEND"] == "tensorflow"


@pytest.mark.slow
def test_a_training_runs_though_a_file_of_keras_names_another_backend(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    assert main([*TRAIN, *SMALL, "--set", "training.epochs=1"]) == 0


def test_the_doctor_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)

    def looked() -> doctor.Check:
        return next(one for one in doctor.checks(settings.read()) if one.name == "Keras")

    assert (looked().well, looked().fix) == (
        False,
        "set KERAS_BACKEND=tensorflow before Python starts",
    )
    assert looked().found.endswith("keras.json sets Keras to 'torch'")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert looked().well


def test_only_tensorflow_has_an_engine() -> None:
    settings.check_keras_backend("tensorflow", "Keras")
    with pytest.raises(UsageError, match="sets Keras to 'jax'"):
        settings.check_keras_backend("jax", "KERAS_BACKEND")
