"""How much of the lead of found cells was selection.

In: the history of a search, and the results of the sweep that trained its best cells afresh.  Out:
for each cell its fitness by validation, which it was chosen by, by test, and in fresh trainings.

Fresh are the rounds of the second stage (`confirm:`), whose scores nothing was chosen by.  Fitness
has a setting for each cell, and the rounds have settings that suit all: what is gone in them is the
luck of seeds, of settings and of the validation split together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnnzoo.evolve import facts, judge
from rnnzoo.evolve.draw import name_of
from rnnzoo.evolve.found import best, cell_name
from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import About
from rnnzoo.report.results import staged
from rnnzoo.spec.trial import ROUND, Result
from rnnzoo.stats.linear import mean_interval

LEVEL = 0.95
SPLIT = "test"


@dataclass(frozen=True, slots=True)
class Fresh:
    """The accuracy of a cell relative to the baseline's on one task, in rounds.

    Attributes:
        mean, low, high: over rounds, and the ends of its 95 % interval; infinite of one round.
        is_seen: whether the search saw the task.
    """

    task: str
    mean: float
    low: float
    high: float
    rounds: int
    is_seen: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """One of the best cells.

    Attributes:
        fitness: by validation.
        on_test: by test, at the settings that validation chose; None where that is not known.
        fresh: by task; none of a task without rounds.
    """

    name: str
    fitness: float
    on_test: float | None
    fresh: tuple[Fresh, ...]

    @property
    def least(self) -> Fresh | None:
        """What is the fitness in fresh trainings: the task of the search with the least mean."""
        return min((fresh for fresh in self.fresh if fresh.is_seen), key=_mean, default=None)


def _mean(fresh: Fresh) -> float:
    return fresh.mean


def selections(
    about: About, history: History, results: Sequence[Result], whole: Mapping[str, float | None]
) -> list[Selection]:
    """The best cells of a search, the best first, as far as they have rounds on all of its tasks.

    Args:
        results: of the sweep that confirms them.
        whole: as `evolve.plan.Plan.whole`, of all tasks of that sweep.
    """
    rows = []
    for ended in best(history):
        label = cell_name(about.name, ended.number)
        fresh = tuple(_fresh(about, results, label, whole))
        if {*about.stages} <= {of_task.task for of_task in fresh}:
            test = facts.on_test(about, history, ended.number)
            rows.append(Selection(name_of(ended.number), ended.fitness or 0.0, test, fresh))
    return rows


def _fresh(
    about: About, results: Sequence[Result], label: str, whole: Mapping[str, float | None]
) -> Iterator[Fresh]:
    for task in whole:
        own, baseline = (_scores(results, variant, task) for variant in (label, about.baseline))
        shares = [
            judge.relative(own[number], score, whole[task])
            for number, score in baseline.items()
            if number in own and score is not None
        ]
        if not shares:
            continue
        low, high = mean_interval(np.array(shares), LEVEL) or (-math.inf, math.inf)
        mean = float(np.mean(shares))
        yield Fresh(task, mean, low, high, len(shares), task in about.stages)


def _scores(results: Sequence[Result], label: str, task: str) -> dict[int, float | None]:
    """Scores of rounds by number; None where a training gave none."""
    rounds = staged(results, label, task, ROUND)
    return {result.trial.index: result.outcome.scores.get(SPLIT) for result in rounds}
