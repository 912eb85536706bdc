"""Results -> numbers: everything that tables, figures and pages show, computed once.

In: an experiment, its results, what its tasks say of themselves.  Out: a frozen `Summary`.  The best `keep` trials of each
variant are chosen on one split and reported on another; every trial counts in one of the kinds, whatever became of it.
"""

from __future__ import annotations

import statistics
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from rnnzoo.errors import StatsError
from rnnzoo.spec.experiment import Experiment, Variant
from rnnzoo.spec.read_experiment import resolved
from rnnzoo.spec.trial import Kind, Result
from rnnzoo.stats.estimate import bootstrap_interval

LEVEL = 0.95


class Described(Protocol):
    """What a report asks of a task."""

    @property
    def metric(self) -> str: ...

    @property
    def unit(self) -> str: ...

    @property
    def baselines(self) -> Mapping[str, float]: ...

    @property
    def note(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Best:
    """The trial that is best on the split that selects."""

    index: int
    score: float  # on the split that is reported
    selected_by: float  # on the split that selects
    hyperparameters: Mapping[str, Any]
    weights: int
    curve: tuple[Mapping[str, float], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One variant on one task.

    Attributes:
        counts: trials by kind.
        scores: (score on the reported split, whether it was kept) of every complete trial.
        kept: how many trials were kept: `keep` of them, or as many as are complete.
        mean, interval: of the kept trials on the reported split; no interval from fewer than three.
        seconds: median of a complete trial.
    """

    variant: str
    title: str
    counts: Mapping[str, int]
    scores: tuple[tuple[float, bool], ...]
    kept: int
    mean: float | None
    interval: tuple[float, float] | None
    best: Best | None
    seconds: float | None

    @property
    def complete(self) -> int:
        return self.counts.get(Kind.COMPLETE, 0)


@dataclass(frozen=True, slots=True)
class Table:
    """One task: its variants by rank, the best first; those without a complete trial last."""

    task: str
    metric: str
    unit: str
    note: str
    baselines: Mapping[str, float]
    rows: tuple[Row, ...]

    @property
    def kinds(self) -> list[str]:
        """The kinds of outcome that occurred."""
        return [str(kind) for kind in Kind if any(row.counts.get(str(kind)) for row in self.rows)]


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole experiment.

    Attributes:
        keep: how many trials of each variant are compared.
        spec: the experiment with every default filled in.
        claims: as written; judging them is not part of this report.
    """

    experiment: str
    about: str
    baseline: str
    trials: int
    on: str
    report: str
    keep: int
    spec: Mapping[str, Any]
    tables: tuple[Table, ...]
    claims: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def summarise(
    experiment: Experiment, results: Sequence[Result], tasks: Mapping[str, Described], trials: int
) -> Summary:
    """The numbers of an experiment; `results` are those of its present studies, in any order."""
    select = experiment.select
    keep = select.count(trials)
    tables = []
    for choice in experiment.tasks:
        task = tasks[choice.label]
        rows = [
            _row(experiment, variant, [one for one in results if _belongs(one, variant.label, choice.label)], keep)
            for variant in experiment.variants
        ]
        ranked = tuple(sorted(rows, key=lambda row: (row.mean is None, row.mean)))
        tables.append(Table(choice.label, task.metric, task.unit, task.note, dict(task.baselines), ranked))
    return Summary(
        experiment=experiment.name,
        about=experiment.about,
        baseline=experiment.baseline,
        trials=trials,
        on=select.on,
        report=select.report,
        keep=keep,
        spec=resolved(experiment),
        tables=tuple(tables),
        claims=tuple(claim.text for claim in experiment.claims),
    )


def _belongs(result: Result, variant: str, task: str) -> bool:
    return result.study.split("/")[1:3] == [variant, task]


def _row(experiment: Experiment, variant: Variant, results: Sequence[Result], keep: int) -> Row:
    on, report = experiment.select.on, experiment.select.report
    complete = [one for one in results if one.outcome.kind is Kind.COMPLETE]
    ranked = sorted(complete, key=lambda one: (one.outcome.scores[on], one.trial.index))
    scores = [one.outcome.scores[report] for one in ranked]
    kept = scores[:keep]
    return Row(
        variant=variant.label,
        title=variant.cell.title,
        counts={str(kind): sum(1 for one in results if one.outcome.kind is kind) for kind in Kind},
        scores=tuple((score, at < keep) for at, score in enumerate(scores)),
        kept=len(kept),
        mean=statistics.fmean(kept) if kept else None,
        interval=_interval(kept, f"{experiment.name} {variant.label}"),
        best=_best(ranked[0], on, report) if ranked else None,
        seconds=statistics.median(one.outcome.seconds.get("total", 0.0) for one in complete) if complete else None,
    )


def _interval(scores: Sequence[float], words: str) -> tuple[float, float] | None:
    """With a generator of its own, so that the same results always print the same interval."""
    try:
        return bootstrap_interval(np.array(scores), LEVEL, np.random.default_rng(zlib.crc32(words.encode())))
    except StatsError:
        return None


def _best(result: Result, on: str, report: str) -> Best:
    outcome = result.outcome
    return Best(
        index=result.trial.index,
        score=outcome.scores[report],
        selected_by=outcome.scores[on],
        hyperparameters=dict(result.trial.hyperparameters),
        weights=outcome.weights.get("recurrent", 0),
        curve=outcome.curve,
    )


def numbers(summary: Summary) -> dict[str, float]:
    """Headline numbers for a tracker: the mean of each variant's kept trials."""
    several = len(summary.tables) > 1
    return {
        (f"{table.task}/" if several else "") + row.variant: row.mean
        for table in summary.tables
        for row in table.rows
        if row.mean is not None
    }
