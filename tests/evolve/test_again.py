"""Trainings that failed, begun once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rnnzoo.evolve.advance import Course
from rnnzoo.evolve.again import Earlier, failed, kept
from rnnzoo.evolve.history import History
from rnnzoo.evolve.rows import Drawn, Ended, Fate, Row, Trained, Training
from rnnzoo.spec.experiment import FILTER
from rnnzoo.spec.trial import Kind
from tests.evolve.test_revisits import OFTEN, WIDE
from tests.evolve.worlds import made_up, plan, results, searched

KINDS = (Kind.FAILED,)


def faulty(course: Course, training: Training) -> Trained:
    """A world with a fault of ours, which hits some cells of all generations but the first."""
    outcome = made_up(course, training)
    is_hit = training.candidate % 4 == 3 and training.stage == FILTER
    if is_hit:
        return Trained(training, Kind.FAILED, message="an order of instructions was wrong")
    return outcome


def gone_on_with(rows: Sequence[Row], earlier: Earlier) -> tuple[list[Row], list[Training]]:
    """A search that goes on after the fault was mended, and what it had to train."""
    course, written, trained = Course(plan()), [*rows], list[Training]()
    for row in rows:
        course.take(row)
    while not course.is_done:
        for row in course.follows():
            course.take(row)
            written.append(row)
        for training in course.wanted():
            outcome = earlier.training(training, course.history.drawn[training.candidate])
            if outcome is None:
                outcome = made_up(course, training)
                trained.append(training)
            course.take(outcome)
            written.append(outcome)
    return written, trained


@pytest.fixture(scope="module")
def broken() -> list[Row]:
    rows = searched(plan(), trained=faulty)
    assert len(failed(rows, KINDS)) >= 2
    return rows


def test_a_search_that_begins_failures_once_more_ends_as_one_without_the_fault(
    broken: list[Row],
) -> None:
    written, trained = gone_on_with(kept(broken, KINDS, 2), Earlier([History.of(broken)]))
    assert results(written) == results(searched(plan()))
    assert len(trained) < sum(isinstance(row, Trained) for row in written) / 2


def test_what_fails_once_more_costs_no_other_training(broken: list[Row]) -> None:
    earlier = History.of(broken)
    course = Course(plan())
    for row in kept(broken, KINDS, 2):
        course.take(row)
    trained = []
    while not course.is_done:
        for row in course.follows():
            course.take(row)
        for training in course.wanted():
            drawn = course.history.drawn[training.candidate]
            outcome = Earlier([earlier]).training(training, drawn)
            if outcome is None:
                trained.append(training.candidate)
                outcome = faulty(course, training)
            course.take(outcome)
    assert results([*course.history.rows()]) == results(broken)
    assert trained == [row.training.candidate for row in failed(broken, KINDS)]


def test_rows_that_stay_are_those_before_the_first_failure_can_matter(broken: list[Row]) -> None:
    history, rows = History.of(broken), kept(broken, KINDS, 2)
    number = min(row.training.candidate for row in failed(broken, KINDS))
    generation = history.drawn[number].generation
    assert max(row.generation for row in rows if isinstance(row, Drawn)) == generation
    assert number not in History.of(rows).ended
    before = History()
    for row in rows:
        assert not before.lacks_before(row)
        before.add(row)


def test_without_failures_every_row_stays(broken: list[Row]) -> None:
    assert kept(broken, (Kind.TIMED_OUT,), 2) == broken


def test_a_failure_of_a_first_cell_reopens_all_of_them() -> None:
    rows = searched(plan())
    hit = next(i for i, row in enumerate(rows) if isinstance(row, Trained))
    rows[hit] = replace(rows[hit], kind=Kind.FAILED, score=None)
    left = kept(rows, KINDS, 2)
    assert not any(isinstance(row, Ended) for row in left)
    assert {row.generation for row in left if isinstance(row, Drawn)} == {0}


def test_a_failure_in_a_revisit_leaves_the_fate_before_it() -> None:
    rows = searched(plan(WIDE, **OFTEN))
    history = History.of(rows)
    number = next(number for number, each in history.revisits.items() if len(each) == 1)
    (generation,) = history.revisits[number]
    broken = [
        replace(row, kind=Kind.FAILED, score=None)
        if isinstance(row, Trained) and row.training.key == (number, "parity", 2)
        else row
        for row in rows
    ]
    left = History.of(kept(broken, KINDS, 2))
    assert left.ended[number].generation is None
    assert left.ended[number].fate is Fate.PASSED
    assert left.generation == generation


def test_an_outcome_of_another_cell_or_setting_is_not_taken(broken: list[Row]) -> None:
    history = History.of(broken)
    row = next(row for row in broken if isinstance(row, Trained) and row.kind is Kind.COMPLETE)
    drawn, earlier = history.drawn[row.training.candidate], Earlier([history])
    assert earlier.training(row.training, drawn) == row
    assert earlier.training(row.training, replace(drawn, cell="another")) is None
    other = replace(row.training, setting={"units": 1})
    assert earlier.training(other, drawn) is None
