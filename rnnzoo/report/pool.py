"""Tables of one experiment, from several machines -> one table.

In: tables, each with its name.  Out: a table with each trial once, or why there is none: the tables
are of different experiments or editions, or two of them say different things of one trial.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations
from typing import TypeVar

from rnnzoo.errors import UsageError, listed, number_of
from rnnzoo.report.table import FIGURES, TrialTable, in_order
from rnnzoo.spec.timing import Timing
from rnnzoo.spec.trial import RETRIED, Ending, Outcome, Result, StudyKey

SHOWN = 5  # conflicts that a message lists

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Pool:
    """What several tables hold together.

    Attributes:
        repeated: how many trials more than one table has.
        recovered: labels of trials that did not complete in one table, for want of memory, of time
            or for an error, and ended otherwise in another, which counts.
    """

    content: TrialTable
    repeated: int = 0
    recovered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Placed:
    """A result, and where it stands."""

    result: Result
    place: str

    @property
    def label(self) -> str:
        key = self.result.key
        return f"trial {self.result.trial.index} of {key.marked} on {key.task}"


@dataclass(slots=True)
class _Pooling:
    """What has been pooled so far."""

    known: dict[tuple[str, int], _Placed] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    repeated: set[tuple[str, int]] = field(default_factory=set)
    recovered: dict[str, None] = field(default_factory=dict)  # labels; a third table may repeat one

    def add(self, new: _Placed) -> None:
        key = (new.result.study, new.result.trial.index)
        before = self.known.setdefault(key, new)
        if before is new:
            return
        self.repeated.add(key)
        ended = [placed.result.outcome.kind not in RETRIED for placed in (before, new)]
        if ended[0] != ended[1]:
            self.known[key] = new if ended[1] else before
            self.recovered[new.label] = None
        elif ended[0] and (difference := _difference(before, new)):
            self.conflicts.append(f"{new.label}: {difference}")
        else:
            self.known[key] = max(before, new, key=_fullness)


def pooled(tables: Mapping[str, TrialTable]) -> Pool:
    """One table of several, by name; trials that are equal in two of them are there once.

    Raises:
        UsageError: the tables are of different experiments or editions, or two of them have
            different outcomes of one trial.
    """
    for first, second in combinations(tables.items(), 2):
        _check_alike(first, second)
    pooling = _Pooling()
    for name, content in tables.items():
        for placed in _placed(name, content):
            pooling.add(placed)
    if pooling.conflicts:
        raise _conflicting(pooling.conflicts)
    every = list(tables.values())
    content = TrialTable(
        experiment=every[0].experiment,
        tasks=_merged(content.tasks for content in reversed(every)),
        parts=_merged(content.parts for content in every),
        results=in_order([placed.result for placed in pooling.known.values()]),
        provenance=tuple(
            _each_once([*chain.from_iterable(content.provenance for content in every)])
        ),
        timings=tuple(_timings(every)),
        stopped=_merged(content.stopped for content in every),
    )
    return Pool(content, len(pooling.repeated), tuple(pooling.recovered))


def _merged(mappings: Iterable[Mapping[str, _T]]) -> dict[str, _T]:
    """All of them as one; what several have is as the last one has it."""
    merged: dict[str, _T] = {}
    for mapping in mappings:
        merged.update(mapping)
    return merged


def is_exact(content: TrialTable) -> bool:
    """Whether a table that was read has learning curves to the last digit, as rungs need them."""
    return any(_has_exact_curve(result.outcome) for result in content.results)


def _has_exact_curve(outcome: Outcome) -> bool:
    losses = filter(math.isfinite, (point["validation"] for point in outcome.curve))
    return any(float(f"{loss:.{FIGURES}g}") != loss for loss in losses)


def renamed(content: TrialTable, experiment: str) -> TrialTable:
    """A table as that of an experiment of another name, whose studies are the same but for it."""

    def own(study: str) -> str:
        return str(replace(StudyKey.parse(study), experiment=experiment))

    return replace(
        content,
        experiment=experiment,
        parts={own(study): parts for study, parts in content.parts.items()},
        results=tuple(replace(result, study=own(result.study)) for result in content.results),
        stopped={own(study): when for study, when in content.stopped.items()},
    )


def _check_alike(first: tuple[str, TrialTable], second: tuple[str, TrialTable]) -> None:
    """
    Args:
        first, second: tables with their names.

    Raises:
        UsageError: they are of different experiments, or of studies that differ in what their
            outcomes depend on.
    """
    (name, content), (other_name, other) = first, second
    if content.experiment != other.experiment:
        raise UsageError(
            f"{name} holds trials of '{content.experiment}', and {other_name} of"
            f" '{other.experiment}'",
            "pool tables of one experiment",
        )
    editions, other_editions = _editions(content), _editions(other)
    # sets have no order, and of several differences the same one is to be told each time
    for prefix in sorted(editions.keys() & other_editions.keys()):
        study, other_study = editions[prefix], other_editions[prefix]
        if study == other_study:
            continue
        key = StudyKey.parse(study)
        differing = _differing(content.parts.get(study), other.parts.get(other_study))
        unknown = "search or its `confirm:`" if key.stage else "experiment"
        part = listed(differing) if differing else unknown
        raise UsageError(
            f"{name} and {other_name} hold trials of {key.marked} on {key.task} that were run with"
            f" another {part}, so they are no trials of one search",
            "run both with one file, the same data and the same `--set`; or report each by itself",
        )


def _differing(parts: Mapping[str, str] | None, other: Mapping[str, str] | None) -> list[str]:
    """Names of the parts of two studies that differ; none where a table does not say."""
    if not parts or not other:
        return []
    return [name for name in parts if parts[name] != other.get(name)]


def _editions(content: TrialTable) -> dict[str, str]:
    """The studies of which a table has trials, by all but their hash."""
    studies = {result.study for result in content.results}
    return {StudyKey.parse(study).prefix: study for study in studies}


def _placed(name: str, content: TrialTable) -> Iterator[_Placed]:
    places = content.places or (0,) * len(content.results)
    for result, place in zip(content.results, places, strict=True):
        yield _Placed(result, f"{name}:{place}" if place else name)


def _fullness(placed: _Placed) -> tuple[bool, int, bool]:
    """How much is known of a trial: of two results that agree, the fuller counts, or the first."""
    outcome = placed.result.outcome
    return outcome.ending is not Ending.UNKNOWN, len(outcome.also), _has_exact_curve(outcome)


def _difference(before: _Placed, new: _Placed) -> str:
    """What two results of a trial have different, with both values and places; empty where they
    are the same.
    """
    values, new_values = _compared(before.result), _compared(new.result)
    unknown = _told_by_some(before.result) ^ _told_by_some(new.result)
    for name in {**values, **new_values}:
        if name not in unknown and values.get(name) != new_values.get(name):
            value, new_value = values.get(name, "none"), new_values.get(name, "none")
            return f"{name} {value} in {before.place}, {new_value} in {new.place}"
    return _difference_of_curves(before, new)


def _compared(result: Result) -> dict[str, object]:
    """What must be equal in two tables, by name, beside learning curves; wall times differ from run
    to run.
    """
    outcome = result.outcome
    lengths = {f"score at length {length}": score for length, score in outcome.by_length.items()}
    return {
        **result.trial.hyperparameters,
        "own_units": result.trial.own_units,
        "kind": str(outcome.kind),
        **outcome.scores,
        **lengths,
        **outcome.also,
        "best_epoch": outcome.best_epoch,
        "ending": str(outcome.ending),
        "weights": outcome.weights.get("recurrent", 0),
        "weights_model": outcome.weights.get("model", 0),
        "message": repr(outcome.message),
    }


def _told_by_some(result: Result) -> frozenset[str]:
    """What a table may lack without saying otherwise, where it has that of a result: tables of
    before have no endings, and other metrics may have been asked for later.
    """
    ending = () if result.outcome.ending is Ending.UNKNOWN else ("ending",)
    return frozenset((*ending, *result.outcome.also))


def _difference_of_curves(before: _Placed, new: _Placed) -> str:
    """As `_difference`, of learning curves, to as many digits as every table has."""
    curve, new_curve = _curve(before.result.outcome), _curve(new.result.outcome)
    if len(curve) != len(new_curve):
        epochs, new_epochs = number_of(len(curve), "epoch"), number_of(len(new_curve), "epoch")
        return f"a curve of {epochs} in {before.place}, of {new_epochs} in {new.place}"
    for epoch, (loss, new_loss) in enumerate(zip(curve, new_curve, strict=True), start=1):
        if loss != new_loss:
            return f"curve at epoch {epoch}: {loss} in {before.place}, {new_loss} in {new.place}"
    return ""


def _curve(outcome: Outcome) -> list[str]:
    return [f"{point['validation']:.{FIGURES}g}" for point in outcome.curve]


def _conflicting(conflicts: Sequence[str]) -> UsageError:
    more = len(conflicts) - SHOWN
    lines = [*conflicts[:SHOWN], *([f"and {more} more"] if more > 0 else [])]
    have = number_of(len(conflicts), "trial has", "trials have")
    return UsageError(
        "\n  ".join([f"{have} different outcomes in two tables", *lines]),
        "one kind of processor, and one version of every package, give the same digits; leave one"
        " table out, or delete the rows that are wrong",
    )


def _each_once(setups: Sequence[Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
    for number, setup in enumerate(setups):
        if setup not in setups[:number]:
            yield setup


def _timings(tables: Sequence[TrialTable]) -> Iterator[Timing]:
    """Of two variants side by side, what was measured first."""
    known = set()
    for timing in (timing for content in tables for timing in content.timings):
        if (timing.a, timing.b) not in known:
            known.add((timing.a, timing.b))
            yield timing
