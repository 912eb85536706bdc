"""The share of right answers: the likeliest class is the one."""

from __future__ import annotations

from typing import Any

from rnnzoo.losses import Tensor

ABOUT = "share of right classes"
TARGETS = "classes"
UNIT = "share of right answers"
HIGHER = True


def value(y: Tensor, logits: Tensor, ops: Any) -> Tensor:
    return ops.equal(ops.argmax(logits, axis=-1), y)
