"""Which trials share a program."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.shape import shape_of
from rnnzoo.spec.trial import Trial

SEARCHED = {"units": 8, "learning_rate": 0.1, "momentum": 0.9, "noise": 0.1, "dropout": 0.1}
TRIAL = Trial("e", "v", "name: v", "adding", 0, SEARCHED, seed=1, data="d" * 64)


def with_(training: dict[str, Any] | None = None, **searched: Any) -> Trial:
    point = {**SEARCHED, **searched}
    given = {name: value for name, value in point.items() if value is not None}
    return replace(TRIAL, hyperparameters=given, training=Training(**(training or {})))


def test_trials_share_a_program_where_they_differ_in_what_is_read_at_run_time() -> None:
    settings = {"epochs": 7, "patience": 3, "schedule": "decay", "decay_from": 2}
    others = [
        with_(learning_rate=0.2, momentum=0.5, noise=0.2),
        with_(momentum=None, one_minus_momentum=0.3),
        with_(settings),
        replace(TRIAL, seed=2, index=4, variant="w", experiment="f", folder="g", until=3),
    ]
    assert {shape_of(other) for other in others} == {shape_of(TRIAL)}


@pytest.mark.parametrize(
    "other",
    [
        with_(units=9),
        with_(momentum=0.0),
        with_(momentum=None),
        with_(noise=None),
        with_(weight_decay=0.1),
        with_(dropout=0.2),
        with_({"batch": 8}),
        with_({"optimizer": "sgd"}),
        with_({"clip": 1.0}),
        replace(TRIAL, cell="name: w"),
        replace(TRIAL, init={"b": 1}),
        replace(TRIAL, data="e" * 64),
        replace(TRIAL, task_options={"length": 9}),
    ],
)
def test_what_is_compiled_in_tells_programs_apart(other: Trial) -> None:
    assert shape_of(other) != shape_of(TRIAL)


def test_where_data_lie_is_no_part_of_a_shape_that_knows_what_they_are() -> None:
    elsewhere = replace(TRIAL, task_options={"file": "elsewhere.csv"}, base="folder")
    assert shape_of(elsewhere) == shape_of(TRIAL)
    unknown = replace(TRIAL, data="")
    assert shape_of(replace(unknown, base="folder")) != shape_of(unknown)
