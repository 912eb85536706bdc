"""What an experiment's results say to the judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnzoo import lang
from rnnzoo.lang import counts
from rnnzoo.report.evidence import searches
from rnnzoo.report.importance import ImportanceModel
from rnnzoo.spec.read_experiment import parse_experiment

SPEC = """\
experiment: e
tasks: [{name: adding, label: narrow}, {name: adding, label: wide}]
variants: [lstm, gru]
search: {space: {units: 8}}
"""


@pytest.mark.parametrize(("task", "inputs"), [("narrow", 2), ("wide", 200)])
def test_weights_are_counted_with_the_inputs_of_the_task_that_is_judged(
    task: str, inputs: int
) -> None:
    experiment = parse_experiment(SPEC.replace("lstm, gru", "rnn, mut1"), "e.yaml", Path())
    searched = searches(
        experiment,
        [],
        {"narrow": 2, "wide": 200},
        {"narrow": 3, "wide": 3},
        ImportanceModel(experiment, []),
    )
    expected = counts.weights(lang.load("mut1"), inputs, 8) / counts.weights(
        lang.load("rnn"), inputs, 8
    )
    assert searched.weights(task, "mut1", "rnn") == (expected, expected)
