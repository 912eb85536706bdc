"""The absolute error: the mean over outputs."""

from __future__ import annotations

from typing import Any

from rnnzoo.losses import Tensor

ABOUT = "absolute error, the mean over outputs"
TARGETS = "numbers"
UNIT = "mean absolute error"


def value(y: Tensor, logits: Tensor, ops: Any) -> Tensor:
    return ops.mean(ops.abs(logits - y), axis=-1)
