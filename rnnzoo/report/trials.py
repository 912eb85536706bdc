"""All trials of a task in one order: that of the page's table, by which dots of figures know them.

In: the ranking of a task.  Out: the variants by rank, of each the points of its search, the best
first, and then its other trials.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rnnzoo.report.summary import OtherTrial, ScoredPoint, TaskTable
from rnnzoo.spec.trial import Kind

Places = Mapping[tuple[str, str, int], int]  # by variant, stage and index


@dataclass(frozen=True, slots=True)
class ListedTrial:
    """A trial as the page lists it.

    Attributes:
        state: how it ended, in words.
        kept: whether it is compared.
        score: on the reported split; None unless it is complete.
        selected_by: on the split that selects, likewise.
    """

    variant: str
    stage: str
    index: int
    state: str
    kept: bool
    score: float | None
    selected_by: float | None
    setting: Mapping[str, Any]

    @property
    def marked(self) -> str:
        """The variant with its stage, as `--variant` takes it."""
        mark = self.stage.removeprefix("replicate ")
        return f"{self.variant}~{mark}" if mark else self.variant


def listed(table: TaskTable) -> list[ListedTrial]:
    """Every trial of a task that has ended."""
    return list(_listed(table))


def _listed(table: TaskTable) -> Iterator[ListedTrial]:
    for row in table.rows:
        for point in row.points:
            yield _of_point(row.variant, point)
        for other in row.others:
            yield _of_other(row.variant, other)


def _of_point(variant: str, point: ScoredPoint) -> ListedTrial:
    state, scores = Kind.COMPLETE.words, (point.score, point.selected_by)
    return ListedTrial(variant, "", point.index, state, point.kept, *scores, point.setting)


def _of_other(variant: str, other: OtherTrial) -> ListedTrial:
    state, scores = Kind(other.kind).words, (other.score, other.selected_by)
    return ListedTrial(variant, other.stage, other.index, state, False, *scores, other.setting)


def places(table: TaskTable) -> Places:
    """The place of each trial in that order, from 0."""
    return {
        (trial.variant, trial.stage, trial.index): place
        for place, trial in enumerate(listed(table))
    }


def in_words(hyperparameter: str) -> str:
    """Its name as figures and texts have it: `learning rate`."""
    return hyperparameter.replace("_", " ")


def hyperparameters(table: TaskTable) -> list[str]:
    """The hyper-parameters that trials of a task differ in, in the order of the space."""
    values: dict[str, set[Any]] = {}
    for trial in listed(table):
        for name, value in trial.setting.items():
            values.setdefault(name, set()).add(value)
    return [name for name, different in values.items() if len(different) > 1]
