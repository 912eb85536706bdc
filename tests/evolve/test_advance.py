"""The course of a search: the same history, however it was run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rnnzoo.evolve.advance import Course
from rnnzoo.evolve.draw import renewed
from rnnzoo.evolve.history import History
from rnnzoo.evolve.rows import Drawn, Ended, Fate, Row, Trained, plain, row_of
from rnnzoo.evolve.tally import Tally
from rnnzoo.spec.experiment import FILTER
from tests.evolve.worlds import SPEC, plan, results, searched


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return searched(plan())


@pytest.mark.parametrize("seed", range(3))
def test_one_worker_or_several_have_one_history(rows: list[Row], seed: int) -> None:
    others = searched(plan(), workers=5, seed=seed)
    assert results(others) == results(rows)
    assert others != rows  # they came about in another order


LIFE = 15  # rows that a run writes at most


def dying(rng: np.random.Generator) -> Callable[[], bool]:
    left = iter(range(int(rng.integers(1, LIFE + 1))))
    return lambda: next(left, None) is None


@pytest.mark.parametrize("seed", range(3))
def test_a_search_that_is_killed_again_and_again_has_the_same_history(
    rows: list[Row], seed: int
) -> None:
    rng, written, runs = np.random.default_rng(seed), list[Row](), 0
    while len(written) < len(rows):
        written = searched(plan(), 3, seed + runs, written, dying(rng))
        runs += 1
    assert runs >= len(rows) / LIFE > 3
    assert results(written) == results(rows)


def of_another_version(row: Row) -> Row:
    if not isinstance(row, Drawn):
        return row
    return replace(row, form=f"old {row.form}", print=row.print and "old")


def test_a_history_of_another_version_is_gone_on_with_by_what_this_one_computes(
    rows: list[Row],
) -> None:
    assert renewed(plan(), map(of_another_version, rows)) == rows
    assert renewed(plan(), rows) == rows


def test_more_candidates_go_on_with_the_same_ones(rows: list[Row]) -> None:
    fewer = searched(plan(candidates=6))
    assert results(searched(plan(), rows=fewer)) == results(rows)


def test_a_search_that_is_done_wants_nothing(rows: list[Row]) -> None:
    course = Course(plan())
    for row in rows:
        course.take(row)
    assert course.is_done
    assert not list(course.follows())
    assert not list(course.wanted())


def test_all_that_were_asked_for_are_trained_and_have_one_fate_each(rows: list[Row]) -> None:
    history = History.of(rows)
    drawn = [row for row in rows if isinstance(row, Drawn)]
    assert [row.number for row in drawn] == list(range(len(drawn)))
    assert Counter(row.number for row in rows if isinstance(row, Ended)) == Counter(
        range(len(drawn))
    )
    assert Tally.of(history).ended == 10
    of_filter = [row for row in rows if isinstance(row, Trained) and row.training.stage == FILTER]
    assert len(of_filter) == 10


def test_whoever_does_not_pass_has_a_reason_and_goes_no_further(rows: list[Row]) -> None:
    history = History.of(rows)
    for ended in history.ended.values():
        assert bool(ended.reason) == (ended.fate is not Fate.PASSED)
        if ended.fate is Fate.FILTERED:
            assert not history.at(ended.number, "parity")
        if ended.fate is Fate.PASSED and not history.drawn[ended.number].variant:
            assert len(history.at(ended.number, "adding")) == 2


def test_parents_are_of_earlier_generations_and_passed(rows: list[Row]) -> None:
    history = History.of(rows)
    for drawn in history.drawn.values():
        for parent in drawn.parents:
            assert history.drawn[parent].generation < drawn.generation
            assert history.ended[parent].fate is Fate.PASSED
    assert any(drawn.generation > 1 for drawn in history.drawn.values())


def test_no_two_candidates_are_one_cell(rows: list[Row]) -> None:
    drawn = [row for row in rows if isinstance(row, Drawn)]
    assert len({row.form for row in drawn}) == len(drawn)


def test_the_first_cells_are_trained_at_all_points_of_the_space(rows: list[Row]) -> None:
    history = History.of(rows)
    for number in history.generations[0]:
        tried = [row.training.setting for row in history.at(number, "parity").values()]
        assert len({json.dumps(setting) for setting in tried}) == 6


def test_with_no_settings_only_the_filter_is_run() -> None:
    history = History.of(searched(plan(settings=0)))
    assert {stage for stages in history.trained.values() for stage in stages} == {FILTER}
    assert {ended.fitness for ended in history.ended.values()} == {None}


def test_candidates_may_come_from_a_grammar() -> None:
    history = History.of(searched(plan(origin="grammar", settings=0)))
    assert not any(drawn.parents for drawn in history.drawn.values())


def test_rows_are_read_back_as_they_were_written(rows: list[Row]) -> None:
    for row in rows:
        assert row_of(json.loads(json.dumps(plain(row)))) == row


def test_what_changes_a_candidate_changes_the_identity_and_nothing_else_does() -> None:
    same = [plan(candidates=7), plan(hours=2.0), plan(SPEC + "  unseen: [nottingham]\n")]
    others = [plan(seed=4), plan(gate=0.8), plan(nodes=50), plan(SPEC.replace("0.003", "0.004"))]
    assert {each.identity for each in same} == {plan().identity}
    assert len({each.identity for each in [plan(), *others]}) == 5
