"""A surface through scattered scores: predicts each variant's score anywhere in the space from few
trials of all variants.

In: points of the unit cube, with the variant and the score of each.  Out: a prediction for any
point and variant.  The surface is a Gaussian process.  Its covariance has a part that all variants
share and a part of each variant's own, so that 4 trials of each of 11 variants are 44 trials for
the shared part.

The hyper-parameters of the process are the likeliest of a fixed list of candidates, one axis after
another.  Without gradients and random restarts, the same trials give the same surface.

Source:
    Rasmussen and Williams 2006, Gaussian processes for machine learning, algorithm 2.1; Swersky,
    Snoek and Adams 2013, Multi-task Bayesian optimization, for the covariance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from rnnzoo.stats._scipy import linalg
from rnnzoo.stats.scales import Standardized, standardized

Array = np.ndarray[Any, Any]
LENGTHS = (0.2, 0.35, 0.6, 1.0, 2.0)  # over which scores change, as shares of an axis
CORRELATIONS = (0.5, 0.8, 0.95)  # correlation of the scores of two variants at one point
NOISE = (0.02, 0.1, 0.3)  # variance of a training's noise, as a share of all variance
JITTER = 1e-9  # keeps a covariance positive definite


@dataclass(frozen=True, slots=True)
class KernelShape:
    """Hyper-parameters of the process: a length for each axis, the correlation between variants,
    the share of noise.
    """

    lengths: tuple[float, ...]
    correlation: float
    noise: float


@dataclass(frozen=True, eq=False, slots=True)
class Surface:
    """A fitted surface.

    Attributes:
        points, variants: (trials, axes) and (trials,) of the trials that it was fitted to.
        weights: (trials,) of each trial in a prediction, in units of its variant's scale.
        scales: of the variants; far from all trials, a prediction is the centre.
    """

    shape: KernelShape
    points: Array
    variants: Array
    weights: Array
    scales: Standardized

    def predict(self, points: Array, variant: int) -> Array:
        """(points,) the predicted score of a variant at each of the points, (points, axes)."""
        return self.predict_each(points, [variant])[0]

    def predict_each(self, points: Array, variants: Sequence[int]) -> list[Array]:
        """What `predict` gives for each of several variants, from one covariance."""
        covariance = matern(points, self.points, self.shape.lengths)
        scores = []
        for variant in variants:
            correlations = np.where(self.variants == variant, 1.0, self.shape.correlation)
            scale = self.scales.scale(variant)
            scores.append(
                scale.centre + covariance @ (self.weights * scale.deviation * correlations)
            )
        return scores


def fit(
    points: Array, variants: Array, scores: Array, own_scale: frozenset[int] = frozenset()
) -> Surface:
    """Fit the likeliest surface.

    Args:
        points: (trials, axes) in the unit cube.
        variants: (trials,) the number of each trial's variant.
        scores: (trials,) lower is better; infinite for a training without a score, which counts as
            bad.
        own_scale: variants whose scores are measured in a scale of their own.

    Raises:
        StatsError: fewer than four finite scores.
    """
    return fit_each(points, variants, [scores], own_scale)[0]


def fit_each(
    points: Array,
    variants: Array,
    scores: Sequence[Array],
    own_scale: frozenset[int] = frozenset(),
) -> list[Surface]:
    """A surface through each of several scores at the same points.

    Most of a fit is factors of covariances, which do not depend on scores: several fits together
    cost little more than one.  The arguments are those of `fit`.

    Raises:
        StatsError: fewer than four finite scores.
    """
    scaled = [standardized(variants, of_fit, own_scale) for of_fit in scores]
    same = variants[:, None] == variants[None, :]
    trials = _Trials(points, same, tuple(of_fit.scores for of_fit in scaled))
    axes = points.shape[1]
    # all equally likely for a single variant
    correlations = CORRELATIONS if np.ptp(variants) else CORRELATIONS[:1]
    equal = [
        KernelShape((length,) * axes, correlation, noise)
        for length, correlation, noise in product(LENGTHS, correlations, NOISE)
    ]

    def likeliest(shapes: Sequence[KernelShape], number: int) -> KernelShape:
        return max(shapes, key=lambda shape: trials.likelihoods(shape)[number])

    surfaces = []
    for number, scales in enumerate(scaled):
        shape = likeliest(equal, number)
        # of a single axis, all lengths are among `equal`
        for axis in range(axes) if axes > 1 else ():
            shape = likeliest([_with_length(shape, axis, length) for length in LENGTHS], number)
        # a factor of the covariance in `predict`, which leaves it to the weights
        weights = trials.weights(shape, number) * (1.0 - shape.noise)
        surfaces.append(Surface(shape, points, variants, weights, scales))
    return surfaces


def _with_length(shape: KernelShape, axis: int, length: float) -> KernelShape:
    return replace(shape, lengths=(*shape.lengths[:axis], length, *shape.lengths[axis + 1 :]))


@dataclass(eq=False, slots=True)
class _Trials:
    """The data of fits.

    Attributes:
        points: (trials, axes).
        same: (trials, trials) whether two trials have the same variant.
        scores: of each fit, (trials,) standardized.
    """

    points: Array
    same: Array
    scores: tuple[Array, ...]
    _likelihoods: dict[KernelShape, tuple[float, ...]] = field(default_factory=dict)
    _of_points: tuple[tuple[float, ...], Array] | None = None
    _correlations: dict[float, Array] = field(default_factory=dict)

    def likelihoods(self, shape: KernelShape) -> tuple[float, ...]:
        """Of each fit, the logarithm of the marginal likelihood, less a constant."""
        if shape not in self._likelihoods:
            factor = self._factor(shape)
            volume = np.log(np.diagonal(factor[0])).sum()
            misfits = [
                scores @ linalg.cho_solve(factor, scores, check_finite=False)
                for scores in self.scores
            ]
            self._likelihoods[shape] = tuple(float(-0.5 * misfit - volume) for misfit in misfits)
        return self._likelihoods[shape]

    def weights(self, shape: KernelShape, number: int) -> Array:
        """(trials,) of a fit."""
        factor, scores = self._factor(shape), self.scores[number]
        weights: Array = linalg.cho_solve(factor, scores, check_finite=False)
        return weights

    def _factor(self, shape: KernelShape) -> tuple[Array, bool]:
        covariance = (1.0 - shape.noise) * self._between(shape.lengths)
        covariance *= self._of_variants(shape.correlation)
        covariance[np.diag_indices_from(covariance)] += shape.noise + JITTER
        factor: tuple[Array, bool] = linalg.cho_factor(covariance, lower=True, check_finite=False)
        return factor

    def _of_variants(self, correlation: float) -> Array:
        """(trials, trials) the correlation of two trials at one point; one of each is kept."""
        if correlation not in self._correlations:
            self._correlations[correlation] = np.where(self.same, 1.0, correlation)
        return self._correlations[correlation]

    def _between(self, lengths: tuple[float, ...]) -> Array:
        """Matern's covariance of the points; one is kept, since candidates of the same lengths
        follow each other.
        """
        if self._of_points is None or self._of_points[0] != lengths:
            self._of_points = lengths, matern(self.points, self.points, lengths)
        return self._of_points[1]


def matern(points: Array, others: Array, lengths: Sequence[float]) -> Array:
    """(points, others) Matern's covariance, twice differentiable (5/2):
    (1 + r + r^2 / 3) exp(-r), r the square root of 5 times the distance.
    """
    points, others = points / np.asarray(lengths), others / np.asarray(lengths)
    # in place, for the sake of large matrices
    distance = (points**2).sum(1)[:, None] + (others**2).sum(1)[None, :]
    distance -= 2.0 * points @ others.T
    # between equal points, rounding may leave less than 0
    np.sqrt(np.maximum(distance, 0.0, out=distance), out=distance)
    distance *= math.sqrt(5.0)
    covariance: Array = 1.0 + distance
    covariance += distance**2 / 3.0
    covariance *= np.exp(np.negative(distance, out=distance), out=distance)
    return covariance
