"""Success rates: the share of trainings that succeed, and whether one variant succeeds more often
than another.

In: counts.  Out: p-values and intervals, exact where that can be computed.  No trainings are
selected, so there is no selection to repeat: every training counts, whatever its outcome.
"""

from __future__ import annotations

import math

from rnnzoo.errors import StatsError
from rnnzoo.stats._scipy import stats

# trials of each; beyond, Fisher's test: both agree there, and Boschloo's takes seconds
BOSCHLOO = 300


def more_often(a: int, of_a: int, b: int, of_b: int) -> tuple[float, float]:
    """P-values of "A succeeds more often than B" and of "A succeeds less often".

    Args:
        a, of_a: successes and trials of A.
        b, of_b: successes and trials of B.

    Raises:
        StatsError: no trial of one of them, or more successes than trials.

    Source:
        Boschloo 1970, Raised conditional level of significance for the 2 x 2 table when testing the
        equality of two probabilities: its level holds whatever the common share is, and it is never
        weaker than Fisher's exact test.
    """
    _check(a, of_a)
    _check(b, of_b)
    if a + b in (0, of_a + of_b):
        return 1.0, 1.0
    table = [[a, b], [of_a - a, of_b - b]]
    exact = stats.boschloo_exact if max(of_a, of_b) <= BOSCHLOO else stats.fisher_exact
    more, less = (float(exact(table, alternative=side).pvalue) for side in ("greater", "less"))
    return min(1.0, more), min(1.0, less)


def share_interval(successes: int, trials: int, level: float) -> tuple[float, float]:
    """Exact interval of a share: its coverage is at least `level`.

    Source:
        Clopper and Pearson 1934, The use of confidence or fiducial limits illustrated in the case
        of the binomial.
    """
    _check(successes, trials)
    interval = stats.binomtest(successes, trials).proportion_ci(level, method="exact")
    return float(interval.low), float(interval.high)


def trials_for_shares(difference: float, alpha: float, power: float = 0.8) -> int:
    """About how many trials of each variant show a difference between two shares around 0.5, where
    it is hardest to see.

    Args:
        difference: between the shares.
        alpha: the two-sided level.

    Source:
        Cohen 1988, Statistical power analysis for the behavioral sciences, section 6.4: shares
        differ by their arcsines.
    """
    distance = 2 * (
        math.asin(math.sqrt(0.5 + difference / 2)) - math.asin(math.sqrt(0.5 - difference / 2))
    )
    quantiles = float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power))
    return math.ceil(2 * (quantiles / distance) ** 2)


def _check(successes: int, trials: int) -> None:
    if not 0 <= successes <= trials or not trials:
        raise StatsError(f"{successes} of {trials} trials is no share")
