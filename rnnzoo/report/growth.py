"""Tasks of one kind that grow in one option: which of a study's tasks are one task at several lengths.

In: a summary.  Out: for each such kind, its tasks in order of the option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnnzoo.report.summary import Summary, Table

LEAST = 2  # tasks


@dataclass(frozen=True, slots=True)
class Growth:
    """Attributes:
    name: of the task.
    option: the one in which its tasks differ.
    tables: by the option's value, the smallest first.
    """

    name: str
    option: str
    tables: tuple[tuple[float, Table], ...]

    @property
    def solved(self) -> bool:
        """Whether all of its tasks can be solved: then shares of trainings are compared, not scores."""
        return all(table.solved is not None for _, table in self.tables)


def growths(summary: Summary) -> list[Growth]:
    """Every kind of task of which the study has several that differ in one number only."""
    tables = {table.task: table for table in summary.tables}
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for task in summary.spec["tasks"]:
        if task["label"] in tables:
            kinds.setdefault(task["name"], []).append(task)
    found = []
    for name, tasks in kinds.items():
        option = _option(tasks)
        if option:
            values = sorted((float(task[option]), str(task["label"])) for task in tasks)
            found.append(Growth(name, option, tuple((value, tables[label]) for value, label in values)))
    return found


def _option(tasks: list[Mapping[str, Any]]) -> str:
    """The one option in which tasks differ, if it is a number in all of them; else empty."""
    names = {name for task in tasks for name in task} - {"label"}
    differing = [name for name in sorted(names) if len({repr(task.get(name)) for task in tasks}) > 1]
    numbers = all(type(task.get(name)) in (int, float) for task in tasks for name in differing)
    return differing[0] if len(tasks) >= LEAST and len(differing) == 1 and numbers else ""
