"""The share of the variance that is explained: 1 less the squared error over that of the mean, the
mean over outputs.  Worse than answering the mean is below 0.

Outputs that are the same everywhere are left out; where none is left, the score is NaN.
"""

from __future__ import annotations

import numpy as np

from rnnzoo.losses import Array

ABOUT = "share of the variance that is explained, the mean over outputs"
TARGETS = "numbers"
UNIT = "share of the variance of test"
HIGHER = True


def score(y: Array, logits: Array, weights: Array) -> float:
    exact = y.astype(np.float64)
    middle = np.average(exact, axis=0, weights=weights)
    variance = np.average((exact - middle) ** 2, axis=0, weights=weights)
    error = np.average((exact - logits) ** 2, axis=0, weights=weights)
    counted = exact[weights > 0]
    varies = (counted != counted[:1]).any(axis=0)  # rounding may leave a little of no variance
    if not varies.any():
        return float("nan")
    return float((1 - error[varies] / variance[varies]).mean())
