"""`task:` and `tasks:`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from rnnzoo.errors import Span, argument, nearest
from rnnzoo.spec import plugins
from rnnzoo.spec.document import Fields, Listing, Node, Table
from rnnzoo.spec.experiment import NAME, TaskChoice
from rnnzoo.spec.read_experiment.keys import MAX_TASKS
from rnnzoo.spec.read_experiment.overrides import OVERRIDES
from rnnzoo.spec.read_experiment.source import Source
from rnnzoo.spec.settings import EXPERIMENTS, project
from rnnzoo.spec.trial import PATH


def read_tasks(source: Source) -> tuple[TaskChoice, ...]:
    top = source.top
    if "tasks" in top and "task" in top:
        source.mistakes.add(
            top.table.keys["task"], "`task` and `tasks` are both given", "keep one of them"
        )
    nodes: tuple[Node, ...] = ()
    if "tasks" in top:
        nodes = top.listing("tasks")
    elif node := top.node("task"):
        nodes = (node,)
    top.node("task")
    if not nodes:
        top.need("task", "`task: chorales`")
    return read_list(source, nodes)


def read_list(source: Source, nodes: Iterable[Node]) -> tuple[TaskChoice, ...]:
    """The tasks of a list; no two with one label."""
    tasks: dict[str, TaskChoice] = {}
    for node in nodes:
        task = read_task(source, node)
        if task is not None and task.label in tasks:
            fix = "give one of them a `label:`"
            source.mistakes.add(node.span, f"two tasks are called '{task.label}'", fix)
        elif task is not None:
            tasks[task.label] = task
    return tuple(tasks.values())


def read_task(source: Source, node: Node) -> TaskChoice | None:
    """The task of a name, or of a table; None where it is a mistake."""
    named = source.named(node, "task", extra=("label",))
    if named is None:
        return None
    span = node.entries["name"].span if isinstance(node, Table) else node.span
    is_path = plugins.is_path(named.name)
    if is_path and not _is_task_file(source, named.name, span):
        return None
    if not is_path and named.name not in plugins.names("tasks"):
        path = _own_file(source, f"{named.name}.py")
        fix = nearest(named.name, plugins.names("tasks"))
        if path:
            fix = f"write its path, {path}: a name is looked for in {plugins.folder('tasks')}"
        source.mistakes.add(span, f"no task '{named.name}'", fix)
        return None
    if is_path:
        named = replace(named, name=Path(named.name).as_posix())  # without `./`
    short = Path(named.name).stem if is_path else named.name
    if not isinstance(node, Table):
        source.check_label(short, span, "the label of a task")
        return TaskChoice(short, named.name, places={NAME: node.span})
    label = Fields(node, source.mistakes, "a task").text("label", short)
    source.check_label(label, node.span, "the label of a task")
    # empty: the default
    options = {key: value for key, value in named.options.items() if value is not None}
    if PATH in options:
        options[PATH] = _from_here(source, options[PATH], node.entries[PATH], node.keys[PATH])
    places = {**_parts(node), **node.keys, NAME: node.entries[NAME].span}
    return TaskChoice(label, named.name, options, places)


def _is_task_file(source: Source, name: str, span: Span) -> bool:
    """Whether there is such a file, beside the experiment or in its project: what is beyond is
    not run.
    """
    try:
        file = (source.folder / name).resolve()
        is_there = file.is_file()
    except (OSError, ValueError, RuntimeError):
        is_there = False
    if not is_there:
        problem = f"no file {name}, from the folder of the experiment"
        source.mistakes.add(span, problem, _meant(source, name))
        return False
    homes = (source.folder.resolve(), project().resolve())
    if not any(file.is_relative_to(home) for home in homes):
        problem = f"{name} lies outside of the project, and a file of Python is run"
        source.mistakes.add(span, problem, f"copy it into {homes[0]} or a folder in it")
        return False
    return True


def _meant(source: Source, name: str) -> str:
    """The fix for the path of a file that is not there."""
    path = _own_file(source, Path(name).name)
    if path:
        return f"did you mean '{path}'?"
    folder = Path(name).parent
    beside = sorted((source.folder / folder).glob("*.py"))[:MAX_TASKS]
    return nearest(name, [(folder / file.name).as_posix() for file in beside]) or (
        "task: ./tasks/mine.py"
    )


def _own_file(source: Source, name: str) -> str:
    """The path from the experiment's folder of a file of that name where tasks may lie; empty where
    there is none.
    """
    homes = (source.folder, project() / EXPERIMENTS, project())
    files = (home / folder / name for home, folder in product(homes, ("tasks", "")))
    file = next(filter(os.path.isfile, files), None)
    if file is None:
        return ""
    path = Path(os.path.relpath(file, source.folder)).as_posix()
    return path if "/" in path else f"./{path}"


def _from_here(source: Source, path: Any, node: Node, key: Span) -> Any:
    """A path of the command line, which is relative to the current folder, as the file would
    have it; or several, by name.
    """
    if isinstance(path, dict) and isinstance(node, Table):
        return {
            name: _from_here(source, inner, node.entries[name], node.keys[name])
            for name, inner in path.items()
        }
    if not isinstance(path, str) or not path or key.file != argument(OVERRIDES):
        return path
    if path.startswith("~") or os.path.isabs(path) or "://" in path:
        return path
    return os.path.relpath(os.path.realpath(path), os.path.realpath(source.folder))


def _parts(options: Table) -> dict[str, Span]:
    """Where the parts of options stand that are lists or tables: `inputs.1`, `window.length`."""
    places: dict[str, Span] = {}
    for key, value in options.entries.items():
        if isinstance(value, Table):
            places |= {f"{key}.{name}": span for name, span in value.keys.items()}
        elif isinstance(value, Listing):
            places |= {f"{key}.{number}": item.span for number, item in enumerate(value.items)}
    return places


def solvable(task: str, folder: Path) -> bool:
    """Whether a task, by its name or path, says from which score on it is solved."""
    if plugins.is_path(task):
        return plugins.stated(folder / task).get("SOLVABLE") is True
    return bool(getattr(plugins.load("tasks", task), "SOLVABLE", False))
