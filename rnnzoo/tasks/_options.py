"""A task's options: what is wrong with them is known before any data is loaded.

In: names and options as a spec gives them.  Out: the task's module and all options with their values, or every mistake with
its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from rnnzoo import registry
from rnnzoo.errors import Mistakes, UsageError, nearest
from rnnzoo.spec.experiment import NAME, Experiment, TaskChoice

MOST = 10**9  # of anything that an option counts
_TYPES: Mapping[type, str] = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


class Wrong(NamedTuple):
    """What is wrong with the value of an option."""

    option: str
    problem: str
    fix: str = ""


def module(name: str) -> ModuleType:
    """The file of a task, with all that the contract asks of it.

    Raises:
        UsageError: there is none, it cannot be imported, or it lacks something; the message names the file.
    """
    task = registry.load("tasks", name)
    lacks = list(_lacks(task))
    if lacks:
        raise UsageError(f'{task.__file__} is no task: {lacks[0]}\n  fix: see docs/tasks.md, "Adding a task"')
    return task


def _lacks(task: ModuleType) -> Iterator[str]:
    about, options = getattr(task, "ABOUT", None), getattr(task, "OPTIONS", None)
    if not isinstance(about, str):
        yield "it has no `ABOUT`, a line about it"
    if not callable(getattr(task, "load", None)):
        yield "it has no function `load(options, seed, folder, progress)`"
    if not isinstance(options, dict):
        yield "it has no `OPTIONS`, a dictionary of options with their defaults"
        return
    for key, default in options.items():
        if type(default) not in _TYPES:
            yield f"the default of its option '{key}' is {default!r}: neither a number, text, nor true or false"


def wrong(name: str, given: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Every mistake in a task's options.

    Args:
        folder: that paths are relative to.
    """
    task = module(name)
    known: Mapping[str, Any] = task.OPTIONS
    mistakes: list[Wrong] = []
    for key, value in given.items():
        mistakes += _option(name, key, value, known)
    yield from mistakes
    if not mistakes and hasattr(task, "check"):
        yield from task.check({**known, **given}, folder)


def _option(task: str, key: str, value: Any, known: Mapping[str, Any]) -> Iterator[Wrong]:
    """An option has the type of its default; whole numbers count something."""
    if key not in known:
        yield Wrong(key, f"task '{task}' has no option '{key}'", nearest(key, known) or "it has none")
        return
    default = known[key]
    whole_for_float = isinstance(default, float) and type(value) is int
    if type(value) is not type(default) and not whole_for_float:
        words = f"task '{task}': `{key}` must be {_TYPES[type(default)]}, not {value!r}"
        yield Wrong(key, words, f"its default is {default!r}")
    elif type(default) is int and not 1 <= value <= MOST:
        yield Wrong(key, f"task '{task}': `{key}` must be at least 1 and at most {MOST}, not {value}")


def options_of(name: str, given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """All options of a task, with the values that are given.

    Raises:
        UsageError: one of them is wrong.
    """
    for mistake in wrong(name, given, folder):
        raise UsageError(mistake.problem + (f"\n  fix: {mistake.fix}" if mistake.fix else ""))
    return {**module(name).OPTIONS, **given}


def check_spec(experiment: Experiment) -> None:
    """Whether the tasks of an experiment take the options that it gives them; no data is loaded.

    Raises:
        SpecError: every option that is unknown or wrong, and every file that is missing, with its place.
    """
    mistakes = Mistakes()
    folder = Path(experiment.file).parent
    for task in experiment.tasks:
        for option, problem, fix in _all(task, folder):
            mistakes.add(task.places.get(option) or task.places[NAME], problem, fix)
    mistakes.raise_if_any()


def _all(task: TaskChoice, folder: Path) -> list[Wrong]:
    try:
        return list(wrong(task.name, task.options, folder))
    except UsageError as error:  # the task's file
        return [Wrong(NAME, *error.parts)]
