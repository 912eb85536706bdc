"""Two variants, each tuned by a search of its own: does one do better?

In: of every trial the score that selects and the score that is reported; lower is better.  Out: differences, p-values and
intervals, all of them with the selection repeated.  Contains the comparison of Greff et al. 2015 (the best tenth of the
trials, Welch's t-test) and what replaces it here: a permutation of the labels of all trials.

Why it is replaced: the best k of N were chosen for being good, so they are closer to each other than k trials are.  Welch's
test takes their small spread for precision; between two searches that do not differ it finds a difference in 8 to 18 % of
the cases and not in 5 %.  A permutation test that chooses anew in every draw has no such error: where labels mean nothing,
every relabelling is as likely as the one that was seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats

from rnnzoo.errors import StatsError

Array = np.ndarray[Any, Any]
FEWEST = 3
ALPHA = 0.05


@dataclass(frozen=True, eq=False, slots=True)
class Trials:
    """All trials of one variant, by the score that selects, the best first.

    Attributes:
        on: (trials,) the score that selects; infinite for a trial that did not complete.
        report: (trials,) the score that is reported; infinite likewise.
    """

    on: Array
    report: Array

    @classmethod
    def of(cls, on: Sequence[float] | Array, report: Sequence[float] | Array) -> Trials:
        """Sort and check.

        Raises:
            StatsError: shapes differ, a score is NaN, or fewer than three trials completed.
        """
        one, two = np.asarray(on, dtype=float), np.asarray(report, dtype=float)
        if one.ndim != 1 or one.shape != two.shape:
            raise StatsError("a trial has one score that selects and one that is reported")
        if np.isnan(one).any() or np.isnan(two).any() or (np.isfinite(one) != np.isfinite(two)).any():
            raise StatsError("a trial has two finite scores, or two infinite ones if it did not complete")
        if np.isfinite(one).sum() < FEWEST:
            raise StatsError(f"a comparison needs {FEWEST} complete trials, not {np.isfinite(one).sum()}")
        order = np.argsort(one, kind="stable")
        return cls(one[order], two[order])

    def __len__(self) -> int:
        return len(self.on)

    def shifted(self, by: float) -> Trials:
        return Trials(self.on + by, self.report + by)

    def capped(self, worst: float) -> Trials:
        """What did not complete gets the worst reported score there is; it is still chosen last."""
        return Trials(self.on, np.where(np.isfinite(self.report), self.report, worst))


@dataclass(frozen=True, slots=True)
class Exchange:
    """What permuting the labels says.

    Attributes:
        difference: mean reported score of the best `keep` of A minus that of B; above 0, A is worse.
        worse: p-value for "A is worse", the share of relabellings with a difference at least as large.
        better: p-value for "A is better".
        welch: two-sided p-value of Welch's t-test between the kept trials (Greff et al. 2015).
        false_alarms: share of the relabellings that Welch's test calls a difference at 5 %: what its p-value is worth here.
    """

    difference: float
    worse: float
    better: float
    welch: float
    false_alarms: float


def exchange(
    a: Trials, b: Trials, keep: int, rng: np.random.Generator, shift: float = 0.0, draws: int = 9_999
) -> Exchange:
    """Permutation test of the difference between the best `keep` trials of A and of B, chosen anew in every draw.

    Args:
        keep: how many trials of each are compared.
        shift: the difference under the hypothesis that is tested; A's scores are moved by as much before labels are
            exchanged.  0 tests "no difference", a margin tests "A is worse by the margin".

    Raises:
        StatsError: `keep` is below 3, or more than the trials.

    Source:
        Phipson and Smyth 2010 (p-values of random permutations are never 0); the protocol is that of Greff et al. 2015,
        section IV.
    """
    _check(a, b, keep)
    a, b = _capped(a, b)
    moved = a.shifted(-shift)
    on, report = np.concatenate([moved.on, b.on]), np.concatenate([moved.report, b.report])
    order = np.lexsort((rng.random(len(on)), on))  # ties fall by chance, not by label
    report = report[order]
    labels = np.zeros((draws + 1, len(on)), dtype=bool)
    labels[0] = order < len(a)  # the labels as they are
    labels[1:] = rng.permuted(np.broadcast_to(labels[0], (draws, len(on))), axis=1)
    ours, theirs = _kept(labels, keep), _kept(~labels, keep)
    means = ours @ report / keep, theirs @ report / keep
    differences = means[0] - means[1]
    seen, rest = differences[0], differences[1:]
    room = 1e-12 * max(1.0, float(np.abs(report).max()))  # sums of the same numbers in another order
    welch = _welch(means, (ours @ report**2, theirs @ report**2), keep)
    return Exchange(
        difference=float(seen) + shift,
        worse=float((1 + (rest >= seen - room).sum()) / (draws + 1)),
        better=float((1 + (rest <= seen + room).sum()) / (draws + 1)),
        welch=float(welch[0]),
        false_alarms=float((welch[1:] < ALPHA).mean()),
    )


def _check(a: Trials, b: Trials, keep: int) -> None:
    if keep < FEWEST:
        raise StatsError(f"at least {FEWEST} trials must be kept, not {keep}")
    if keep > min(len(a), len(b)):
        raise StatsError(f"{keep} trials are to be kept, and there are {min(len(a), len(b))}")


def _capped(a: Trials, b: Trials) -> tuple[Trials, Trials]:
    both = np.concatenate([a.report, b.report])
    worst = float(both[np.isfinite(both)].max())
    return a.capped(worst), b.capped(worst)


def _kept(labels: Array, keep: int) -> Array:
    """(draws, trials) of 0 and 1: the first `keep` of each row, where trials stand in the order of what selects."""
    return (labels & (np.cumsum(labels, axis=1, dtype=np.int16) <= keep)).astype(float)


def _welch(means: tuple[Array, Array], squares: tuple[Array, Array], keep: int) -> Array:
    """Two-sided p-values of Welch's t-test for groups of one size."""
    shares = [
        np.maximum(square / keep - mean**2, 0.0) / (keep - 1) for mean, square in zip(means, squares)
    ]  # variance of each mean
    total = shares[0] + shares[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(means[0] - means[1]) / np.sqrt(total)
        freedom = total**2 / ((shares[0] ** 2 + shares[1] ** 2) / (keep - 1))
        p = 2 * special.stdtr(freedom, -t)
    return np.where(total > 0, p, np.where(means[0] == means[1], 1.0, 0.0))


# ---------------------------------------------------------------------------------------------- how large


@dataclass(frozen=True, slots=True)
class Effect:
    """How much worse A is than B.

    Attributes:
        a, b: mean reported scores of the best `keep` of each.
        low, high: interval of their difference.
        error: its standard error.
    """

    a: float
    b: float
    low: float
    high: float
    error: float

    @property
    def difference(self) -> float:
        return self.a - self.b


def effect(a: Trials, b: Trials, keep: int, level: float, rng: np.random.Generator, draws: int = 2_000) -> Effect:
    """How much worse A is than B: percentile bootstrap over all trials of each, with the selection repeated.

    Args:
        level: such as 0.95.

    Source:
        Efron and Tibshirani 1993, An introduction to the bootstrap, chapters 8 and 13.
    """
    _check(a, b, keep)
    a, b = _capped(a, b)
    resampled = _resampled(a, keep, rng, draws) - _resampled(b, keep, rng, draws)
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(resampled, (tail, 100.0 - tail))
    one, two = float(a.report[:keep].mean()), float(b.report[:keep].mean())
    return Effect(one, two, float(low), float(high), float(resampled.std(ddof=1)))


def _resampled(trials: Trials, keep: int, rng: np.random.Generator, draws: int) -> Array:
    """Means of the best `keep`, one a draw; trials are sorted, so the best have the lowest numbers."""
    drawn = rng.integers(len(trials), size=(draws, len(trials)))
    best = np.partition(drawn, keep - 1, axis=1)[:, :keep]
    return np.asarray(trials.report[best].mean(axis=1))


# ---------------------------------------------------------------------------------------------- several claims, more trials


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted for being several: all of them below 0.05 at once only by a chance of 5 %.

    Source:
        Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    found = [0.0] * len(p)
    highest = 0.0
    for rank, at in enumerate(sorted(range(len(p)), key=lambda one: p[one])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[at]))
        found[at] = highest
    return tuple(found)


def trials_needed(effect: Effect, boundary: float, trials: int, alpha: float = ALPHA, power: float = 0.8) -> int:
    """About how many trials each variant needs for a one-sided test to see on which side of a boundary the difference lies.

    Takes the difference that was found for the true one, and a standard error that falls with the square root of the trials,
    as it does where a share of them is kept.  An estimate for planning, not a promise: the found difference is itself
    uncertain.

    Args:
        boundary: 0, or a margin.
        trials: of each variant, so far.

    Source:
        The normal approximation of any textbook: N = N0 ((z_alpha + z_power) s / distance)^2.
    """
    distance = abs(effect.difference - boundary)
    if distance == 0.0:
        return 2**31
    quantiles = stats.norm.ppf(1 - alpha) + stats.norm.ppf(power)
    needed = trials * (float(quantiles) * effect.error / distance) ** 2
    return min(2**31, max(trials, math.ceil(needed)))
