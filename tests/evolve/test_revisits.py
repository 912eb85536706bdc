"""A cell of the population that is trained at more settings (Jozefowicz et al. 2015, 3.1)."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rnnzoo.evolve.history import History
from rnnzoo.evolve.judge import population
from rnnzoo.evolve.rows import Ended, Revisit, Row, plain, row_of
from rnnzoo.evolve.tally import Tally
from tests.evolve.test_advance import dying
from tests.evolve.worlds import SPEC, plan, results, searched

WIDE = SPEC.replace("choice: [0.001, 0.003, 0.01]", "float: [0.001, 0.01]")
OFTEN = {"more_settings": 0.5, "candidates": 12}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return searched(plan(WIDE, **OFTEN))


@pytest.fixture(scope="module")
def history(rows: list[Row]) -> History:
    return History.of(rows)


def test_cells_are_revisited(rows: list[Row], history: History) -> None:
    assert sum(isinstance(row, Revisit) for row in rows) >= 5
    assert max(map(len, history.revisits.values())) >= 2
    assert Tally.of(history).ended == 12  # a revisit is no candidate


def test_one_worker_or_several_have_one_history(rows: list[Row]) -> None:
    assert results(searched(plan(WIDE, **OFTEN), workers=5, seed=1)) == results(rows)


def test_a_search_that_is_killed_again_and_again_has_the_same_history(rows: list[Row]) -> None:
    rng, written, runs = np.random.default_rng(0), list[Row](), 0
    while len(written) < len(rows):
        written = searched(plan(WIDE, **OFTEN), 3, runs, written, dying(rng))
        runs += 1
    assert runs > 3
    assert results(written) == results(rows)


def test_a_history_with_revisits_lacks_nothing_before_any_row(rows: list[Row]) -> None:
    before = History()
    for row in rows:
        assert not before.lacks_before(row)
        before.add(row)


def test_each_visit_adds_as_many_trainings_and_repeats_no_setting(history: History) -> None:
    for number, generations in history.revisits.items():
        for task in ("parity", "adding"):
            tried = [row.training for row in history.in_order(number, task)]
            assert [training.index for training in tried] == [*range(2 * (1 + len(generations)))]
            assert len({json.dumps(training.setting) for training in tried}) == len(tried)
            assert {training.source for training in tried[2:]} == {"random"}


def test_who_is_revisited_was_in_the_population_and_is_none_of_the_first_cells(
    history: History,
) -> None:
    of = plan(WIDE, **OFTEN)
    for generation, numbers in history.revisited.items():
        members = {drawn.number for drawn in population(of, history, generation)}
        assert {*numbers} <= members
        assert len({*numbers}) == len(numbers)
        assert not any(history.drawn[number].variant for number in numbers)


def test_a_fitness_never_falls(rows: list[Row]) -> None:
    fates: dict[int, list[float]] = {}
    for row in rows:
        if isinstance(row, Ended) and row.fitness is not None:
            fates.setdefault(row.number, []).append(row.fitness)
    again = [each for each in fates.values() if len(each) > 1]
    assert all(each == sorted(each) for each in again)
    assert any(each[-1] > each[0] for each in again)


def test_a_small_space_is_not_visited_once_it_is_used_up() -> None:
    """Six settings, two at a time: two visits after the first."""
    history = History.of(searched(plan(more_settings=0.8, candidates=8)))
    assert max(map(len, history.revisits.values())) <= 2
    for number in history.revisits:
        assert len(history.at(number, "parity")) <= 6


def test_without_the_key_a_search_is_the_one_that_it_was(rows: list[Row]) -> None:
    assert plan(more_settings=0.0).identity == plan().identity
    assert plan(more_settings=0.1).identity != plan().identity
    assert not History.of(searched(plan())).revisits
    fate = Ended(3, next(row.fate for row in rows if isinstance(row, Ended)))
    assert "generation" not in plain(fate)  # lines are as they always were


def test_rows_are_read_back_as_they_were_written(rows: list[Row]) -> None:
    for row in rows:
        assert row_of(json.loads(json.dumps(plain(row)))) == row
