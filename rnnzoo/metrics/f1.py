"""The mean over classes of F1, the harmonic mean of precision and recall (macro F1).

A class that is neither asked for nor answered is left out; one that is answered and never asked
for, or the other way round, has 0 (van Rijsbergen 1979, Information retrieval, chapter 7).  Where
nothing counts, the score is NaN.
"""

from __future__ import annotations

from rnnzoo.losses import Array
from rnnzoo.metrics._counts import counts

ABOUT = "harmonic mean of precision and recall, the mean over classes"
TARGETS = "classes"
UNIT = "F1, the mean over classes"
HIGHER = True


def score(y: Array, logits: Array, weights: Array) -> float:
    known = counts(y, logits, weights)
    either = known.asked + known.answered
    if not either.any():
        return float("nan")
    return float((2 * known.right[either > 0] / either[either > 0]).mean())
