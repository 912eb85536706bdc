"""The comparison at equal settings against least squares done otherwise, and on studies whose truth
is known.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from rnnzoo.errors import StatsError
from rnnzoo.stats.adjusted import EXCESS, Adjusted, Placed
from rnnzoo.stats.surrogate import fit
from tests.stats.adjusting import LOWER, lower_basin, measure, real
from tests.stats.test_compare import room

INF = math.inf


def search(rng: np.random.Generator, trials: int, worse_by: float = 0.0, axes: int = 2) -> Placed:
    points = rng.random((trials, axes))
    quality = 4.0 * ((points - 0.6) ** 2).sum(axis=1) + worse_by
    on, report = (quality + rng.normal(0, 0.05, trials) for _ in range(2))
    return Placed(points, on, report, np.arange(trials))


def two(seed: int = 0, trials: int = 12, worse_by: float = 0.0) -> tuple[Placed, Placed]:
    rng = np.random.default_rng(seed)
    return search(rng, trials, worse_by), search(rng, trials)


def covariance(points: np.ndarray, on: np.ndarray) -> np.ndarray:
    """Entry by entry."""
    bounded = np.minimum(on, np.quantile(on, 0.75))
    surface = fit(points, np.zeros(len(on), dtype=int), on)
    lengths, noise = np.array(surface.shape.lengths), surface.shape.noise
    expected = surface.predict(points, 0)
    covariances = np.empty((len(on), len(on)))
    for i, j in itertools.product(range(len(on)), repeat=2):
        far = math.sqrt(5.0 * (((points[i] - points[j]) / lengths) ** 2).sum())
        covariances[i, j] = (1 - noise) * bounded.var() * (1 + far + far**2 / 3) * math.exp(-far)
        if i == j:
            covariances[i, j] += (
                noise * bounded.var() + (EXCESS * (expected[i] - expected.min())) ** 2
            )
    return covariances


def least_squares(a: Placed, b: Placed, of_a: np.ndarray) -> tuple[float, float]:
    """Estimate and t of the label, by ordinary least squares on whitened scores."""
    points, on, report = (
        np.concatenate([getattr(a, name), getattr(b, name)]) for name in ("points", "on", "report")
    )
    white = np.linalg.inv(np.linalg.cholesky(covariance(points, on)))
    design = white @ np.stack([np.ones(len(on)), of_a], axis=1)
    (_, label), *_ = np.linalg.lstsq(
        design, white @ np.minimum(report, np.quantile(report, 0.75)), rcond=None
    )
    return float(label), float(label / math.sqrt(np.linalg.inv(design.T @ design)[1, 1]))


def test_the_difference_is_that_of_generalised_least_squares() -> None:
    a, b = two(worse_by=0.2)
    expected, _ = least_squares(a, b, np.arange(24) < 12)
    assert Adjusted(a, b, seed=0, draws=199).difference == pytest.approx(expected, rel=1e-6)


def test_the_p_value_is_the_share_of_all_relabellings_that_reach_the_statistic() -> None:
    a, b = two(seed=3, trials=4, worse_by=0.1)
    seen = least_squares(a, b, np.arange(8) < 4)[1]
    each = [
        least_squares(a, b, np.isin(np.arange(8), chosen).astype(float))[1]
        for chosen in itertools.combinations(range(8), 4)
    ]
    expected = np.mean([value >= seen - 1e-9 for value in each])
    worse = Adjusted(a, b, seed=0, draws=9_999).test().worse
    assert worse == pytest.approx(expected, abs=3 * math.sqrt(expected * (1 - expected) / 9_999))


def test_the_same_seed_gives_the_same_numbers() -> None:
    a, b = two()
    first, second = (Adjusted(a, b, seed=5, draws=199) for _ in range(2))
    assert (first.difference, first.test(), first.test(0.1), first.interval()) == (
        second.difference, second.test(), second.test(0.1), second.interval()
    )  # fmt: skip


def test_to_move_a_by_the_margin_is_to_test_against_it() -> None:
    a, b = two()
    moved = replace(a, on=a.on + 0.5, report=a.report + 0.5)
    first, second = (
        Adjusted(moved, b, seed=0, draws=499).test(0.5),
        Adjusted(a, b, seed=0, draws=499).test(),
    )
    assert (first.worse, first.better) == pytest.approx((second.worse, second.better), abs=0.01)


def test_exchanging_the_two_exchanges_worse_and_better() -> None:
    a, b = two(worse_by=0.2)
    of_a, of_b = Adjusted(a, b, seed=0), Adjusted(b, a, seed=0)
    assert of_a.difference == pytest.approx(-of_b.difference, rel=1e-6)
    assert of_a.test().worse == pytest.approx(of_b.test().better, abs=0.02)


@pytest.mark.parametrize("seed", range(12))
def test_the_interval_excludes_no_difference_exactly_where_the_test_does(seed: int) -> None:
    adjusted = Adjusted(*two(seed, worse_by=0.05), seed=seed, draws=399)
    low, high = adjusted.interval()
    p = adjusted.test()
    assert (low > 0) == (p.worse <= 0.025)
    assert (high < 0) == (p.better <= 0.025)
    assert low <= adjusted.difference <= high


def test_a_trial_that_did_not_complete_counts_as_the_upper_quartile() -> None:
    a, b = two(seed=1, trials=16)
    best = np.argsort(a.on)[:8]
    lost = np.isin(np.arange(16), best)
    exploding = replace(a, on=np.where(lost, INF, a.on), report=np.where(lost, INF, a.report))
    assert Adjusted(exploding, b, seed=0).test().worse < 0.01
    finite = np.concatenate([exploding.report, b.report])
    cut = np.quantile(finite[np.isfinite(finite)], 0.75)
    assert 0 < Adjusted(exploding, b, seed=0).difference <= cut - finite.min()


def test_how_bad_bad_settings_are_is_not_evidence() -> None:
    a, b = two(seed=2, trials=20)
    far = np.quantile(np.concatenate([a.report, b.report]), 0.8)
    worse = replace(
        a, report=np.where(a.report > far, 1e6, a.report), on=np.where(a.report > far, 1e6, a.on)
    )
    shifted, plain = Adjusted(worse, b, seed=0), Adjusted(a, b, seed=0)
    assert shifted.difference == pytest.approx(plain.difference, abs=1e-9)


def test_pairs_are_exchanged_within_themselves() -> None:
    """Eight pairs, A worse in each by as much; the two worst pairs lie beyond the cut, so that 4 of
    2^8 flips are as seen.
    """
    b = search(np.random.default_rng(0), 8)
    a = replace(b, on=b.on + 0.1, report=b.report + 0.1)
    adjusted = Adjusted(a, b, seed=0, draws=4_999, paired=True)
    assert adjusted.test().worse == pytest.approx(4 / 2**8, abs=0.006)
    with pytest.raises(StatsError, match="6 complete"):
        # five numbers are those of both
        Adjusted(replace(a, index=a.index + 3), b, seed=0, paired=True)


@pytest.mark.parametrize(
    ("a", "b", "problem"),
    [
        (two(trials=3)[0], two(trials=3)[1], "4 complete trials"),
        (replace(two()[0], report=np.full(12, INF), on=np.full(12, INF)), two()[1],
         "4 complete trials"),
        (replace(two()[0], points=np.empty((12, 0))), replace(two()[1], points=np.empty((12, 0))),
         "nothing was searched"),
        (replace(two()[0], report=np.ones(12)), replace(two()[1], report=np.ones(12)),
         "all scores are equal"),
    ],
    ids=["three trials", "none completed", "no axes", "equal"],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(a: Placed, b: Placed, problem: str) -> None:
    with pytest.raises(StatsError, match=problem):
        Adjusted(a, b, seed=0)


# ------------------------------------------------------------------ studies, as docs/judging.md has

SIZES = [
    (20, 3, 80),
    pytest.param(20, 3, 1000, marks=pytest.mark.slow),
    pytest.param(60, 6, 400, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("count", "keep", "studies"), SIZES)
def test_two_of_one_kind_are_called_different_in_one_of_twenty_studies(
    count: int, keep: int, studies: int
) -> None:
    measured = measure(real(0.0), count, keep, studies)
    assert max(measured.adjusted) <= 0.05 + room(studies)
    assert abs(measured.estimate) < 0.05


@pytest.mark.parametrize(("count", "keep", "studies"), SIZES)
def test_a_difference_is_seen_far_more_often_than_by_the_best_trials(
    count: int, keep: int, studies: int
) -> None:
    measured = measure(real(0.2), count, keep, studies, 0.2)
    assert measured.adjusted[0] >= measured.present[0] + 0.25
    assert measured.adjusted[1] <= 0.05


@pytest.mark.parametrize(("count", "keep", "studies"), SIZES)
def test_two_that_do_best_at_different_settings_are_called_different_too_often(
    count: int, keep: int, studies: int
) -> None:
    """The limit that the report states: it is no verdict on what the two can do."""
    measured = measure(lower_basin(LOWER), count, keep, studies)
    assert measured.different > 0.05 + room(studies)
