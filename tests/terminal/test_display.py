"""What a sweep without a terminal prints as it begins, and when it is stopped."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.sweep.plan import Study, studies
from rnnzoo.terminal.console import Plain
from rnnzoo.terminal.display import Display

SPEC = "experiment: e\ntask: adding\nvariants: [rnn]\nsearch: {trials: 3, space: {units: 4}}\n"


def only_study() -> Study:
    (study,) = studies(parse_experiment(SPEC, "e.yaml", Path()), {"adding": "digest"}, {"adding": 2})
    return study


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (0, ""),
        (2, "2 of 3 trials are done already; going on with the rest\n"),
        (3, "3 of 3 trials are done already\n"),
    ],
)
def test_a_rest_is_told_of_only_where_there_is_one(done: int, words: str) -> None:
    study, out = only_study(), io.StringIO()
    with Display(Plain(file=out), 3, live=False) as display:
        display.begin([study], {study.identity: done}, {})
    assert out.getvalue() == words


def test_a_sweep_that_is_stopped_counts_its_trials_only_once_it_knows_them() -> None:
    study, out = only_study(), io.StringIO()
    display = Display(Plain(file=out), 3, live=False)
    display.stopped()
    display.begin([study], {study.identity: 1}, {})
    display.stopped()
    assert out.getvalue().splitlines() == [
        "stopped; no trial was begun, and the same command goes on",
        "1 of 3 trials are done already; going on with the rest",
        "stopped; 1 of 3 trials are done, and the same command goes on",
    ]
