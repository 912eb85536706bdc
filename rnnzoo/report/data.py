"""A task's data -> a page that shows them before anything trains.

In: a loaded task.  Out: the page; its numbers are those of `rnnzoo.tasks._facts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rnnzoo.errors import Remark
from rnnzoo.report.html import render
from rnnzoo.tasks import Task, _facts, form

SAMPLES = 6  # sequences that are drawn
MOST_RANGES = 100  # inputs that a page lists


def page(
    title: str,
    tasks: Mapping[str, Task],
    facts: Mapping[str, Mapping[str, Any]],
    warnings: Mapping[str, Sequence[Remark]],
) -> str:
    """The page of all tasks of an experiment.

    Args:
        tasks, facts, warnings: by label; facts are those of `_facts.plain`.
    """
    shown = [_task(label, task, facts[label], warnings[label]) for label, task in tasks.items()]
    return render("data.html.j2", title=title, tasks=shown)


def _task(
    label: str, task: Task, facts: Mapping[str, Any], warnings: Sequence[Remark]
) -> dict[str, Any]:
    from markupsafe import Markup

    pictures = {name: Markup(text) for name, text in _pictures(task, facts).items()}
    return {
        "label": label,
        "form": form(task),
        "facts": facts,
        "ranges": facts["ranges"][:MOST_RANGES],
        "warnings": warnings,
        "pictures": pictures,
        "note": task.note,
    }


def _pictures(task: Task, facts: Mapping[str, Any]) -> dict[str, str]:
    from rnnzoo.report import figures

    names = [str(column["name"]) for column in facts["ranges"]]
    pictures = {"sequences": figures.sequences(_facts.samples(task, SAMPLES), names)}
    splits = facts["splits"]
    if "classes" in splits["train"]:
        counts = {name: split["classes"] for name, split in splits.items()}
        pictures["classes"] = figures.classes(counts)
    edges, counts_of_lengths = _facts.histogram(task)
    if len(edges) > 2:
        pictures["lengths"] = figures.lengths(edges, counts_of_lengths)
    return pictures
