"""Results of a task's studies -> a row for each variant, the best first.

In: an experiment, its results, what a task says of itself.  Out: `VariantRow`s.  The best `keep`
trials of each variant are chosen on one split and reported on another; every trial counts in one of
the kinds, whatever became of it.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

import numpy as np

from rnnzoo.errors import StatsError
from rnnzoo.report.evidence import solving, trials
from rnnzoo.report.learnt import Nothing, nothing
from rnnzoo.report.results import belonging, of
from rnnzoo.report.second import Fresh
from rnnzoo.report.summary import (
    Best,
    OtherTrial,
    ReplicateSummary,
    ScoredPoint,
    Solved,
    TaskInfo,
    Tuning,
    VariantRow,
)
from rnnzoo.report.verdict import LEVEL
from rnnzoo.spec.experiment import Experiment, Variant
from rnnzoo.spec.seeds import checksum_seed
from rnnzoo.spec.trial import Ending, Kind, Result, ranked
from rnnzoo.stats.compare import tuned_interval
from rnnzoo.stats.shares import share_interval
from rnnzoo.stats.tuning import tuning_curve

# of a metric's cost, where there is one
LARGEST = dict.fromkeys(("error", "accuracy", "balanced_accuracy", "f1", "auroc"), 1.0)


def ranking(
    experiment: Experiment,
    results: Sequence[Result],
    label: str,
    task: TaskInfo,
    trials: int,
    fresh: Mapping[str, Fresh],
) -> tuple[int, int, tuple[VariantRow, ...]]:
    """The variants on one task, the best first; before them, how many trials a search has run at
    most, and how many of these are compared.

    Args:
        label: of the task.
        fresh: trainings of the second stage, by variant.
    """
    searches_of = [belonging(results, variant.label, label) for variant in experiment.variants]
    ran = min(trials, max((_ran(search) for search in searches_of if search), default=trials))
    keep = experiment.select.count(ran)
    beat = nothing(task.baselines, task.solved)
    rows = []
    for variant, search in zip(experiment.variants, searches_of):
        asked = _Asked(experiment, variant, keep, task.solved, beat)
        row = _row(asked, search, of(results, variant.label, label), fresh.get(variant.label))
        rows.append(_within(row, LARGEST.get(task.metric, math.inf)))
    return ran, keep, tuple(sorted(rows, key=lambda row: (row.mean is None, row.mean)))


def _within(row: VariantRow, largest: float) -> VariantRow:
    """The row with intervals that hold no score that is impossible: no metric is below 0."""
    fresh = row.fresh and replace(row.fresh, interval=_cut(row.fresh.interval, largest))
    return replace(row, interval=_cut(row.interval, largest), fresh=fresh)


def _cut(interval: tuple[float, float] | None, largest: float) -> tuple[float, float] | None:
    return interval and (max(interval[0], 0.0), min(interval[1], largest))


def _ran(search: Sequence[Result]) -> int:
    """How many trials a search has begun: its highest index, counted from 1."""
    return max(result.trial.index for result in search) + 1


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a row is about."""

    experiment: Experiment
    variant: Variant
    keep: int
    solved: float | None
    nothing: Nothing | None

    def has_learnt(self, score: float) -> bool:
        """Whether a score beats the best that learns nothing, where that is known."""
        return self.nothing is None or self.nothing.beaten(score)

    def is_idle(self, mean: float | None, *intervals: tuple[float, float] | None) -> bool:
        """Whether a mean is not clearly better than the best that learns nothing."""
        if mean is None or self.nothing is None:
            return False
        return not self.nothing.clearly_beaten(mean, *intervals)

    def words(self) -> str:
        """The seed of generators in words, so that the same results always print the same
        numbers.

        The name is in it, and equal trials of another experiment may differ in the last digit:
        published tables rest on it.
        """
        return f"{self.experiment.name} {self.variant.label}"


def _row(
    asked: _Asked, results: Sequence[Result], all_stages: Sequence[Result], fresh: Fresh | None
) -> VariantRow:
    """
    Args:
        results: of the search.
        all_stages: of the search, of replicates, and of the second stage.
    """
    on, report = asked.experiment.select.on, asked.experiment.select.report
    complete = ranked(results, on)
    kept = complete[: asked.keep]
    kept_scores = [result.outcome.scores[report] for result in kept]
    seconds = [result.outcome.seconds.get("total", 0.0) for result in complete]
    never = [result for result in complete if not asked.has_learnt(result.outcome.scores[report])]
    again = [result for result in all_stages if result.key.replicate]
    mean = statistics.fmean(kept_scores) if kept else None
    interval = _interval(asked, results)
    return VariantRow(
        variant=asked.variant.label,
        title=asked.experiment.title(asked.variant.label),
        counts=_counts(results),
        points=tuple(_points(complete, asked)),
        kept=len(kept),
        mean=mean,
        interval=interval,
        best=_best(complete[0], on, report) if complete else None,
        seconds=statistics.median(seconds) if seconds else None,
        tuning=_tuning(results, on, report, asked.words()),
        again=_replicate_summary(again, report) if again else None,
        solved=_solved(results, report, asked.solved),
        fresh=fresh if fresh and fresh.trainings else None,
        idle=asked.is_idle(mean, interval, fresh.interval if fresh else None),
        never=len(never),
        never_by_patience=sum(result.outcome.ending is Ending.PATIENCE for result in never),
        by_length=_means([result.outcome.by_length for result in kept]),
        also=_means([result.outcome.also for result in kept]),
        others=tuple(_others(all_stages, on, report)),
    )


def _counts(results: Sequence[Result]) -> dict[str, int]:
    """How many trials ended in each kind; 0 where none did."""
    ended = Counter(result.outcome.kind for result in results)
    return {str(kind): ended[kind] for kind in Kind}


def _points(complete: Sequence[Result], asked: _Asked) -> Iterator[ScoredPoint]:
    """The complete trials of a search, the best on the selecting split first."""
    select = asked.experiment.select
    for position, result in enumerate(complete):
        yield ScoredPoint(
            score=result.outcome.scores[select.report],
            kept=position < asked.keep,
            setting=dict(result.trial.hyperparameters),
            index=result.trial.index,
            selected_by=result.outcome.scores[select.on],
        )


def _others(results: Sequence[Result], on: str, report: str) -> Iterator[OtherTrial]:
    """Trials of a variant that are no points of its row, in the order in which they came."""
    for result in results:
        key, outcome = result.key, result.outcome
        stage = key.stage or (f"replicate {key.replicate}" if key.replicate else "")
        if stage or outcome.kind is not Kind.COMPLETE:
            yield OtherTrial(
                stage,
                result.trial.index,
                str(outcome.kind),
                outcome.scores.get(report),
                outcome.scores.get(on),
                dict(result.trial.hyperparameters),
            )


def _means(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean scores of what all of these have a score of."""
    first = scores[0] if scores else {}
    common = [name for name in first if all(name in of_trial for of_trial in scores)]
    return {name: statistics.fmean(map(itemgetter(name), scores)) for name in common}


def _solved(results: Sequence[Result], report: str, solved: float | None) -> Solved | None:
    counted = solving(results, report, solved)
    return Solved(*counted, *share_interval(*counted, LEVEL)) if counted else None


def _replicate_summary(results: Sequence[Result], report: str) -> ReplicateSummary:
    scores = [
        result.outcome.scores[report] for result in results if result.outcome.kind is Kind.COMPLETE
    ]
    return ReplicateSummary(statistics.fmean(scores) if scores else None, len(results), len(scores))


def _tuning(results: Sequence[Result], on: str, report: str, words: str) -> Tuning | None:
    def scores(split: str) -> np.ndarray:
        return np.array([result.outcome.scores.get(split, math.inf) for result in results])

    try:
        curve = tuning_curve(scores(on), scores(report), LEVEL, _generator(words), draws=300)
    except StatsError:
        return None
    return Tuning(*(tuple(values.tolist()) for values in (curve.mean, curve.low, curve.high)))


def _interval(asked: _Asked, results: Sequence[Result]) -> tuple[float, float] | None:
    """The interval of the mean, from resampled trials with the selection repeated, as for
    differences.
    """
    select = asked.experiment.select
    scored = trials(results, select.on, select.report)
    try:
        if isinstance(scored, StatsError):
            return None
        return tuned_interval(scored, asked.keep, LEVEL, checksum_seed(asked.words()))
    except StatsError:
        return None


def _generator(words: str) -> np.random.Generator:
    return np.random.default_rng(checksum_seed(words))


def _best(result: Result, on: str, report: str) -> Best:
    outcome = result.outcome
    return Best(
        index=result.trial.index,
        score=outcome.scores[report],
        selected_by=outcome.scores[on],
        hyperparameters={**result.trial.hyperparameters, "units": result.trial.units},
        weights=outcome.weights.get("recurrent", 0),
        curve=outcome.curve,
        epoch=outcome.best_epoch,
    )
