"""Tuning curves against every subset, against exact fractions, and against what their bands
promise.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product
from math import comb

import numpy as np
import pytest

from rnnzoo.errors import StatsError
from rnnzoo.stats.tuning import Array, TuningCurve, tuning_curve

INF = float("inf")


def curve(
    on: object, report: object, level: float = 0.9, seed: int = 0, draws: int = 200
) -> TuningCurve:
    return tuning_curve(
        np.array(on), np.array(report), level, np.random.default_rng(seed), draws=draws
    )


def over_all_subsets(on: list[float], report: list[float], n: int) -> tuple[float, float]:
    """Mean reported score over the sets of n that hold a finite trial, and the share of such
    sets.
    """
    selected = []
    for drawn in combinations(range(len(on)), n):
        best = min(on[trial] for trial in drawn)
        if best < INF:
            selected.append(np.mean([report[trial] for trial in drawn if on[trial] == best]))
    return float(np.mean(selected)), len(selected) / comb(len(on), n)


@pytest.mark.parametrize(
    "on",
    [
        [0.3, 0.1, 0.6, 0.2, 0.5, 0.4],
        [0.3, 0.1, 0.3, 0.1, 0.1, 0.4],
        [0.3, INF, 0.1, INF, 0.2, INF],
        [0.2, 0.2, INF, 0.2, 0.1, INF],
    ],
    ids=["all different", "ties", "half diverged", "ties and diverged"],
)
def test_the_curve_is_the_mean_over_all_subsets(on: list[float]) -> None:
    report = [1.7, -0.4, 2.2, 0.9, 3.1, 0.5]
    tuned = curve(on, report)
    assert tuned.trials.tolist() == [1, 2, 3, 4, 5, 6]
    for n in tuned.trials:
        mean, finite = over_all_subsets(on, report, n)
        assert tuned.mean[n - 1] == pytest.approx(mean, rel=1e-12)
        assert tuned.finite[n - 1] == pytest.approx(finite, rel=1e-12)


def test_the_band_is_that_of_all_possible_resamples() -> None:
    on, report = [0.3, 0.1, INF, 0.1], [1.0, 2.0, np.nan, 5.0]
    tuned = curve(on, report, level=0.8, draws=20_000)
    resamples = [
        drawn for drawn in product(range(4), repeat=4) if any(on[trial] < INF for trial in drawn)
    ]
    assert len(resamples) == 4**4 - 1
    for n in tuned.trials:
        means = [
            over_all_subsets([on[trial] for trial in drawn], [report[trial] for trial in drawn], n)[
                0
            ]
            for drawn in resamples
        ]
        low, high = np.percentile(means, (10.0, 90.0), method="inverted_cdf")
        assert (tuned.low[n - 1], tuned.high[n - 1]) == pytest.approx((low, high), rel=1e-12)


def test_all_trials_give_what_the_selected_one_reports_and_a_single_one_the_plain_mean() -> None:
    rng = np.random.default_rng(0)
    on, report = rng.normal(size=50), rng.normal(size=50)
    tuned = curve(on, report)
    assert tuned.mean[-1] == report[np.argmin(on)]
    assert tuned.mean[0] == pytest.approx(report.mean())


def test_the_curve_falls_where_the_selecting_score_is_reported_and_may_rise_where_it_is_not() -> (
    None
):
    on = np.random.default_rng(1).normal(size=80)
    falling, rising = curve(on, on), curve(on, -on)
    assert (np.diff(falling.mean) < 0.0).all()
    assert (np.diff(rising.mean) > 0.0).all()


def test_the_order_of_trials_does_not_matter_even_where_they_tie() -> None:
    rng = np.random.default_rng(2)
    on, report = rng.integers(0, 4, size=30).astype(float), rng.normal(size=30)
    shuffled = rng.permutation(30)
    np.testing.assert_allclose(
        curve(on, report).mean, curve(on[shuffled], report[shuffled]).mean, rtol=1e-12
    )


@pytest.mark.parametrize("n", [1, 2, 37, 1000, 1963, 1999, 2000])
def test_two_thousand_trials_agree_with_exact_fractions(n: int) -> None:
    size = 2000
    report = np.random.default_rng(3).integers(-1000, 1000, size=size)
    tuned = curve(np.arange(float(size)), report, draws=2)
    exact = sum(
        Fraction(int(report[rank - 1]) * comb(size - rank, n - 1)) for rank in range(1, size + 1)
    ) / comb(size, n)
    assert tuned.mean[n - 1] == pytest.approx(float(exact), rel=1e-10, abs=1e-9)
    assert tuned.finite[n - 1] == pytest.approx(1.0, abs=1e-12)


def test_what_a_diverged_trial_reports_is_not_looked_at() -> None:
    on = [0.3, INF, 0.1, 0.2]
    first, second = (curve(on, [1.0, junk, 2.0, 3.0]) for junk in (np.nan, 1e300))
    np.testing.assert_array_equal(first.mean, second.mean)
    np.testing.assert_array_equal(first.high, second.high)
    assert np.isfinite(first.high).all()


def test_the_band_has_no_gaps_where_most_trials_diverged() -> None:
    tuned = curve(
        [INF] * 17 + [0.1, 0.2, 0.3], np.arange(20.0), draws=1000
    )  # 4 % of the resamples hold no finite trial
    assert np.isfinite([tuned.low, tuned.high]).all()
    assert (tuned.low >= 17.0).all()
    assert (tuned.high <= 19.0).all()


def draw_scores(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Array, Array]:
    on = rng.normal(size=shape)
    return on, on + 0.5 * rng.normal(size=shape)


@pytest.mark.slow
def test_the_band_covers_the_truth_about_as_often_as_its_level_while_n_is_small() -> None:
    rng = np.random.default_rng(4)
    places = np.array([1, 3, 6])
    on, report = draw_scores(rng, (100_000, 6))
    truth = np.array(
        [
            np.take_along_axis(report, on[:, :n].argmin(axis=1)[:, None], axis=1).mean()
            for n in places
        ]
    )
    hits = np.zeros(3)
    for _ in range(400):
        tuned = tuning_curve(*draw_scores(rng, (60,)), 0.9, rng, draws=300)
        hits += (tuned.low[places - 1] <= truth) & (truth <= tuned.high[places - 1])
    assert (hits / 400 > 0.82).all()
    assert (hits / 400 < 0.94).all()


@pytest.mark.slow
def test_the_band_is_as_narrow_near_the_end_as_its_docstring_warns() -> None:
    rng = np.random.default_rng(5)
    places = np.array([6, 15, 60])
    truth = np.minimum.accumulate(rng.normal(size=(40_000, 60)), axis=1).mean(axis=0)[places - 1]
    hits = np.zeros(3)
    for _ in range(400):
        scores = rng.normal(size=60)
        tuned = tuning_curve(scores, scores, 0.9, rng, draws=300)
        hits += (tuned.low[places - 1] <= truth) & (truth <= tuned.high[places - 1])
    np.testing.assert_allclose(hits / 400, [0.85, 0.77, 0.45], atol=0.06)


def test_equal_generators_give_equal_bands_and_a_higher_level_a_wider_one() -> None:
    rng = np.random.default_rng(6)
    on, report = rng.normal(size=40), rng.normal(size=40)
    first, second, wide = curve(on, report), curve(on, report), curve(on, report, level=0.99)
    np.testing.assert_array_equal(first.low, second.low)
    np.testing.assert_array_equal(first.high, second.high)
    assert (wide.low <= first.low).all()
    assert (first.high <= wide.high).all()
    assert (wide.low < first.low)[:20].all()  # at n = N both may end at the same trial
    assert (first.high < wide.high)[:20].all()


@pytest.mark.parametrize(
    ("on", "report", "complaint"),
    [
        ([], [], "not 0"),
        ([0.1, 0.2], [0.1, 0.2], "not 2"),
        ([INF, INF, INF, INF], [0.1, 0.2, 0.3, 0.4], "not 0"),
        ([0.1, 0.2, 0.3], [0.1, 0.2], "shapes"),
        ([[0.1, 0.2, 0.3]], [[0.1, 0.2, 0.3]], "shapes"),
        ([0.1, np.nan, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4], "NaN"),
        ([0.1, -INF, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4], "-inf"),
        ([0.1, 0.2, 0.3], [0.1, INF, 0.3], "no finite reported score"),
    ],
)
def test_scores_that_allow_no_curve_are_refused(
    on: list[float], report: list[float], complaint: str
) -> None:
    with pytest.raises(StatsError, match=complaint):
        curve(on, report)
