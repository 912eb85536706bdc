"""Where the second stage of an experiment stands -> verdicts, and what the figures show of them.

In: a claim and a `Stand`.  Out: a `Verdict` that rests on the rounds alone: the numbers, what they
were after each round, and for an open claim how many rounds it would take.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rnnzoo.confirm.questions import Answer, Looks, Question, Standing, rounds_to_decide
from rnnzoo.confirm.several import bears_out
from rnnzoo.confirm.stand import Stand, design, holds_over, level_over, question
from rnnzoo.confirm.told import SPENT, finite
from rnnzoo.errors import in_percent, listed, number_of, signed
from rnnzoo.report.second import fresh
from rnnzoo.report.verdict import (
    Relation,
    RoundResult,
    Verdict,
    Word,
    numbers_by_task,
    percent,
)
from rnnzoo.spec.experiment import Claim, Experiment
from rnnzoo.stats.sequential import MANY

TEST = "t-intervals of the differences by round, which hold at every look"
_RELATIONS: Mapping[Answer, Relation] = {
    Answer.WORSE: "worse",
    Answer.BETTER: "better",
    Answer.SAME: "same",
    Answer.OPEN: "",
}


def verdict(claim: Claim, experiment: Experiment, stand: Stand) -> Verdict:
    """What the rounds say of a claim."""
    about: dict[str, Any] = {"note": claim.note, "names_task": bool(claim.task)}
    standing = stand.standings.get(claim.text)
    assert experiment.confirm is not None, "there is no stage without it"
    how, asked = design(experiment, experiment.confirm, stand.task), question(claim, experiment)
    if standing is None:
        reason = _unasked(claim, stand)
        unasked = Verdict(claim.text, stand.task, "undecided", reason, "none", **about)
        return _with_bounds(unasked, asked) if _untuned(claim, stand) else unasked
    word = _word(claim, standing.answer)
    numbers = {
        "difference": standing.mean, "low": standing.low, "high": standing.high,
        "rounds": float(standing.rounds), "floor": asked.floor, "margin": asked.margin,
    }  # fmt: skip
    sentences = [
        _numbers(asked, standing, how.common),
        *_failures(asked, stand),
        *_held_back(asked, standing),
    ]
    return Verdict(
        claim.text,
        stand.task,
        word,
        "; ".join(sentences),
        TEST,
        _settle(asked, standing, how.looks, stand.ended) if word == "undecided" else "",
        numbers={name: number for name, number in numbers.items() if math.isfinite(number)},
        level=1.0 - 2.0 * standing.level,
        pair=(asked.a, asked.b),
        relation=_RELATIONS[standing.answer],
        course=tuple(_course(asked, stand, stand.history[claim.text])),
        confirmed=True,
        **about,
    )


def _with_bounds(unasked: Verdict, asked: Question) -> Verdict:
    """The verdict on a claim without rounds, with the differences that would have decided it."""
    bounds = {"floor": asked.floor, "margin": asked.margin}
    return replace(unasked, pair=(asked.a, asked.b), numbers=bounds, confirmed=True)


def _word(claim: Claim, answer: Answer) -> Word:
    if answer is Answer.OPEN:
        return "undecided"
    if bears_out(claim, answer):
        return "supported"
    return "same" if answer is Answer.SAME else "refuted"


def verdict_over(
    claim: Claim, where: str, experiment: Experiment, stands: Sequence[Stand]
) -> Verdict:
    """What the rounds say of a claim about several tasks, by what they say on each.

    Args:
        where: the tasks, in words.
        stands: on each of the claim's tasks, in their order.
    """
    parts = tuple(
        _part(claim, experiment, now, stands[:number]) for number, now in enumerate(stands)
    )
    holds = holds_over(claim, stands)
    words: dict[bool | None, Word] = {True: "supported", False: "refuted", None: "undecided"}
    word = words[holds]
    numbers = numbers_by_task((part.task, part.numbers) for part in parts)
    rounds = sum(part.numbers.get("rounds", 0.0) for part in parts)
    settle = [f"on {part.task}: {part.settle}" for part in parts if part.settle]
    return Verdict(
        claim.text,
        where,
        word,
        "; ".join(f"on {part.task}: {part.detail}" for part in parts),
        f"{TEST}; on at least {claim.needed} of {len(parts)} tasks, by partial conjunction",
        "; ".join(settle) if word == "undecided" else "",
        note=claim.note,
        numbers={
            "tasks": float(len(parts)),
            "needed": float(claim.needed),
            "rounds": rounds,
            **numbers,
        },
        level=1.0 - 2.0 * level_over(experiment),
        names_task=True,
        confirmed=True,
        parts=parts,
    )


def _part(claim: Claim, experiment: Experiment, now: Stand, before: Sequence[Stand]) -> Verdict:
    """What one of a claim's tasks says; nothing where those before it have decided the claim."""
    if claim.text not in now.standings and holds_over(claim, before) is not None:
        part = Verdict(
            claim.text,
            now.task,
            "undecided",
            "not asked: the tasks before decide the claim",
            "none",
        )
    else:
        part = verdict(claim, experiment, now)
    return replace(part, claim=claim.text.removeprefix(f"on {claim.over} tasks: "))


def _course(asked: Question, stand: Stand, history: Sequence[Standing]) -> Iterator[RoundResult]:
    """Up to the look at which the question was closed; what comes later is not about it."""
    for number, (scores, after) in enumerate(zip(stand.rounds, history), start=1):
        if after.rounds < number:
            return
        difference = scores[asked.a] - scores[asked.b]
        bounds = (after.low, after.high) if math.isfinite(after.low) else (None, None)
        yield RoundResult(number, finite(difference), *bounds)


def _untuned(claim: Claim, stand: Stand) -> list[str]:
    return [label for label in (claim.a, claim.b) if label in stand.untuned]


def _unasked(claim: Claim, stand: Stand) -> str:
    untuned = _untuned(claim, stand)
    if untuned:
        does = "does" if len(untuned) == 1 else "do"
        return (
            f"not tuned: {listed(untuned)} {does} worse than predicted where all should do"
            " well; search longer"
        )
    if stand.ended.startswith("nothing"):
        return stand.ended
    ended = SPENT.get(stand.ended, stand.ended)
    return f"nothing was confirmed: {ended}" if ended else "nothing was confirmed yet"


def _numbers(asked: Question, standing: Standing, common: bool) -> str:
    """The difference with its interval, and what it rests on."""
    if not standing.rounds:
        return "no round was run"
    where = "each where it does well itself"
    if common:
        where = f"at {number_of(standing.rounds, 'setting')} where all do well"
    difference = f"{asked.a} less {asked.b} {signed(standing.mean)} on average"
    if math.isinf(standing.low):
        return f"{difference}, {where}"
    level = percent(1.0 - 2.0 * standing.level)
    bounds = f"{signed(standing.low)} to {signed(standing.high)}"
    return f"{difference} ({level} over all looks: {bounds}), {where}"


def _failures(asked: Question, stand: Stand) -> list[str]:
    """Trainings without a score, each variant's with the exact interval of their share."""
    failures = []
    for label in (asked.a, asked.b):
        trainings = fresh(label, stand)
        low, high = trainings.failing
        if trainings.failed:
            failures.append(
                f"{label}: {trainings.failed} of {trainings.trainings} gave no score"
                f" ({in_percent(low)} to {in_percent(high)})"
            )
    return failures


def _held_back(asked: Question, standing: Standing) -> list[str]:
    """Why nothing is said, whatever the interval."""
    if standing.lopsided:
        return [
            (
                "one of the two spreads over three times as wide as the other, and a mean of few"
                " says little then"
            )
        ]
    where = "in the search or as a pilot, at other settings"
    if standing.elsewhere is Answer.SAME:
        return [f"one of the two once beat the other's mean by more than {asked.margin:g}, {where}"]
    if standing.elsewhere is Answer.OPEN:
        return []
    label, rival = (asked.a, asked.b) if standing.elsewhere is Answer.WORSE else (asked.b, asked.a)
    return [f"{label} once came within {asked.floor:g} of the mean of {rival}, {where}"]


def _settle(asked: Question, standing: Standing, looks: Looks, ended: str) -> str:
    """How many rounds in all it would take, for three true differences, from the spread of the
    differences so far.

    From the spread alone: the difference that was found is mostly chance.
    """
    if standing.lopsided:
        return "see which settings do so badly"
    if standing.elsewhere is not Answer.OPEN:
        return "search longer, or with `settings: own`"
    if not math.isfinite(standing.high):
        return "more rounds"
    spread = (standing.high - standing.low) / 2 / looks.expected(standing.rounds, standing.level)
    why = {**SPENT, "most": "`most` rounds were run"}.get(ended, "it goes on")
    return f"{why}; {needed(asked, spread, standing.level, looks, standing.rounds)}"


def needed(asked: Question, spread: float, level: float, looks: Looks, run: int) -> str:
    """About how many rounds in all decide a question in 80 % of such studies, as a range over true
    differences.

    Args:
        spread: standard deviation of a difference.
        run: how many there were.
    """
    half = asked.margin / 2
    rounds_by_case: dict[str, int] = {}
    for case, difference in (
        ("they do not differ", 0.0),
        (f"they differ by {half:g}", half),
        (f"by {asked.margin:g}", 2 * half),
    ):
        rounds_by_case[case] = rounds_to_decide(asked, difference, looks, spread, level) or MANY + 1
    more = [rounds for rounds in rounds_by_case.values() if rounds > run]
    if not more:
        return f"a few rounds more than these {run}, which would have decided most such studies"
    least, most = _two_figures(min(more)), _two_figures(max(more))
    span = least if least == most else f"{least} to {most}"
    cases = []
    for case, rounds in rounds_by_case.items():
        count = _two_figures(rounds) if rounds > run else f"these {run}"
        cases.append(f"{count} if {case}")
    return f"about {span} rounds in all at this spread ({run} were run): {', '.join(cases)}"


def _two_figures(rounds: int) -> str:
    """A number of rounds, rounded up to two figures."""
    figures = 10 ** max(0, math.floor(math.log10(rounds)) - 1)
    return f"more than {MANY:,}" if rounds > MANY else f"{math.ceil(rounds / figures) * figures:,}"
