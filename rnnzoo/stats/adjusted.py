"""Comparison of two variants at equal settings: does one do better where both do well?

In: for every trial of two searches its point in the unit cube, the score that selects and the score
that is reported; lower is better.  Out: a difference, p-values and an interval.  The best trials of
two searches differ mostly because different settings were drawn.  Here a surface through the scores
of all trials predicts the score at each setting, and the comparison is of the deviations from it.

Neither the surface nor the weights depend on the labels, so labels can be permuted: the test is as
exact as the comparison of the best trials.  It answers another question, though.  If the two do
best at different settings, they do differ at equal ones, and the test says so even if they are
equal when each is tuned.

    surface   a Gaussian process through the scores that select
    weights   the variance of a trial is that of its seed plus (0.3 x (predicted score - best))^2:
              differences between bad settings say little about good ones
    cap       scores above the upper quartile of all trials, and those of trials that did not
              complete, count as this quartile
    estimate  the generalised least squares difference between the labels, with the covariance of
              the surface and these variances

Source:
    Aitken 1936, On least squares and linear combinations of observations; Freedman and Lane 1983
    for permuting beside a covariate.  A shift of A's scores by the margin tests a margin
    (Schuirmann 1987).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.errors import StatsError
from rnnzoo.stats._scipy import linalg
from rnnzoo.stats.compare import (
    DRAWS,
    NEAR,
    PermutationTest,
    fewest_trials,
    permutation_test,
    relabellings,
)
from rnnzoo.stats.scales import capped
from rnnzoo.stats.surrogate import Surface, fit_each, matern

Array = np.ndarray[Any, Any]
LEVEL = 0.95
EXCESS = 0.3  # standard deviation of a trial, as a share of its predicted distance from the best


@dataclass(frozen=True, eq=False, slots=True)
class Placed:
    """All trials of one variant.

    Attributes:
        points: (trials, axes) their points in the unit cube.
        on: (trials,) the score that selects; infinite for a trial that did not complete.
        report: (trials,) the score that is reported; infinite likewise.
        index: (trials,) the number of each trial.  In a paired comparison, trials of two variants
            with the same number are a pair.
    """

    points: Array
    on: Array
    report: Array
    index: Array

    def only(self, index: Array) -> Placed:
        """The trials with these numbers, sorted by number."""
        _, rows, _ = np.intersect1d(self.index, index, return_indices=True)
        return Placed(self.points[rows], self.on[rows], self.report[rows], self.index[rows])


class Adjusted:
    """Compares A and B at equal settings.

    Attributes:
        difference: A's score minus B's; above 0, A is worse.
    """

    def __init__(
        self,
        a: Placed,
        b: Placed,
        seed: int | Sequence[int],
        draws: int = DRAWS,
        paired: bool = False,
        shifts: Sequence[float] = (),
    ) -> None:
        """Args:
            seed: of the relabellings; they depend on nothing else but the numbers of trials.
            paired: trials with the same number are at the same point, so labels are swapped within
                such pairs only.  Trials without a partner are excluded.
            shifts: those that `test` will be asked for; at once they cost less.

        Raises:
            StatsError: nothing was searched, too few trials completed to detect any difference, or
                all scores are equal.
        """
        if paired:
            both = np.intersect1d(a.index, b.index)
            a, b = a.only(both), b.only(both)
        self.points = np.concatenate([a.points, b.points])
        self.on, self.report = np.concatenate([a.on, b.on]), np.concatenate([a.report, b.report])
        self.of_a = np.arange(len(self.on)) < len(a.on)
        fewest = fewest_trials((1.0 - LEVEL) / 2, paired)
        if not self.points.shape[1]:
            raise StatsError("nothing was searched")
        if min(np.isfinite(a.report).sum(), np.isfinite(b.report).sum()) < fewest:
            raise StatsError(
                f"a comparison at equal settings needs {fewest} complete trials of each"
            )
        if not np.ptp(capped(self.report)):
            raise StatsError("all scores are equal")
        self._labels = relabellings(self.of_a, seed, draws, paired).astype(float)
        self._known = self._statistics({0.0, *shifts})
        self._unshifted = self._known[0.0]
        self.difference = float(self._unshifted.difference[0])

    def test(self, shift: float = 0.0) -> PermutationTest:
        """P-values against the hypothesis that A is worse by `shift`, which is first subtracted
        from A's scores.
        """
        if shift not in self._known:
            self._known |= self._statistics({shift})
        return permutation_test(self._known[shift].t)

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """All differences that the test does not reject, the surface fixed; each side has half of
        the error `1 - level`.

        With A's scores shifted by `d`, each statistic is linear in d: a relabelling reaches the
        observed statistic from one difference on.
        """
        statistics, root = self._unshifted, np.sqrt(self._unshifted.information)
        slope = (root[0] - statistics.overlap / root)[1:]
        # else the labels equal the observed ones, and their statistics at any difference
        moves = slope > NEAR * root[0]
        crossings = (statistics.t[0] - statistics.t[1:]) / np.where(moves, slope, 1.0)
        # relabellings allowed beyond a bound: the observed labels count as one, and NEAR, because
        # 1.0 - 0.9 is a little less than 0.1
        beyond = math.floor(len(statistics.t) * (1.0 - level) / 2 + NEAR) - 1
        low = np.sort(np.where(moves, crossings, -math.inf))[beyond]
        high = np.sort(np.where(moves, crossings, math.inf))[-1 - beyond]
        return float(low), float(high)

    def _statistics(self, shifts: Collection[float]) -> dict[float, _Statistics]:
        """The statistics of each relabelling, by the shift that is subtracted from A's scores."""
        moved = {shift: np.where(self.of_a, shift, 0.0) for shift in shifts}
        on = [self.on - moves for moves in moved.values()]
        surfaces = fit_each(self.points, np.zeros(len(self.on), dtype=int), on)
        statistics = {}
        for (shift, moves), selecting, surface in zip(moved.items(), on, surfaces):
            weights = self._labels @ _precision(surface, selecting)
            statistics[shift] = _Statistics(
                weights @ capped(self.report - moves),
                (weights * self._labels).sum(axis=1),
                weights @ self._labels[0],
            )
        return statistics


@dataclass(frozen=True, eq=False, slots=True)
class _Statistics:
    """Products of labels in the metric of the precision, (1 + draws,): the observed labels first,
    then relabellings.

    Attributes:
        score: of the labels with the scores.
        information: of the labels with themselves: the precision of a difference.
        overlap: of the labels with the observed labels.
    """

    score: Array
    information: Array
    overlap: Array

    @property
    def difference(self) -> Array:
        return np.asarray(self.score / self.information)

    @property
    def t(self) -> Array:
        """The difference over its standard error."""
        return np.asarray(self.score / np.sqrt(self.information))


def _precision(surface: Surface, on: Array) -> Array:
    """(trials, trials) the inverse covariance of scores whose mean is unknown.

    Args:
        surface: through these scores.
    """
    points, shape = surface.points, surface.shape
    expected = surface.predict(points, 0)
    variance = float(capped(on).var()) or 1.0  # of equal scores, any scale gives the same
    covariance = (1.0 - shape.noise) * variance * matern(points, points, shape.lengths)
    own = shape.noise * variance + (EXCESS * (expected - expected.min())) ** 2
    covariance[np.diag_indices_from(covariance)] += own
    inverse = linalg.cho_solve(
        linalg.cho_factor(covariance, lower=True, check_finite=False),
        np.eye(len(on)),
        check_finite=False,
    )
    # what is left when the mean is estimated from the same scores
    of_mean = inverse.sum(axis=1)
    return np.asarray(inverse - np.outer(of_mean, of_mean) / of_mean.sum())
