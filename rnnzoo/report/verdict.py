"""What is said of a claim."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any, Literal

from rnnzoo.errors import in_percent
from rnnzoo.markup import join, tag

LEVEL = 0.95
# `same`: a claim of a difference, where the two are the same within the margin.
Word = Literal["supported", "refuted", "same", "undecided"]
Relation = Literal["worse", "better", "same", ""]
Scale = Literal["score", "share", "times"]


def on_one_task(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Verdicts on one task each: of a claim about several, what was found on each of them."""
    return list(chain.from_iterable(verdict.parts or (verdict,) for verdict in verdicts))


def numbers_by_task(parts: Iterable[tuple[str, Mapping[str, float]]]) -> dict[str, float]:
    """The numbers of a verdict on several tasks: `adding/mean`, from each task and its numbers."""
    named = {}
    for task, numbers in parts:
        for name, number in numbers.items():
            named[f"{task}/{name}"] = number
    return named


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What one round of fresh trainings gave.

    Attributes:
        difference: A less B; None where one of the two gave no score.
        low, high: the interval after it, of all rounds so far; None before the first look.
    """

    round: int
    difference: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence says of a claim on a task.

    Attributes:
        task: its label; `all tasks` or `most tasks` for a claim about several.
        answer: what a newcomer should read first, as a sentence.
        detail: the numbers, as a sentence.
        test: how it was judged.
        settle: for an undecided claim, what would settle it; empty where more trials would not.
        p: p-value of the nearer word, adjusted for both words and for all claims; None where
            nothing was tested.
        numbers: everything that the word rests on, by name, and under `equal_settings_` what the
            sentence beside it does.
        level: of the interval, at which the word was decided.
        names_task: whether the claim itself says on which task.
        confirmed: whether it rests on fresh trainings, rather than on the trials of the search.
        pair: A and B, where the claim is about two variants and was confirmed.
        relation: what A was found to be to B there; empty while that is open.
        course: what these trainings gave, round by round, up to the look at which the claim was
            decided.
        equal_settings: what the trials of the search say of the two at equal settings, as a
            sentence; the word does not rest on it.  Empty where it cannot be said.
        parts: of a confirmed claim about several tasks, what was found on each of them.
        scale: what was compared: scores, shares of trainings, or how many times as fast one of two
            trains.
    """

    claim: str
    task: str
    word: Word
    detail: str
    test: str
    settle: str = ""
    p: float | None = None
    note: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    level: float = LEVEL
    names_task: bool = False
    confirmed: bool = False
    pair: tuple[str, str] | None = None
    relation: Relation = ""
    course: tuple[RoundResult, ...] = ()
    answer: str = ""
    equal_settings: str = ""
    scale: Scale = "score"
    parts: tuple[Verdict, ...] = ()

    @property
    def where(self) -> str:
        """The task, where the answer does not say on which: what is said of several is no label,
        which has no blank.
        """
        return "" if " " in self.task else self.task

    @property
    def said(self) -> str:
        """The word for people: "same" is never said without "within"."""
        return f"same within {self.numbers['margin']:g}" if self.word == "same" else self.word

    def _repr_html_(self) -> str:
        """For a notebook: the word, the answer, the numbers behind it, and what would settle it."""
        shown = [tag("p", tag("b", self.said), f": {self.answer or self.claim}")]
        shown.append(tag("p", tag("small", self.detail)))
        if self.settle:
            shown.append(tag("p", tag("small", f"to settle it: {self.settle}")))
        return join(shown)

    def to_dict(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "numbers": dict(self.numbers),
            "parts": [part.to_dict() for part in self.parts],
        }


def percent(level: float) -> str:
    """A level to two figures of what it leaves: 95 %, 99.74 %."""
    decimals = max(0, 1 - math.floor(math.log10(100 * (1 - level)) + 1e-9))
    return in_percent(level, decimals).replace(".0 %", " %")


def ends(low: str, high: str, joint: str = " to ") -> str:
    """A range in print; one number where both ends look alike."""
    return low if low == high else f"{low}{joint}{high}"


def counted(count: int, of: int, interval: tuple[float, float]) -> str:
    """So many of so many, with the interval of their share: 7 of 8 (47 % to 100 %)."""
    low, high = map(in_percent, interval)
    return f"{count} of {of} ({ends(low, high)})"


def pvalue(p: float) -> str:
    """Two figures, and nothing smaller than what so many relabellings can show."""
    if p < 0.001:
        return "below 0.001"
    return f"{p:.2f}" if p >= 0.1 else f"{p:.3f}"
