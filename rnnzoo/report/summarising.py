"""Results -> a `Summary`: everything that tables, figures and pages show, computed once.

In: an experiment, its results, what its tasks say of themselves.  Out: a frozen `Summary`, the
verdicts on its claims first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnzoo import metrics
from rnnzoo.confirm.stand import Stand, confirmed, left
from rnnzoo.confirm.stand import stands as stands_by_task
from rnnzoo.errors import StatsError
from rnnzoo.report.answers import answers
from rnnzoo.report.confirmed import verdict, verdict_over
from rnnzoo.report.equal import beside
from rnnzoo.report.evidence import searches
from rnnzoo.report.importance import ImportanceModel, ImportanceSummary, searched
from rnnzoo.report.judge import Searches, judge_pairs
from rnnzoo.report.learnt import exhausted, nothing
from rnnzoo.report.ranking import ranking
from rnnzoo.report.second import second
from rnnzoo.report.stopped import still_stopped
from rnnzoo.report.summary import Control, Summary, TaskInfo, TaskTable, VariantRow, data_of
from rnnzoo.report.verdict import LEVEL, Verdict
from rnnzoo.spec.claims import approximate, family, judged
from rnnzoo.spec.experiment import TEXT, Claim, Experiment
from rnnzoo.spec.read_experiment import resolved
from rnnzoo.spec.settings import in_project
from rnnzoo.spec.timing import Timing
from rnnzoo.spec.trial import Result, StudyKey
from rnnzoo.stats.ranks import Ranks, mean_ranks, rank
from rnnzoo.stats.threads import one_thread

SHARING = {
    "file": "All tested claims of the file share an error rate of 5 %.",
    "task": (
        "The tested claims on each task share an error rate of 5 % of their own, as do those"
        " about several tasks: with more tasks, more studies contain a wrong word."
    ),
}


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
        sets=experiment.sets,
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
    titles = {variant.label: experiment.title(variant.label) for variant in experiment.variants}
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
        # two-sided: the control may do better as well as worse
        yield Control(task, experiment.control, text, min(1.0, 2 * min(worse, better)))


def _ranks(experiment: Experiment, tables: Sequence[TaskTable]) -> Ranks | None:
    """Ranks of the variants that have a mean on every task, the control left out.

    The test needs tasks that are independent (Demsar 2006): those of one kind, as one at several
    lengths, are one block.
    """
    means = {table.task: _means(table) for table in tables}
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


def _means(table: TaskTable) -> dict[str, float]:
    return {row.variant: row.mean for row in table.rows if row.mean is not None}


def _importance(model: ImportanceModel, task: str) -> ImportanceSummary | None:
    """The importance of hyper-parameters; None where trials are too few or nothing is searched."""
    try:
        return model.summary(task) if searched(model.experiment) else None
    except StatsError:
        return None
