"""A surface through scattered scores: what each variant would score anywhere in the space, from few trials of all of them.

In: points of the unit cube, the variant and the score of each.  Out: a prediction for any point and variant.  A Gaussian
process whose covariance has a part that all variants share and a part of each one's own, so that 4 trials of each of 11
variants are 44 trials for the shared part.

Hyper-parameters of the process are the likeliest of a fixed list of candidates, one axis after another: no gradient and no
random restarts, so the same trials give the same surface.

Source:
    Rasmussen and Williams 2006, Gaussian processes for machine learning, algorithm 2.1; Swersky, Snoek and Adams 2013,
    Multi-task Bayesian optimization, for the covariance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from rnnzoo.errors import StatsError

Array = np.ndarray[Any, Any]
FEWEST = 4  # scores
UPPER = 0.75  # quantile; what scored worse counts as this: how bad a bad setting is says nothing of the good ones
LENGTHS = (0.2, 0.35, 0.6, 1.0, 2.0)  # over which scores change, as shares of an axis
ALIKE = (0.5, 0.8, 0.95)  # correlation of the scores of two variants at one point
NOISE = (0.02, 0.1, 0.3)  # variance of a training's noise, as a share of all variance
JITTER = 1e-9  # keeps a covariance positive definite


@dataclass(frozen=True, slots=True)
class Shape:
    """Hyper-parameters of the process: a length for each axis, the correlation of two variants, the share of noise."""

    lengths: tuple[float, ...]
    alike: float
    noise: float


@dataclass(frozen=True, eq=False, slots=True)
class Surface:
    """What a fit has found.

    Attributes:
        points, variants: (trials, axes) and (trials,) of the trials that it goes through.
        weights: (trials,) of each trial in a prediction, in units of a score.
        mean: prediction far from all trials.
    """

    shape: Shape
    points: Array
    variants: Array
    weights: Array
    mean: float

    def predict(self, points: Array, variant: int) -> Array:
        """(points,) the score to expect of a variant at each of these points, (points, axes)."""
        same = self.variants == variant
        near = nearness(points, self.points, self.shape.lengths)
        found: Array = self.mean + near @ (self.weights * np.where(same, 1.0, self.shape.alike))
        return found


def fit(points: Array, variants: Array, scores: Array) -> Surface:
    """The likeliest surface.

    Args:
        points: (trials, axes) in the unit cube.
        variants: (trials,) a whole number for each variant.
        scores: (trials,) lower is better; infinite where a training gave none, which counts as a bad score.

    Raises:
        StatsError: fewer than four finite scores.
    """
    finite = scores[np.isfinite(scores)]
    if len(finite) < FEWEST:
        raise StatsError(f"a surface needs {FEWEST} trials with a score, not {len(finite)}")
    bounded = np.minimum(scores, np.quantile(finite, UPPER))
    mean, deviation = float(bounded.mean()), float(bounded.std()) or 1.0
    trials = _Trials(points, variants[:, None] == variants[None, :], (bounded - mean) / deviation)
    axes = points.shape[1]
    correlations = ALIKE if np.ptp(variants) else ALIKE[:1]  # of one variant alone they are all as likely
    equal = [Shape((length,) * axes, alike, noise) for length, alike, noise in product(LENGTHS, correlations, NOISE)]
    shape = max(equal, key=trials.likelihood)
    for axis in range(axes) if axes > 1 else ():
        shape = max((_with_length(shape, axis, length) for length in LENGTHS), key=trials.likelihood)
    weights = trials.weights(shape) * (1.0 - shape.noise) * deviation
    return Surface(shape, points, variants, weights, mean)


def _with_length(shape: Shape, axis: int, length: float) -> Shape:
    return replace(shape, lengths=(*shape.lengths[:axis], length, *shape.lengths[axis + 1 :]))


@dataclass(frozen=True, eq=False, slots=True)
class _Trials:
    """What a process is fitted to: (trials, axes) points, (trials, trials) whether two are of one variant, scores."""

    points: Array
    same: Array
    scores: Array

    def likelihood(self, shape: Shape) -> float:
        """Logarithm of the marginal likelihood, less a constant."""
        factor = self._factor(shape)
        fit = self.scores @ cho_solve(factor, self.scores, check_finite=False)
        return float(-0.5 * fit - np.log(np.diagonal(factor[0])).sum())

    def weights(self, shape: Shape) -> Array:
        found: Array = cho_solve(self._factor(shape), self.scores, check_finite=False)
        return found

    def _factor(self, shape: Shape) -> tuple[Array, bool]:
        near = nearness(self.points, self.points, shape.lengths)
        covariance = (1.0 - shape.noise) * near * np.where(self.same, 1.0, shape.alike)
        covariance[np.diag_indices_from(covariance)] += shape.noise + JITTER
        factor: tuple[Array, bool] = cho_factor(covariance, lower=True, check_finite=False)
        return factor


def nearness(one: Array, other: Array, lengths: Sequence[float]) -> Array:
    """Matern's covariance, twice differentiable (5/2)."""
    one, other = one / np.asarray(lengths), other / np.asarray(lengths)
    squared = (one**2).sum(1)[:, None] + (other**2).sum(1)[None, :] - 2.0 * one @ other.T
    distance = math.sqrt(5.0) * np.sqrt(np.maximum(squared, 0.0))
    found: Array = (1.0 + distance + distance**2 / 3.0) * np.exp(-distance)
    return found
