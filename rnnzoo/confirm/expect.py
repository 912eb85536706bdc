"""What a second stage can decide, before anything runs.

In: a question, how it is looked at, and how far the scores of trainings spread at good settings.  Out: for a true difference,
the share of studies that decide it and the rounds that they take.  By simulation of normal scores; that a region may miss the
best settings of a variant is not in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.confirm.questions import CERTAIN, Question
from rnnzoo.stats.sequential import Boundary

Array = np.ndarray[Any, Any]
STUDIES = 2_000
SEED = 14
PARTS = (1.0, 0.5, 0.2, 0.0)  # of a margin: the differences that are asked about


@dataclass(frozen=True, slots=True)
class Expected:
    """What is to be expected where two variants differ by so much.

    Attributes:
        decided: share of the studies that say worse, better or same.
        rounds: after which half of all studies have decided; None where fewer than half ever do.
    """

    difference: float
    decided: float
    rounds: int | None


def expect(asked: Question, looks: Boundary, level: float, noise: float, difference: float) -> Expected:
    """What a study finds out where A is worse by a true difference.

    Args:
        level: of error of this question.
        noise: standard deviation of a training's score.
    """
    generator = np.random.default_rng(SEED)
    drawn = difference + noise * math.sqrt(2.0) * generator.standard_normal((STUDIES, looks.most))
    rounds = np.full(STUDIES, np.inf)
    for count in range(looks.first, looks.most + 1):
        seen = drawn[:, :count]
        half = looks.quantile(level, count) * seen.std(axis=1, ddof=1) / math.sqrt(count)
        low, high = seen.mean(axis=1) - half, seen.mean(axis=1) + half
        inside = CERTAIN * asked.margin
        closed = (low > asked.floor) | (high < -asked.floor) | ((low > -inside) & (high < inside))
        rounds = np.where(closed & np.isinf(rounds), count, rounds)
    decided = float(np.isfinite(rounds).mean())
    return Expected(difference, decided, int(np.median(rounds)) if decided > 0.5 else None)
