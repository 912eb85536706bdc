"""What evidence can be asked, and what a form finds in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rnnzoo.report.verdict import Scale, Word
from rnnzoo.spec.experiment import Claim
from rnnzoo.spec.timing import Timing
from rnnzoo.stats.compare import ALPHA
from rnnzoo.stats.importance import Share


@dataclass(frozen=True, slots=True)
class VerdictText:
    """What a verdict says once its word is known.

    Attributes:
        sentence: what was found.
        settle: what would settle an undecided claim.
    """

    sentence: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    settle: str = ""


@dataclass(frozen=True, slots=True)
class Diverging:
    """How many trainings of a variant diverged.

    Attributes:
        diverged, trainings: in the search, of those that diverged or completed.
        otherwise: how many of the search ended otherwise, and so do not count, by what became of
            them.
        fresh: the same two numbers of the rounds of a second stage; None where there are none.
    """

    diverged: int
    trainings: int
    otherwise: Mapping[str, int] = field(default_factory=dict)
    fresh: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class UnadjustedVerdict:
    """What the evidence says before it is known how many claims there are.

    Attributes:
        supports, refutes: one-sided p-values; 0 and 1 where a claim follows from counting.
        test: how they were computed.
        tell: the text, for a word and the level at which it was decided.
        tested: whether they are p-values, which need an adjustment for several claims.
        scale: what the numbers are.
    """

    supports: float
    refutes: float
    test: str
    tell: Callable[[Word, float], VerdictText]
    tested: bool = False
    scale: Scale = "score"

    @property
    def p(self) -> float:
        """Of both words together."""
        return min(1.0, 2 * min(self.supports, self.refutes))

    def word(self, p: float) -> Word:
        """The word, for a p-value of both that is adjusted for several claims."""
        if p > ALPHA:
            return "undecided"
        return "supported" if self.supports <= self.refutes else "refuted"


class Evidence(Protocol):
    """What a claim can be held against."""

    def names(self, task: str) -> Sequence[str]:
        """Variants that a claim about all of them is about."""

    def difference(self, task: str, a: str, b: str, shift: float) -> tuple[float, float]:
        """P-values of "A is worse than B by more than `shift`" and of "A is not worse by as
        much".
        """

    def describe(self, task: str, a: str, b: str, level: float) -> tuple[str, Mapping[str, float]]:
        """The two and their difference with an interval, as a sentence and as numbers."""

    def settle(self, task: str, a: str, b: str, margin: float | None, level: float) -> str:
        """How many trials would show differences of stated sizes, or that there is none beyond a
        margin.
        """

    def weights(self, task: str, a: str, b: str) -> tuple[float, float]:
        """Lowest and highest ratio of weights, over the sizes that were searched."""

    def share(self, task: str, name: str) -> Share:
        """Share of the variance that a hyper-parameter explains by itself; of all interactions for
        an empty name.
        """

    def solved(self, task: str, name: str) -> tuple[int, int]:
        """How many trials of a variant solve the task, and of how many, whatever became of them."""

    def diverged(self, task: str, name: str) -> Diverging:
        """How many trainings of a variant diverged."""

    def timing(self, task: str, a: str, b: str) -> Timing:
        """How fast two variants trained side by side."""

    def excluded(self, task: str) -> Sequence[str]:
        """The variants whose trials the shares are not about."""

    def test(self, a: str, b: str) -> str:
        """How differences are tested."""

    @property
    def tests(self) -> bool:
        """Whether what `difference` returns are p-values."""


def number_of_claim(claim: Claim) -> float:
    """The number that a claim of a form with a number was read with."""
    assert claim.number is not None, "the claim was read without its number"
    return claim.number
