"""A study of one task at several lengths shows how scores change with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rnnzoo import report
from rnnzoo.report import figures, html
from rnnzoo.report.scaling import scaling_curves
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Result
from tests.report.test_report import SPEC, cells, results, task

pytestmark = pytest.mark.usefixtures("small_forests")

LONG = "tasks: [{name: adding, label: long, length: 200}, {name: adding, label: short, length: 20}]"


def summary(tasks: str) -> report.Summary:
    experiment = parse_experiment(SPEC.replace("task: adding", tasks), "gates.yaml", Path())
    of_tasks = [
        Result(result.trial, result.outcome, result.study.replace("/adding/", f"/{choice.label}/"))
        for choice in experiment.tasks
        for result in results()
    ]
    loaded = {choice.label: replace(task(), name=choice.name) for choice in experiment.tasks}
    return report.summarise(experiment, of_tasks, loaded, 6)


def test_tasks_that_differ_in_one_number_are_one_that_grows() -> None:
    (curve,) = scaling_curves(summary(LONG))
    assert (curve.name, curve.option) == ("adding", "length")
    assert [(value, table.task) for value, table in curve.tables] == [
        (20.0, "short"),
        (200.0, "long"),
    ]


@pytest.mark.parametrize(
    "tasks",
    [
        "task: adding",
        "tasks: [{name: adding}, {name: copy_memory, length: 20}]",
        "tasks: [{name: adding, length: 20}, {name: adding, label: other, length: 40, train: 100}]",
    ],
)
def test_others_do_not_grow(tasks: str) -> None:
    assert scaling_curves(summary(tasks)) == []


def test_the_report_shows_the_growth_with_every_variant_that_has_scores() -> None:
    summarised = summary(LONG)
    pictures = figures.draw(summarised)
    ElementTree.fromstring(pictures["growth-adding"])
    for name in ("lstm", "gru", "rnn", "learns nothing", "length"):
        assert name in pictures["growth-adding"]
    assert "As the task grows" in html.page(summarised, cells(), pictures)


def test_a_task_that_can_be_solved_shows_how_the_share_that_solves_it_changes() -> None:
    experiment = parse_experiment(SPEC.replace("task: adding", LONG), "gates.yaml", Path())
    of_tasks = [
        Result(result.trial, result.outcome, result.study.replace("/adding/", f"/{choice.label}/"))
        for choice in experiment.tasks
        for result in results()
    ]
    loaded = {
        choice.label: replace(task(), name=choice.name, solved=8.75) for choice in experiment.tasks
    }
    shown = report.summarise(experiment, of_tasks, loaded, 6)
    (curve,) = scaling_curves(shown)
    assert curve.solved
    assert "that solve it" in figures.draw(shown)["growth-adding"]


def test_tasks_of_one_kind_are_one_block_of_the_ranks() -> None:
    assert summary(LONG).ranks is None
    both = summary(
        "tasks: [{name: adding, label: a}, {name: adding, label: b, length: 9}, {name:"
        " copy_memory, label: c}]"
    )
    assert both.kinds == 2
    assert both.ranks is not None
    two = summary("tasks: [{name: adding, label: a}, {name: copy_memory, label: c}]")
    assert both.ranks == two.ranks
