"""The mean over classes of the share of their answers that are right, so that each class counts the
same, however rare it is.

Classes that are not asked for are left out (Brodersen et al. 2010, The balanced accuracy and its
posterior distribution); where nothing counts, the score is NaN.
"""

from __future__ import annotations

from rnnzoo.losses import Array
from rnnzoo.metrics._counts import counts

ABOUT = "share of right classes, each class counted the same"
TARGETS = "classes"
UNIT = "mean share of right answers over classes"
HIGHER = True


def score(y: Array, logits: Array, weights: Array) -> float:
    known = counts(y, logits, weights)
    is_asked = known.asked > 0
    if not is_asked.any():
        return float("nan")
    return float((known.right[is_asked] / known.asked[is_asked]).mean())
