"""Intervals against SciPy's, and against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rnnzoo.errors import StatsError
from rnnzoo.stats.estimate import bootstrap_interval


def test_the_interval_is_that_of_scipy() -> None:
    scores = np.random.default_rng(0).gamma(2.0, size=40)
    low, high = bootstrap_interval(scores, 0.95, np.random.default_rng(1), draws=20_000)
    theirs = stats.bootstrap(
        (scores,), np.mean, confidence_level=0.95, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2)
    ).confidence_interval
    assert low == pytest.approx(theirs.low, abs=0.02)
    assert high == pytest.approx(theirs.high, abs=0.02)


def test_it_covers_the_mean_about_as_often_as_its_docstring_says() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        low, high = bootstrap_interval(rng.normal(size=10), 0.95, rng, draws=400)
        hits += low <= 0.0 <= high
    assert 0.86 <= hits / 400 <= 0.94


def test_equal_generators_give_equal_intervals_and_equal_scores_a_point() -> None:
    scores = np.arange(5.0)
    first, second = (bootstrap_interval(scores, 0.9, np.random.default_rng(7)) for _ in range(2))
    assert first == second
    assert bootstrap_interval(np.full(4, 2.5), 0.95, np.random.default_rng(0)) == (2.5, 2.5)


def test_a_higher_level_is_a_wider_interval() -> None:
    scores = np.random.default_rng(0).normal(size=12)
    narrow, wide = (bootstrap_interval(scores, level, np.random.default_rng(1)) for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < scores.mean() < narrow[1] < wide[1]


@pytest.mark.parametrize("scores", [[1.0, 2.0], [], [1.0, np.nan, 2.0], [np.inf, 1.0, 2.0]])
def test_too_few_or_infinite_scores_are_refused(scores: list[float]) -> None:
    with pytest.raises(StatsError):
        bootstrap_interval(np.array(scores), 0.95, np.random.default_rng(0))
