"""A second stage whose hours are spent, and that goes on when there are more."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from rnnzoo.confirm import told
from rnnzoo.confirm.stand import stand
from rnnzoo.report.summarising import summarise
from rnnzoo.spec.read_experiment import parse_experiment, resolved
from rnnzoo.sweep.plan import confirming as second_stage
from rnnzoo.sweep.plan import studies
from tests.report import confirming

SHAPE = {"rnn": 0.15, "gru": 0.14}  # not to be told from none so soon
WHOLE = confirming.SPEC.replace("budget: 150", "budget: 60")
SEARCHED, PILOTS, ROUNDS = 24, 6 + 2, 6 * 3  # trainings, of a second each


def with_hours(seconds: float) -> str:
    return WHOLE.replace("budget: 60", f"budget: 60, hours: {seconds / 3600:.6f}")


def made(spec: str) -> list[object]:
    return list(confirming.Trainings(confirming.experiment(spec), SHAPE, noise=0.4).all())


@pytest.mark.parametrize(
    ("seconds", "trainings"),
    [
        (SEARCHED - 1, SEARCHED),  # the search is not ended
        (SEARCHED + 1, SEARCHED + 6),  # two of the pilots are to be repeated
        # before the first look all rounds come at once
        (SEARCHED + PILOTS + 1, SEARCHED + PILOTS + ROUNDS),
        # and then one after another
        (SEARCHED + PILOTS + ROUNDS + 1, SEARCHED + PILOTS + ROUNDS + 3),
        (10_000, 59),
    ],
)
def test_hours_end_a_stage_between_rounds_and_change_no_trial(
    seconds: float, trainings: int
) -> None:
    some = made(with_hours(seconds))
    assert len(some) == trainings
    assert some == made(WHOLE)[:trainings]
    now = stand(confirming.experiment(with_hours(seconds)), "adding", some, confirming.TRIALS)  # type: ignore[arg-type]
    assert now.ended == ("budget" if seconds == 10_000 else "hours")
    assert not now.next


def test_with_more_hours_it_wants_what_it_would_have_wanted() -> None:
    some = made(with_hours(SEARCHED + PILOTS + 1))
    more = stand(confirming.experiment(with_hours(10_000)), "adding", some, confirming.TRIALS)  # type: ignore[arg-type]
    without = stand(confirming.experiment(WHOLE), "adding", some, confirming.TRIALS)  # type: ignore[arg-type]
    assert more.next == without.next != ()


def test_the_report_says_that_the_hours_are_spent() -> None:
    read = confirming.experiment(with_hours(SEARCHED + PILOTS + 1))
    results = made(with_hours(SEARCHED + PILOTS + 1))
    summarised = summarise(read, results, {"adding": confirming.task()}, confirming.TRIALS)  # type: ignore[arg-type]
    assert [verdict.settle.partition(";")[0] for verdict in summarised.verdicts] == [
        "the hours are spent"
    ] * 2
    now = stand(read, "adding", results, confirming.TRIALS)  # type: ignore[arg-type]
    assert [*told.lines(now, read)][
        -1
    ] == "the hours are spent, and some claims are still open: 50 trainings"


def test_hours_are_no_part_of_what_a_study_is() -> None:
    names = []
    for spec in (WHOLE, with_hours(100)):
        planned = studies(
            parse_experiment(spec, "e.yaml", Path()), {"adding": "digest"}, {"adding": 2}
        )
        names.append(
            [study.identity for study in (*planned, *second_stage(planned, confirming.TRIALS))]
        )
    assert names[0] == names[1]


def test_a_resolved_spec_has_hours_only_where_they_were_given() -> None:
    assert "hours" not in resolved(confirming.experiment(WHOLE))["confirm"]
    assert resolved(confirming.experiment(with_hours(1800)))["confirm"]["hours"] == pytest.approx(
        0.5
    )
    assert math.isinf(confirming.experiment(WHOLE).confirm.hours)  # type: ignore[union-attr]
