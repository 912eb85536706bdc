"""A task's options: what is wrong with them is known before any data is loaded.

In: names and options as a spec gives them.  Out: the task's module and all options with their
values, or every mistake with its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rnnzoo import registry
from rnnzoo.errors import Mistakes, Span, UsageError
from rnnzoo.spec import plugins
from rnnzoo.spec.experiment import NAME, Experiment, TaskChoice
from rnnzoo.spec.plugins import Wrong, lacking_options, wrong_options
from rnnzoo.tasks import _measures


def module(name: str, folder: Path = Path()) -> Any:
    """The file of a task, with all that the contract asks of it.

    Args:
        folder: that the path of a task's file is relative to.

    Raises:
        UsageError: there is none, it cannot be imported, or it lacks something; the message names
            the file.
    """
    task = plugins.load_at("tasks", name, folder)
    plugins.require("task", task, _lacks(task), 'docs/tasks.md, "Adding a task"')
    return task


def _lacks(task: Any) -> Iterator[str]:
    yield from plugins.lacking_about(task)
    yield from plugins.lacking_functions(task, "load(options, seed, folder, progress)")
    yield from lacking_options(task)
    for name in _measures.RESERVED:
        if name in getattr(task, "OPTIONS", {}):
            yield f"its `OPTIONS` have '{name}', which says of every task what is measured"


def stated_loss(task: Any, options: Mapping[str, Any]) -> str:
    """The loss of a task as its file states it; empty where only its data tell.

    Args:
        task: its file.
        options: right ones.
    """
    loss_of = getattr(task, "loss_of", None)
    return str(loss_of(options) if callable(loss_of) else getattr(task, "LOSS", ""))


def stated_fills(task: Any, options: Mapping[str, Any], folder: Path) -> tuple[str, ...] | None:
    """What cells may read beside x of a task, as its file states it; None where it states nothing.

    Args:
        task: its file.
        options: right ones.
        folder: that paths are relative to.
    """
    fills_of = getattr(task, "fills_of", None)
    stated = fills_of(options, folder) if callable(fills_of) else getattr(task, "FILLS", None)
    if stated is None:
        return None
    return (stated,) if isinstance(stated, str) else tuple(stated)


def filled(choice: TaskChoice, folder: Path) -> tuple[str, ...] | None:
    """What cells may read beside x of a task of an experiment, as far as that is known without
    data; None where it is not.

    Args:
        choice: one that takes its options.
    """
    if plugins.is_path(choice.name):
        stated = plugins.stated(folder / choice.name).get("FILLS")
        return tuple(stated) if isinstance(stated, list | tuple) else None
    task = module(choice.name, folder)
    own, _ = _measures.divided(choice.options)
    fills = stated_fills(task, {**task.OPTIONS, **own}, folder)
    if fills is None and choice.name in registry.built_in("tasks"):
        return ()
    return fills


def wrong(name: str, given: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Every mistake in a task's options.

    Args:
        folder: that paths are relative to.
    """
    task = module(name, folder)
    known: Mapping[str, Any] = task.OPTIONS
    own, asked = _measures.divided(given)
    yield from _measures.wrong(asked)
    mistakes = list(wrong_options(f"task '{name}'", own, known))
    options = {**known, **own}
    if not mistakes and hasattr(task, "check"):
        mistakes = list(task.check(options, folder))
    yield from mistakes
    if not mistakes:
        yield from _measures.unfit(asked, name, stated_loss(task, options))


def options_of(name: str, given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """All options of a task, with the values that are given.

    Raises:
        UsageError: one of them is wrong.
    """
    for mistake in wrong(name, given, folder):
        raise UsageError(mistake.problem, mistake.fix)
    return {**module(name, folder).OPTIONS, **given}


def check_spec(experiment: Experiment) -> None:
    """Whether the tasks of an experiment take the options that it gives them; no data is loaded.

    Raises:
        SpecError: every option that is unknown or wrong, and every file that is missing, with its
            place.
    """
    mistakes = Mistakes()
    folder = Path(experiment.file).parent
    for task in experiment.tasks:
        for option, problem, fix in _all_wrong(task, folder):
            mistakes.add(place_of(task, option), problem, fix)
    mistakes.raise_if_any()


def place_of(task: TaskChoice, option: str) -> Span:
    """Where a spec has an option, or a part of it (`also.0`); where it has none, the task."""
    whole = task.places.get(option.partition(".")[0]) or task.places[NAME]
    return task.places.get(option, whole)


def _all_wrong(task: TaskChoice, folder: Path) -> list[Wrong]:
    try:
        if plugins.is_path(task.name):
            return list(_unlike(task, folder / task.name))
        return list(wrong(task.name, task.options, folder))
    except UsageError as error:  # the task's file
        return [Wrong(NAME, *error.parts)]


def _unlike(task: TaskChoice, file: Path) -> Iterator[Wrong]:
    """What is wrong with the options of a task's file, as far as it can be told without running
    it.
    """
    stated = plugins.stated(file)
    known, loss = stated.get("OPTIONS"), stated.get("LOSS")
    own, asked = _measures.divided(task.options)
    yield from _measures.wrong(asked)
    if isinstance(loss, str):
        yield from _measures.unfit(asked, task.label, loss)
    if isinstance(known, dict):
        yield from wrong_options(f"task '{task.label}'", own, known)
