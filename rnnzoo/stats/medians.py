"""A median, by counting alone: nothing is supposed of how values spread, but that they do not depend on each other.

In: values.  Out: an exact interval of their median, and p-values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

HALF = 0.5


def median_tests(values: Sequence[float], limit: float) -> tuple[float, float]:
    """P-values of "the median is at or above a limit" and of "it is below".

    Source:
        The sign test; Conover 1999, Practical nonparametric statistics, section 3.4.
    """
    above = sum(value >= limit for value in values)
    fewest = (above, len(values) - above)
    at_or_above, below = (float(stats.binom.sf(count - 1, len(values), HALF)) for count in fewest)
    return at_or_above, below


def median_interval(values: Sequence[float], level: float) -> tuple[float, float]:
    """Exact interval of a median, between two of the values; infinite where there are too few for the level.

    It lies on one side of a limit exactly where the sign test says so, at half the level's error on either side.
    """
    ordered, count = np.sort(values), len(values)
    beyond = int(stats.binom.ppf((1.0 - level) / 2, count, HALF))  # values at and beyond either end
    if beyond < 1:
        return -math.inf, math.inf
    return float(ordered[beyond - 1]), float(ordered[count - beyond])
