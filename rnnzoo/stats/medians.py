"""Tests and intervals of a median by counting: no assumption about the distribution but
independence.

In: values.  Out: an exact interval of their median, and p-values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rnnzoo.stats._scipy import stats

HALF = 0.5


def median_tests(values: Sequence[float], limit: float) -> tuple[float, float]:
    """P-values of "the median is at or above a limit" and of "it is below".

    Source:
        The sign test; Conover 1999, Practical nonparametric statistics, section 3.4.
    """
    above = sum(value >= limit for value in values)
    at_or_above, below = (
        float(stats.binom.sf(count - 1, len(values), HALF))
        for count in (above, len(values) - above)
    )
    return at_or_above, below


def median_interval(values: Sequence[float], level: float) -> tuple[float, float]:
    """Exact interval of a median, from one value to another; infinite if there are too few values
    for the level.

    The interval lies on one side of a limit exactly if the sign test with half of the error `1 -
    level` says so.
    """
    ordered, count = np.sort(values), len(values)
    # the number of values at and beyond either end
    beyond = int(stats.binom.ppf((1.0 - level) / 2, count, HALF))
    if beyond < 1:
        return -math.inf, math.inf
    return float(ordered[beyond - 1]), float(ordered[count - beyond])
