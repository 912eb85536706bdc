"""The cross-entropy in bits: what an answer costs a code that knows the model."""

from __future__ import annotations

import math
from typing import Any

from rnnzoo.losses import Tensor, categorical

ABOUT = "softmax over classes, in bits"
TARGETS = "classes"
UNIT = "bits"
numpy = categorical.numpy


def value(y: Tensor, logits: Tensor, ops: Any) -> Tensor:
    return categorical.value(y, logits, ops)


def finish(mean: float) -> float:
    return mean / math.log(2)
