"""The root of the mean squared error."""

from __future__ import annotations

import math
from typing import Any

from rnnzoo.losses import Tensor, squared

ABOUT = "root of the mean squared error"
TARGETS = "numbers"
UNIT = "root mean squared error"


def value(y: Tensor, logits: Tensor, ops: Any) -> Tensor:
    return squared.value(y, logits, ops)


def finish(mean: float) -> float:
    return math.sqrt(mean)
