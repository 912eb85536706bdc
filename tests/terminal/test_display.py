"""What a sweep without a terminal prints as it begins."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.sweep.plan import studies
from rnnzoo.terminal.console import Plain
from rnnzoo.terminal.display import Display

SPEC = "experiment: e\ntask: adding\nvariants: [rnn]\nsearch: {trials: 3, space: {units: 4}}\n"


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (0, ""),
        (2, "2 of 3 trials are done already; going on with the rest\n"),
        (3, "3 of 3 trials are done already\n"),
    ],
)
def test_a_rest_is_told_of_only_where_there_is_one(done: int, words: str) -> None:
    (study,) = studies(parse_experiment(SPEC, "e.yaml", Path()), {"adding": "digest"}, {"adding": 2})
    out = io.StringIO()
    with Display(Plain(file=out), 3, live=False) as display:
        display.begin([study], {study.identity: done}, {})
    assert out.getvalue() == words
