"""How far computed arrays are from those that are expected."""

from __future__ import annotations

from typing import Any

import numpy as np


def apart(values: Any, expected: Any) -> float:
    """The largest difference; of values above 1 it is a share of the largest, since states of
    random weights may grow to millions, and gradients are sums over all steps.  What is no number
    stays none, so that no bound holds for it.
    """
    values, expected = np.asarray(values), np.asarray(expected)
    return float(np.abs(values - expected).max(initial=0.0)) / _size(expected)


def check_close(values: Any, expected: Any, tolerance: float, what: object) -> None:
    """No further apart than a tolerance.

    Args:
        what: told where they are further apart.
    """
    size = _size(expected)
    np.testing.assert_allclose(
        values / size, expected / size, rtol=0, atol=tolerance, err_msg=str(what)
    )


def _size(values: np.ndarray) -> float:
    return max(1.0, float(np.abs(values).max(initial=0.0)))
