"""Two variants at equal settings: does one do better where both do well?

In: of every trial of two searches its place in the unit cube, the score that selects and the one that is reported; lower is
better.  Out: a difference, p-values and an interval.  Most of what sets the best trials of two searches apart is which
settings were drawn.  Here a surface through the scores of all trials says what is to be expected at each setting, and labels
are compared beyond that.

Neither the surface nor the weights know which trial is whose, and so the labels can be exchanged: the test is as exact as
the comparison of the best.  It answers another question, though.  Where the two do best at different settings, they do differ
at equal ones, and it says so, however equal they are when each is tuned.

    surface   a Gaussian process through the scores that select
    weights   the variance of a trial is that of its seed and (0.3 x (what is expected there - the best))^2: how bad settings
              are apart says little of the good ones
    cut       scores above the upper quartile of all trials, and those of trials that did not complete, count as this quartile
    estimate  the generalised least squares difference of the labels, with the covariance of the surface and these variances

Source:
    Aitken 1936, On least squares and linear combinations of observations; Freedman and Lane 1983 for permuting beside a
    covariate.  A shift of A's scores by the margin tests a margin (Schuirmann 1987).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from rnnzoo.errors import StatsError
from rnnzoo.stats.compare import DRAWS, NEAR, Exchange, fewest_trials, relabellings
from rnnzoo.stats.surrogate import UPPER, fit, nearness

Array = np.ndarray[Any, Any]
LEVEL = 0.95
EXCESS = 0.3  # standard deviation of a trial, by how much worse than the best it is expected to be


@dataclass(frozen=True, eq=False, slots=True)
class Placed:
    """All trials of one variant.

    Attributes:
        points: (trials, axes) where each lies in the unit cube.
        on: (trials,) the score that selects; infinite for a trial that did not complete.
        report: (trials,) the score that is reported; infinite likewise.
        index: (trials,) the number of each; trials of two variants with one number are a pair, if anything pairs them.
    """

    points: Array
    on: Array
    report: Array
    index: Array

    def only(self, index: Array) -> Placed:
        """The trials of these numbers, in their order."""
        _, rows, _ = np.intersect1d(self.index, index, return_indices=True)
        return Placed(self.points[rows], self.on[rows], self.report[rows], self.index[rows])


class Adjusted:
    """A and B at equal settings.

    Attributes:
        difference: that of A less that of B; above 0, A is worse.
    """

    def __init__(
        self, a: Placed, b: Placed, seed: int | Sequence[int], draws: int = DRAWS, paired: bool = False
    ) -> None:
        """Args:
            seed: the same one gives the same relabellings, whatever is tested with them.
            paired: trials of one number lie at one point: their labels are exchanged with each other only, and trials of one
                variant alone are left out.

        Raises:
            StatsError: nothing was searched, so few trials completed that no difference could be seen, or all scores are equal.
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
        if min(int(np.isfinite(one.report).sum()) for one in (a, b)) < fewest:
            raise StatsError(f"a comparison at equal settings needs {fewest} complete trials of each")
        if not np.ptp(_cut(self.report)):
            raise StatsError("all scores are equal")
        self._labels = relabellings(self.of_a, seed, draws, paired)
        self._as_is = self._seen(0.0)
        self.difference = float(self._as_is.difference[0])

    def test(self, shift: float = 0.0) -> Exchange:
        """P-values against the hypothesis that A is worse by `shift`, whose scores are moved by as much first."""
        t = (self._seen(shift) if shift else self._as_is).t
        room = NEAR * max(1.0, abs(float(t[0])))
        return Exchange(
            worse=float((1 + (t[1:] >= t[0] - room).sum()) / len(t)),
            better=float((1 + (t[1:] <= t[0] + room).sum()) / len(t)),
        )

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """All differences that the test does not refuse with the surface as it is, each side at half of what is left.

        A relabelling reaches the statistic that was seen from one difference on: with A moved by `d` its own is linear in d.
        """
        seen, root = self._as_is, np.sqrt(self._as_is.information)
        slope = (root[0] - seen.overlap / root)[1:]
        moves = slope > NEAR * root[0]  # else the labels are those that were seen, and reach it whatever the difference
        reached = (seen.t[0] - seen.t[1:]) / np.where(moves, slope, 1.0)
        beyond = math.floor(len(seen.t) * (1.0 - level) / 2 + NEAR) - 1  # how many relabellings may lie beyond a bound
        low = np.sort(np.where(moves, reached, -math.inf))[beyond]
        return float(low), float(np.sort(np.where(moves, reached, math.inf))[-1 - beyond])

    def _seen(self, shift: float) -> _Seen:
        """What each relabelling shows, once A's scores are moved by `-shift`."""
        moved = np.where(self.of_a, shift, 0.0)
        precision = _precision(self.points, self.on - moved)
        labels = self._labels.astype(float)
        beyond = labels @ precision
        return _Seen(beyond @ _cut(self.report - moved), (beyond * labels).sum(axis=1), beyond @ labels[0])


@dataclass(frozen=True, eq=False, slots=True)
class _Seen:
    """What (1 + draws,) labels show, the first as they are.

    Attributes:
        score: of the labels with the scores, in the metric of the precision.
        information: of the labels with themselves: the precision of a difference.
        overlap: with the labels as they are.
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


def _cut(scores: Array) -> Array:
    """None of them above the upper quartile of those that are finite."""
    return np.asarray(np.minimum(scores, np.quantile(scores[np.isfinite(scores)], UPPER)))


def _precision(points: Array, on: Array) -> Array:
    """(trials, trials) the inverse covariance of scores, whatever their mean."""
    surface = fit(points, np.zeros(len(on), dtype=int), on)
    shape, expected = surface.shape, surface.predict(points, 0)
    variance = float(_cut(on).var()) or 1.0
    covariance = (1.0 - shape.noise) * variance * nearness(points, points, shape.lengths)
    own = shape.noise * variance + (EXCESS * (expected - expected.min())) ** 2
    covariance[np.diag_indices_from(covariance)] += own
    inverse = cho_solve(cho_factor(covariance, lower=True, check_finite=False), np.eye(len(on)), check_finite=False)
    of_mean = inverse.sum(axis=1)
    return np.asarray(inverse - np.outer(of_mean, of_mean) / of_mean.sum())
