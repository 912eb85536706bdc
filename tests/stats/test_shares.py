"""Shares against enumeration of all tables, and against SciPy's own tests."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from rnnzoo.errors import StatsError
from rnnzoo.stats.shares import more_often, share_interval, trials_for_shares

SHARES = np.linspace(0.02, 0.98, 13)


def chance(share_a: float, share_b: float, trials: int, happens) -> float:  # type: ignore[no-untyped-def]
    """The chance of an event of two counts, by adding up all tables."""
    counts = np.arange(trials + 1)
    chances_a, chances_b = (stats.binom.pmf(counts, trials, share) for share in (share_a, share_b))
    return float(
        sum(
            chances_a[a] * chances_b[b]
            for a, b in itertools.product(counts, counts)
            if happens(a, b)
        )
    )


def called_different(trials: int) -> set[tuple[int, int]]:
    """Pairs of counts that are called different at 5 %.

    Those of the variants exchanged are too, as a test below says.
    """
    tables = itertools.combinations_with_replacement(range(trials + 1), 2)
    different = [(a, b) for a, b in tables if min(more_often(a, trials, b, trials)) <= 0.025]
    return {*different, *((b, a) for a, b in different)}


@pytest.mark.parametrize("trials", [4, 12])
def test_equal_shares_are_called_different_in_at_most_5_percent_whatever_they_are(
    trials: int,
) -> None:
    alarms = called_different(trials)
    worst = max(chance(share, share, trials, lambda a, b: (a, b) in alarms) for share in SHARES)
    assert worst <= 0.05


def test_it_decides_where_fishers_test_does_not_yet() -> None:
    a, of_a, b, of_b = 11, 12, 7, 12
    more, less = more_often(a, of_a, b, of_b)
    fisher = stats.fisher_exact([[a, b], [of_a - a, of_b - b]], alternative="greater").pvalue
    assert more < 0.05 < fisher
    assert less > 0.9


def test_the_two_directions_are_those_of_the_variants_exchanged() -> None:
    assert more_often(9, 12, 3, 10) == pytest.approx(more_often(3, 10, 9, 12)[::-1])


@pytest.mark.parametrize("count", [0, 12])
def test_nothing_is_said_where_all_succeed_or_none(count: int) -> None:
    assert more_often(count, 12, count, 12) == (1.0, 1.0)


def test_many_trials_are_tested_by_fisher() -> None:
    wanted = stats.fisher_exact([[400, 350], [600, 650]], alternative="greater").pvalue
    assert more_often(400, 1000, 350, 1000)[0] == pytest.approx(wanted)


def test_the_interval_of_a_share_is_that_of_clopper_and_pearson() -> None:
    low, high = share_interval(2, 4, 0.95)
    assert (low, high) == pytest.approx((stats.beta.ppf(0.025, 2, 3), stats.beta.ppf(0.975, 3, 2)))
    assert share_interval(0, 12, 0.95)[0] == 0.0
    assert share_interval(12, 12, 0.95)[1] == 1.0


@pytest.mark.parametrize("trials", [4, 12, 40])
def test_the_interval_of_a_share_covers_at_least_as_often_as_it_says(trials: int) -> None:
    bounds = [share_interval(count, trials, 0.95) for count in range(trials + 1)]
    for share in SHARES:
        covered = chance(
            share, 0.5, trials, lambda a, b, share=share: bounds[a][0] <= share <= bounds[a][1]
        )
        assert covered >= 0.95


def test_the_trials_that_show_a_difference_of_shares_are_about_enough() -> None:
    trials = trials_for_shares(0.5, 0.05)
    decided = called_different(trials)
    assert 0.7 < chance(0.75, 0.25, trials, lambda a, b: (a, b) in decided) < 0.9
    assert trials_for_shares(0.25, 0.05) > 3 * trials
    assert trials_for_shares(0.5, 0.01) > trials


@pytest.mark.parametrize(("count", "of"), [(-1, 3), (4, 3), (0, 0)])
def test_what_is_no_share_is_refused(count: int, of: int) -> None:
    with pytest.raises(StatsError, match="is no share"):
        share_interval(count, of, 0.95)
