"""An experiment -> what its search over cells goes by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rnnzoo.lang.ir import Cell
from rnnzoo.lang.rewriting import Rules
from rnnzoo.lang.text import digest as cell_digest
from rnnzoo.spec.experiment import CellSearch, Experiment, Filter, Space, TaskChoice
from rnnzoo.spec.trial import digest, unusual, without_paths

# Of histories: 2 since cells that differ by the sign of a weight are one.  A search that was begun
# with another one goes on with it.
FORMAT = 2
FORMATS = (FORMAT, 1)


@dataclass(frozen=True, slots=True)
class About:
    """What a reader of a history needs beside its rows; its file begins with it.

    Attributes:
        stages, whole: as those of the plan.
        filter: its task; empty where there is none.
    """

    name: str
    baseline: str
    stages: tuple[str, ...]
    whole: Mapping[str, float | None]
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A search over cells, with all that a candidate depends on.

    Attributes:
        first: the cells of generation 0 by the label of their variant: the parents, and the
            baseline.
        data: digest of the data by task, the filter's too, under its label.
        whole: by task, the accuracy of a model without a mistake, of which the score is what it
            lacks; None where the score is a loss, of which a half counts as twice the accuracy.
        passes: the score with which a candidate passes the filter.
        rules: what a candidate may be.
        format: of the history; see `FORMATS`.
    """

    experiment: Experiment
    search: CellSearch
    first: Mapping[str, Cell]
    data: Mapping[str, str]
    whole: Mapping[str, float | None]
    passes: float = math.inf
    rules: Rules = field(default_factory=Rules)
    format: int = FORMAT

    @property
    def stages(self) -> tuple[str, ...]:
        """Labels of the tasks, in turn; none where only the filter is run."""
        if not self.search.settings:
            return ()
        return tuple(task.label for task in self.experiment.tasks)

    @property
    def space(self) -> Space:
        """What settings on tasks are drawn from."""
        return self.experiment.search.space

    @property
    def about(self) -> About:
        """What a reader of its history needs."""
        return About(
            self.experiment.name,
            self.experiment.baseline,
            self.stages,
            {task: self.whole[task] for task in self.stages},
            self.search.filter.task.name if self.search.filter else "",
        )

    @property
    def identity(self) -> str:
        """A digest of all that rows depend on: two searches with one identity have one history."""
        search = asdict(replace(self.search, candidates=1, hours=0.0, unseen=(), filter=None))
        if not self.search.more_settings:  # searches that were begun before there was this key
            del search["more_settings"]
        content: dict[str, Any] = {
            "format": self.format,
            "search": search,
            "filter": [_filter(self.search.filter), self.passes],
            "first": {label: cell_digest(cell) for label, cell in self.first.items()},
            "baseline": self.experiment.baseline,
            "equal": self.experiment.equal,
            "data": dict(self.data),
        }
        if self.stages:
            content["tasks"] = list(map(_task, self.experiment.tasks))
            content["space"] = _space(self.space)
            content["training"] = unusual(self.experiment.training)
        return digest(content)


def _filter(chosen: Filter | None) -> Any:
    if chosen is None:
        return None
    return [_task(chosen.task), _space(chosen.space), unusual(chosen.training)]


def _space(space: Space) -> Any:
    return asdict(replace(space, fixed=dict(space.fixed)))


def _task(task: TaskChoice) -> Any:
    return [task.label, task.name, without_paths(task.options)]
