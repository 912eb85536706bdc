"""A second stage in sentences, as it runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rnnzoo.confirm.questions import Answer, Standing
from rnnzoo.confirm.stand import Stand, extent, question
from rnnzoo.errors import number_of, signed
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.trial import PILOT

SPENT = {"budget": "the budget is spent", "hours": "the hours are spent"}
_OPEN = "and some claims are still open"
_ENDED = {
    "decided": "all claims about scores are decided",
    "most": f"all rounds are run, {_OPEN}",
    **{ended: f"{reason}, {_OPEN}" for ended, reason in SPENT.items()},
}


def lines(now: Stand, experiment: Experiment) -> Iterator[str]:
    """What can be said by now; what was said before is said again in the same words."""
    where = f" on {now.task}" if len(experiment.tasks) > 1 else ""
    if now.next:
        stage = "pilots" if now.next[0].stage == PILOT else "rounds"
        yield f"confirming{where}: {stage} where {_settings(now, experiment)}"
    for label in now.untuned:
        yield f"{label}{where} is not tuned: it does worse than predicted where all should do well"
    over = {claim.text for claim in experiment.claims if claim.over}
    for text, standing in now.standings.items():
        if standing.answer is not Answer.OPEN:
            claim = f", of `{text}`:" if text in over else f": {text}:"
            yield f"round {standing.rounds}{where}{claim} {_answer(standing, text, experiment)}"
    if now.ended:
        why = ending(now.ended, now.untuned)
        yield f"{why}{where}: {number_of(now.trainings, 'training')}"


def standing_lines(now: Stand, experiment: Experiment) -> Iterator[str]:
    """How far a second stage is: a line on its trainings, and one on each claim."""
    where = f" on {now.task}" if len(experiment.tasks) > 1 else ""
    rounds = now.trainings - now.searched - now.pilots
    spent = (
        f"second stage{where}: {number_of(now.pilots, 'pilot')} and"
        f" {number_of(rounds, 'training')} in rounds so far"
    )
    yield f"{spent}; {ending(now.ended, now.untuned)}" if now.ended else spent
    for label in now.untuned:
        yield f"  {label} is not tuned"
    for text, standing in now.standings.items():
        after = f"after {number_of(standing.rounds, 'round')}"
        if standing.answer is not Answer.OPEN:
            yield f"  {text}: {_answer(standing, text, experiment)}, {after}"
        elif math.isfinite(standing.high):
            yield f"  {text}: open ({_bounds(standing)}), {after}"
        else:
            yield f"  {text}: open"


def plain(now: Stand) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "pilots": now.pilots,
        "trainings": now.trainings,
        "rounds": len(now.rounds),
        "untuned": list(now.untuned),
        "ended": now.ended,
        "claims": {text: _plain(standing) for text, standing in now.standings.items()},
    }


def _plain(standing: Standing) -> dict[str, Any]:
    return {
        "answer": str(standing.answer),
        "rounds": standing.rounds,
        "low": finite(standing.low),
        "high": finite(standing.high),
    }


def finite(number: float) -> float | None:
    """None instead of an infinity or NaN, which JSON does not have."""
    return number if math.isfinite(number) else None


def ending(ended: str, untuned: Sequence[str]) -> str:
    """Why no training comes next: a stand's `ended`, in words.

    Claims about variants that are not tuned are left out of the rounds, so what ends decided may
    have left them undecided.
    """
    if ended == "decided" and untuned:
        return "no other claim about scores is open"
    return _ENDED.get(ended, ended)


def _answer(standing: Standing, text: str, experiment: Experiment) -> str:
    if standing.answer is Answer.SAME:
        claim = next(claim for claim in experiment.claims if claim.text == text)
        margin = question(claim, experiment).margin
        return f"the same within {margin:g} ({_bounds(standing)})"
    return f"{standing.answer} ({_bounds(standing)})"


def _bounds(standing: Standing) -> str:
    return f"{signed(standing.low)} to {signed(standing.high)}"


def _settings(now: Stand, experiment: Experiment) -> str:
    """Who does well there, and of common settings which these are."""
    if experiment.confirm is not None and experiment.confirm.settings == "own":
        return "each does well itself"
    regions = now.regions or {}
    label = next(iter(regions))
    settings = extent(experiment, label, regions[label])
    spans = [f"{name.replace('_', ' ')} {span(*ends)}" for name, ends in settings.items()]
    return f"all do well: {', '.join(spans)}"


def span(low: object, high: object) -> str:
    """What a hyper-parameter can be in a region."""
    if low == high:
        return value(low)
    return f"{value(low)} {'or' if isinstance(low, str) else 'to'} {value(high)}"


def value(number: object) -> str:
    """A hyper-parameter's, to three figures."""
    return f"{number:.3g}" if isinstance(number, float) else str(number)
