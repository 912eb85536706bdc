"""The perplexity, e to the mean cross-entropy: among how many equally likely classes a model
hesitates.
"""

from __future__ import annotations

import math
from typing import Any

from rnnzoo.losses import Tensor, categorical

ABOUT = "e to the cross-entropy: among how many classes a model hesitates"
TARGETS = "classes"
UNIT = "perplexity"
MOST = 700.0  # beyond, e to it is no number
numpy = categorical.numpy


def value(y: Tensor, logits: Tensor, ops: Any) -> Tensor:
    return categorical.value(y, logits, ops)


def finish(mean: float) -> float:
    return math.exp(mean) if mean < MOST else math.inf
