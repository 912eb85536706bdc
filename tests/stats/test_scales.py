"""Scales of scores, against NumPy's moments, SciPy's densities and scores whose kinds are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from rnnzoo.errors import StatsError
from rnnzoo.stats.scales import APART, UPPER, standardized, told_apart

VARIANTS, TRIALS = 6, 8
WHICH = np.repeat(np.arange(VARIANTS), TRIALS)


def alike(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(len(WHICH))


def test_scores_of_one_scale_have_mean_0_and_deviation_1() -> None:
    made = standardized(WHICH, 3.0 + 0.5 * alike(0))
    assert made.scores.mean() == pytest.approx(0.0, abs=1e-12)
    assert made.scores.std() == pytest.approx(1.0)
    assert not made.own


def test_a_scale_turns_scores_back_into_what_they_were_but_for_the_cap() -> None:
    scores = 3.0 + 0.5 * alike(1)
    scores[WHICH == 2] += 100.0
    made = standardized(WHICH, scores, frozenset({2}))
    for variant in range(VARIANTS):
        members = variant == WHICH
        of_its_scale = members if variant == 2 else WHICH != 2
        cap = np.quantile(scores[of_its_scale], UPPER)
        scale = made.scale(variant)
        back = scale.centre + scale.deviation * made.scores[members]
        assert back == pytest.approx(np.minimum(scores[members], cap))


def test_the_others_are_scaled_as_if_a_variant_of_its_own_scale_were_not_there() -> None:
    scores = alike(2)
    without = standardized(WHICH[WHICH != 3], scores[WHICH != 3])
    scores[WHICH == 3] *= 1e3
    made = standardized(WHICH, scores, frozenset({3}))
    assert made.shared == without.shared
    assert (made.scores[WHICH != 3] == without.scores).all()


def test_a_training_without_a_score_is_as_bad_as_its_cap() -> None:
    scores = alike(3)
    scores[0] = math.inf
    made = standardized(WHICH, scores)
    assert made.scores[0] == made.scores.max()


def test_fewer_than_four_scores_have_no_scale() -> None:
    with pytest.raises(StatsError, match="takes 4 trials with a score, and there are 3"):
        standardized(np.zeros(5, int), np.array([1.0, 2.0, 3.0, math.inf, math.inf]))


def test_one_variant_in_a_thousand_is_told_apart_from_its_equals() -> None:
    """Of 3,000 variants: more than 10 in 1 of 3,500, where one in 1,000 is right."""
    assert sum(len(told_apart(WHICH, alike(seed))) for seed in range(500)) <= 10


@pytest.mark.parametrize("seed", range(5))
def test_a_variant_that_spreads_far_wider_is_told_apart(seed: int) -> None:
    scores = alike(seed)
    scores[WHICH == 4] *= 10.0
    assert told_apart(WHICH, scores) == {4}


@pytest.mark.parametrize("shift", [-4.0, 4.0])
def test_a_variant_of_another_level_is_told_apart(shift: float) -> None:
    scores = alike(0)
    scores[WHICH == 1] += shift
    assert told_apart(WHICH, scores) == {1}


def test_each_of_several_that_differ_is_told_apart() -> None:
    scores = alike(1)
    scores[WHICH == 0] += 8.0
    scores[WHICH == 5] += 30.0
    assert told_apart(WHICH, scores) == {0, 5}


def test_one_training_that_exploded_does_not_set_its_variant_apart() -> None:
    scores = alike(2)
    scores[[3, 20]] = 1e6, math.inf
    assert told_apart(WHICH, scores) == frozenset()


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_unit_of_scores_does_not_matter(unit: float) -> None:
    scores = alike(0)
    scores[WHICH == 4] *= 10.0
    assert told_apart(WHICH, unit * scores + 7.0 * unit) == {4}


def test_the_order_of_trials_does_not_matter() -> None:
    scores = alike(0)
    scores[WHICH == 4] += 6.0
    order = np.random.default_rng(0).permutation(len(scores))
    assert told_apart(WHICH[order], scores[order]) == {4}


@pytest.mark.parametrize("scores", [np.ones(len(WHICH)), np.full(len(WHICH), math.inf)])
def test_scores_that_tell_nothing_set_no_variant_apart(scores: np.ndarray) -> None:
    assert told_apart(WHICH, scores) == frozenset()


def test_a_single_variant_stands_apart_from_nobody() -> None:
    assert told_apart(np.zeros(6, int), np.array([1.0, 1.0, 1.0, 1.0, 1.0, 50.0])) == frozenset()


def test_the_line_is_chi_squareds_quantile_of_one_in_a_thousand() -> None:
    assert pytest.approx(stats.chi2(2).isf(0.001)) == APART
