"""A table of a paper, as evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnzoo.errors import StatsError
from rnnzoo.report.judge.contract import Diverging
from rnnzoo.spec.timing import Timing
from rnnzoo.stats.importance import Share


@dataclass(frozen=True, slots=True)
class Printed:
    """One number for each variant and task, as a paper prints them, lower is better; there is
    nothing to test.
    """

    scores: Mapping[str, Mapping[str, float]]
    tests: bool = False

    def test(self, a: str, b: str) -> str:
        return "the numbers as printed"

    def names(self, task: str) -> Sequence[str]:
        return list(self.scores[task])

    def difference(self, task: str, a: str, b: str, shift: float) -> tuple[float, float]:
        difference = self.scores[task][a] - self.scores[task][b] - shift
        return float(difference <= 0), float(difference >= 0)

    def describe(self, task: str, a: str, b: str, level: float) -> tuple[str, Mapping[str, float]]:
        score_a, score_b = self.scores[task][a], self.scores[task][b]
        return f"{a} {score_a:g}, {b} {score_b:g}", {
            "a": score_a,
            "b": score_b,
            "difference": score_a - score_b,
        }

    def settle(self, task: str, a: str, b: str, margin: float | None, level: float) -> str:
        return "numbers that differ"

    def weights(self, task: str, a: str, b: str) -> tuple[float, float]:
        raise StatsError("a table of scores does not say how many weights there are")

    def share(self, task: str, name: str) -> Share:
        raise StatsError("a table of scores does not say what explains them")

    def solved(self, task: str, name: str) -> tuple[int, int]:
        raise StatsError("a table of scores does not say how many trainings solved the task")

    def diverged(self, task: str, name: str) -> Diverging:
        raise StatsError("a table of scores does not say how many trainings diverged")

    def timing(self, task: str, a: str, b: str) -> Timing:
        raise StatsError("a table of scores does not say how fast variants train")

    def excluded(self, task: str) -> Sequence[str]:
        return ()
