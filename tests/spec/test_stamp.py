"""Whose model a file is: as the file says, or as its size allows."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo.spec import stamp
from rnnzoo.spec.trial import Trial

TRIAL = Trial(
    "e", "rnn", "name: rnn", "adding", 3, {"units": 4, "learning_rate": 0.1, "layers": 2}, seed=1
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """What Keras writes, as far as it is looked at."""
    path = tmp_path / "model.keras"
    layer = {
        "class_name": "Recurrent",
        "config": {"units": 4, "layers": 2, "dropout": 0.0, "recurrent_dropout": 0.0},
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "config.json", json.dumps({"config": {"layers": [{"class_name": "InputLayer"}, layer]}})
        )
    return path


def test_a_stamped_model_is_of_its_trial_and_of_no_other(model: Path) -> None:
    stamp.write(model, TRIAL)
    assert stamp.stamped(model)
    assert stamp.problem(model, TRIAL) == ""
    assert stamp.problem(model, replace(TRIAL, folder="elsewhere")) == ""
    for other in (replace(TRIAL, experiment="f"), replace(TRIAL, index=4), replace(TRIAL, seed=2)):
        assert "is the model of another trial" in stamp.problem(model, other)


def test_a_model_that_another_experiment_trained_is_that_of_the_trial_taken_over(
    model: Path,
) -> None:
    stamp.write(model, TRIAL)
    taken = replace(TRIAL, experiment="f", folder="runs/e/trials/v/adding/1f/0003")
    assert stamp.problem(model, taken) == ""
    elsewhere = replace(taken, folder="runs/g/trials/v/adding/1f/0003")
    assert "is the model of another trial" in stamp.problem(model, elsewhere)


def test_a_model_of_an_older_version_is_taken_where_its_size_fits(model: Path) -> None:
    assert not stamp.stamped(model)
    assert stamp.problem(model, TRIAL) == ""
    larger = replace(TRIAL, hyperparameters={**TRIAL.hyperparameters, "units": 15})
    assert "its units is 4, not 15" in stamp.problem(model, larger)
    assert "its units is 4, not 9" in stamp.problem(model, replace(TRIAL, own_units=9))
    deeper = replace(TRIAL, hyperparameters={**TRIAL.hyperparameters, "layers": 3})
    assert "its layers is 2, not 3" in stamp.problem(model, deeper)


def test_what_is_no_model_is_said(model: Path, tmp_path: Path) -> None:
    assert "is not here" in stamp.problem(tmp_path / "none.keras", TRIAL)
    whole = model.read_bytes()
    begins = whole.rindex(b"PK\x01\x02")  # what the archive says of its last member, the stamp
    for flags in (1, 32):  # a password; a way to pack that nobody knows
        model.write_bytes(whole[: begins + 8] + bytes([flags]) + whole[begins + 9 :])
        assert "is damaged" in stamp.problem(model, TRIAL)
    model.write_bytes(whole[:-30])
    assert "is damaged" in stamp.problem(model, TRIAL)
