"""Ranks: whether variants differ over several tasks whose scores have different units.

In: a score for each task and variant.  Out: `Ranks`, the content of a critical-difference diagram.
Contains Friedman's test, its correction by Iman and Davenport, and Nemenyi's critical difference
(Demsar 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, factorial, log, prod, sqrt
from typing import Any

import numpy as np

from rnnzoo.errors import StatsError
from rnnzoo.stats._scipy import stats

Array = np.ndarray[Any, Any]
FEWEST = 2


@dataclass(frozen=True, slots=True)
class Ranks:
    """The ranks of the variants, and which of them differ.

    Attributes:
        names: the variants, in the order given.
        average: each variant's rank, averaged over tasks; 1 is best, ties share their mean rank.
        chi_square: Friedman's statistic, corrected for ties.
        chi_square_p: its p-value; good only for more than about 10 tasks and 5 variants.
        f: the statistic of Iman and Davenport; infinite if all tasks have the same ranks.
        f_p: its p-value, the preferred one.
        critical_difference: average ranks at least this far apart differ (Nemenyi).
        groups: the largest sets of two or more variants that do not differ, the best first.
    """

    names: tuple[str, ...]
    average: tuple[float, ...]
    chi_square: float
    chi_square_p: float
    f: float
    f_p: float
    critical_difference: float
    groups: tuple[tuple[str, ...], ...]


def rank(scores: Array, names: Sequence[str], level: float = 0.95) -> Ranks:
    """Rank the variants on every task and test whether their average ranks differ by more than
    chance.

    Args:
        scores: (tasks, variants), lower is better; +inf for a variant that diverged.
        names: of the variants, all different.
        level: of the critical difference, such as 0.95.

    Returns:
        The ranks, the tests and the groups.  If all variants tie on all tasks, both statistics are
        0 and both p-values 1.

    Raises:
        StatsError: fewer than two tasks or two variants, a score that is NaN, or names that do not
            fit.

    Source:
        Demsar 2006, Statistical comparisons of classifiers over multiple data sets, section 3.2.2.
    """
    scores = np.asarray(scores, dtype=float)
    _check(scores, names)
    tasks, variants = scores.shape
    ranks = stats.rankdata(scores, axis=1)
    average = ranks.mean(axis=0)
    chi_square = _chi_square(ranks)
    f, f_p = _iman_davenport(ranks, chi_square)
    distance = critical_difference(tasks, variants, level)
    return Ranks(
        names=tuple(names),
        average=tuple(average.tolist()),
        chi_square=chi_square,
        chi_square_p=float(stats.chi2.sf(chi_square, variants - 1)),
        f=f,
        f_p=f_p,
        critical_difference=distance,
        groups=_groups(average, names, distance),
    )


def mean_ranks(scores: Array) -> Array:
    """(variants,) the rank of each variant, averaged over tasks: one score for one task at several
    lengths.

    Args:
        scores: (tasks, variants), lower is better.
    """
    return np.asarray(stats.rankdata(np.asarray(scores, dtype=float), axis=1).mean(axis=0))


def critical_difference(tasks: int, variants: int, level: float = 0.95) -> float:
    """The distance at which two average ranks differ if all pairs are compared (Nemenyi).

    Source:
        Demsar 2006, section 3.2.2: CD = q sqrt(k (k + 1) / (6 N)) for k variants and N tasks, where
        q is the quantile of the studentized range with infinite degrees of freedom, divided by the
        root of 2 (table 5a).
    """
    q = float(stats.studentized_range.ppf(level, variants, np.inf)) / sqrt(2.0)
    return q * sqrt(variants * (variants + 1) / (6.0 * tasks))


def _check(scores: Array, names: Sequence[str]) -> None:
    if scores.ndim != 2 or min(scores.shape) < FEWEST:
        raise StatsError(
            f"ranks need {FEWEST} tasks and {FEWEST} variants or more, not scores of shape"
            f" {scores.shape}"
        )
    if np.isnan(scores).any():
        raise StatsError("a score that is NaN has no rank: give a variant that diverged +inf")
    if len(names) != scores.shape[1] or len(set(names)) != len(names):
        raise StatsError(
            f"{scores.shape[1]} variants need as many different names, not {', '.join(names)}"
        )


def _chi_square(ranks: Array) -> float:
    """Friedman's statistic: the spread of the rank sums over the spread of the ranks, which ties
    reduce.

    Source:
        Demsar 2006, section 3.2.2; with ties Conover 1999, Practical nonparametric statistics,
        section 5.8.
    """
    variants = ranks.shape[1]
    centered = ranks - (variants + 1) / 2.0
    spread = float((centered**2).sum())
    if spread == 0.0:
        return 0.0
    return float((variants - 1) * (centered.sum(axis=0) ** 2).sum() / spread)


def _iman_davenport(ranks: Array, chi_square: float) -> tuple[float, float]:
    """F = (N - 1) chi2 / (N (k - 1) - chi2) and its p-value, from F with k - 1 and (k - 1) (N - 1)
    degrees of freedom.

    Source:
        Iman and Davenport 1980, as in Demsar 2006, section 3.2.2.
    """
    tasks, variants = ranks.shape
    if chi_square == 0.0:
        return 0.0, 1.0
    if (ranks == ranks[0]).all():
        return float("inf"), _chance_of_agreement(ranks[0], tasks)
    f = (tasks - 1) * chi_square / (tasks * (variants - 1) - chi_square)
    return f, float(stats.f.sf(f, variants - 1, (variants - 1) * (tasks - 1)))


def _chance_of_agreement(ranks: Array, tasks: int) -> float:
    """The chance that all tasks order the variants alike if every order is equally likely.

    An infinite F would have the p-value 0 even if two tasks agree on two variants, which has a
    chance of one half.
    """
    _, tied = np.unique(ranks, return_counts=True)
    orders = factorial(len(ranks)) // prod(factorial(int(count)) for count in tied)
    # by logarithms: a factorial may be too large for a float
    return exp((1 - tasks) * log(orders))


def _groups(average: Array, names: Sequence[str], distance: float) -> tuple[tuple[str, ...], ...]:
    """The longest runs of sorted variants whose first and last ranks are less than `distance`
    apart.
    """
    order = np.argsort(average, kind="stable")
    # left: ranks that are exactly this far apart differ
    ends = np.searchsorted(average[order], average[order] + distance, side="left")
    runs, covered = [], 0
    for start, end in enumerate(ends):
        # one that ends where the one before it does is a part of that
        if end > covered and end - start > 1:
            runs.append(tuple(names[variant] for variant in order[start:end]))
        covered = max(covered, int(end))
    return tuple(runs)
