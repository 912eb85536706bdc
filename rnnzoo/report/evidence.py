"""Results -> evidence: every trial of every variant, in the form that the judge asks for.

In: an experiment and its results.  Out: `Searches`.  A trial that diverged, was pruned, ran out of
memory or time, or failed is there with infinite scores: it is chosen last, and counts as the worst
of the two variants where it must be chosen.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import product
from types import MappingProxyType

import numpy as np

from rnnzoo.errors import StatsError
from rnnzoo.lang import check, counts
from rnnzoo.report.importance import ImportanceModel
from rnnzoo.report.judge import Diverging, Searches
from rnnzoo.report.learnt import Nothing
from rnnzoo.report.results import belonging, staged
from rnnzoo.spec import points
from rnnzoo.spec.claims import judged
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.timing import Timing
from rnnzoo.spec.trial import ROUND, Kind, Result
from rnnzoo.stats.compare import Trials, draws_for

_RAN = (Kind.COMPLETE, Kind.DIVERGED)  # of these it is known whether they diverge
SIZES = 9  # of the range of units, at which weights are counted


def searches(
    experiment: Experiment,
    results: Sequence[Result],
    inputs: Mapping[str, int],
    keep: Mapping[str, int],
    model: ImportanceModel,
    solved: Mapping[str, float | None] = MappingProxyType({}),
    nothing: Mapping[str, Nothing] = MappingProxyType({}),
    idle: Collection[tuple[str, str]] = (),
    exhausted: Mapping[str, float] = MappingProxyType({}),
    timings: Sequence[Timing] = (),
) -> Searches:
    """The evidence of an experiment's trials.

    Args:
        results: of the experiment's present studies.
        inputs: size of x, by the label of the task.
        keep: how many trials of each variant are compared, by the label of the task.
        solved: the score from which on a task is solved, by its label.
        nothing: by the label of the task, what a variant must beat to have learnt something.
        idle: (task, variant) of those that are not clearly better than that.
        exhausted: the score at and below which a task separates variants no more, by its label.
        timings: how fast variants trained side by side.
    """
    select = experiment.select
    searched = {
        (task.label, variant.label): belonging(results, variant.label, task.label)
        for task, variant in product(experiment.tasks, experiment.variants)
    }
    rounds = {(task, variant): staged(results, variant, task, ROUND) for task, variant in searched}
    pairs = judged(experiment.claims, [task.label for task in experiment.tasks])
    return Searches(
        trials={
            pair: trials(of_pair, select.on, select.report) for pair, of_pair in searched.items()
        },
        complete={pair: (_completed(of_pair), len(of_pair)) for pair, of_pair in searched.items()},
        keep=keep,
        shares=model.shares,
        excluded=model.excluded,
        ratio=lambda task, a, b: _ratio(experiment, a, b, inputs[task]),
        solving={
            (task, variant): solving(of_pair, select.report, solved.get(task))
            for (task, variant), of_pair in searched.items()
        },
        diverging={pair: diverging(of_pair, rounds[pair]) for pair, of_pair in searched.items()},
        timings={timing.of(): timing for timing in timings},
        control=experiment.control,
        seed=experiment.name,
        margin=experiment.margin,
        nothing=nothing,
        idle=idle,
        exhausted=exhausted,
        pairs=experiment.paired,
        draws=draws_for(sum(len(claim.tasks) or 1 for claim, _ in pairs)),
    )


def _completed(results: Sequence[Result]) -> int:
    return sum(result.outcome.kind is Kind.COMPLETE for result in results)


def trials(results: Sequence[Result], on: str, report: str) -> Trials | StatsError:
    """Every trial's two scores, or why they cannot be compared."""
    selecting = [result.outcome.scores.get(on, math.inf) for result in results]
    reported = [result.outcome.scores.get(report, math.inf) for result in results]
    index = [result.trial.index for result in results]
    try:
        return Trials.of(selecting, reported, index)
    except StatsError as error:
        return error


def solving(results: Sequence[Result], report: str, solved: float | None) -> tuple[int, int] | None:
    """How many trials reach the score that solves the task, and of how many; None without such a
    score or without trials.
    """
    if solved is None or not results:
        return None
    return sum(result.outcome.scores.get(report, math.inf) <= solved for result in results), len(
        results
    )


def diverging(search: Sequence[Result], rounds: Sequence[Result]) -> Diverging:
    """How many trainings diverged, of those that did or completed.

    One that ran out of memory or time, was pruned or failed might have done either, and is no
    failure of the cell's.
    """
    kinds = Counter(result.outcome.kind for result in search)
    counts, fresh = _diverged(kinds), _diverged(Counter(result.outcome.kind for result in rounds))
    otherwise = {kind.words: kinds[kind] for kind in Kind if kinds[kind] and kind not in _RAN}
    return Diverging(*counts, otherwise, fresh if fresh[1] else None)


def _diverged(kinds: Counter[Kind]) -> tuple[int, int]:
    return kinds[Kind.DIVERGED], sum(kinds[kind] for kind in _RAN)


def _ratio(experiment: Experiment, a: str, b: str, inputs: int) -> tuple[float, float]:
    """Lowest and highest ratio of the weights of two variants of one size, over the sizes that are
    searched.
    """
    cell_a, cell_b = (check(experiment.variant(label).cell) for label in (a, b))
    ratios = []
    for point in points.shapes(
        experiment.variant(b).space, experiment.training, _sizes(experiment, b)
    ):
        of_a, of_b = (
            counts.weights_in(experiment.training.at(point), cell, inputs)
            for cell in (cell_a, cell_b)
        )
        ratios.append(of_a / of_b)
    return min(ratios), max(ratios)


def _sizes(experiment: Experiment, label: str) -> list[int]:
    space = experiment.variant(label).space
    known = space.values("units")
    if known is not None:
        return [int(value) for value in known]
    (units,) = [dimension for dimension in space.dimensions if dimension.name == "units"]
    return sorted({round(size) for size in np.linspace(units.low, units.high, SIZES)})
