"""What is left of the lead of found cells in fresh trainings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import About
from rnnzoo.evolve.rows import Drawn, Ended, Fate, Trained, Training
from rnnzoo.report import search
from rnnzoo.report.selection import selections
from rnnzoo.spec.trial import ROUND, Kind, Outcome, Result, StudyKey, Trial
from tests.evolve.worlds import plan, searched

ABOUT = About("small", "gru", ("parity",), {"parity": 1.0})
WHOLE = {"parity": 1.0, "adding": None}


def rounds(variant: str, scores: Iterable[float | None], task: str = "parity") -> list[Result]:
    """The rounds of a confirming sweep with these scores on test, and others on validation."""
    key = str(StudyKey("small_confirmed", variant, task, "abc", stage=ROUND))
    return [
        Result(
            Trial("small_confirmed", variant, "", task, index, {}, seed=index),
            Outcome(Kind.DIVERGED)
            if score is None
            else Outcome(Kind.COMPLETE, {"validation": 0.9, "test": score}),
            key,
        )
        for index, score in enumerate(scores)
    ]


def history(accuracies: Sequence[float]) -> History:
    """A search whose baseline has an accuracy of 0.5, and whose candidates have these."""
    history = History()
    for number, accuracy in enumerate((0.5, *accuracies)):
        label = "" if number else ABOUT.baseline
        history.add(Drawn(number, bool(number), "", str(number), variant=label))
        training = Training(number, "parity", 0, {})
        history.add(Trained(training, Kind.COMPLETE, 1.0 - accuracy, 1.0 - accuracy))
        history.add(Ended(number, Fate.PASSED, fitness=accuracy / 0.5))
    return history


def test_a_fresh_fitness_is_the_mean_over_rounds_of_the_accuracy_relative_to_the_baselines() -> (
    None
):
    results = rounds("gru", [0.5, 0.6, 0.5]) + rounds("small_1", [0.4, 0.6, 0.45])
    (row,) = selections(ABOUT, history([0.7]), results, WHOLE)
    shares = np.array([0.6 / 0.5, 0.4 / 0.4, 0.55 / 0.5])
    low, high = stats.t.interval(0.95, 2, shares.mean(), stats.sem(shares))
    assert row.least is not None
    assert (row.name, row.fitness, row.on_test) == ("candidate_1", 1.4, pytest.approx(1.4))
    assert (row.least.mean, row.least.rounds) == (pytest.approx(shares.mean()), 3)
    assert (row.least.low, row.least.high) == (pytest.approx(low), pytest.approx(high))


def test_rounds_are_paired_and_a_training_without_a_score_has_nothing_right() -> None:
    results = rounds("gru", [0.5, None, 0.5, 0.5]) + rounds("small_1", [0.5, 0.1, None])
    (row,) = selections(ABOUT, history([0.7]), results, WHOLE)
    assert row.least is not None
    assert (row.least.mean, row.least.rounds) == (pytest.approx((1.0 + 0.0) / 2), 2)


def test_an_unseen_task_is_shown_and_is_no_part_of_the_fitness() -> None:
    results = rounds("gru", [0.5]) + rounds("small_1", [0.5])
    results += rounds("gru", [2.0], "adding") + rounds("small_1", [4.0], "adding")
    (row,) = selections(ABOUT, history([0.7]), results, WHOLE)
    assert row.least is not None
    assert row.least.mean == pytest.approx(1.0)
    assert row.least.high == math.inf  # of one round
    assert [(each.task, each.mean, each.is_seen) for each in row.fresh] == [
        ("parity", pytest.approx(1.0), True),
        ("adding", pytest.approx(0.5), False),  # of losses
    ]


def test_a_cell_without_rounds_on_each_task_of_the_search_is_left_out() -> None:
    results = rounds("gru", [0.5]) + rounds("gru", [0.5], "adding")
    results += rounds("small_1", [0.5], "adding")
    assert selections(ABOUT, history([0.7, 0.6]), results, WHOLE) == []


def test_of_cells_that_are_all_alike_all_of_the_best_ones_lead_is_gone() -> None:
    rng, count, noise = np.random.default_rng(0), 20, 0.01
    gone = []
    for _ in range(200):
        seen = history(0.5 + noise * rng.standard_normal(count))
        best = max(seen.ended.values(), key=lambda ended: ended.fitness or 0.0).number
        fresh = 0.5 + noise * rng.standard_normal(8)
        results = rounds("gru", [0.5] * 8) + rounds(f"small_{best}", fresh)
        (row,) = selections(ABOUT, seen, results, WHOLE)
        assert row.least is not None
        gone.append(row.fitness - row.least.mean)
    density = lambda z: z * count * stats.norm.pdf(z) * stats.norm.cdf(z) ** (count - 1)  # noqa: E731
    expected = noise / 0.5 * integrate.quad(density, -8, 8)[0]  # of the largest of twenty
    assert np.mean(gone) == pytest.approx(expected, abs=4 * stats.sem(gone))


def test_the_page_has_what_is_left_of_each_cell() -> None:
    of = plan()
    rows = History.of(searched(of))
    best = max(
        (each for each in rows.ended.values() if not rows.drawn[each.number].variant),
        key=lambda each: each.fitness or 0.0,
    )
    label = f"small_{best.number}"
    results = [
        result
        for task in of.about.stages
        for result in rounds("gru", [0.5, 0.5], task) + rounds(label, [0.4, 0.6], task)
    ]
    left = selections(of.about, rows, results, of.about.whole)
    page = search.page(of.about, rows, Path("found"), "confirmed.html", left)
    assert "<td>1.000 (-1.541 to 3.541)</td>" in page  # 0.2 times t(0.975, 1) = 12.71
    assert f"<td>{best.fitness - 1:+.3f} (" in page
    assert 'href="confirmed.html"' in page
    without = search.page(of.about, rows, Path("found"), "", left)
    assert "<code>rnnzoo report found/small_confirmed.yaml</code>" in without
    assert 'href=""' not in without
