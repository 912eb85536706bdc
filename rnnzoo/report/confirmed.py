"""Where the second stage of an experiment stands -> verdicts, and what the figures show of them.

In: a claim and a `Stand`.  Out: a `Verdict` that rests on the rounds alone, in sentences: the answer first, then by how
much, and after how many trainings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rnnzoo.confirm.questions import Answer, Question, Standing
from rnnzoo.confirm.stand import Stand, question
from rnnzoo.report.verdict import Verdict, Word, percent
from rnnzoo.spec.experiment import Claim, Experiment
from rnnzoo.stats.shares import share_interval

LEVEL = 0.95
TEST = "t-intervals of the differences by round, which hold at every look"
_OUTCOMES: Mapping[str, Mapping[Answer, Word]] = {
    "A worse than B": {Answer.WORSE: "supported", Answer.BETTER: "refuted", Answer.SAME: "same"},
    "A better than B": {Answer.WORSE: "refuted", Answer.BETTER: "supported", Answer.SAME: "same"},
    "A same as B": {Answer.WORSE: "refuted", Answer.BETTER: "refuted", Answer.SAME: "supported"},
}


def verdict(claim: Claim, experiment: Experiment, stand: Stand) -> Verdict:
    """What the rounds say of a claim."""
    about = {"note": claim.note, "names_task": bool(claim.task)}
    standing = stand.standings.get(claim.text)
    if standing is None:
        return Verdict(claim.text, stand.task, "undecided", _unasked(claim, stand), "none", **about)  # type: ignore[arg-type]
    asked = question(claim, experiment)
    word: Word = _OUTCOMES[claim.form].get(standing.answer, "undecided")
    numbers = {
        "difference": standing.mean, "low": standing.low, "high": standing.high, "rounds": float(standing.rounds),
        "floor": asked.floor, "margin": asked.margin,
    }  # fmt: skip
    return Verdict(
        claim.text,
        stand.task,
        word,
        "; ".join([_sentence(asked, standing), *_failures(asked, stand)]),
        TEST,
        _settle(asked, standing, stand) if word == "undecided" else "",
        numbers={name: number for name, number in numbers.items() if math.isfinite(number)},
        level=1.0 - 2.0 * standing.level,
        differences=differences(asked, stand.rounds[: standing.rounds]),
        confirmed=True,
        **about,  # type: ignore[arg-type]
    )


def differences(asked: Question, rounds: Sequence[Mapping[str, float]]) -> tuple[float, ...]:
    """A less B, round by round; what gave no score is left out of the picture."""
    both = [(one[asked.a], one[asked.b]) for one in rounds if asked.a in one and asked.b in one]
    return tuple(a - b for a, b in both if math.isfinite(a) and math.isfinite(b))


def _unasked(claim: Claim, stand: Stand) -> str:
    untuned = [label for label in (claim.a, claim.b) if label in stand.untuned]
    if untuned:
        does = "does" if len(untuned) == 1 else "do"
        return f"not tuned: {' and '.join(untuned)} {does} worse than predicted where all should do well; search longer"
    return "nothing was confirmed yet" if not stand.ended else f"nothing was confirmed: {stand.ended}"


def _sentence(asked: Question, standing: Standing) -> str:
    """The answer, by how much, and after how many trainings."""
    of_each = f"{standing.rounds} trainings of each, at {standing.rounds} settings where all do well"
    if not standing.rounds:
        return "no round was run"
    bounds = f"{percent(1.0 - 2.0 * standing.level)} interval of the difference"
    if math.isinf(standing.low):
        return f"{_difference(asked, standing.mean)} so far; {of_each}"
    span = f"{bounds}: {standing.low:+.3f} to {standing.high:+.3f}"
    if standing.answer is Answer.WORSE:
        return f"{asked.a} is worse than {asked.b}, by {standing.low:.3f} to {standing.high:.3f} ({span}); {of_each}"
    if standing.answer is Answer.BETTER:
        return f"{asked.a} is better than {asked.b}, by {-standing.high:.3f} to {-standing.low:.3f} ({span}); {of_each}"
    if standing.answer is Answer.SAME:
        return f"{asked.a} and {asked.b} are the same within {asked.margin:g} ({span}); {of_each}"
    return f"{_difference(asked, standing.mean)} ({span}); {of_each}"


def _difference(asked: Question, mean: float) -> str:
    return f"{asked.a} {'worse' if mean > 0 else 'better'} than {asked.b} by {abs(mean):.3f} on average"


def _failures(asked: Question, stand: Stand) -> list[str]:
    """Trainings without a score, each variant's with the exact interval of their share."""
    found = []
    for label in (asked.a, asked.b):
        scores = [one[label] for one in stand.rounds if label in one]
        failed = sum(math.isinf(score) for score in scores)
        if failed:
            low, high = share_interval(failed, len(scores), LEVEL)
            found.append(f"{label}: {failed} of {len(scores)} gave no score ({low:.0%} to {high:.0%})")
    return found


def _settle(asked: Question, standing: Standing, stand: Stand) -> str:
    """About how many rounds more, for two true differences, from the spread of the differences so far."""
    if standing.lopsided:
        return "one of the two spreads over three times as wide as the other: see which settings do so badly"
    gathered = differences(asked, stand.rounds)
    if len(gathered) < 3:
        return "more rounds"
    half = (standing.high - standing.low) / 2
    if not math.isfinite(half):
        return "more rounds"
    needed = [_rounds(half, room, standing.rounds) for room in (asked.margin, asked.floor) if room > 0]
    low, high = min(needed), max(needed)
    several = f"{low} to {high}" if low != high else f"{low}"
    why = {"budget": "the budget is spent", "most": "`most` rounds were run"}.get(stand.ended, "it goes on")
    return f"{why}; about {several} rounds in all, if nothing lies between"


def _rounds(half: float, room: float, rounds: int) -> int:
    """Rounds until the interval is so narrow that it fits into the room between a difference and a bound."""
    return max(rounds + 1, math.ceil(rounds * (half / room) ** 2 * 2))
