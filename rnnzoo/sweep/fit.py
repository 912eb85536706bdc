"""Whether tasks, cells and models of an experiment fit each other: with the data, and as far as it
can be told without.

In: an experiment, and its tasks.  Out: nothing, or every mistake with its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from rnnzoo import tasks
from rnnzoo.errors import Mistakes
from rnnzoo.lang.ir import Cell
from rnnzoo.spec import points
from rnnzoo.spec.experiment import Experiment, TaskChoice
from rnnzoo.spec.hyperparameters import MODEL, SIZES
from rnnzoo.sweep.plan import Study, cells, studies
from rnnzoo.tasks import Refusal, Task


def foresee(experiment: Experiment) -> None:
    """Check what follows without data: of generated tasks from a few sequences, of others from what
    they say that they fill.

    Args:
        experiment: one whose tasks take their options, and whose cells are right.

    Raises:
        SpecError: what a cell reads and a task has not, models that cannot be, and variants that
            cannot have equal numbers of weights.
    """
    small = foresee_read(experiment)
    generated = tuple(choice for choice in experiment.tasks if choice.label in small)
    inputs = {label: task.inputs for label, task in small.items()}
    planned = studies(replace(experiment, tasks=generated), dict.fromkeys(small, ""), inputs)
    check_model(planned, small)


def foresee_read(experiment: Experiment) -> dict[str, Task]:
    """Check without data that tasks have what cells, and all of their layers, read beside x.

    Returns:
        The generated tasks with a few sequences each, by label.

    Raises:
        SpecError: one has not; said once for each variant.
    """
    folder = Path(experiment.file).parent
    generated = {choice.label: tasks.in_small(choice, folder) for choice in experiment.tasks}
    small = {label: task for label, task in generated.items() if task is not None}
    mistakes = Mistakes()
    for variant, cell in cells(experiment).items():
        for refusal in _foreseen(experiment, variant, cell, small):
            mistakes.add(experiment.place(variant, refusal.name), refusal.problem, refusal.fix)
    mistakes.raise_if_any()
    return small


def _foreseen(
    experiment: Experiment, variant: str, cell: Cell, small: Mapping[str, Task]
) -> Iterator[Refusal]:
    """The first of what a cell reads and a task has not, and layers that read what only the first
    one has.
    """
    folder = Path(experiment.file).parent
    for choice in experiment.tasks:
        refused = [*_unread(choice, folder, cell, small.get(choice.label))]
        if refused:
            yield refused[0]
            return
    space = experiment.variant(variant).space
    for point in points.corners(space, ("layers", "bidirectional")):
        refused = [*tasks.too_deep(experiment.training.at(point), cell)]
        if refused:
            yield refused[0]
            return


def _unread(choice: TaskChoice, folder: Path, cell: Cell, small: Task | None) -> Iterator[Refusal]:
    if small is not None:
        yield from tasks.unread(small, cell, choice.label)
        return
    filled = tasks.filled(choice, folder)
    if filled is not None:
        yield from tasks.lacking(filled, cell, choice.label)


def check_read(experiment: Experiment, loaded: Mapping[str, Task]) -> None:
    """Check that every task has what every cell reads beside x.

    Raises:
        SpecError: one has not; said once for each variant.
    """
    mistakes = Mistakes()
    for variant, cell in cells(experiment).items():
        refused = chain.from_iterable(
            tasks.unread(task, cell, label) for label, task in loaded.items()
        )
        refusal = next(refused, None)
        if refusal is not None:
            mistakes.add(experiment.place(variant, refusal.name), refusal.problem, refusal.fix)
    mistakes.raise_if_any()


def check_model(planned: Sequence[Study], loaded: Mapping[str, Task]) -> None:
    """Check that every task, and every cell, can have the models that are asked for.

    Raises:
        SpecError: one cannot; said once for each place.
    """
    mistakes = Mistakes()
    for study in planned:
        experiment, variant, label = study.experiment, study.variant, study.task.label
        refused: dict[str, tuple[str, str]] = {}
        for point in points.corners(variant.space, (*SIZES, *MODEL)):
            training = replace(experiment.training.at(point), units=study.units(point))
            for refusal in tasks.unfit(loaded[label], training, study.cell, label):
                refused.setdefault(refusal.name, (refusal.problem, refusal.fix))
        for name, (problem, fix) in refused.items():
            span = experiment.place(variant.label, name)
            if all(mistake.span != span for mistake in mistakes.collected):
                mistakes.add(span, problem, fix)
    mistakes.raise_if_any()
