"""The numbers of an experiment, as frozen values: what tables, figures and pages show.

`summarising` computes a `Summary` once; everything that a person reads is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, Protocol

from rnnzoo import metrics
from rnnzoo import tasks as loaded
from rnnzoo.errors import Remark, listed, number_of
from rnnzoo.report.answers import subtitle
from rnnzoo.report.importance import ImportanceSummary
from rnnzoo.report.learnt import Nothing
from rnnzoo.report.second import Fresh, Second
from rnnzoo.report.stopped import Stopped
from rnnzoo.report.verdict import Verdict
from rnnzoo.spec.trial import Kind
from rnnzoo.stats.ranks import Ranks


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

    @property
    def trials_each(self) -> str:
        """How many trials of each variant have ended, in words; a range where they differ."""
        each = {sum(row.counts.values()) for row in self.rows}
        fewest = f"{min(each)} to " if len(each) > 1 else ""
        return f"{fewest}{number_of(max(each, default=0), 'trial')} each"

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
        sets: overrides that the experiment was read with, which commands must repeat.
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
    sets: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[VariantRow, ...]:
        """Those of all tables."""
        return tuple(chain.from_iterable(table.rows for table in self.tables))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def numbers(summary: Summary) -> dict[str, float]:
    """Headline numbers for a tracker: the mean of each variant's kept trials."""
    several = len(summary.tables) > 1
    means: dict[str, float] = {}
    for table in summary.tables:
        prefix = f"{table.task}/" if several else ""
        means |= {f"{prefix}{row.variant}": row.mean for row in table.rows if row.mean is not None}
    return means
