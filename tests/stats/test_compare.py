"""The judge's comparison against SciPy, against enumeration, and on searches whose truth is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from rnnzoo.errors import StatsError
from rnnzoo.stats.compare import Effect, Trials, effect, exchange, holm, trials_needed

INF = math.inf


def search(rng: np.random.Generator, trials: int, worse_by: float = 0.0, diverged: float = 0.0) -> Trials:
    """A search as they are: a skewed quality, seen with noise on both splits; some trials diverge."""
    quality = 8.5 + rng.gamma(1.5, 0.5, trials) + worse_by
    on, report = (quality + rng.normal(0, 0.05, trials) for _ in range(2))
    lost = rng.random(trials) < diverged
    return Trials.of(np.where(lost, INF, on), np.where(lost, INF, report))


def share(simulations: int, trials: int, worse_by: float, verdict: object, diverged: float = 0.0) -> float:
    """In which share of simulated studies a verdict is reached."""
    rng = np.random.default_rng([simulations, trials, round(1e6 * worse_by)])
    reached = 0
    for _ in range(simulations):
        a, b = search(rng, trials, worse_by, diverged), search(rng, trials, 0.0, diverged)
        reached += verdict(a, b, max(3, trials // 10), rng)  # type: ignore[operator]
    return reached / simulations


def worse(a: Trials, b: Trials, keep: int, rng: np.random.Generator) -> bool:
    return exchange(a, b, keep, rng, draws=199).worse <= 0.05


def welch(a: Trials, b: Trials, keep: int, rng: np.random.Generator) -> bool:
    return exchange(a, b, keep, rng, draws=9).welch <= 0.05


def same(margin: float):  # type: ignore[no-untyped-def]
    def verdict(a: Trials, b: Trials, keep: int, rng: np.random.Generator) -> bool:
        above = exchange(a, b, keep, rng, shift=-margin, draws=199).worse
        below = exchange(a, b, keep, rng, shift=margin, draws=199).better
        return max(above, below) <= 0.05

    return verdict


# A share of 5 % in n simulations has a standard error of sqrt(0.05 x 0.95 / n); three of them are allowed.
@pytest.mark.parametrize("trials", [60, 200])
@pytest.mark.parametrize("simulations", [400, pytest.param(2000, marks=pytest.mark.slow)])
def test_searches_that_do_not_differ_are_called_worse_in_5_percent(trials: int, simulations: int) -> None:
    room = 3 * math.sqrt(0.05 * 0.95 / simulations)
    assert abs(share(simulations, trials, 0.0, worse) - 0.05) < room


def test_trials_that_diverge_do_not_raise_the_false_alarms() -> None:
    assert abs(share(400, 60, 0.0, worse, diverged=0.4) - 0.05) < 3 * math.sqrt(0.05 * 0.95 / 400)


def test_the_papers_test_raises_more_false_alarms_than_it_says() -> None:
    assert share(1000, 60, 0.0, welch) > 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)


def test_the_power_grows_with_the_difference_and_with_the_trials() -> None:
    found = {(trials, by): share(150, trials, by, worse) for trials in (60, 200) for by in (0.05, 0.1, 0.2)}
    assert found[60, 0.05] < found[60, 0.1] < found[60, 0.2]
    assert found[200, 0.05] < found[200, 0.1] <= found[200, 0.2]
    assert all(found[60, by] <= found[200, by] for by in (0.05, 0.1, 0.2))
    assert found[60, 0.2] > 0.8


@pytest.mark.parametrize("simulations", [300, pytest.param(2000, marks=pytest.mark.slow)])
def test_a_difference_of_the_margin_passes_as_the_same_in_5_percent(simulations: int) -> None:
    room = 3 * math.sqrt(0.05 * 0.95 / simulations)
    assert share(simulations, 60, 0.2, same(0.2)) < 0.05 + room


def test_a_lack_of_trials_is_not_taken_for_sameness() -> None:
    assert share(300, 30, 0.0, same(0.02)) < 0.02
    few, many = share(150, 30, 0.0, same(0.2)), share(150, 120, 0.0, same(0.2))
    assert few < many > 0.9


def test_every_relabelling_is_counted_where_there_are_few() -> None:
    """Three trials each, all kept: the permutation test of two means, which can be enumerated."""
    a, b = np.array([1.0, 5.0, 9.0]), np.array([0.5, 2.0, 3.0])
    pooled = np.concatenate([a, b])
    sums = [sum(pooled[list(chosen)]) for chosen in itertools.combinations(range(6), 3)]
    exact = np.mean([one >= a.sum() - 1e-9 for one in sums])
    found = exchange(Trials.of(a, a), Trials.of(b, b), 3, np.random.default_rng(0), draws=20_000)
    assert found.worse == pytest.approx(exact, abs=0.01)
    assert found.difference == pytest.approx(a.mean() - b.mean())


@pytest.mark.parametrize("seed", range(3))
def test_welch_is_that_of_scipy_on_the_kept_trials(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = search(rng, 50, 0.1), search(rng, 40)
    found = exchange(a, b, 5, rng, draws=99)
    assert found.welch == pytest.approx(stats.ttest_ind(a.report[:5], b.report[:5], equal_var=False).pvalue)


def test_a_shift_moves_the_hypothesis_and_not_the_difference() -> None:
    rng = np.random.default_rng(1)
    a, b = search(rng, 60, 0.3), search(rng, 60)
    plain, moved = (exchange(a, b, 6, np.random.default_rng(2), shift=by, draws=999) for by in (0.0, 0.6))
    assert plain.difference == pytest.approx(moved.difference)
    assert plain.worse < 0.05 < plain.better
    assert moved.better < 0.05 < moved.worse


def test_the_interval_covers_a_known_difference_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(200):
        found = effect(search(rng, 100, 0.2), search(rng, 100), 10, 0.95, rng, draws=400)
        inside += found.low <= 0.2 <= found.high
    assert 0.89 <= inside / 200 <= 1.0


def test_the_trials_that_are_said_to_be_needed_are_about_enough() -> None:
    rng = np.random.default_rng(4)
    wanted = [
        trials_needed(effect(search(rng, 60, 0.1), search(rng, 60), 6, 0.95, rng, draws=300), 0.0, 60)
        for _ in range(40)
    ]
    assert 0.6 <= share(150, int(np.median(wanted)), 0.1, worse) <= 1.0


def test_more_trials_are_needed_the_nearer_the_boundary() -> None:
    one = Effect(a=0.1, b=0.0, low=0.0, high=0.2, error=0.05)
    assert trials_needed(one, 0.0, 60) == math.ceil(60 * ((1.6449 + 0.8416) * 0.5) ** 2)
    assert trials_needed(one, 0.09, 60) > trials_needed(one, 0.0, 60)
    assert trials_needed(one, 0.1, 60) == 2**31


def test_holm_gives_the_numbers_of_its_definition() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


def test_a_trial_that_did_not_complete_is_chosen_last_and_counts_as_the_worst() -> None:
    rng = np.random.default_rng(5)
    a = Trials.of([1.0, 1.1, 1.2, INF, INF], [1.0, 1.1, 1.2, INF, INF])
    b = Trials.of([1.0, 1.1, 1.2, 1.3, 1.4], [1.0, 1.1, 1.2, 1.3, 2.0])
    assert exchange(a, b, 3, rng, draws=9).difference == pytest.approx(0.0)
    assert exchange(a, b, 4, rng, draws=9).difference == pytest.approx((2.0 - 1.3) / 4)


@pytest.mark.parametrize(
    ("on", "report", "words"),
    [
        ([1.0, 2.0], [1.0, 2.0], "needs 3 complete trials, not 2"),
        ([1.0, 2.0, INF], [1.0, 2.0, INF], "needs 3 complete trials, not 2"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, INF], "two finite scores"),
        ([1.0, 2.0, math.nan], [1.0, 2.0, 3.0], "two finite scores"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], "one score that selects"),
    ],
)
def test_what_cannot_be_compared_says_why(on: list[float], report: list[float], words: str) -> None:
    with pytest.raises(StatsError, match=words):
        Trials.of(on, report)


@pytest.mark.parametrize(("keep", "words"), [(2, "at least 3"), (11, "11 trials are to be kept, and there are 10")])
def test_too_few_or_too_many_cannot_be_kept(keep: int, words: str) -> None:
    rng = np.random.default_rng(6)
    with pytest.raises(StatsError, match=words):
        exchange(search(rng, 10), search(rng, 12), keep, rng)
