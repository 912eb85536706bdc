"""A mean with its interval, and the slopes of scores along axes: ordinary least squares.

In: scores, and points at which they were measured.  Out: numbers with their standard errors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from rnnzoo.errors import StatsError

Array = np.ndarray[Any, Any]
FEWEST = 3  # degrees of freedom


def mean_interval(scores: Array, level: float) -> tuple[float, float] | None:
    """Student's interval of the mean of independent scores; None of fewer than two."""
    if len(scores) < 2:
        return None
    half = -float(special.stdtrit(len(scores) - 1, (1.0 - level) / 2))
    half *= float(scores.std(ddof=1)) / math.sqrt(len(scores))
    return float(scores.mean()) - half, float(scores.mean()) + half


@dataclass(frozen=True, eq=False, slots=True)
class Slopes:
    """How scores change along each axis, the others held.

    Attributes:
        slope, error: (axes,) with the standard errors.
        degrees: of freedom of these.
    """

    slope: Array
    error: Array
    degrees: int

    def p(self, axis: int, towards: float) -> float:
        """P-value, one-sided, of "scores fall when one goes along the axis in this direction" (1 or -1)."""
        return float(special.stdtr(self.degrees, towards * self.slope[axis] / self.error[axis]))


def slopes(points: Array, scores: Array) -> Slopes:
    """The plane through scores.

    Args:
        points: (scores, axes).

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
