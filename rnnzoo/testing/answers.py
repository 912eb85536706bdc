"""Targets and logits to look at losses and metrics with."""

from __future__ import annotations

import numpy as np

from rnnzoo.losses import Array


def answers(targets: str, outputs: int) -> tuple[Array, Array]:
    """(2, 5) answers, some of them with large logits.

    Args:
        targets: one of `rnnzoo.losses.TARGETS`.
    """
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(2, 5, outputs)) * np.geomspace(1.0, 40.0, outputs)
    if targets == "classes":
        return rng.integers(0, outputs, (2, 5)), logits
    y = rng.random((2, 5, outputs)) if targets == "shares" else rng.normal(size=(2, 5, outputs))
    return np.asarray(y, np.float32).astype(float), logits
