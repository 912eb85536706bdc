"""Results -> numbers: everything that tables, figures and pages show, computed once.

In: an experiment, its results, what its tasks say of themselves.  Out: a frozen `Summary`, the
verdicts on its claims first.  The best `keep` trials of each variant are chosen on one split and
reported on another; every trial counts in one of the kinds, whatever became of it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rnnzoo import metrics
from rnnzoo import tasks as loaded
from rnnzoo.confirm.stand import Stand, confirmed, left
from rnnzoo.confirm.stand import stands as stands_by_task
from rnnzoo.errors import Remark, StatsError, listed
from rnnzoo.report.answers import answers, subtitle
from rnnzoo.report.confirmed import verdict, verdict_over
from rnnzoo.report.equal import beside
from rnnzoo.report.evidence import searches, solving, trials
from rnnzoo.report.importance import ImportanceModel, ImportanceSummary, searched
from rnnzoo.report.judge import Searches, judge_pairs
from rnnzoo.report.learnt import Nothing, exhausted, nothing
from rnnzoo.report.results import belonging, of
from rnnzoo.report.second import Fresh, Second, second
from rnnzoo.report.stopped import Stopped, still_stopped
from rnnzoo.report.verdict import LEVEL, Verdict
from rnnzoo.spec.claims import approximate, family, judged
from rnnzoo.spec.experiment import TEXT, Claim, Experiment, Variant
from rnnzoo.spec.read_experiment import resolved
from rnnzoo.spec.seeds import checksum_seed
from rnnzoo.spec.settings import in_project
from rnnzoo.spec.timing import Timing
from rnnzoo.spec.trial import Ending, Kind, Result, StudyKey, ranked
from rnnzoo.stats.compare import tuned_interval
from rnnzoo.stats.ranks import Ranks, mean_ranks, rank
from rnnzoo.stats.shares import share_interval
from rnnzoo.stats.threads import one_thread
from rnnzoo.stats.tuning import tuning_curve

# of a metric's cost, where there is one
LARGEST = dict.fromkeys(("error", "accuracy", "balanced_accuracy", "f1", "auroc"), 1.0)
SHARING = {
    "file": "All tested claims of the file share an error rate of 5 %.",
    "task": (
        "The tested claims on each task share an error rate of 5 % of their own, as do those"
        " about several tasks: with more tasks, more studies contain a wrong word."
    ),
}


class TaskInfo(Protocol):
    """What a report needs to know of a task: a loaded `Task`, or the `TaskMetadata` of a table."""

    @property
    def metric(self) -> str: ...

    @property
    def unit(self) -> str: ...

    @property
    def baselines(self) -> Mapping[str, float]: ...

    @property
    def note(self) -> str: ...

    @property
    def inputs(self) -> int: ...

    @property
    def digest(self) -> str: ...

    @property
    def solved(self) -> float | None: ...


def data_of(task: TaskInfo) -> Mapping[str, Any] | None:
    """What is counted in a task's data; None where nobody has."""
    if isinstance(task, loaded.Task):
        return loaded.facts(task)
    known: Mapping[str, Any] | None = getattr(task, "data", None)
    return known


@dataclass(frozen=True, slots=True)
class Best:
    """The trial that is best on the split that selects.

    Attributes:
        score: on the split that is reported.
        selected_by: on the split that selects.
        epoch: the one whose weights are kept, from 1.
    """

    index: int
    score: float
    selected_by: float
    hyperparameters: Mapping[str, Any]
    weights: int
    curve: tuple[Mapping[str, float], ...]
    epoch: int


@dataclass(frozen=True, slots=True)
class ScoredPoint:
    """A complete trial of a search: its score on the reported split, whether it was kept, and where
    in the space it lies.

    Attributes:
        selected_by: the score on the split that selects.
    """

    score: float
    kept: bool
    setting: Mapping[str, Any]
    index: int
    selected_by: float


@dataclass(frozen=True, slots=True)
class OtherTrial:
    """A trial that no ranking is about: one that did not complete, or that is of no search.

    Attributes:
        stage: empty for the search; `pilot`, `round`, or `replicate 1` and so on.
        score: on the reported split; None unless it is complete.
        selected_by: on the split that selects, likewise.
    """

    stage: str
    index: int
    kind: str
    score: float | None
    selected_by: float | None
    setting: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tuning:
    """The score to expect of the best of n trials, n = 1, 2, ..., with a band of 95 %."""

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ReplicateSummary:
    """The kept trials, trained again on fresh seeds: their mean on the reported split is free of
    the luck of selection.

    Attributes:
        runs, complete: how many trainings, and how many of them completed.
    """

    mean: float | None
    runs: int
    complete: int


@dataclass(frozen=True, slots=True)
class Solved:
    """How many of all trials of a variant solve the task, with the exact interval of that share."""

    count: int
    trials: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One variant on one task.

    Attributes:
        counts: trials by kind.
        points: every complete trial, the best on the selecting split first.
        kept: how many trials were kept: `keep` of them, or as many as are complete.
        mean: of the kept trials on the reported split.
        interval: of that mean, over searches of this size; none from fewer than three trials, or of
            fewer than are compared.
        seconds: median of a complete trial.
        solved: None where the task has no score from which on it is solved, or no trial has ended.
        fresh: its trainings in the second stage; None where it had none.
        idle: whether it is not clearly better than what learns nothing: both its interval and that
            of the rounds reach there, as far as it has them, else its mean does.
        never: complete trials that are not better than what learns nothing.
        never_by_patience: of these, how many patience ended.
        by_length: means of the kept trials on the sequences of `test` of each length, where the
            task asks for that.
        also: means of the kept trials on `test` by other metrics, where these are asked for.
        others: its trials that are no points: those that did not complete, replicates, and those
            of the second stage.
        stopped: where a sweep was told to stop it, and it is not whole for that.
    """

    variant: str
    title: str
    counts: Mapping[str, int]
    points: tuple[ScoredPoint, ...]
    kept: int
    mean: float | None
    interval: tuple[float, float] | None
    best: Best | None
    seconds: float | None
    tuning: Tuning | None
    again: ReplicateSummary | None
    solved: Solved | None
    fresh: Fresh | None
    idle: bool
    never: int
    never_by_patience: int
    by_length: Mapping[str, float]
    also: Mapping[str, float]
    others: tuple[OtherTrial, ...]
    stopped: Stopped | None = None

    @property
    def complete(self) -> int:
        return self.counts.get(Kind.COMPLETE, 0)

    @property
    def subtitle(self) -> str:
        """What the cell's title adds to the label."""
        return subtitle(self.variant, self.title)


@dataclass(frozen=True, slots=True)
class TaskTable:
    """One task: its variants by rank, the best first; those without a complete trial last.

    Attributes:
        trials: the most that a variant has run, of those that are planned.
        keep: how many of each variant are compared.
        solved: the score from which on the task is solved; None where there is none.
        nothing: what a variant must beat to have learnt something; None where the task has no
            baseline.
        data: sequences, lengths and classes of each split (`rnnzoo.tasks.facts`); None where a
            table of before does not say.
    """

    task: str
    trials: int
    keep: int
    metric: str
    unit: str
    note: str
    baselines: Mapping[str, float]
    digest: str
    solved: float | None
    nothing: Nothing | None
    rows: tuple[VariantRow, ...]
    explained: ImportanceSummary | None
    data: Mapping[str, Any] | None = None

    def keeps_fewer(self, row: VariantRow) -> bool:
        """Whether a variant has some complete trials, and fewer than are compared."""
        return 0 < row.kept < self.keep

    @property
    def lengths(self) -> list[str]:
        """The lengths of `test` at which variants were scored by themselves, the shortest first."""
        return sorted({length for row in self.rows for length in row.by_length}, key=int)

    @property
    def also(self) -> list[str]:
        """The metrics that variants were scored by beside the one that is compared."""
        return list(dict.fromkeys(chain.from_iterable(row.also for row in self.rows)))

    @property
    def also_direction(self) -> str:
        """Which of these are better the higher they are, in words; nothing where lower is."""
        higher = [name for name in self.also if metrics.is_higher_better(name)]
        if not higher:
            return ""
        if len(higher) == len(self.also):
            return "higher is better"
        return f"of {listed(higher)} higher is better"

    @property
    def kinds(self) -> list[str]:
        """The kinds of outcome that occurred."""
        return [str(kind) for kind in Kind if any(row.counts.get(str(kind)) for row in self.rows)]


@dataclass(frozen=True, slots=True)
class Control:
    """The baseline against itself under other draws: what the procedure finds where there is
    nothing to be found.
    """

    task: str
    variant: str
    detail: str
    p: float  # two-sided


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole experiment.

    Attributes:
        file: of the experiment, as commands in the project's folder name it; empty where it came
            from Python.
        spec: the experiment with every default filled in.
        ranks: of the variants over all kinds of task; None where there is one kind only.
        kinds: how many of them.
        provenance: where and with what the trials were run, each different set once.
        warnings: what a reader must know of how verdicts were found.
        changes: what the spec says otherwise than when the trials were run.
        sharing: which claims share an error rate; empty where there is one task.
    """

    experiment: str
    file: str
    about: str
    baseline: str
    on: str
    report: str
    spec: Mapping[str, Any]
    tables: tuple[TaskTable, ...]
    verdicts: tuple[Verdict, ...]
    controls: tuple[Control, ...]
    ranks: Ranks | None
    kinds: int
    provenance: tuple[Mapping[str, str], ...]
    warnings: tuple[Remark, ...] = ()
    changes: tuple[str, ...] = ()
    stands: tuple[Second, ...] = ()
    sharing: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@one_thread()
def summarise(
    experiment: Experiment,
    results: Sequence[Result],
    tasks: Mapping[str, TaskInfo],
    trials: int,
    provenance: Sequence[Mapping[str, str]] = (),
    changes: Sequence[str] = (),
    timings: Sequence[Timing] = (),
    stopped: Mapping[str, str] | None = None,
) -> Summary:
    """The numbers of an experiment.

    Args:
        results: of its present studies, in any order.
        tasks: by label.
        trials: of each variant on each task, as planned; where fewer were run, a share is kept of
            those.
        timings: how fast variants trained side by side.
        stopped: when a sweep was told to stop the variants of studies, by identity.
    """
    model = ImportanceModel(experiment, results)
    labels = [task.label for task in experiment.tasks]
    stands = stands_by_task(experiment, results, trials) if experiment.confirm else {}
    stages = {label: second(experiment, results, current) for label, current in stands.items()}
    tables = []
    for choice in experiment.tasks:
        label = choice.label
        fresh = stages[label].means if label in stages else {}
        ran, keep, rows = ranking(experiment, results, label, tasks[label], trials, fresh)
        stops = _stops(stopped or {}, label)
        now = stands.get(label)
        rows = tuple(_with_stop(row, experiment, stops, trials, now) for row in rows)
        tables.append(_table(label, tasks[label], ran, keep, rows, _importance(model, label)))
    evidence = _evidence(experiment, results, tasks, tables, model, timings)
    return Summary(
        experiment=experiment.name,
        file="" if experiment.file == TEXT else str(in_project(Path(experiment.file))),
        about=experiment.about,
        baseline=experiment.baseline,
        on=experiment.select.on,
        report=experiment.select.report,
        spec=resolved(experiment),
        tables=tuple(tables),
        verdicts=beside(experiment, results, _verdicts(experiment, tables, evidence, stands)),
        stands=tuple(stages.values()),
        sharing=SHARING[experiment.family] if len(tables) > 1 and experiment.claims else "",
        controls=tuple(_controls(experiment, labels, evidence)),
        ranks=_ranks(experiment, tables),
        kinds=len({task.name for task in experiment.tasks}),
        provenance=tuple(provenance),
        warnings=(remark,) if (remark := approximate(experiment)) else (),
        changes=tuple(changes),
    )


def _table(
    label: str,
    task: TaskInfo,
    ran: int,
    keep: int,
    rows: Sequence[VariantRow],
    importance: ImportanceSummary | None,
) -> TaskTable:
    """A task's variants, with what is known of the task."""
    return TaskTable(
        task=label,
        trials=ran,
        keep=keep,
        metric=metrics.cost_name(task.metric),
        unit=task.unit,
        note=task.note,
        baselines=dict(task.baselines),
        digest=task.digest,
        solved=task.solved,
        nothing=nothing(task.baselines, task.solved),
        rows=tuple(rows),
        explained=importance,
        data=data_of(task),
    )


def _evidence(
    experiment: Experiment,
    results: Sequence[Result],
    tasks: Mapping[str, TaskInfo],
    tables: Sequence[TaskTable],
    model: ImportanceModel,
    timings: Sequence[Timing],
) -> Searches:
    """What claims are judged by."""
    idle: set[tuple[str, str]] = set()
    for table in tables:
        idle |= {(table.task, row.variant) for row in table.rows if row.idle}
    return searches(
        experiment,
        results,
        {label: task.inputs for label, task in tasks.items()},
        {table.task: table.keep for table in tables},
        model,
        {label: task.solved for label, task in tasks.items()},
        {table.task: table.nothing for table in tables if table.nothing},
        idle,
        {table.task: exhausted(table.baselines, table.solved) for table in tables},
        timings,
    )


def _stops(stopped: Mapping[str, str], task: str) -> dict[str, str]:
    """When variants were stopped on a task, by label."""
    keys = {identity: StudyKey.parse(identity) for identity in stopped}
    return {key.variant: stopped[identity] for identity, key in keys.items() if key.task == task}


def _with_stop(
    row: VariantRow,
    experiment: Experiment,
    stops: Mapping[str, str],
    trials: int,
    now: Stand | None,
) -> VariantRow:
    """The row with what was left out of it because a sweep was told so."""
    if row.variant not in stops:
        return row
    variant, again = experiment.variant(row.variant), row.again.runs if row.again else 0
    ended = sum(row.counts.values())
    when = stops[row.variant]
    return replace(row, stopped=still_stopped(experiment, variant, when, ended, trials, now, again))


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


def _verdicts(
    experiment: Experiment,
    tables: Sequence[TaskTable],
    evidence: Searches,
    stands: Mapping[str, Stand],
) -> tuple[Verdict, ...]:
    """In the order of the claims; a claim that names no task is judged on each."""
    pairs = judged(experiment.claims, [table.task for table in tables])
    second = [pair for pair in pairs if stands and confirmed(pair[0])]
    first = [pair for pair in pairs if pair not in second]
    verdicts: dict[tuple[Claim, str], Verdict] = {}
    for family_name in dict.fromkeys(family(where, experiment.family) for _, where in first):
        members = [
            (claim, where)
            for claim, where in first
            if family(where, experiment.family) == family_name
        ]
        share = left(experiment, stands, family_name)
        verdicts |= zip(members, judge_pairs(members, evidence, share if share > 0 else 1.0))
    verdicts |= {
        (claim, where): _confirmed(claim, where, experiment, stands) for claim, where in second
    }
    titles = {variant.label: variant.cell.title for variant in experiment.variants}
    texts = answers(
        pairs,
        [verdicts[pair] for pair in pairs],
        titles,
        {table.task: table.unit for table in tables},
    )
    return tuple(replace(verdicts[pair], answer=text) for pair, text in zip(pairs, texts))


def _confirmed(
    claim: Claim, where: str, experiment: Experiment, stands: Mapping[str, Stand]
) -> Verdict:
    if claim.over:
        return verdict_over(claim, where, experiment, [stands[task] for task in claim.tasks])
    return verdict(claim, experiment, stands[where])


def _controls(
    experiment: Experiment, tasks: Sequence[str], evidence: Searches
) -> Iterator[Control]:
    for task in tasks if experiment.control else ():
        try:
            worse, better = evidence.difference(task, experiment.control, experiment.baseline, 0.0)
            text, _ = evidence.describe(task, experiment.control, experiment.baseline, LEVEL)
        except StatsError:
            continue
        yield Control(task, experiment.control, text, min(1.0, 2 * min(worse, better)))


def _ranks(experiment: Experiment, tables: Sequence[TaskTable]) -> Ranks | None:
    """Ranks of the variants that have a mean on every task, the control left out.

    The test needs tasks that are independent (Demsar 2006): those of one kind, as one at several
    lengths, are one block.
    """
    means = {
        table.task: {row.variant: row.mean for row in table.rows if row.mean is not None}
        for table in tables
    }
    names = [
        variant.label for variant in experiment.variants if variant.label != experiment.control
    ]
    names = [name for name in names if all(name in scores for scores in means.values())]
    blocks: dict[str, list[list[float]]] = {}
    for task in experiment.tasks:
        blocks.setdefault(task.name, []).append([means[task.label][name] for name in names])
    try:
        ranks = [mean_ranks(np.array(scores)) for scores in blocks.values()] if names else []
        return rank(np.array(ranks).reshape(len(ranks), len(names)), names)
    except StatsError:
        return None


def _importance(model: ImportanceModel, task: str) -> ImportanceSummary | None:
    """The importance of hyper-parameters; None where trials are too few or nothing is searched."""
    try:
        return model.summary(task) if searched(model.experiment) else None
    except StatsError:
        return None


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
    again = [result for result in all_stages if result.key.replicate]
    on, report = asked.experiment.select.on, asked.experiment.select.report
    complete = ranked(results, on)
    scores = [result.outcome.scores[report] for result in complete]
    kept = scores[: asked.keep]
    seconds = [result.outcome.seconds.get("total", 0.0) for result in complete]
    never = [result for result in complete if not asked.has_learnt(result.outcome.scores[report])]
    mean, interval = statistics.fmean(kept) if kept else None, _interval(asked, results)
    return VariantRow(
        variant=asked.variant.label,
        title=asked.variant.cell.title,
        counts={
            str(kind): sum(1 for result in results if result.outcome.kind is kind) for kind in Kind
        },
        points=tuple(
            ScoredPoint(
                score,
                position < asked.keep,
                dict(result.trial.hyperparameters),
                result.trial.index,
                result.outcome.scores[on],
            )
            for position, (score, result) in enumerate(zip(scores, complete))
        ),
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
        by_length=_means([result.outcome.by_length for result in complete[: asked.keep]]),
        also=_means([result.outcome.also for result in complete[: asked.keep]]),
        others=tuple(_others(all_stages, on, report)),
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
    return {name: statistics.fmean(of_trial[name] for of_trial in scores) for name in common}


def _solved(results: Sequence[Result], report: str, solved: float | None) -> Solved | None:
    counted = solving(results, report, solved)
    return Solved(*counted, *share_interval(*counted, LEVEL)) if counted else None


def _replicate_summary(results: Sequence[Result], report: str) -> ReplicateSummary:
    scores = [
        result.outcome.scores[report] for result in results if result.outcome.kind is Kind.COMPLETE
    ]
    return ReplicateSummary(statistics.fmean(scores) if scores else None, len(results), len(scores))


def _tuning(results: Sequence[Result], on: str, report: str, words: str) -> Tuning | None:
    chosen, reported = (
        np.array([result.outcome.scores.get(split, math.inf) for result in results])
        for split in (on, report)
    )
    try:
        curve = tuning_curve(chosen, reported, LEVEL, _generator(words), draws=300)
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


def numbers(summary: Summary) -> dict[str, float]:
    """Headline numbers for a tracker: the mean of each variant's kept trials."""
    several = len(summary.tables) > 1
    means: dict[str, float] = {}
    for table in summary.tables:
        prefix = f"{table.task}/" if several else ""
        means |= {f"{prefix}{row.variant}": row.mean for row in table.rows if row.mean is not None}
    return means
