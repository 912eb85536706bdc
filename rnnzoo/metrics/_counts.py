"""How often each class is answered, and rightly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnzoo.losses import Array


@dataclass(frozen=True, slots=True)
class Counts:
    """By class.

    Attributes:
        right: answers of the class to questions of the class.
        answered: answers of the class.
        asked: questions of the class.
    """

    right: Array
    answered: Array
    asked: Array


def counts(y: Array, logits: Array, weights: Array) -> Counts:
    """Of (n,) classes, (n, classes) of logits and (n,) how much each answer counts."""
    answer, classes = logits.argmax(-1), logits.shape[-1]

    def of(numbers: Array, weights: Array) -> Array:
        return np.bincount(numbers, weights, classes)

    is_right = answer == y
    return Counts(of(y[is_right], weights[is_right]), of(answer, weights), of(y, weights))
