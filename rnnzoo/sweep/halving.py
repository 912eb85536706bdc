"""Rungs: which trials of a search go on.

In: how the trials of one search stand.  Out: which of those that wait at a rung go on, and which
end there.  All is a function of trainings, and of no order in which they ended: 1 worker or 8,
interrupted or not, the same trials go on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from rnnzoo.errors import number_of
from rnnzoo.spec.experiment import Rungs
from rnnzoo.spec.trial import Outcome, Result


def best_at(epoch: int, parts: Iterable[Outcome]) -> float:
    """The least score on validation of a trial until an epoch, from all that was recorded of it;
    infinite where it did not come so far.
    """
    return min((outcome.best_until(epoch) for outcome in parts), default=math.inf)


def together(
    waited: Mapping[int, Iterable[Result]], done: Mapping[int, Outcome], trials: int
) -> dict[int, list[Outcome]]:
    """All outcomes of each planned trial of a search: of when it waited, and of its end."""
    recorded = {}
    for index in range(trials):
        recorded[index] = [result.outcome for result in waited.get(index, ())]
        if index in done:
            recorded[index].append(done[index])
    return recorded


def going_on(
    rungs: Rungs, rung: int, trials: int, recorded: Mapping[int, Iterable[Outcome]]
) -> set[int]:
    """Indices of the trials that go on from a rung: the best until then, of equal ones the earlier.

    Args:
        rung: from 0.
        trials: of the search.
        recorded: all outcomes of each trial so far, also of when it waited.
    """
    scores = {index: best_at(rungs.epochs[rung], parts) for index, parts in recorded.items()}
    there = [index for index, score in scores.items() if math.isfinite(score)]
    ranked = sorted(there, key=lambda index: (scores[index], index))
    return set(ranked[: rungs.going_on(rung, trials)])


def stopped(
    rungs: Rungs, rung: int, trials: int, waiting: Mapping[int, Result], go_on: set[int]
) -> Iterator[Result]:
    """The trials that wait at a rung and do not go on, as they end there."""
    epochs = number_of(rungs.epochs[rung], "epoch")
    message = f"after {epochs}, not among the best {rungs.going_on(rung, trials)} of {trials}"
    for index in sorted(waiting.keys() - go_on):
        result = waiting[index]
        outcome = replace(result.outcome, waits=False, message=message)
        yield replace(result, outcome=outcome)
