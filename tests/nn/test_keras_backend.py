"""Keras set to another backend than TensorFlow, and trials, which have their own setting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo import backends
from rnnzoo.api.root import launched
from rnnzoo.backends.native import build
from rnnzoo.cli import main
from rnnzoo.spec import settings
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.settings import keras_backend
from rnnzoo.spec.trial import Trial, unusual
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


@pytest.mark.parametrize("variables", [{"KERAS_BACKEND": "openvino"}, {}], ids=str)
def test_a_layer_is_refused_in_one_sentence_before_keras_is_imported(
    home: Path, variables: dict[str, str]
) -> None:
    (home / "keras.json").write_text(json.dumps({"backend": "openvino"}))
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
        f"layers compute with TensorFlow, JAX or torch, and {source} sets Keras to 'openvino'"
    )
    assert fix == "  fix: set KERAS_BACKEND=tensorflow before Python starts"
    assert "keras/src" not in done.stderr


def test_a_training_is_refused_where_the_environment_asks_for_another_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, fix in (
        ("jax", "unset KERAS_BACKEND, or ask for `training: {backend: jax}`"),
        ("torch", "unset KERAS_BACKEND"),
    ):
        monkeypatch.setenv("KERAS_BACKEND", name)
        assert main([*TRAIN, *SMALL, "--set", "training.epochs=1"]) == 2
        problem = f"trains with TensorFlow, and KERAS_BACKEND sets Keras to '{name}'"
        assert f"{problem}\n  fix: {fix}\n" in capsys.readouterr().err


def test_a_training_is_refused_where_its_backend_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "is_installed", lambda backend: backend != "jax")
    assert main([*TRAIN, *SMALL, "--set", "training.backend=jax"]) == 2
    told = capsys.readouterr().err
    assert "this experiment trains with JAX, which is not installed\n" in told
    fix = 'pip install "rnnzoo[jax]"; or start anew with `training: {backend: tensorflow}`'
    assert f"fix: {fix}" in told


def test_the_backend_is_part_of_what_a_trial_is_and_tensorflow_changes_no_identity() -> None:
    trial = Trial("e", "v", "cell", "adding", 0, {"units": 4, "learning_rate": 0.01}, seed=1)
    assert trial.training.backend == "tensorflow"
    assert "backend" not in unusual(trial.training)
    of_jax = replace(trial, training=Training(backend="jax"))
    assert of_jax.training.backend == "jax"
    assert of_jax.key != trial.key
    assert Trial.from_dict(of_jax.to_dict()) == of_jax


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_trials_have_their_own_backend_whatever_a_file_says(home: Path, backend: str) -> None:
    with launched(1, home, Training(backend=backend)) as launcher:
        assert launcher.setup.environment["KERAS_BACKEND"] == backend


@pytest.mark.slow
def test_a_training_runs_though_a_file_of_keras_names_another_backend(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    assert main([*TRAIN, *SMALL, "--set", "training.epochs=1"]) == 0


def test_the_doctor_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)

    def looked(name: str) -> doctor.Check:
        return next(check for check in doctor.checks(settings.read()) if check.name == name)

    monkeypatch.setattr(doctor, "is_installed", lambda backend: True)
    assert looked("Keras") == doctor.Check("Keras", "with torch")
    monkeypatch.setattr(doctor, "is_installed", lambda backend: backend != "torch")
    keras = looked("Keras")
    assert (keras.passed, keras.fix) == (False, "install it, or set KERAS_BACKEND=tensorflow")
    assert keras.detail.endswith("sets Keras to 'torch', and torch is not installed")
    monkeypatch.setattr(doctor, "is_installed", lambda backend: True)
    (home / "keras.json").write_text(json.dumps({"backend": "openvino"}))
    keras = looked("Keras")
    assert (keras.passed, keras.fix) == (False, "set KERAS_BACKEND=tensorflow before Python starts")
    assert keras.detail.endswith("keras.json sets Keras to 'openvino'")
    for name in settings.LAYERS:
        monkeypatch.setenv("KERAS_BACKEND", name)
        assert looked("Keras").passed


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (
            ("tensorflow", "jax"),
            "TensorFlow and JAX, `auto` is jax; loops of JAX: native code of g++ 12",
        ),
        (("tensorflow",), "TensorFlow, `auto` is tensorflow; `rnnzoo[jax]` adds JAX"),
    ],
)
def test_the_doctor_says_what_trials_can_compute_with(
    names: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "is_installed", lambda backend: backend in names)
    monkeypatch.setattr(doctor, "is_installed", lambda backend: backend in names)
    monkeypatch.setattr(build, "compiler", lambda: "g++ 12")
    check = next(check for check in doctor.checks(settings.read()) if check.name == "backends")
    assert (check.detail, check.passed) == (told, True)


def test_new_studies_train_with_jax_where_its_loops_are_native_or_as_keras_backend_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lacks() -> str:
        raise build.Missing("there is no compiler g++")

    installed = {"tensorflow", "jax"}
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(settings, "is_installed", installed.__contains__)
    monkeypatch.setattr(build, "compiler", lambda: "g++ 12")
    assert backends.fastest_backend() == "jax"
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert backends.fastest_backend() == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "torch")  # of layers only
    assert backends.fastest_backend() == "jax"
    monkeypatch.setattr(build, "compiler", lacks)
    assert backends.fastest_backend() == "tensorflow"
    monkeypatch.setattr(build, "compiler", lambda: "g++ 12")
    installed.remove("jax")
    assert backends.fastest_backend() == "tensorflow"
