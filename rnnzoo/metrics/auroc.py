"""The chance that an answer to a question of a class is surer of that class than one to a question
of another: the area under the receiver operating characteristic, its mean over classes.

Equal answers count half (Hanley and McNeil 1982; Hand and Till 2001 compare pairs of classes
instead).  Of two classes both areas are the same.  Classes that are never, or always, asked for are
left out; where none is left, there is no area, and the score is NaN.
"""

from __future__ import annotations

import numpy as np

from rnnzoo.losses import Array

ABOUT = "area under the ROC curve, of each class against the others"
TARGETS = "classes"
UNIT = "area, the mean over classes"
HIGHER = True


def score(y: Array, logits: Array, weights: Array) -> float:
    sure = logits - logits.max(-1, keepdims=True)
    # sums of the same numbers in another order differ in their last digits
    shares = (np.exp(sure) / np.exp(sure).sum(-1, keepdims=True)).round(12)
    areas = [_area(y == number, shares[:, number], weights) for number in range(logits.shape[-1])]
    known = [area for area in areas if not np.isnan(area)]
    return float(np.mean(known)) if known else float("nan")


def _area(is_asked: Array, share: Array, weights: Array) -> float:
    """The area of one class, from how much of it and of the others stands at each share."""
    _, place = np.unique(share, return_inverse=True)
    own = np.bincount(place, weights * is_asked)
    others = np.bincount(place, weights * ~is_asked)
    if not own.sum() or not others.sum():
        return float("nan")
    below = np.cumsum(others) - others
    return float((own * (below + others / 2)).sum() / (own.sum() * others.sum()))
