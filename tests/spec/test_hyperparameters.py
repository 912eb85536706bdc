"""The table of hyper-parameters, and a training that is resolved from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnzoo.errors import SpecError
from rnnzoo.spec.hyperparameters import (
    HYPERPARAMETERS,
    MODEL,
    OF_SCHEDULE,
    OPTIMIZERS,
    SEARCHABLE,
    SETTINGS,
    TRAINING,
    Training,
    resolved,
)
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Trial
from tools.keys import PAGE, PAGES, with_hyperparameters, with_keys

HEAD = "experiment: e\ntask: adding\nvariants: [rnn]\n"
TRIAL = Trial("e", "rnn", "", "adding", 0, {"units": 8, "learning_rate": 0.1}, seed=1)
CHANGED: dict[str, Any] = {  # another legal value of each
    "units": 9, "layers": 2, "learning_rate": 0.5, "momentum": 0.5, "one_minus_momentum": 0.25,
    "noise": 0.5, "dropout": 0.5, "recurrent_dropout": 0.25, "clip": 2.0, "batch": 8,
    "optimizer": "sgd", "epochs": 3, "patience": 2, "nesterov": True, "effective_rate": True,
    "error": "sum", "backend": "jax", "group_by_length": True,
    "embed": 4, "clip_value": 2.0, "weight_decay": 0.5, "weight_noise": 0.5, "schedule": "halve",
    "bidirectional": True, "pool": "max", "hidden": 9, "hidden_layers": 2, "read_out_dropout": 0.5,
    "tie": True, "plateau": 3, "decay_from": 2, "decay_factor": 0.25, "warm_up": 1,
    "class_weight": "balanced", "best_by": "metric", "population": 8, "precision": "tf32",
}  # fmt: skip


def read(text: str) -> Training:
    experiment = parse_experiment(HEAD + text, "e.yaml", Path())
    trial = replace(
        TRIAL, hyperparameters=experiment.variants[0].space.fixed, training=experiment.training
    )
    return trial.training


def test_the_tables_of_the_manual_are_the_one_in_the_code() -> None:
    page = PAGE.read_text()
    assert with_hyperparameters(page) == page, "make accept writes them anew"
    assert all(f"| `{name}` |" in page for name in HYPERPARAMETERS)


def test_the_tables_of_keys_in_the_manual_are_those_that_files_are_read_by() -> None:
    for path in PAGES:
        assert with_keys(path.read_text()) == path.read_text(), "make accept writes them anew"
    pages = "".join(path.read_text() for path in PAGES)
    for name in ("keys", "search", "confirm", "resources", "search_cells", "mlflow.yml"):
        assert pages.count(f"<!-- {name} -->") == 1


@pytest.mark.parametrize("row", HYPERPARAMETERS.values(), ids=lambda row: row.name)
def test_every_default_is_legal_and_is_what_a_training_has(row: Any) -> None:
    assert row.default is None or not row.legal.problem(row.default)
    assert getattr(Training(), row.name) == row.default
    assert row.in_space or row.in_training or row.in_model
    assert {*row.optimizers} <= {*OPTIMIZERS}


@pytest.mark.parametrize("name", CHANGED)
def test_what_a_file_says_of_a_hyper_parameter_is_what_runs(name: str) -> None:
    value = str(CHANGED[name]).lower()
    optimizer = "optimizer: sgd" if name in ("momentum", "one_minus_momentum", "nesterov") else ""
    beside = f"schedule: {OF_SCHEDULE[name]}" if name in OF_SCHEDULE else optimizer
    beside = "hidden: 9" if name == "hidden_layers" else beside
    both = {"search: {space: {%s}}": SEARCHABLE, "training: {%s}": TRAINING, "model: {%s}": MODEL}
    for text, table in both.items():
        if name in table:
            entries = ", ".join(filter(None, [f"{name}: {value}", beside]))
            assert getattr(read(text % entries + "\n"), name) == CHANGED[name]
    assert {*CHANGED} == {*HYPERPARAMETERS}


def test_the_space_goes_before_the_settings() -> None:
    training = read("training: {batch: 4, clip: 1, epochs: 2}\nsearch: {space: {batch: 32}}\n")
    assert (training.batch, training.clip, training.epochs) == (32, 1.0, 2)


def test_a_training_at_another_point_has_nothing_of_the_one_before() -> None:
    first = replace(
        TRIAL,
        hyperparameters={
            "units": 8,
            "learning_rate": 0.1,
            "dropout": 0.5,
            "one_minus_momentum": 0.25,
        },
    )
    assert (first.training.dropout, first.training.momentum) == (0.5, 0.75)
    assert replace(first, hyperparameters=TRIAL.hyperparameters).training == TRIAL.training
    assert resolved({}) == Training()


def test_units_of_a_cell_with_equal_weights_are_its_own() -> None:
    trial = replace(TRIAL, own_units=5)
    assert (trial.units, trial.training.units, trial.hyperparameters["units"]) == (5, 5, 8)


def test_a_trial_is_written_as_ever_and_read_back() -> None:
    """Storages hold trials in this form."""
    content = TRIAL.to_dict()
    assert {*content["training"]} == {*SETTINGS}
    assert Trial.from_dict(content) == TRIAL


@pytest.mark.parametrize(
    ("text", "problem", "fix"),
    [
        (
            "training: {learning_rate: 0.1}\n",
            "`training` has no key 'learning_rate'",
            "`space:`, under `search:`",
        ),
        (
            "search: {space: {epochs: {int: [1, 9]}}}\n",
            "'epochs' cannot be searched",
            "write it under `training:`",
        ),
        (
            "training: {schedule: cosine, plateau: 3}\n",
            "`plateau` is for `schedule: halve`",
            "or delete `plateau`",
        ),
        (
            "training: {schedule: cosine, warm_up: 9, epochs: 9}\n",
            "all of the 9 epochs would warm up",
            "a smaller",
        ),
        ("search: {space: {epoch: 3}}\n", "no hyper-parameter 'epoch'", "one of"),
        ("model: {hidden_layers: 2}\n", "there are no layers of `hidden` units", "`hidden: 64`"),
        (
            "search: {space: {hidden_layers: {int: [1, 3]}}}\n",
            "there are no layers of `hidden` units",
            "`hidden: 64`",
        ),
        (
            "search: {space: {tie: {int: [0, 1]}}}\n",
            "'tie' is true or false",
            "write tie: {choice: [true, false]}",
        ),
    ],
)
def test_what_stands_in_the_wrong_table_is_said_to(text: str, problem: str, fix: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(text)
    (mistake,) = caught.value.mistakes
    assert problem in mistake.problem
    assert fix in mistake.fix
