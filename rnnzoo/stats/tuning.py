"""Tuning curves: the expected score of the best of n trials.

In: each trial's score on the split that selects and on the split that is reported, a level, a
generator.  Out: a `TuningCurve`.  Contains the expected validation curve in its unbiased form
(Dodge et al. 2019, Tang et al. 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.errors import StatsError

Array = np.ndarray[Any, Any]
FEWEST = 3


@dataclass(frozen=True, slots=True, eq=False)
class TuningCurve:
    """The expected score of the selected trial, for every number of trials from 1 to N.

    Attributes:
        trials: (N,) the numbers 1 to N.
        mean: (N,) the expected reported score, given that at least one of the drawn trials has a
            finite score.
        low, high: (N,) the pointwise band.
        finite: (N,) the chance of that condition; 1 everywhere if no trial diverged.
    """

    trials: Array
    mean: Array
    low: Array
    high: Array
    finite: Array


def tuning_curve(
    on: Array, report: Array, level: float, rng: np.random.Generator, draws: int = 1000
) -> TuningCurve:
    """The expected reported score of the best of n out of N trials, selected by another score.

    The mean is over all sets of n different trials.  Trials that tie for the best are equally
    likely to be selected.  A set in which every trial diverged has no score: the mean excludes such
    sets, and `finite` is the share of the others.

    Args:
        on: (trials,) scores on the split that selects; lower is better, +inf for a trial that
            diverged.
        report: (trials,) scores on the reported split; finite wherever `on` is, ignored elsewhere.
        level: of the band, such as 0.95.
        draws: the number of bootstrap samples.

    Returns:
        The curve, in the unit of `report`.

    Raises:
        StatsError: fewer than three trials with a finite score, a score that is NaN or -inf, or
            shapes that differ.

    Source:
        Dodge et al. 2019, Show your work: the curve for draws with replacement, which is biased.
        Tang et al. 2020, Showing your work doesn't always work: the curve without replacement,
        which is unbiased.  The band is the percentile bootstrap over trials.  No resample contains
        a trial better than the best one, so the band is too narrow as n approaches N (Lourie et al.
        2024, Show your work with confidence): for 60 normal scores that both select and are
        reported, at 90 % it covers about 85 % at N / 10, 77 % at N / 4, and less than half at N.
    """
    on, report = _sorted(on, report)
    size = len(on)
    chances = _chances(size)
    mean, finite = _curves(np.ones((1, size), dtype=int), on, report, chances)
    # a bootstrap sample as counts: how often it holds each trial
    resamples = rng.multinomial(size, np.full(size, 1.0 / size), size=draws)
    # where a resample holds no trial that completed, it has no curve
    resamples = resamples[resamples[:, np.isfinite(on)].any(axis=1)]
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(
        _curves(resamples, on, report, chances)[0], (tail, 100.0 - tail), axis=0
    )
    finite = np.minimum(finite[0], 1.0)  # products of chances may exceed 1 in the last digit
    return TuningCurve(np.arange(1, size + 1), mean[0], low, high, finite)


def _sorted(on: Array, report: Array) -> tuple[Array, Array]:
    """Both scores, sorted by the first.

    Diverged trials report 0, since infinity times a chance of 0 is NaN.
    """
    on, report = np.asarray(on, dtype=float), np.asarray(report, dtype=float)
    if on.ndim != 1 or on.shape != report.shape:
        raise StatsError(
            f"a tuning curve needs two scores of each trial, not shapes {on.shape} and"
            f" {report.shape}"
        )
    if np.isnan(on).any() or np.isneginf(on).any():
        raise StatsError("a score to select on is NaN or -inf: give a trial that diverged +inf")
    finite = np.isfinite(on)
    if finite.sum() < FEWEST:
        raise StatsError(
            f"a tuning curve needs at least {FEWEST} finite trials, not {finite.sum()}: run more"
            " trials"
        )
    if not np.isfinite(report[finite]).all():
        raise StatsError(
            "a trial that can be selected has no finite reported score: give it +inf to select on"
        )
    order = np.argsort(on, kind="stable")
    return on[order], np.where(finite, report, 0.0)[order]


def _chances(size: int) -> Array:
    """(n, rank) the chance C(N - rank, n - 1) / C(N, n) that the best of n trials has this rank
    among all N.

    Rank 1 has n / N; each next rank has (N - rank - n + 1) / (N - rank) of the previous one.
    Products of numbers in [0, 1] neither overflow nor cancel, unlike binomials.
    """
    n, rank = np.arange(1, size + 1)[:, None], np.arange(1, size)[None, :]
    ratios = np.maximum(size - rank - n + 1, 0) / (size - rank)
    return np.asarray(np.cumprod(np.hstack([n / size, ratios]), axis=1))


def _curves(counts: Array, on: Array, report: Array, chances: Array) -> tuple[Array, Array]:
    """Mean and chance of a finite score, both (samples, n).

    Args:
        counts: (samples, trials) how often each trial is in each sample.
        on: sorted, so that diverged trials have the last ranks.
    """
    _, starts = np.unique(on, return_index=True)
    tied = np.add.reduceat(counts, starts, axis=1)
    shared = np.add.reduceat(counts * report, starts, axis=1) / np.maximum(tied, 1)
    # Every sample has N trials, so the repeated values form rows of N again.
    ranked = np.repeat(shared.ravel(), tied.ravel()).reshape(counts.shape)
    has_score = np.arange(len(on)) < counts[:, np.isfinite(on)].sum(axis=1, keepdims=True)
    finite = has_score @ chances.T
    return ranked @ chances.T / finite, finite
