"""Which claims share an error rate: all of a file, or those on each task."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from rnnzoo import report
from rnnzoo.api.beforehand import warnings
from rnnzoo.confirm.stand import left, part
from rnnzoo.report import paper
from rnnzoo.spec.document import yaml_text
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import parse_experiment, resolved
from rnnzoo.spec.trial import Kind, Outcome, Result, Trial
from rnnzoo.sweep.plan import studies
from tests.report.test_report import task

pytestmark = pytest.mark.usefixtures("small_forests")

SPEC = """\
experiment: e
tasks: [adding, {name: adding, label: long, length: 400}]
variants: [lstm, gru, rnn]
search: {trials: 12, space: {learning_rate: {float: [0.001, 0.1]}}}
claims:
  - gru diverges more often than lstm
  - on long: rnn diverges more often than lstm
  - on all tasks: gru diverges more often than lstm
"""
BY_TASK = SPEC + "family: task\n"
LABELS = ("adding", "long")


def read(spec: str) -> Experiment:
    return parse_experiment(spec, "e.yaml", Path())


def results() -> list[Result]:
    """gru and rnn diverge in 9 of 12 trainings on each task, lstm in 1."""
    made = []
    for label in LABELS:
        for variant, diverged in (("lstm", 1), ("gru", 9), ("rnn", 9)):
            for index in range(12):
                kind = Kind.DIVERGED if index < diverged else Kind.COMPLETE
                scores = (
                    dict.fromkeys(("train", "validation", "test"), 1.0)
                    if kind is Kind.COMPLETE
                    else {}
                )
                trial = Trial(
                    "e", variant, "", label, index, {"units": 4, "learning_rate": 0.01}, seed=index
                )
                made.append(Result(trial, Outcome(kind, scores), f"e/{variant}/{label}/abc"))
    return made


def summary(spec: str) -> report.Summary:
    return report.summarise(read(spec), results(), dict.fromkeys(LABELS, task()), 12)


def test_p_values_are_adjusted_within_a_family() -> None:
    by_file, by_task = (
        [verdict.p for verdict in summary(spec).verdicts] for spec in (SPEC, BY_TASK)
    )
    smallest = by_task[3]  # of the claim about both tasks, which is alone in its family
    assert smallest is not None
    assert [verdict.task for verdict in summary(SPEC).verdicts] == [
        "adding",
        "long",
        "long",
        "all tasks",
    ]
    assert by_task == pytest.approx([smallest, 2 * smallest, 2 * smallest, smallest])
    assert by_file == pytest.approx([4 * smallest] * 4)


def test_a_report_says_which_claims_share_an_error_rate() -> None:
    for spec, sentence in (
        (SPEC, "All tested claims of the file share"),
        (BY_TASK, "The tested claims on each task share"),
    ):
        summarised = summary(spec)
        console = Console(width=80, record=True, file=io.StringIO())
        report.show(summarised, console)
        assert sentence in " ".join(console.export_text().split())
        assert sentence in paper.latex(summarised)
        assert "(on all tasks)" not in console.export_text()


def test_a_second_stage_on_a_task_divides_the_error_rate_of_its_family() -> None:
    diverges = "gru diverges more often than lstm"
    claims = f"claims: [gru worse than lstm, {diverges}, on all tasks: {diverges}]\n"
    stages = SPEC.partition("claims")[0] + "margin: 0.1\nconfirm: {}\n" + claims
    by_file, by_task = read(stages), read(stages + "family: task\n")
    assert [part(by_file, label) for label in LABELS] == [1 / 5, 1 / 5]
    assert left(by_file, LABELS, "") == pytest.approx(3 / 5)
    assert [part(by_task, label) for label in LABELS] == [1 / 2, 1 / 2]
    assert [left(by_task, LABELS, own) for own in ("long", "several tasks")] == [1 / 2, 1.0]


def test_what_cannot_be_decided_is_told_of_each_family() -> None:
    few = SPEC.replace("trials: 12", "trials: 2")
    (by_file,) = _undecidable(read(few))
    by_task = _undecidable(read(few + "family: task\n"))
    assert by_file == "4 of 4 tested claims"
    assert by_task == [
        "1 of 1 tested claim each on adding and on several tasks",
        "2 of 2 tested claims on long",
    ]


def _undecidable(experiment: Experiment) -> list[str]:
    problems = [remark.problem for remark in warnings(experiment)]
    return [text.partition(" cannot be")[0] for text in problems if "cannot be decided" in text]


def test_the_family_is_kept_in_what_a_spec_resolves_to_and_changes_no_study() -> None:
    by_file, by_task = read(SPEC), read(BY_TASK)
    assert read(yaml_text(resolved(by_task))).family == "task"
    assert "family" not in resolved(by_file)
    digests, inputs = dict.fromkeys(LABELS, "d"), dict.fromkeys(LABELS, 2)
    first, second = (
        {study.identity for study in studies(spec, digests, inputs)} for spec in (by_file, by_task)
    )
    assert first == second
    assert replace(by_task, family="file") == by_file
