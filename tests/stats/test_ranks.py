"""Ranks against Demsar's printed tables and example, SciPy, R, and an analysis of variance."""

from __future__ import annotations

from itertools import permutations, product
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from rnnzoo.errors import StatsError
from rnnzoo.stats.ranks import critical_difference, rank

INF = float("inf")
CLASSIFIERS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
AUC = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],  # printed as 0.975 twice, but with the ranks 2 and 3
        [0.957, 0.978, 0.946, 0.970],
    ]
)  # Demsar 2006, table 6; higher is better there


def letters(count: int) -> list[str]:
    return [chr(ord("a") + place) for place in range(count)]


def test_the_average_ranks_are_those_of_demsars_example() -> None:
    assert rank(-AUC, CLASSIFIERS).average == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=5e-4)


def test_the_statistics_are_those_of_demsars_example_but_for_its_ties() -> None:
    ranked = rank(-AUC, CLASSIFIERS)
    tied = sum(count**3 - count for row in AUC for count in np.unique(row, return_counts=True)[1])
    # Demsar prints what ignores ties
    uncorrected = ranked.chi_square * (1.0 - tied / (14 * 4 * (4**2 - 1)))
    assert uncorrected == pytest.approx(9.28, abs=5e-3)
    assert 13 * uncorrected / (14 * 3 - uncorrected) == pytest.approx(3.69, abs=5e-3)
    assert ranked.f > 3.69


def test_at_95_percent_demsars_classifiers_cannot_be_told_apart() -> None:
    ranked = rank(-AUC, CLASSIFIERS, level=0.95)
    assert ranked.critical_difference == pytest.approx(1.25, abs=5e-3)
    assert ranked.groups == (("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"),)


def test_at_90_percent_demsars_third_classifier_belongs_to_either_group() -> None:
    ranked = rank(-AUC, CLASSIFIERS, level=0.90)
    assert ranked.critical_difference == pytest.approx(1.12, abs=5e-3)
    assert ranked.groups == (("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5"))


@pytest.mark.parametrize(
    ("level", "printed"),
    [
        (0.95, [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]),
        (0.90, [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920]),
    ],
)
def test_the_critical_values_are_those_of_demsars_table_5a(
    level: float, printed: list[float]
) -> None:
    values = [critical_difference(10, k, level) / sqrt(k * (k + 1) / 60) for k in range(2, 11)]
    # the printed quantiles were rounded before they were divided
    assert values == pytest.approx(printed, abs=1.1e-3)


@pytest.mark.parametrize("values", [None, 3], ids=["no ties", "ties"])
def test_friedmans_statistic_is_that_of_scipy(values: int | None) -> None:
    rng = np.random.default_rng(0)
    scores = (
        rng.normal(size=(12, 5))
        if values is None
        else rng.integers(0, values, size=(12, 5)).astype(float)
    )
    ranked = rank(scores, letters(5))
    theirs = stats.friedmanchisquare(*scores.T)
    assert (ranked.chi_square, ranked.chi_square_p) == pytest.approx(
        (theirs.statistic, theirs.pvalue), rel=1e-12
    )


@pytest.mark.parametrize("values", [None, 3], ids=["no ties", "ties"])
def test_iman_and_davenports_f_is_that_of_a_two_way_analysis_of_variance_on_the_ranks(
    values: int | None,
) -> None:
    rng = np.random.default_rng(1)
    scores = (
        rng.normal(size=(9, 4))
        if values is None
        else rng.integers(0, values, size=(9, 4)).astype(float)
    )
    ranks = stats.rankdata(scores, axis=1).ravel()
    tasks, variants = np.kron(np.eye(9), np.ones((4, 1))), np.kron(np.ones((9, 1)), np.eye(4))
    without, with_variants = (
        np.sum((ranks - design @ np.linalg.lstsq(design, ranks)[0]) ** 2)
        for design in (tasks, np.hstack([tasks, variants]))
    )
    expected = ((without - with_variants) / 3) / (with_variants / 24)
    ranked = rank(scores, letters(4))
    assert ranked.f == pytest.approx(expected, rel=1e-9)
    assert ranked.f_p == pytest.approx(stats.f.sf(expected, 3, 24), rel=1e-9)


def test_nine_variants_on_two_tasks_give_what_r_prints() -> None:
    scores = [[1, 8, 6, 4, 7, 2, 5, 3, 9], [1, 6, 3, 9, 7, 2, 8, 4, 5]]
    ranked = rank(np.array(scores), letters(9))  # R's friedman.test, and scmamp's imanDavenportTest
    assert (ranked.chi_square, ranked.chi_square_p) == pytest.approx((11.733, 0.1635), abs=5e-4)
    assert (ranked.f, ranked.f_p) == pytest.approx((2.75, 0.08697), abs=5e-5)


@pytest.mark.slow
def test_the_f_version_keeps_its_level_where_the_chi_square_is_too_shy() -> None:
    rng = np.random.default_rng(2)
    rankings = [rank(rng.normal(size=(6, 4)), letters(4)) for _ in range(800)]
    by_f = np.mean([ranking.f_p < 0.05 for ranking in rankings])
    by_chi_square = np.mean([ranking.chi_square_p < 0.05 for ranking in rankings])
    assert by_chi_square < by_f
    assert 0.03 < by_f < 0.07


@pytest.mark.parametrize("first", [[0.1, 0.2, 0.3], [0.1, 0.1, 0.3], [0.4, 0.2, 0.2]])
def test_where_all_tasks_agree_the_p_value_is_the_share_of_orders_that_do(
    first: list[float],
) -> None:
    ranked = rank(np.array([first] * 3), letters(3))
    orders = list(permutations(first))
    agreeing = np.mean([len(set(of_tasks)) == 1 for of_tasks in product(orders, repeat=3)])
    assert ranked.f == INF
    assert ranked.f_p == pytest.approx(agreeing, rel=1e-12)


def test_agreement_among_very_many_variants_is_beyond_chance_and_not_an_overflow() -> None:
    names = [str(place) for place in range(200)]
    assert rank(np.tile(np.arange(200.0), (3, 1)), names).f_p == pytest.approx(0.0, abs=1e-300)


def test_variants_that_always_tie_do_not_differ() -> None:
    ranked = rank(np.ones((4, 3)), letters(3))
    assert ranked.average == (2.0, 2.0, 2.0)
    assert (ranked.chi_square, ranked.chi_square_p, ranked.f, ranked.f_p) == (0.0, 1.0, 0.0, 1.0)
    assert ranked.groups == (("a", "b", "c"),)


def test_a_variant_that_diverged_is_last_and_two_share_the_last_place() -> None:
    ranked = rank(np.array([[INF, 0.2, INF], [0.3, 0.1, INF]]), letters(3))
    assert ranked.average == (2.25, 1.0, 2.75)


def test_only_the_order_within_a_task_counts() -> None:
    scores = np.random.default_rng(3).normal(size=(7, 4))
    other_units = np.exp(scores) * 10.0 ** np.arange(7)[:, None]
    assert rank(scores, letters(4)) == rank(other_units, letters(4))


def test_groups_are_the_maximal_cliques_of_what_does_not_differ() -> None:
    rng = np.random.default_rng(4)
    sizes = set()
    for _ in range(30):
        ranked = rank(rng.normal(size=(12, 7)) + rng.normal(scale=1.5, size=7), letters(7))
        assert {frozenset(group) for group in ranked.groups} == maximal_cliques(
            ranked.average, ranked.critical_difference
        )
        sizes.add(len(ranked.groups))
    assert len(sizes) > 1


def maximal_cliques(average: tuple[float, ...], distance: float) -> set[frozenset[str]]:
    """By looking at all sets of two or more."""
    cliques = []
    for mask in range(1 << len(average)):
        inside = [place for place in range(len(average)) if mask >> place & 1]
        if len(inside) > 1 and all(
            abs(average[a] - average[b]) < distance for a in inside for b in inside
        ):
            cliques.append(frozenset(letters(len(average))[place] for place in inside))
    return {clique for clique in cliques if not any(clique < other for other in cliques)}


def test_variants_that_all_differ_form_no_group() -> None:
    ranked = rank(np.tile([0.3, 0.1, 0.2], (40, 1)), letters(3))
    assert ranked.groups == ()


@pytest.mark.parametrize(
    ("scores", "names", "complaint"),
    [
        ([[0.1, 0.2]], ["a", "b"], "2 tasks"),
        ([[0.1], [0.2]], ["a"], "2 variants"),
        ([], [], "2 tasks"),
        ([0.1, 0.2], ["a", "b"], "shape"),
        ([[0.1, np.nan], [0.2, 0.3]], ["a", "b"], "NaN"),
        ([[0.1, 0.2], [0.2, 0.3]], ["a"], "names"),
        ([[0.1, 0.2], [0.2, 0.3]], ["a", "a"], "different names"),
    ],
)
def test_scores_that_cannot_be_ranked_are_refused(
    scores: list[object], names: list[str], complaint: str
) -> None:
    with pytest.raises(StatsError, match=complaint):
        rank(np.array(scores), names)
