"""What scores are measured in before a surface goes through them: a centre and a deviation.

In: scores, with the variant of each.  Out: the same scores, capped and standardized, and the scale
of each variant, which turns them back.

Variants share a scale, since a few trials of each say little of a variant's own.  One whose scores
clearly lie elsewhere or spread wider than those of the others has a scale of its own: in the common
one its trials would pass for most of the variance, and all others for a plain.

Source:
    Wilks 1938, the large-sample distribution of the likelihood ratio; Smyth 2004, Linear models and
    empirical Bayes methods, for variances of few values that lean on those of others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.errors import StatsError

Array = np.ndarray[Any, Any]
FEWEST = 4  # scores
# quantile at which scores are capped: how bad a bad setting is says nothing about good ones
UPPER = 0.75
# the same where variants are told apart: there, how bad a variant's bad scores are does say a
# little, and only the few that exploded must not speak for a variant
UPPER_TOLD_APART = 0.9
# of twice the logarithm of a likelihood ratio, which has a chi-squared distribution of two degrees
# of freedom among equals (a mean and a variance): one variant in 1,000 is taken for another kind
APART = -2.0 * math.log(0.001)
LEANING = 4  # trials with the variance of all, on which a variance of a few leans


@dataclass(frozen=True, slots=True)
class Scale:
    """A centre and a deviation, in units of a score."""

    centre: float
    deviation: float


@dataclass(frozen=True, eq=False, slots=True)
class Standardized:
    """Scores in units of their scales.

    Attributes:
        scores: (trials,) capped.
        shared: the scale of all variants but those in `own`.
        own: by variant.
    """

    scores: Array
    shared: Scale
    own: Mapping[int, Scale]

    def scale(self, variant: int) -> Scale:
        return self.own.get(variant, self.shared)


def standardized(variants: Array, scores: Array, own: frozenset[int] = frozenset()) -> Standardized:
    """Scores less their centre, over their deviation.

    Args:
        variants: (trials,) the number of each trial's variant.
        scores: (trials,) lower is better; infinite for a training without a score, which counts as
            bad.
        own: variants that have a scale of their own; each has a score, and so has another variant.

    Raises:
        StatsError: fewer than four finite scores.
    """
    finite = int(np.isfinite(scores).sum())
    if finite < FEWEST:
        raise StatsError(
            f"to predict scores takes {FEWEST} trials with a score, and there are {finite}"
        )
    in_units = np.empty(len(scores))

    def scaled(members: Array) -> Scale:
        bounded = capped(scores[members])
        scale = Scale(float(bounded.mean()), float(bounded.std()) or 1.0)
        in_units[members] = (bounded - scale.centre) / scale.deviation
        return scale

    shared = scaled(~np.isin(variants, list(own)))
    return Standardized(
        in_units, shared, {variant: scaled(variants == variant) for variant in sorted(own)}
    )


def told_apart(variants: Array, scores: Array) -> frozenset[int]:
    """The variants whose scores are clearly of another level or spread than those of the others.

    The one that stands out most is left out first, then the others are compared without it.  The
    arguments are those of `standardized`.
    """
    has_score = np.isfinite(scores)
    together = sorted({int(variant) for variant in variants[has_score]})
    apart: set[int] = set()
    while len(together) > 1:
        among = np.isin(variants, together)
        evidence = _evidence(variants[among], scores[among])
        farthest = max(together, key=evidence.__getitem__)
        if evidence[farthest] <= APART:
            break
        together.remove(farthest)
        apart.add(farthest)
    return frozenset(apart)


def _evidence(variants: Array, scores: Array) -> dict[int, float]:
    """By variant, twice the logarithm of the likelihood ratio: its scores and those of all others
    come from two normal distributions, against one.
    """
    bounded = capped(scores, UPPER_TOLD_APART)
    of_all = float(bounded.var())
    if not of_all:
        return dict.fromkeys(variants.tolist(), 0.0)

    def log_likelihood(part: Array) -> float:
        """Twice it, less what both sides of the ratio have."""
        squares = float(((part - part.mean()) ** 2).sum())
        variance = (squares + LEANING * of_all) / (len(part) + LEANING)
        return -len(part) * math.log(variance / of_all) - squares / variance

    together = log_likelihood(bounded)
    evidence = {}
    for variant in np.unique(variants):
        own, others = bounded[variants == variant], bounded[variants != variant]
        evidence[int(variant)] = log_likelihood(own) + log_likelihood(others) - together
    return evidence


def capped(scores: Array, quantile: float = UPPER) -> Array:
    """Scores, none worse than this quantile of the finite ones."""
    bounded: Array = np.minimum(scores, np.quantile(scores[np.isfinite(scores)], quantile))
    return bounded
