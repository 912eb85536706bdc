"""Targets and logits to look at losses and metrics with."""

from __future__ import annotations

import numpy as np

from rnnzoo.losses import Array


def answers(targets: str, outputs: int) -> tuple[Array, Array]:
    """(2, 5) answers, some of them with large logits; to labels, of which there are up to three,
    each of seven steps.

    Args:
        targets: one of `rnnzoo.losses.TARGETS`.
    """
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(2, 5, outputs)) * np.geomspace(1.0, 40.0, outputs)
    if targets == "labels":
        labels, counts = rng.integers(1, outputs, (2, 5, 3)), rng.integers(1, 4, (2, 5, 1))
        return labels * (np.arange(3) < counts), rng.normal(size=(2, 5, 7, outputs)) * np.geomspace(
            1.0, 8.0, outputs
        )
    if targets == "classes":
        return rng.integers(0, outputs, (2, 5)), logits
    y = rng.random((2, 5, outputs)) if targets == "shares" else rng.normal(size=(2, 5, outputs))
    return np.asarray(y, np.float32).astype(float), logits
