"""Whether something was learnt: scores beside those of predictors that learn nothing sequential.

In: a task's baselines and the score from which on it is solved.  Out: the score that has to be
beaten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WAY = 0.1  # of the way from a baseline to a solution
NEAR = 0.01  # of a baseline, where nothing says what a solution is


@dataclass(frozen=True, slots=True)
class Nothing:
    """What the best predictor that learns nothing sequential scores.

    Attributes:
        name: of the predictor.
        score: what has to be beaten: a little less than it scores, since a training that still
            stands on its plateau comes out above it or below it by the chance of a test split.
    """

    name: str
    score: float

    def beaten(self, score: float) -> bool:
        return score < self.score


def nothing(baselines: Mapping[str, float], solved: float | None) -> Nothing | None:
    """What has to be beaten; None where the task has no baseline."""
    if not baselines:
        return None
    name = min(baselines, key=lambda label: baselines[label])
    best = baselines[name]
    return Nothing(name, best - (NEAR * abs(best) if solved is None else WAY * (best - solved)))
