"""Ordinary least squares: a mean with its interval, and the slopes of scores along axes.

In: scores, and the points at which they were measured.  Out: estimates with their standard errors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.errors import StatsError
from rnnzoo.stats._scipy import special

Array = np.ndarray[Any, Any]
FEWEST = 3  # degrees of freedom


def mean_interval(scores: Array, level: float) -> tuple[float, float] | None:
    """Student's interval of the mean of independent scores; None for fewer than two."""
    if len(scores) < 2:
        return None
    half_width = -float(special.stdtrit(len(scores) - 1, (1.0 - level) / 2))
    half_width *= float(scores.std(ddof=1)) / math.sqrt(len(scores))
    return float(scores.mean()) - half_width, float(scores.mean()) + half_width


@dataclass(frozen=True, eq=False, slots=True)
class Slopes:
    """How scores change along each axis, the others held fixed.

    Attributes:
        slope, error: (axes,) the slopes and their standard errors.
        degrees: the degrees of freedom of the errors.
    """

    slope: Array
    error: Array
    degrees: int

    def p(self, axis: int, towards: float) -> float:
        """One-sided p-value of "scores fall along the axis in this direction"; `towards` is 1 or
        -1.
        """
        if not self.slope[axis]:  # as where all scores are equal, so that there is no error either
            return 0.5
        with np.errstate(divide="ignore"):  # scores that lie on the plane have no error
            return float(special.stdtr(self.degrees, towards * self.slope[axis] / self.error[axis]))


def slopes(points: Array, scores: Array) -> Slopes:
    """Fit a plane to scores.

    Args:
        points: (scores, axes).
        scores: (scores,).

    Raises:
        StatsError: too few scores, or points that do not span the axes.
    """
    count, axes = points.shape
    degrees = count - axes - 1
    if degrees < FEWEST:
        raise StatsError(f"{axes} slopes need {axes + 1 + FEWEST} scores, not {count}")
    design = np.column_stack([np.ones(count), points - points.mean(axis=0)])
    if np.linalg.matrix_rank(design) <= axes:
        raise StatsError("the points do not span the axes")
    solution, *_ = np.linalg.lstsq(design, scores)
    residuals = scores - design @ solution
    variance = float(residuals @ residuals) / degrees * np.linalg.inv(design.T @ design)
    return Slopes(solution[1:], np.sqrt(np.diag(variance))[1:], degrees)
