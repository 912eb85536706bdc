"""The judge's comparison against SciPy, against enumeration, and on searches whose truth is
known.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from rnnzoo.errors import StatsError
from rnnzoo.stats import compare
from rnnzoo.stats.compare import (
    Comparison,
    PermutationTest,
    Trials,
    detectable,
    fewest_trials,
    holm,
    holm_levels,
    partial_conjunction,
    relabellings,
    smallest_p,
    trials_needed,
    tuned_interval,
)
from tests.stats import alarms

INF = math.inf


def search(
    rng: np.random.Generator, trials: int, worse_by: float = 0.0, diverged: float = 0.0
) -> Trials:
    """A search as they are: a skewed quality, seen with noise on both splits; some trials
    diverge.
    """
    quality = 8.5 + rng.gamma(1.5, 0.5, trials) + worse_by
    on, report = (quality + rng.normal(0, 0.05, trials) for _ in range(2))
    lost = rng.random(trials) < diverged
    return Trials.of(np.where(lost, INF, on), np.where(lost, INF, report))


def worse(a: Trials, b: Trials, keep: int, seed: int) -> bool:
    return Comparison(a, b, keep, seed, draws=199).test().worse <= 0.05


def same(margin: float):  # type: ignore[no-untyped-def]
    def verdict(a: Trials, b: Trials, keep: int, seed: int) -> bool:
        comparison = Comparison(a, b, keep, seed, draws=199)
        return max(comparison.test(-margin).worse, comparison.test(margin).better) <= 0.05

    return verdict


def share(
    simulations: int, trials: int, worse_by: float, verdict: object, diverged: float = 0.0
) -> float:
    """In which share of simulated studies a verdict is reached."""
    rng = np.random.default_rng([simulations, trials, round(1e6 * worse_by)])
    reached = 0
    for seed in range(simulations):
        a, b = search(rng, trials, worse_by, diverged), search(rng, trials, 0.0, diverged)
        reached += verdict(a, b, max(3, trials // 10), seed)  # type: ignore[operator]
    return reached / simulations


def room(simulations: int, chance: float = 0.05) -> float:
    """Three standard errors of a share that is found by so many simulations."""
    return 3 * math.sqrt(chance * (1 - chance) / simulations)


# ------------------------------------------------------------------ false alarms

# docs/judging.md prints these, as `python -m tests.stats.alarms` finds them: where the two have one
# distribution 5 % is exact; where only their tuned means agree, it is near 5 %, and this near with
# so many trials.
REACH = {(8, 3): 0.08, (20, 3): 0.095, (60, 6): 0.08, (200, 20): 0.08}


@pytest.mark.parametrize("case", alarms.CASES)
@pytest.mark.parametrize(
    ("size", "simulations"),
    [
        ((20, 3), 300),
        *(pytest.param(size, 2000, marks=pytest.mark.slow) for size in alarms.SIZES),
    ],
)
def test_variants_whose_tuned_means_are_equal_are_called_different_about_as_often_as_is_said(
    case: str, size: tuple[int, int], simulations: int
) -> None:
    rates = alarms.alarms(case, *size, simulations)
    limit = 0.05 if alarms.CASES[case].a is alarms.CASES[case].b else REACH[size]
    assert max(rates) < limit + room(simulations, limit), rates


def test_the_bare_difference_would_take_a_wider_spread_for_a_worse_variant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Why the statistic is studentised: on the very same studies."""
    studentised, _ = alarms.alarms("A spreads twice as wide", 20, 3, 400)
    monkeypatch.setattr(compare, "_standard_error", lambda a, *others: np.ones_like(a.mean))
    bare, _ = alarms.alarms("A spreads twice as wide", 20, 3, 400)
    assert bare > max(studentised, 0.08)


def test_the_papers_test_raises_more_false_alarms_than_it_says() -> None:
    assert alarms.welch_alarms("identical", 60, 6, 300) > 0.05 + room(300)


@pytest.mark.slow
@pytest.mark.parametrize("size", alarms.SIZES[1:])
def test_welch_calls_12_to_27_percent_of_equal_searches_different(size: tuple[int, int]) -> None:
    assert 0.10 < alarms.welch_alarms("identical", *size, 2000) < 0.30


def test_trials_that_diverge_do_not_raise_the_false_alarms() -> None:
    assert abs(share(400, 60, 0.0, worse, diverged=0.4) - 0.05) < room(400)


# ------------------------------------------------------------------ power, margins


def test_the_power_grows_with_the_difference_and_with_the_trials() -> None:
    power = {
        (trials, by): share(100, trials, by, worse)
        for trials in (60, 200)
        for by in (0.05, 0.1, 0.2)
    }
    assert power[60, 0.05] < power[60, 0.1] < power[60, 0.2]
    assert power[200, 0.05] < power[200, 0.1] <= power[200, 0.2]
    assert all(power[60, by] <= power[200, by] for by in (0.05, 0.1, 0.2))
    assert power[60, 0.2] > 0.8


@pytest.mark.parametrize("simulations", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_a_difference_of_the_margin_passes_as_the_same_in_5_percent(simulations: int) -> None:
    assert share(simulations, 60, 0.2, same(0.2)) < 0.05 + room(simulations)


def test_a_lack_of_trials_is_not_taken_for_sameness() -> None:
    assert share(150, 30, 0.0, same(0.02)) < 0.04
    few, many = share(100, 30, 0.0, same(0.2)), share(100, 120, 0.0, same(0.2))
    assert few < many > 0.9


def test_a_shift_moves_the_hypothesis_and_not_the_difference() -> None:
    rng = np.random.default_rng(1)
    comparison = Comparison(search(rng, 60, 0.3), search(rng, 60), 6, 2, draws=999)
    plain, moved = comparison.test(), comparison.test(0.6)
    assert plain.worse < 0.05 < plain.better
    assert moved.better < 0.05 < moved.worse


# ------------------------------------------------------------------ against other computations


def test_every_relabelling_is_counted_where_there_are_few() -> None:
    """Three trials each, all kept: the permutation test of Welch's t, which can be enumerated."""
    a, b = np.array([1.0, 5.0, 9.0]), np.array([0.5, 2.0, 3.0])
    pooled = np.concatenate([a, b])
    chosen = [np.isin(np.arange(6), kept) for kept in itertools.combinations(range(6), 3)]
    t = [stats.ttest_ind(pooled[kept], pooled[~kept], equal_var=False).statistic for kept in chosen]
    exact = np.mean([statistic >= t[0] - 1e-9 for statistic in t])
    comparison = Comparison(Trials.of(a, a), Trials.of(b, b), 3, 0, draws=20_000)
    assert comparison.test().worse == pytest.approx(exact, abs=0.01)
    assert comparison.difference == pytest.approx(a.mean() - b.mean())
    assert comparison.error == pytest.approx(math.sqrt(a.var(ddof=1) / 3 + b.var(ddof=1) / 3))


def test_one_search_split_in_every_way_is_called_worse_in_5_percent_and_welch_says_so_more() -> (
    None
):
    every = search(np.random.default_rng(4), 10)
    splits = [np.isin(np.arange(10), half) for half in itertools.combinations(range(10), 5)]
    halves = [
        (
            Trials.of(every.on[half], every.report[half]),
            Trials.of(every.on[~half], every.report[~half]),
        )
        for half in splits
    ]
    called = [Comparison(a, b, 3, 0, draws=499).test().worse <= 0.05 for a, b in halves]
    assert 0.02 <= np.mean(called) <= 0.06  # 0.05, but for the 499 relabellings that are drawn
    kept = [(a.report[:3], b.report[:3]) for a, b in halves]
    welch = np.mean([stats.ttest_ind(a, b, equal_var=False).pvalue <= 0.05 for a, b in kept])
    assert welch > 0.06
    alarms_said = Comparison(*halves[0], 3, 0, draws=4_999).welch().false_alarms
    assert alarms_said == pytest.approx(welch, abs=0.02)


def statistic(
    on: np.ndarray, report: np.ndarray, of_a: np.ndarray, keep: int, pairs: np.ndarray | None
) -> float:
    """The difference of the best means over its standard error, of one labelling, by definition.

    Args:
        pairs: the number of each trial's pair; None where there are none.
    """
    means, influences = [], np.zeros(len(on))
    variance = 0.0
    for own, sign in ((of_a, 1.0), (~of_a, -1.0)):
        ranked = np.flatnonzero(own)[np.argsort(on[own], kind="stable")]
        kept, share = ranked[:keep], keep / len(ranked)
        mean, edge = report[kept].mean(), report[ranked[keep - 1 : keep + 1]].mean()
        means.append(mean)
        influences[kept] = sign * (report[kept] - edge)
        spread = report[kept].var(ddof=1)
        variance += (spread + (1.0 - share) * (mean - edge) ** 2) / keep
    if pairs is not None:
        within = np.bincount(pairs, influences)
        squares = (within**2).sum() - within.sum() ** 2 / len(within)
        variance = squares / keep / (keep - 1)
    return float((means[0] - means[1]) / math.sqrt(variance))


@pytest.mark.parametrize(
    ("trials", "keep", "shift", "paired"),
    [
        (20, 3, 0.2, False),
        (20, 4, 0.0, True),
        (4, 4, 0.1, False),  # all are kept
        (160, 40, 3.0, False),  # after the shift all of A's come first
        (160, 40, 3.0, True),
    ],
)
def test_the_statistic_is_that_of_each_relabelling_by_definition(
    trials: int, keep: int, shift: float, paired: bool
) -> None:
    rng = np.random.default_rng(trials)
    on = rng.normal(8.0, 1.0, (2, trials))
    report = on + rng.normal(0, 0.1, (2, trials))
    a, b = (Trials.of(*scores) for scores in zip(on, report))
    of_a = np.arange(2 * trials) < trials
    shifts = np.where(of_a, shift, 0.0)
    moved = (on.ravel() - shifts, report.ravel() - shifts)
    pairs = np.arange(2 * trials) % trials if paired else None
    labels = relabellings(of_a, 7, 60, paired)
    t = np.array([statistic(*moved, labelled, keep, pairs) for labelled in labels])
    test = Comparison(a, b, keep, 7, 60, paired).test(shift)
    assert test.worse == pytest.approx(np.mean(t >= t[0] - 1e-9))
    assert test.better == pytest.approx(np.mean(t <= t[0] + 1e-9))


@pytest.mark.parametrize("seed", range(3))
def test_welch_is_that_of_scipy_on_the_kept_trials(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = search(rng, 50, 0.1), search(rng, 40)
    welch = Comparison(a, b, 5, seed, draws=99).welch()
    assert welch.p == pytest.approx(
        stats.ttest_ind(a.report[:5], b.report[:5], equal_var=False).pvalue
    )


def test_the_error_is_the_spread_of_the_difference_over_searches() -> None:
    rng = np.random.default_rng(11)
    comparisons = [
        Comparison(search(rng, 100), search(rng, 100), 10, 0, draws=1) for _ in range(200)
    ]
    spread = np.std([comparison.difference for comparison in comparisons])
    assert np.mean([comparison.error for comparison in comparisons]) == pytest.approx(
        spread, rel=0.2
    )


@pytest.mark.parametrize("trials", [12, 60, 300])
def test_what_is_looked_at_is_all_that_matters(trials: int) -> None:
    """The best of each relabelling, chosen among the first columns only, are those among all."""
    rng = np.random.default_rng(trials)
    comparison = Comparison(
        search(rng, trials, 0.1), search(rng, trials), max(3, trials // 10), 5, draws=300
    )
    short = comparison.test(0.05)
    comparison._number_needed = lambda labels, order: comparison.size  # type: ignore[method-assign]
    whole = comparison.test(0.05)
    assert (short.worse, short.better) == (whole.worse, whole.better)


@pytest.mark.parametrize("score", [0.0, 0.7, 1e-9, 1e6])
def test_where_all_scores_are_equal_nothing_is_different(score: float) -> None:
    trials = Trials.of([score] * 6, [score] * 6)
    comparison = Comparison(trials, trials, 3, 0, draws=199)
    assert (comparison.difference, comparison.test()) == (
        0.0,
        PermutationTest(worse=1.0, better=1.0),
    )


# ------------------------------------------------------------------ pairs


def paired(rng: np.random.Generator, trials: int, worse_by: float = 0.0) -> tuple[Trials, Trials]:
    """Two variants at the same points: what the point does is common, the noise of a training is
    not.
    """
    quality = 8.5 + rng.gamma(1.5, 0.5, trials)
    a, b = (quality[:, None] + rng.normal(0, 0.05, (trials, 2)) + by for by in (worse_by, 0.0))
    return Trials.of(a[:, 0], a[:, 1]), Trials.of(b[:, 0], b[:, 1])


def paired_share(simulations: int, trials: int, worse_by: float, pairs: bool) -> float:
    rng = np.random.default_rng([simulations, trials])
    comparisons = (
        Comparison(*paired(rng, trials, worse_by), max(3, trials // 10), 0, 199, pairs)
        for _ in range(simulations)
    )
    return sum(comparison.test().worse <= 0.05 for comparison in comparisons) / simulations


@pytest.mark.parametrize("simulations", [300, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("trials", [12, 60])
def test_pairs_that_do_not_differ_are_called_worse_in_at_most_5_percent(
    trials: int, simulations: int
) -> None:
    assert paired_share(simulations, trials, 0.0, pairs=True) < 0.05 + room(simulations)


def test_pairs_show_what_searches_of_the_same_points_hide_without_them() -> None:
    with_pairs, without = (paired_share(150, 20, 0.15, pairs) for pairs in (True, False))
    assert with_pairs > without + 0.2


def test_trials_that_have_no_partner_are_left_out_and_order_does_not_matter() -> None:
    rng = np.random.default_rng(12)
    a, b = paired(rng, 20)
    more = Trials.of([*a.on, 1.0], [*a.report, 1.0], [*a.index, 99])
    mixed = rng.permutation(20)
    again = Trials.of(b.on[mixed], b.report[mixed], b.index[mixed])
    assert (
        Comparison(more, again, 3, 0, 199, True).test() == Comparison(a, b, 3, 0, 199, True).test()
    )


# ------------------------------------------------------------------ intervals


def test_the_interval_of_a_difference_is_what_the_test_does_not_refuse() -> None:
    rng = np.random.default_rng(3)
    comparison = Comparison(search(rng, 30, 0.2), search(rng, 30), 3, 0, draws=1999)
    low, high = comparison.interval(0.9)
    assert low < comparison.difference < high
    span = high - low
    for bound, side in ((low, -1), (high, 1)):
        inside, outside = (comparison.test(bound + by * side * span / 100) for by in (-1, 1))
        assert min(inside.worse, inside.better) > 0.05 >= min(outside.worse, outside.better)


def test_an_interval_leaves_out_0_where_the_test_finds_a_difference() -> None:
    """Of few relabellings, where p-values go up and down with the shift, too."""
    found = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        comparison = Comparison(search(rng, 8, 0.35), search(rng, 8), 3, seed, draws=199)
        p, (low, high) = comparison.test(), comparison.interval(0.95)
        is_found = min(p.worse, p.better) <= 0.025
        assert is_found != (low <= 0 <= high), seed
        found += is_found
    assert 10 < found < 90


def test_so_few_trials_that_nothing_can_be_refused_have_no_bounds() -> None:
    rng = np.random.default_rng(3)
    comparison = Comparison(search(rng, 4, 0.2), search(rng, 4), 3, 0, draws=1999)
    assert comparison.interval(1 - 2 * smallest_p(4) / 3) == (-math.inf, math.inf)
    assert all(map(math.isfinite, comparison.interval(0.8)))


@pytest.mark.parametrize("simulations", [60, pytest.param(600, marks=pytest.mark.slow)])
def test_the_interval_of_a_difference_covers_it_about_as_often_as_it_says(simulations: int) -> None:
    rng = np.random.default_rng(3)
    inside = 0
    for seed in range(simulations):
        low, high = Comparison(search(rng, 30, 0.2), search(rng, 30), 3, seed, draws=199).interval(
            0.9
        )
        inside += low <= 0.2 <= high
    assert abs(inside / simulations - 0.9) < room(simulations, 0.1)


@pytest.mark.parametrize(
    ("case", "draw"), [("all complete", alarms.alike), ("40 % diverge", alarms.diverging)]
)
@pytest.mark.parametrize(
    ("size", "simulations"),
    [
        ((20, 3), 300),
        ((60, 6), 300),
        *(pytest.param(size, 2000, marks=pytest.mark.slow) for size in alarms.SIZES),
    ],
)
def test_the_interval_of_one_variant_covers_what_its_search_finds_on_average(
    case: str, draw: alarms.Draw, size: tuple[int, int], simulations: int
) -> None:
    """Measured with 2,000 searches: 94 to 97 %."""
    rng = np.random.default_rng([*size, simulations])
    many = draw(rng, 20_000, size[0])
    target = alarms.tuned(many, size[1], alarms.worst(many)).mean()
    searches = [alarms.trials(draw, rng, size[0]) for _ in range(simulations)]
    intervals = [
        tuned_interval(searched, size[1], 0.95, seed, draws=300)
        for seed, searched in enumerate(searches)
    ]
    covered = np.mean([low <= target <= high for low, high in intervals])
    assert 0.94 - room(simulations) < covered < 0.975 + room(simulations), (case, covered)


def test_an_interval_of_scores_that_cannot_be_negative_begins_at_0() -> None:
    trials = Trials.of([0.0, 0.0, 0.7, 0.7], [0.0, 0.0, 0.7, 0.7])
    low, high = tuned_interval(trials, 3, 0.95, 0)
    assert low == 0.0
    assert high > 0.7


# ------------------------------------------------------------------ how many trials


def test_the_trials_that_are_said_to_be_needed_are_about_enough() -> None:
    rng = np.random.default_rng(4)
    errors = [Comparison(search(rng, 60), search(rng, 60), 6, 0, draws=1).error for _ in range(40)]
    wanted = [trials_needed(error, 60, 0.1) for error in errors]
    assert 0.6 <= share(100, int(np.median(wanted)), 0.1, worse) <= 1.0
    low, high = np.percentile(wanted, (10, 90))
    # the advice from the difference that was found ranged over more than a factor of 100
    assert high < 5 * low


def test_more_trials_are_needed_the_nearer_the_boundary() -> None:
    assert trials_needed(0.05, 60, 0.1) == math.ceil(60 * ((1.6449 + 0.8416) * 0.5) ** 2)
    assert trials_needed(0.05, 60, 0.01) > trials_needed(0.05, 60, 0.1)
    assert trials_needed(0.05, 60, 0.1, alpha=0.01) > trials_needed(0.05, 60, 0.1)
    assert trials_needed(0.05, 60, detectable(0.05)) == 60


def test_the_smallest_p_value_is_that_of_one_relabelling_of_all() -> None:
    assert smallest_p(4) == pytest.approx(1 / 70)
    assert smallest_p(4, paired=True) == pytest.approx(1 / 16)
    assert smallest_p(400) == pytest.approx(1 / 5000)
    best = Trials.of([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])
    other = Trials.of([11.0, 12.0, 13.0, 14.0], [11.0, 12.0, 13.0, 14.0])
    assert Comparison(best, other, 3, 0, draws=20_000).test().better == pytest.approx(
        1 / 70, abs=0.004
    )
    assert fewest_trials(1 / 70) == 4
    assert fewest_trials(1 / 71) == 5


def test_the_levels_are_those_at_which_holm_decided() -> None:
    assert holm_levels([0.001, 0.02, 0.9, 0.02]) == pytest.approx(
        (0.0125, 0.05 / 3, 0.05 / 3, 0.05 / 3)
    )
    p = [0.001, 0.012, 0.03, 0.9]
    assert [value <= 0.05 for value in holm(p)] == [
        value <= limit for value, limit in zip(p, holm_levels(p))
    ]


def test_holm_gives_the_numbers_of_its_definition() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


def test_a_trial_that_did_not_complete_is_chosen_last_and_counts_as_the_worst() -> None:
    a = Trials.of([1.0, 1.1, 1.2, INF, INF], [1.0, 1.1, 1.2, INF, INF])
    b = Trials.of([1.0, 1.1, 1.2, 1.3, 1.4], [1.0, 1.1, 1.2, 1.3, 2.0])
    assert Comparison(a, b, 3, 0, draws=9).difference == pytest.approx(0.0)
    assert Comparison(a, b, 4, 0, draws=9).difference == pytest.approx((2.0 - 1.3) / 4)


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


@pytest.mark.parametrize(
    ("keep", "words"), [(2, "at least 3"), (11, "11 trials are to be kept, and there are 10")]
)
def test_too_few_or_too_many_cannot_be_kept(keep: int, words: str) -> None:
    rng = np.random.default_rng(6)
    with pytest.raises(StatsError, match=words):
        Comparison(search(rng, 10), search(rng, 12), keep, 0)


def test_a_partial_conjunction_is_the_largest_for_all_tasks_and_bonferroni_for_one() -> None:
    p = [0.03, 0.2, 0.01]
    assert partial_conjunction(p, 3) == 0.2
    assert partial_conjunction(p, 1) == pytest.approx(0.03)
    assert partial_conjunction(p, 2) == pytest.approx(0.06)
    assert partial_conjunction([0.9, 0.8], 1) == 1.0


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize(("tasks", "needed"), [(2, 2), (3, 3), (3, 2), (5, 3), (8, 5)])
def test_a_claim_about_several_tasks_is_wrong_in_at_most_5_percent_either_way(
    tasks: int, needed: int, alike: bool
) -> None:
    """At its worst: all that are not enough differ clearly, and the others do not differ at all."""
    rng = np.random.default_rng(tasks)
    drawn = rng.random((20_000, 1)) if alike else rng.random((20_000, tasks))
    equal = np.broadcast_to(drawn, (20_000, tasks))
    for enough in (needed, tasks - needed + 1):  # to support, and to refute
        p = equal.copy()
        p[:, : enough - 1] = 0.0
        # two words share the level
        wrong = [partial_conjunction(of_tasks, enough) <= 0.025 for of_tasks in p.tolist()]
        assert np.mean(wrong) < 0.025 + 3 * 0.0011
