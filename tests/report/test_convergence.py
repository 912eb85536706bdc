"""How fast cells learn, drawn from their learning curves."""

from __future__ import annotations

import pytest

from rnnzoo.report.figures import CellCurves, TaskCurves, learning_curves
from rnnzoo.report.figures.convergence import _frame
from tools.convergence import first_at, table

QUICK = CellCurves("quick", updates=10, seconds=0.2, curves=((4.0, 2.0, 1.0), (6.0, 3.0)))
SLOW = CellCurves("slow", updates=10, seconds=0.1, curves=((9.0, 5.0, 2.0), (9.0, 7.0, 4.0)))
TASK = TaskCurves("chorales", "nats", (QUICK, SLOW))


def test_a_median_is_of_the_trainings_that_went_so_far() -> None:
    assert QUICK.median() == [5.0, 2.5, 1.0]
    assert SLOW.median() == [9.0, 6.0, 3.0]


def test_a_score_is_reached_after_updates_and_after_their_seconds() -> None:
    assert first_at(QUICK, 3.0) == (20, pytest.approx(4.0))
    assert first_at(SLOW, 3.0) == (30, pytest.approx(3.0))
    assert first_at(SLOW, 2.0) is None


def test_cells_are_compared_where_the_slowest_one_ends() -> None:
    title, quick, slow = table([TASK]).splitlines()
    assert title == "chorales, to 3.000 nats"
    assert quick.split() == ["quick", "200.00", "ms", "an", "update,", "20", "updates,", "4.0", "s"]
    assert slow.split()[-4:] == ["30", "updates,", "3.0", "s"]


def test_each_task_has_a_row_and_each_cell_a_line_in_the_legend() -> None:
    drawn = learning_curves([TASK, TaskCurves("tunes", "nats", (SLOW,))])
    for words in ("chorales", "tunes", "quick", "slow", "updates", "seconds of a core"):
        assert f">{words}<" in drawn


def test_the_slowest_cell_is_seen_where_it_ends() -> None:
    flat = CellCurves("flat", updates=10, seconds=0.1, curves=((9.0, 8.9, 8.8),))
    low, high = _frame([QUICK, flat])
    assert low < 1.0
    assert high > 8.8
