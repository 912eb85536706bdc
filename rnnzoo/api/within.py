"""What a budget in hours can be expected to complete and to decide.

In: the plain values of a plan, and how long trainings take.  Out: plain values, in pairs of low and
high where trainings differ in length.  Not in it: what makes a sweep slower or faster than its
trainings one by one, as other work on the machine, or trials that end early.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnzoo.confirm.stand import claimed
from rnnzoo.spec.claims import variants_of
from rnnzoo.spec.experiment import Experiment

Seconds = tuple[float, float]  # of a training, where it is short and where it is long
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Searched:
    """Trials of one search that are left.

    Attributes:
        left: how many.
        seconds: of one of them; None where nobody knows.
        spared: how many whole trainings the epochs are worth that they have behind them.
    """

    task: str
    variant: str
    left: int
    seconds: Seconds | None
    spared: float = 0.0

    def takes(self, end: int) -> float:
        """Seconds of all of them, where trainings are short, or long."""
        return max(0.0, self.left - self.spared) * self.seconds[end] if self.seconds else 0.0


def plain(
    experiment: Experiment,
    hours: float,
    workers: int,
    searches: Sequence[Searched],
    expected: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """What so many hours bring.

    Args:
        workers: trainings at a time.
        searches: of each variant on each task, those without trials left among them.
        expected: by task, what is to be expected of its second stage.
    """
    unknown = list(dict.fromkeys(search.variant for search in searches if not search.seconds))
    content: dict[str, Any] = {"hours": hours, "workers": workers, "unknown": unknown}
    if unknown:
        return content
    left = sum(search.left for search in searches)
    # with long trainings first: it is the least that is done
    spent = [_search_hours(searches, workers, end) for end in (1, 0)]
    content["search"] = {
        "left": left,
        "done": [_part(left, hours, of_search) for of_search in spent],
        "hours": sorted(spent),
    }
    rests = [hours - of_search for of_search in spent]
    content["second_stage"] = {}
    for task, of_task in expected.items():
        counts = []
        for number, end in enumerate((1, 0)):
            slowest = _slowest(searches, task, claimed(experiment, task), end)
            rounds, used = _rounds(experiment, of_task, rests[number], workers, slowest)
            counts.append(rounds)
            rests[number] -= used
        content["second_stage"][task] = {
            "rounds": counts,
            "of": of_task["rounds"],
            "claims": [_decided(claim, counts) for claim in of_task["claims"]],
        }
    return content


def _search_hours(searches: Sequence[Searched], workers: int, end: int) -> float:
    seconds = sum(search.takes(end) for search in searches)
    at_once = min(workers, max(1, sum(search.left for search in searches)))
    return seconds / at_once / HOUR


def _part(left: int, hours: float, all_hours: float) -> int:
    """How many of the trials that are left have ended then."""
    return left if all_hours <= hours else int(left * hours / all_hours)


def _slowest(searches: Sequence[Searched], task: str, variants: Sequence[str], end: int) -> float:
    """Seconds of the slowest of some variants' trainings: a round waits for it."""
    return max(
        search.seconds[end]
        for search in searches
        if search.seconds and search.task == task and search.variant in variants
    )


def _rounds(
    experiment: Experiment, expected: Mapping[str, Any], hours: float, workers: int, seconds: float
) -> tuple[int, float]:
    """Rounds in all that are looked at within so many hours, if all claims stay open, and the hours
    that they take.

    The rounds until the first look come at once, and then one after the other.
    """
    confirm = experiment.confirm
    assert confirm is not None
    open_claims = {claim["claim"] for claim in expected["claims"]}
    claims = [claim for claim in experiment.claims if claim.text in open_claims]
    variants = len(variants_of(claims))

    def together(trainings: int) -> float:
        return math.ceil(trainings / workers) * seconds / HOUR

    rounds = expected["run"]
    used = 0.0 if rounds else together(confirm.pilot * variants)
    while rounds < expected["rounds"]:
        more = min(max(confirm.first - rounds, 1), expected["rounds"] - rounds)
        if used + together(more * variants) > hours:
            break
        rounds += more
        used += together(more * variants)
    return rounds, used


def _decided(claim: Mapping[str, Any], counts: Sequence[int]) -> dict[str, Any]:
    """The true differences at which four of five studies decide a claim: after the fewest rounds,
    and after the most.
    """
    decided = [case for case in claim["cases"] if case["rounds"] is not None]

    def within(rounds: int) -> list[float]:
        return [case["difference"] for case in decided if case["rounds"] <= rounds]

    fewest, most = counts
    return {"claim": claim["claim"], "decided": within(fewest), "perhaps": within(most)}
