"""Points that fill a cube evenly."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np


@cache
def sobol(points: int, axes: int) -> np.ndarray[Any, Any]:
    """(points, axes) of Sobol's sequence (1967), each moved to the center of its cell; `points` is
    a power of two.
    """
    from scipy.stats import qmc

    centers: np.ndarray[Any, Any] = qmc.Sobol(axes, scramble=False).random(points) + 0.5 / points
    return centers
