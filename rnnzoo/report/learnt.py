"""Whether something was learnt: scores beside those of predictors that learn nothing sequential.

In: a task's baselines and the score from which on it is solved.  Out: the score that has to be
beaten, and the one from which on a task separates nothing any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WAY = 0.1  # of the way from a baseline to a solution
NEAR = 0.01  # of a baseline, where nothing says what a solution is
PERFECT = 0.001  # of a baseline: what is left of it is about 0


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

    def clearly_beaten(self, mean: float, *intervals: tuple[float, float] | None) -> bool:
        """Whether one of these intervals lies wholly below; without any, whether the mean does."""
        highest = [interval[1] for interval in intervals if interval]
        return any(map(self.beaten, highest or [mean]))


def nothing(baselines: Mapping[str, float], solved: float | None) -> Nothing | None:
    """What has to be beaten; None where the task has no baseline."""
    if not baselines:
        return None
    name = min(baselines, key=lambda label: baselines[label])
    best = baselines[name]
    return Nothing(name, best - (NEAR * abs(best) if solved is None else WAY * (best - solved)))


def exhausted(baselines: Mapping[str, float], solved: float | None) -> float:
    """The score at and below which a task separates variants no more: they solve it, or are as good
    as perfect.
    """
    if solved is not None:
        return solved
    return PERFECT * min(map(abs, baselines.values()), default=0.0)
