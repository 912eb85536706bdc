"""The share of wrong answers: the likeliest class is another one."""

from __future__ import annotations

from typing import Any

from rnnzoo.losses import Tensor

ABOUT = "share of wrong classes"
TARGETS = "classes"
UNIT = "share of wrong answers"


def value(y: Tensor, logits: Tensor, ops: Any) -> Tensor:
    return ops.not_equal(ops.argmax(logits, axis=-1), y)
