"""Several experiments -> one table of their scores, and what differs between them.

In: experiments with their results.  Out: a frozen `Comparison`.  Scores stand side by side where
the task has one label, one metric and one reported split; no test is made, since nothing says that
all else was equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from rnnzoo import metrics
from rnnzoo.confirm.stand import Stand
from rnnzoo.confirm.stand import stands as stands_by_task
from rnnzoo.errors import UsageError, listed
from rnnzoo.lang import ir
from rnnzoo.lang.text import digest as cell_digest
from rnnzoo.report.ranking import ranking
from rnnzoo.report.second import fresh
from rnnzoo.report.summary import TaskInfo, VariantRow
from rnnzoo.spec.document import inline
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import resolved
from rnnzoo.spec.trial import Result

# what no score depends on
_WORDS_ONLY = ("experiment", "about", "claims", "family", "share")
ABSENT = "not given"  # where an experiment has no such key


@dataclass(frozen=True, slots=True)
class Ran:
    """An experiment that was run, as far as a comparison needs it.

    Attributes:
        tasks, cells: by the labels of the task and of the variant.
        planned: trials of each search.
    """

    experiment: Experiment
    results: Sequence[Result]
    tasks: Mapping[str, TaskInfo]
    cells: Mapping[str, ir.Cell]
    planned: int

    @property
    def name(self) -> str:
        return self.experiment.name


@dataclass(frozen=True, slots=True)
class Difference:
    """A key that experiments give different values.

    Attributes:
        key: with dots, as `--set` has it; that of a task or a variant behind its label.
        values: in words, by experiment.
    """

    key: str
    values: Mapping[str, str]

    def __str__(self) -> str:
        by_value: dict[str, list[str]] = {}
        for name, value in self.values.items():
            by_value.setdefault(value, []).append(name)
        sayings = [f"{value} in {listed(names)}" for value, names in by_value.items()]
        return f"{self.key}: {'; '.join(sayings)}"


@dataclass(frozen=True, slots=True)
class Score:
    """A variant's score in one experiment.

    Attributes:
        mean: of the trainings on the reported split.
        interval: of that mean, 95 %; None where they are too few.
        trainings: the kept trials of the search, or those of the rounds.
    """

    mean: float
    interval: tuple[float, float] | None
    trainings: int


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A variant on one task.

    Attributes:
        rounds: whether the scores are of the second stage's rounds and not of the search.
        scores: by experiment; those that have none are left out.
    """

    variant: str
    rounds: bool
    scores: Mapping[str, Score]

    @property
    def label(self) -> str:
        return f"{self.variant} (rounds)" if self.rounds else self.variant


@dataclass(frozen=True, slots=True)
class ComparedTask:
    """One task, by one metric.

    Attributes:
        split: that is reported.
        experiments: names of those that have it so.
        other_data: whether its data differ between these.
    """

    task: str
    metric: str
    unit: str
    split: str
    experiments: tuple[str, ...]
    other_data: bool
    rows: tuple[ComparedRow, ...]

    @property
    def title(self) -> str:
        return f"{self.task}: {self.metric} on {self.split}, {self.unit}, lower is better"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several experiments.

    Attributes:
        apart: what they have on tasks, and cannot be compared, in sentences.
    """

    experiments: tuple[str, ...]
    differences: tuple[Difference, ...]
    tasks: tuple[ComparedTask, ...]
    apart: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def compared(experiments: Sequence[Ran]) -> Comparison:
    """The experiments side by side.

    Raises:
        UsageError: no two of them have a task with one metric.
    """
    groups: dict[tuple[str, str, str, str], list[Ran]] = {}
    for ran in experiments:
        for label in ran.tasks:
            groups.setdefault(_measure(ran, label), []).append(ran)
    shared = {measure: runs for measure, runs in groups.items() if len(runs) > 1}
    apart = tuple(_apart(groups, [ran.name for ran in experiments]))
    if not shared:
        names = listed([ran.name for ran in experiments])
        raise UsageError(
            f"{names} share no task that is scored by one metric: {'; '.join(apart)}",
            "compare experiments that have a task in common",
        )
    stands = {ran.name: _stands(ran) for ran in experiments}
    return Comparison(
        tuple(ran.name for ran in experiments),
        tuple(_differences(experiments)),
        tuple(_task(measure, runs, stands) for measure, runs in shared.items()),
        apart,
    )


def _measure(ran: Ran, label: str) -> tuple[str, str, str, str]:
    """What scores must have in common: task, metric, unit and split."""
    task = ran.tasks[label]
    return label, metrics.cost_name(task.metric), task.unit, ran.experiment.select.report


def _apart(
    groups: Mapping[tuple[str, str, str, str], Sequence[Ran]], all_names: Sequence[str]
) -> Iterator[str]:
    """Sentences on tasks that one experiment has alone, or scores by a metric of its own."""
    for (label, metric, unit, split), runs in groups.items():
        names = [ran.name for ran in runs]
        if names != all_names:
            have = "has" if len(names) == 1 else "have"
            yield f"only {listed(names)} {have} {label} by {metric} on {split} ({unit})"


def _stands(ran: Ran) -> Mapping[str, Stand]:
    experiment = ran.experiment
    if experiment.confirm is None:
        return {}
    return stands_by_task(experiment, ran.results, ran.planned)


def _task(
    measure: tuple[str, str, str, str],
    runs: Sequence[Ran],
    stands: Mapping[str, Mapping[str, Stand]],
) -> ComparedTask:
    label, metric, unit, split = measure
    rows: dict[tuple[str, bool], dict[str, Score]] = {}
    for ran in runs:
        now = stands[ran.name].get(label)
        trained = {variant: fresh(variant, now) for variant in now.regions or {}} if now else {}
        task, experiment = ran.tasks[label], ran.experiment
        _, _, ranked = ranking(experiment, ran.results, label, task, ran.planned, trained)
        for row in ranked:
            for rounds, score in _scores(row):
                rows.setdefault((row.variant, rounds), {})[ran.name] = score
    digests = {ran.tasks[label].digest for ran in runs}
    # those first that can be compared; else as they come
    ordered = sorted(rows.items(), key=lambda row: -len(row[1]))
    return ComparedTask(
        label,
        metric,
        unit,
        split,
        tuple(ran.name for ran in runs),
        len(digests) > 1,
        tuple(ComparedRow(*name, scores) for name, scores in ordered),
    )


def _scores(row: VariantRow) -> Iterator[tuple[bool, Score]]:
    """A variant's scores, those of its rounds behind those of its search."""
    if row.mean is not None:
        yield False, Score(row.mean, row.interval, row.kept)
    if row.fresh and row.fresh.mean is not None:
        yield True, Score(row.fresh.mean, row.fresh.interval, row.fresh.trainings)


# ------------------------------------------------------------------ what differs


def _differences(experiments: Sequence[Ran]) -> Iterator[Difference]:
    contents = {ran.name: resolved(ran.experiment) for ran in experiments}
    yield from _other_data(experiments)
    yield from _other_cells(experiments)
    yield from _differing("", {name: _common(content) for name, content in contents.items()})
    for role, key in (("task", "label"), ("variant", "name")):
        parts = {name: _by_label(content[f"{role}s"], key) for name, content in contents.items()}
        for label in dict.fromkeys(chain.from_iterable(parts.values())):
            having = {name: part[label] for name, part in parts.items() if label in part}
            yield from _differing(f"{role} {label}: ", having)


def _common(content: Mapping[str, Any]) -> dict[str, Any]:
    """What is not said of one task or one variant; of these, their labels."""
    common = {key: value for key, value in content.items() if key not in _WORDS_ONLY}
    common["tasks"] = [task["label"] for task in content["tasks"]]
    common["variants"] = [variant["name"] for variant in content["variants"]]
    return common


def _by_label(parts: Sequence[Mapping[str, Any]], label: str) -> dict[str, dict[str, Any]]:
    """Tasks or variants by their label, without it."""
    contents = {}
    for part in parts:
        content = dict(part)
        contents[content.pop(label)] = content
    return contents


def _differing(prefix: str, contents: Mapping[str, Mapping[str, Any]]) -> Iterator[Difference]:
    """The keys of tables that are not alike in all of them."""
    flat: dict[str, dict[str, str]] = {name: {} for name in contents}
    for name, content in contents.items():
        for key, value in content.items():
            _flatten(key, value, flat[name])
    for key in dict.fromkeys(chain.from_iterable(flat.values())):
        values = {name: content.get(key, ABSENT) for name, content in flat.items()}
        if len({*values.values()}) > 1:
            yield Difference(f"{prefix}{key}", values)


def _flatten(key: str, value: Any, flat: dict[str, str]) -> None:
    if isinstance(value, Mapping) and value and not _is_range(value):
        for inner, part in value.items():
            _flatten(f"{key}.{inner}", part, flat)
    else:
        flat[key] = _in_words(value)


def _is_range(value: Mapping[str, Any]) -> bool:
    return bool({"int", "float", "choice"} & {*value})


def _in_words(value: Any) -> str:
    """A value as a person says it: `16 to 64, logarithmic`, `adam or sgd`, `yes`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and value:
        return listed([_in_words(part) for part in value])
    if not isinstance(value, Mapping) or not _is_range(value):
        return str(value) if isinstance(value, str | int | float) else inline(value)
    if "choice" in value:
        said = _alternatives(value["choice"])
    else:
        low, high = value.get("int") or value["float"]
        said = f"{low} to {high}"
        if value.get("log"):
            said += ", logarithmic"
        if "step" in value:
            said += f", in steps of {value['step']}"
    conditions = value.get("when", {})
    if conditions:
        waits = [f"{name} is {_alternatives(values)}" for name, values in conditions.items()]
        said += f" where {listed(waits)}"
    return said


def _alternatives(values: Iterable[Any]) -> str:
    return listed([_in_words(value) for value in values], "or")


def _other_data(experiments: Sequence[Ran]) -> Iterator[Difference]:
    """Tasks of one label whose data are not the same."""
    labels = dict.fromkeys(chain.from_iterable(ran.tasks for ran in experiments))
    for label in labels:
        digests = {ran.name: ran.tasks[label].digest for ran in experiments if label in ran.tasks}
        yield from _by_digest(f"the data of {label}", digests)


def _other_cells(experiments: Sequence[Ran]) -> Iterator[Difference]:
    """Variants of one label whose cells have other equations, or begin otherwise."""
    labels = dict.fromkeys(chain.from_iterable(ran.cells for ran in experiments))
    for label in labels:
        digests = {
            ran.name: cell_digest(ran.cells[label]) for ran in experiments if label in ran.cells
        }
        yield from _by_digest(f"the equations of {label}", digests)


def _by_digest(key: str, digests: Mapping[str, str]) -> Iterator[Difference]:
    if len({*digests.values()}) > 1:
        yield Difference(key, {name: f"version {digest[:8]}" for name, digest in digests.items()})
