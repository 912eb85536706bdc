"""Rounds of trainings -> answers: is one variant worse than another, better, or within a margin of
it?

In: questions about pairs of variants, and rounds, each with one fresh training of every variant
that is still asked about: all at one setting, or with `settings: own` each at one of its own.  Out:
which questions are closed, at which round and with which interval, and which are open.

All questions share one error rate.  Each open one is looked at with an equal part of it; where one
closes, its part goes to those that are left (Maurer and Bretz 2013).  A question that is part of a
claim about several tasks has levels of its own instead, and hands nothing on.  Nothing is chosen
among the rounds: a verdict rests on all of them up to the look at which it fell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from rnnzoo.spec.claims import variants_of
from rnnzoo.stats.sequential import Expecting, rounds_needed

Array = np.ndarray[Any, Any]
Round = Mapping[str, float]  # score of each variant's training; infinite where it gave none
ALIKE = 3.0  # two variants are lopsided where the scores of one spread over three times as wide,
WIDE = 0.5  # and over half a margin
FAILING = 0.2  # the share of its trainings that may be why; without them it may be called worse
# the part of the margin inside which an interval must lie: settings are not known exactly either
CERTAIN = 0.7


class Answer(StrEnum):
    """What the rounds say of A and B."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    OPEN = "open"


CLOSED = (Answer.WORSE, Answer.BETTER, Answer.SAME)


class Looks(Expecting, Protocol):
    """When one looks, the first time after round `first`, and how wide an interval is that holds at
    every look.
    """

    def half_width(self, differences: Array, level: float) -> float: ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of two variants.

    Attributes:
        a, b: their labels.
        floor: a difference that does not exceed it is neither worse nor better.
        margin: the largest difference that counts as none.
        levels: of error, of each answer, where they are its own; None where it shares the study's
            with other questions.
    """

    a: str
    b: str
    floor: float
    margin: float
    levels: Mapping[Answer, float] | None = None

    def level(self, shared: float, sharing: int) -> float:
        """The level of error of its answers; of levels of its own, the strictest.

        Args:
            shared: the level of error that questions share.
            sharing: how many open questions share it.
        """
        return shared / sharing if self.levels is None else min(self.levels.values())


@dataclass(frozen=True, slots=True)
class Seen:
    """Scores from before the rounds, on the split that rounds are judged on.

    Attributes:
        worst: the worst score of the search; a training of a round that gives no score counts as
            this.
        best: by variant, the best score at other settings than those of the rounds; variants
            without one are missing.
    """

    worst: float
    best: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a question stands.

    Attributes:
        rounds: how many it rests on.
        mean, low, high: of the differences A less B, with their interval; above 0, A is worse.
        level: of error, at which it was decided or, while it is open, would be.
        lopsided: whether one of the two spreads so much wider that nothing may be decided.
        elsewhere: what the interval would say, where the variant that it speaks against was once
            seen to do so well at other settings that it may not be said; else open.
    """

    answer: Answer = Answer.OPEN
    rounds: int = 0
    mean: float = math.nan
    low: float = -math.inf
    high: float = math.inf
    level: float = 0.0
    lopsided: bool = False
    elsewhere: Answer = Answer.OPEN


def asked(questions: Sequence[Question], standings: Sequence[Standing]) -> tuple[str, ...]:
    """The variants that some open question is about, in order of appearance."""
    still = [
        question
        for question, standing in zip(questions, standings)
        if standing.answer is Answer.OPEN
    ]
    return variants_of(still)


def look(
    questions: Sequence[Question],
    before: Sequence[Standing],
    rounds: Sequence[Round],
    looks: Looks,
    level: float,
    seen: Seen,
) -> tuple[Standing, ...]:
    """Where every question stands after the last of these rounds; a question that closes leaves its
    level to the others.

    Args:
        before: where the questions stood before the last round.
        level: the share of studies that may contain a wrong answer.
    """
    standings = list(before)
    closed = True
    while closed:
        still = [
            number for number, current in enumerate(standings) if current.answer is Answer.OPEN
        ]
        sharing = sum(questions[number].levels is None for number in still)
        for number in still:
            own_level = questions[number].level(level, sharing)
            standings[number] = standing(questions[number], rounds, looks, own_level, seen)
        closed = any(standings[number].answer is not Answer.OPEN for number in still)
    return tuple(standings)


def standing(
    question: Question, rounds: Sequence[Round], looks: Looks, level: float, seen: Seen
) -> Standing:
    """Where one question stands after all these rounds, at one level of error, or at its own
    levels.
    """
    paired = [scored for scored in rounds if question.a in scored and question.b in scored]
    scores = np.array([[scored[question.a], scored[question.b]] for scored in paired]).reshape(
        -1, 2
    )
    scores = np.where(np.isfinite(scores), scores, seen.worst)
    if not len(scores):
        return Standing(level=level)
    differences = scores[:, 0] - scores[:, 1]
    mean = float(differences.mean())
    answer, level, half = _answer_at_level(question, differences, looks, level)
    lopsided = len(scores) > 1 and _lopsided(question, scores, answer)
    if lopsided:
        answer = Answer.OPEN
    elsewhere = Answer.OPEN
    if _seen_elsewhere(question, answer, scores, seen):
        answer, elsewhere = Answer.OPEN, answer
    return Standing(answer, len(scores), mean, mean - half, mean + half, level, lopsided, elsewhere)


def _answer_at_level(
    question: Question, differences: Array, looks: Looks, level: float
) -> tuple[Answer, float, float]:
    """The answer, the level at which it is given, and half the width of the interval at that level;
    open at `level` where no answer's own level gives it.
    """
    mean = float(differences.mean())
    levels = question.levels or dict.fromkeys(CLOSED, level)
    half_widths = {
        own_level: looks.half_width(differences, own_level)
        # the largest level, whose interval is the narrowest, first
        for own_level in sorted({*levels.values(), level}, reverse=True)
    }
    for own_level, half in half_widths.items():
        answer = Answer.OPEN if math.isinf(half) else _answer(question, mean - half, mean + half)
        if levels.get(answer) == own_level:
            return answer, own_level, half
    return Answer.OPEN, level, half_widths[level]


def rounds_to_decide(
    question: Question, difference: float, looks: Looks, spread: float, level: float
) -> int | None:
    """The number of rounds after which 80 % of studies decide a question; None where no number is
    enough.

    Args:
        difference: the true one, from 0 on.
        spread: standard deviation of a difference within a round.
        level: of error.
    """
    room = max(difference - question.floor, CERTAIN * question.margin - difference)
    return rounds_needed(looks, spread, level, room, both=not difference)


def _answer(question: Question, low: float, high: float) -> Answer:
    if low > question.floor:
        return Answer.WORSE
    if high < -question.floor:
        return Answer.BETTER
    inside = CERTAIN * question.margin
    return Answer.SAME if -inside < low and high < inside else Answer.OPEN


def _lopsided(question: Question, scores: Array, answer: Answer) -> bool:
    """Whether one variant spreads so much wider that an answer may not be given.

    Some of its trainings do much worse, as where they fail, and how many do is not known after few
    rounds.  More of them would only make it worse, so it may be called the worse one, if the rest
    of its trainings leave no doubt: without the worst fifth they spread alike, and the best of them
    is behind the other's mean by more than the floor.  Otherwise settings may be what scatters, and
    the search may have missed its good ones.
    """
    scores_a, scores_b = scores.T
    if scores_a.std(ddof=1) > scores_b.std(ddof=1):
        wide, narrow, called_worse = scores_a, scores_b, Answer.WORSE
    else:
        wide, narrow, called_worse = scores_b, scores_a, Answer.BETTER
    if not _spreads_wider(wide, narrow, question.margin):
        return False
    rest = np.sort(wide)[: len(wide) - math.ceil(FAILING * len(wide))]
    is_clear = (
        len(rest) > 1
        and not _spreads_wider(rest, narrow, question.margin)
        and rest[0] - narrow.mean() > question.floor
    )
    return answer is not called_worse or not is_clear


def _spreads_wider(wide: Array, narrow: Array, margin: float) -> bool:
    """Whether scores spread several times as wide as others, and wide in terms of the margin."""
    spread = wide.std(ddof=1)
    return bool(spread > ALIKE * narrow.std(ddof=1) and spread > WIDE * margin)


def _seen_elsewhere(question: Question, answer: Answer, scores: Array, seen: Seen) -> bool:
    """Whether a training before the rounds contradicts an answer.

    Rounds are run where all variants do well, and a variant whose best settings lie elsewhere does
    worse in every one of them.  So a variant is not called worse if it once scored, elsewhere,
    within the floor of the other's mean.  Two variants are not called the same if one of them once
    beat the other's mean by more than the margin.
    """
    mean_a, mean_b = scores.mean(axis=0)
    lead_a = mean_b - seen.best.get(question.a, math.inf)
    lead_b = mean_a - seen.best.get(question.b, math.inf)
    allowed = {
        Answer.WORSE: lead_a <= -question.floor,
        Answer.BETTER: lead_b <= -question.floor,
        Answer.SAME: max(lead_a, lead_b) <= question.margin,
    }
    return not allowed.get(answer, True)
