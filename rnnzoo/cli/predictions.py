"""The command `predictions`: what a trained model answers on test, beside what is asked."""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table

from rnnzoo import tasks
from rnnzoo.cli.as_json import print_json
from rnnzoo.cli.grids import add, cut, grid
from rnnzoo.cli.models import NOWHERE, kept_model
from rnnzoo.errors import UsageError, number_of
from rnnzoo.launchers.local import stderr_to
from rnnzoo.spec.atomic import atomic_write
from rnnzoo.tasks import Task
from rnnzoo.terminal.console import plain_console, told

if TYPE_CHECKING:
    from rnnzoo.nn.predictions import Prediction

MOST_CLASSES = 8  # that a table on a terminal has columns for
SHOWN = 12  # rows
_WIDE, _NARROW = 40, 8  # characters of an answer, and of a column's name
_FORM = "{:z.4g}"


def predictions(args: argparse.Namespace) -> None:
    """What a trained model answers."""
    if args.out and Path(args.out).exists() and not args.force:
        raise UsageError(
            f"{args.out} is there already", "another name, or --force to write over it"
        )
    with tempfile.TemporaryDirectory() as folder:
        trial, file = kept_model(args, Path(folder))
        task = tasks.load(trial.task, trial.task_options, folder=trial.home)
        with stderr_to(NOWHERE):
            import rnnzoo
            from rnnzoo.nn import predictions as of_model

            # TensorFlow and XLA tell of the processor when the first operation runs
            answers = of_model.predictions(rnnzoo.load_model(file), task)
    counts = of_model.confusion(task, answers) if task.targets == "classes" else None
    if args.out:
        _write(Path(args.out), task, answers)
    if args.json:
        print_json(_plain(task, answers, counts))
        return
    asked = sum(len(answer.asked) for answer in answers)
    console = plain_console()
    title = f"{trial.variant} on {trial.task}, trial {trial.index}"
    told(console, f"{title}: {number_of(asked, 'answer')} on test\n")
    if counts is not None and task.outputs <= MOST_CLASSES:
        console.print(_table(task, counts))
    elif counts is not None:
        console.print(_mistakes(task, counts))
        kinds = int(np.count_nonzero(_wrong(counts)))
        _more(console, kinds - SHOWN, "kind of mistake", "kinds of mistake")
    else:
        console.print(_first(task, answers))
        _more(console, asked - SHOWN, "answer")
    if counts is not None:
        told(console, f"\n{np.trace(counts):g} of {counts.sum():g} are right")
    if args.out:
        told(console, f"\nall answers  {args.out}")
    else:
        told(console, "\n--out FILE writes all answers, a row for each")


# ------------------------------------------------------------------ on a terminal


def _more(console: Console, count: int, noun: str, plural: str = "") -> None:
    """Say how many rows a table has left out, if any."""
    if count > 0:
        told(console, f"  and {number_of(count, noun, plural)} more")


def _table(task: Task, counts: np.ndarray) -> Table:
    """How often each class was answered to each."""
    names = [_name(task, number) for number in range(task.outputs)]
    table = grid("asked, answered:", *(f">{cut(name, _NARROW)}" for name in names))
    for name, row in zip(names, counts):
        add(table, cut(name), *map("{:g}".format, row))
    return table


def _mistakes(task: Task, counts: np.ndarray) -> Table:
    """What was most often taken for what."""
    wrong = _wrong(counts)
    table = grid("asked", "answered", ">times")
    order = np.argsort(-wrong.ravel(), kind="stable")[:SHOWN]
    for asked, answered in zip(*np.unravel_index(order, wrong.shape)):
        if wrong[asked, answered]:
            names = (cut(_name(task, int(number))) for number in (asked, answered))
            add(table, *names, f"{wrong[asked, answered]:g}")
    return table


def _wrong(counts: np.ndarray) -> np.ndarray:
    """How often each class was taken for each other one."""
    return np.asarray(counts * (1 - np.eye(len(counts))))


def _first(task: Task, answers: Sequence[Prediction]) -> Table:
    """The first few."""
    table = grid(">sequence", ">step", "asked", "answered")
    for sequence, step, asked, answered in islice(_rows(task, answers), SHOWN):
        add(table, str(sequence), str(step), cut(asked, _WIDE), cut(answered, _WIDE))
    return table


# ------------------------------------------------------------------ all of them


def _rows(task: Task, answers: Sequence[Prediction]) -> Iterator[tuple[int, int, str, str]]:
    """Of each answer its sequence and step, what was asked and what was answered."""
    for answer in answers:
        for step, asked, answered in zip(answer.steps, answer.asked, answer.answered):
            yield answer.sequence, int(step), _text(task, asked), _text(task, answered)


def _text(task: Task, target: np.ndarray) -> str:
    """A target, or an answer, in words."""
    if task.targets == "classes":
        return _name(task, int(target))
    if task.targets == "labels":
        names = [_name(task, int(label)) for label in target if label]
        return ("" if all(len(name) == 1 for name in names) else " ").join(names)
    numbers = map(_FORM.format, np.atleast_1d(target))
    if task.classes:
        return ", ".join(f"{name} {number}" for name, number in zip(task.classes, numbers))
    return " ".join(numbers)


def _name(task: Task, number: int) -> str:
    return task.classes[number] if task.classes else str(number)


def _write(path: Path, task: Task, answers: Sequence[Prediction]) -> None:
    """A row for each answer."""
    with atomic_write(path) as draft, draft.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["sequence", "step", "asked", "answered", "weight"])
        weights = chain.from_iterable(answer.weights for answer in answers)
        for row, weight in zip(_rows(task, answers), weights):
            writer.writerow([*row, f"{weight:g}"])


def _plain(task: Task, answers: Sequence[Prediction], counts: np.ndarray | None) -> dict[str, Any]:
    """For JSON."""
    names = ("sequence", "step", "asked", "answered")
    content: dict[str, Any] = {
        "answers": [dict(zip(names, row)) for row in _rows(task, answers)],
    }
    if counts is not None:
        content["classes"] = [_name(task, number) for number in range(task.outputs)]
        content["counts"] = counts.tolist()
    return content
