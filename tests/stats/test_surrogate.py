"""The surface through scattered scores, against scikit-learn's Gaussian process and against
landscapes that are known.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from rnnzoo.errors import StatsError
from rnnzoo.stats.scales import UPPER
from rnnzoo.stats.sobol import sobol
from rnnzoo.stats.surrogate import (
    CORRELATIONS,
    JITTER,
    LENGTHS,
    NOISE,
    KernelShape,
    fit,
    fit_each,
)

GRID = sobol(256, 2)
# lengths on the axis of the variant: it does not matter, it is all that matters
FAR, NEAR = 1e9, 1e-9


def bowl(points: np.ndarray, centre: tuple[float, ...] = (0.3, 0.6)) -> np.ndarray:
    distances: np.ndarray = ((points - np.array(centre)) ** 2).sum(-1)
    return distances


def trials(
    seed: int, of_each: int = 8, variants: int = 4, noise: float = 0.02
) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    points = rng.random((of_each * variants, 2))
    which = np.repeat(np.arange(variants), of_each)
    return points, which, bowl(points) + 0.1 * which + noise * rng.standard_normal(len(points))


def scikit(
    shape: KernelShape, points: np.ndarray, variants: np.ndarray, scores: np.ndarray
) -> GaussianProcessRegressor:
    """The same process, of scikit-learn's parts: the variant is one axis more."""
    signal = 1.0 - shape.noise
    kernel = signal * shape.correlation * Matern([*shape.lengths, FAR], nu=2.5)
    kernel += signal * (1.0 - shape.correlation) * Matern([*shape.lengths, NEAR], nu=2.5)
    process = GaussianProcessRegressor(
        kernel, alpha=shape.noise + JITTER, optimizer=None, normalize_y=True
    )
    return process.fit(np.column_stack([points, variants]), scores)


@pytest.mark.parametrize("seed", range(4))
def test_predictions_are_those_of_scikit_learns_process(seed: int) -> None:
    points, variants, scores = trials(seed)
    surface = fit(points, variants, scores)
    process = scikit(
        surface.shape, points, variants, np.minimum(scores, np.quantile(scores, UPPER))
    )
    for variant in range(4):
        expected = process.predict(np.column_stack([GRID, np.full(len(GRID), variant)]))
        assert surface.predict(GRID, variant) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_shape_is_the_likeliest_by_scikit_learns_likelihood(seed: int) -> None:
    points, variants, scores = trials(seed)
    bounded = np.minimum(scores, np.quantile(scores, UPPER))
    chosen = fit(points, variants, scores).shape

    def likelihood(shape: KernelShape) -> float:
        process = scikit(shape, points, variants, bounded)
        return float(process.log_marginal_likelihood_value_)

    others = [
        KernelShape((length,) * 2, correlation, noise)
        for length, correlation, noise in product(LENGTHS, CORRELATIONS, NOISE)
    ]
    along_the_last = [
        KernelShape((chosen.lengths[0], length), chosen.correlation, chosen.noise)
        for length in LENGTHS
    ]
    assert likelihood(chosen) >= max(map(likelihood, [*others, *along_the_last])) - 1e-6


def test_a_variant_of_its_own_scale_is_predicted_as_scikit_learn_does_in_that_scale() -> None:
    points, variants, scores = trials(0)
    scores[variants == 3] = 50.0 * scores[variants == 3] + 200.0
    surface = fit(points, variants, scores, frozenset({3}))
    in_units, scales = scores.copy(), {}
    for own in (False, True):
        members = (variants == 3) == own
        capped = np.minimum(scores[members], np.quantile(scores[members], UPPER))
        scales[own] = capped.mean(), capped.std()
        in_units[members] = (capped - capped.mean()) / capped.std()
    process = scikit(surface.shape, points, variants, in_units)
    for variant in range(4):
        mean, deviation = scales[variant == 3]
        expected = process.predict(np.column_stack([GRID, np.full(len(GRID), variant)]))
        assert surface.predict(GRID, variant) == pytest.approx(
            mean + deviation * expected, abs=1e-6 * deviation
        )


def test_the_bottom_of_a_bowl_is_found_from_a_few_trials_of_each() -> None:
    """The best of 6 trials of one's own is 0.05 above the bottom on average; the worst corner
    0.85.
    """
    errors = []
    for seed in range(10):
        surface = fit(*trials(seed, of_each=6))
        errors += [
            float(bowl(GRID[np.argmin(surface.predict(GRID, variant))])) for variant in range(4)
        ]
    assert np.mean(errors) < 0.03
    assert np.median(errors) < 0.015


def test_a_variant_without_trials_nearby_learns_from_the_others() -> None:
    points, variants, scores = trials(0, of_each=10)
    few = (variants != 3) | (points[:, 0] > 0.7)  # variant 3 was never trained near the bottom
    surface = fit(points[few], variants[few], scores[few])
    assert bowl(GRID[np.argmin(surface.predict(GRID, 3))]) < 0.05


def test_how_bad_a_bad_trial_is_does_not_matter() -> None:
    points, variants, scores = trials(1)
    bad = scores > np.quantile(scores, 0.9)
    reference = fit(points, variants, scores).predict(GRID, 0)
    worse = fit(points, variants, np.where(bad, 1e6 * scores, scores)).predict(GRID, 0)
    assert worse == pytest.approx(reference, abs=1e-9)


def test_a_trial_without_a_score_is_one_of_the_bad_ones() -> None:
    points, variants, scores = trials(1)
    place = np.array([[0.9, 0.1]])
    failed = fit(
        np.concatenate([points, place]), np.append(variants, 0), np.append(scores, math.inf)
    )
    cut = np.quantile(scores, UPPER)
    bad = fit(
        np.concatenate([points, place]),
        np.append(variants, 0),
        np.append(np.minimum(scores, cut), cut + 1.0),
    )
    assert np.isfinite(failed.predict(GRID, 0)).all()
    assert failed.predict(GRID, 0) == pytest.approx(bad.predict(GRID, 0), abs=0.02)
    assert failed.predict(place, 0) == pytest.approx(cut, abs=0.1)


@pytest.mark.parametrize("finite", [0, 3])
def test_fewer_than_four_scores_make_no_surface(finite: int) -> None:
    scores = np.array([*range(finite), *[math.inf] * (8 - finite)], float)
    with pytest.raises(StatsError, match=f"takes 4 trials with a score, and there are {finite}"):
        fit(np.random.default_rng(0).random((8, 2)), np.zeros(8, int), scores)


@pytest.mark.parametrize("axes", [1, 2, 4])
def test_the_order_of_trials_changes_nothing_but_rounding(axes: int) -> None:
    rng = np.random.default_rng(axes)
    points, variants, grid = rng.random((24, axes)), np.repeat(np.arange(3), 8), sobol(64, axes)
    scores = bowl(points, (0.4,) * axes) + 0.05 * rng.standard_normal(24)
    first = fit(points, variants, scores)
    for _ in range(3):
        order = rng.permutation(24)
        second = fit(points[order], variants[order], scores[order])
        assert second.shape == first.shape
        assert second.predict(grid, 1) == pytest.approx(first.predict(grid, 1), abs=1e-9)


def test_scores_that_are_all_equal_make_a_flat_surface() -> None:
    points, variants, _ = trials(0)
    assert fit(points, variants, np.full(len(points), 2.5)).predict(GRID, 0) == pytest.approx(2.5)


def test_trials_at_one_point_make_a_surface_through_their_mean() -> None:
    scores = np.array([1.0, 2.0, 3.0, 4.0] * 3)
    predicted = fit(np.full((12, 2), 0.5), np.zeros(12, int), scores).predict(
        np.full((1, 2), 0.5), 0
    )
    assert predicted == pytest.approx(
        np.minimum(scores, np.quantile(scores, UPPER)).mean(), abs=0.05
    )


# ------------------------------------------------------------------ the points it is asked at


@pytest.mark.parametrize("axes", [1, 2, 5])
def test_a_grid_has_a_point_in_every_slice_of_every_axis(axes: int) -> None:
    grid = sobol(64, axes)
    assert grid.shape == (64, axes)
    for axis in range(axes):
        assert sorted((grid[:, axis] * 64).astype(int)) == list(range(64))
    assert ((grid > 0) & (grid < 1)).all()


def test_a_grid_fills_the_square_as_evenly_as_it_can() -> None:
    cells = (sobol(64, 2) * 8).astype(int)
    assert len({tuple(cell) for cell in cells}) == 64  # one point in each of 8 x 8


def test_surfaces_that_are_fitted_together_are_those_that_are_fitted_one_by_one() -> None:
    points, variants, scores = trials(3)
    several = [scores, scores + np.where(variants == 1, 0.5, 0.0), np.flip(scores)]
    for together, each in zip(fit_each(points, variants, several), several):
        alone = fit(points, variants, each)
        assert together.shape == alone.shape
        predictions = together.predict_each(GRID, range(4))
        for variant, predicted in enumerate(predictions):
            assert (predicted == alone.predict(GRID, variant)).all()
