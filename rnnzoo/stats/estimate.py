"""Intervals: how far an average would move if the trials were drawn again.

In: scores, a level, a generator.  Out: two numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnzoo.errors import StatsError

Array = np.ndarray[Any, Any]
FEWEST = 3


def bootstrap_interval(scores: Array, level: float, rng: np.random.Generator, draws: int = 4000) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean.

    Args:
        scores: (trials,), finite.
        level: such as 0.95.
        draws: samples with replacement.

    Returns:
        Low and high, in the unit of `scores`.

    Raises:
        StatsError: fewer than three scores, or one that is not finite.

    Source:
        Efron and Tibshirani 1993, An introduction to the bootstrap, chapter 13.  With few scores the interval is somewhat
        too narrow: at 10 normal scores and 95 % it covers about 90 %.
    """
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 1 or len(scores) < FEWEST:
        raise StatsError(f"an interval needs at least {FEWEST} scores, not {scores.size}: run more trials")
    if not np.isfinite(scores).all():
        raise StatsError("an interval needs finite scores: count trials that diverged by themselves")
    means = rng.choice(scores, size=(draws, len(scores))).mean(axis=1)
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(means, (tail, 100.0 - tail))
    return float(low), float(high)
