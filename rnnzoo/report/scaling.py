"""Scaling curves: which of a study's tasks are one task at several values of an option, as at
several lengths.

In: a summary.  Out: for each such task, its tables in order of the option.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnzoo.report.summary import Summary, TaskTable

LEAST = 2  # tasks


@dataclass(frozen=True, slots=True)
class ScalingCurve:
    """A task that a study has at several values of one option.

    Attributes:
        name: of the task.
        option: the option that differs.
        tables: by the option's value, the smallest first.
    """

    name: str
    option: str
    tables: tuple[tuple[float, TaskTable], ...]

    @property
    def solved(self) -> bool:
        """Whether all of its tasks can be solved: then shares of trainings are compared, not
        scores.
        """
        return all(table.solved is not None for _, table in self.tables)


def scaling_curves(summary: Summary) -> list[ScalingCurve]:
    """One curve for every task that the study has several times, where only one number differs."""
    tables = {table.task: table for table in summary.tables}
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for task in summary.spec["tasks"]:
        if task["label"] in tables:
            by_name.setdefault(task["name"], []).append(task)
    curves = []
    for name, tasks in by_name.items():
        option = _option(tasks)
        if option:
            labels = sorted((float(task[option]), str(task["label"])) for task in tasks)
            points = tuple((value, tables[label]) for value, label in labels)
            curves.append(ScalingCurve(name, option, points))
    return curves


def _option(tasks: Sequence[Mapping[str, Any]]) -> str:
    """The one option in which tasks differ, if it is a number in all of them; else empty."""
    names: set[str] = set().union(*tasks) - {"label"}
    differing = [name for name in sorted(names) if _differs(name, tasks)]
    if len(tasks) < LEAST or len(differing) != 1:
        return ""
    (option,) = differing
    return option if all(type(task.get(option)) in (int, float) for task in tasks) else ""


def _differs(name: str, tasks: Sequence[Mapping[str, Any]]) -> bool:
    return len({repr(task.get(name)) for task in tasks}) > 1
