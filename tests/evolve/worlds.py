"""Searches over cells whose trainings are made up: a score is a function of the cell and of the
setting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnzoo.evolve.advance import Course
from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import Plan
from rnnzoo.evolve.rows import Row, Trained, Training
from rnnzoo.lang import load
from rnnzoo.spec.experiment import FILTER
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.seeds import uniform
from rnnzoo.spec.trial import Kind

SPEC = """\
experiment: small
tasks: [parity, adding]
variants: [gru, lstm]
search: {space: {units: {choice: [8, 16]}, learning_rate: {choice: [0.001, 0.003, 0.01]}}}
search_cells:
  filter: memorisation
  population: 5
  generation: 4
  candidates: 10
  settings: 2
  seed: 3
"""


def plan(text: str = SPEC, **changes: object) -> Plan:
    """The plan of a search whose data nobody needs."""
    experiment = parse_experiment(text, "<experiment>", Path())
    assert experiment.cell_search is not None
    search = replace(experiment.cell_search, **changes)  # type: ignore[arg-type]
    first = {
        label: replace(load(label), name=label)
        for label in dict.fromkeys((*search.parents, experiment.baseline))
    }
    whole = {task.label: 1.0 for task in experiment.tasks}
    return Plan(experiment, search, first, {}, whole, passes=0.5)


def made_up(course: Course, training: Training) -> Trained:
    """What a training yields: half of the candidates pass the filter, and one in ten diverges."""
    form = course.history.drawn[training.candidate].form
    luck = uniform(f"{form} {training.stage}")
    if training.stage == FILTER:
        return Trained(training, Kind.COMPLETE, luck, epochs=3)
    rate = float(training.setting["learning_rate"])
    if uniform(f"{form} {training.stage} {rate}") < 0.1:
        return Trained(training, Kind.DIVERGED, message="the loss was nan")
    return Trained(training, Kind.COMPLETE, 0.2 * luck + rate, 0.2 * luck + rate)


def searched(
    of: Plan,
    workers: int = 1,
    seed: int = 0,
    rows: Sequence[Row] = (),
    stop: Callable[[], bool] = lambda: False,
    trained: Callable[[Course, Training], Trained] = made_up,
) -> list[Row]:
    """The rows of a search, in the order in which they came about.

    Args:
        workers: trainings that run at once, and end in an order that the seed decides.
        rows: of an earlier run, on which it goes on.
        stop: asked before each row; True ends the run there.
        trained: what a training yields.
    """
    course, rng, written = Course(of), np.random.default_rng(seed), [*rows]
    for row in rows:
        course.take(row)

    def take(row: Row) -> None:
        if stop():
            raise StopIteration
        course.take(row)
        written.append(row)

    try:
        running: list[Training] = []
        while True:
            for row in course.follows():
                take(row)
            keys = {training.key for training in running}
            new = [training for training in course.wanted() if training.key not in keys]
            running += new[: workers - len(running)]
            if not running:
                assert course.is_done
                return written
            training = running.pop(int(rng.integers(len(running))))
            take(trained(course, training))
    except StopIteration:
        return written


def results(rows: Sequence[Row]) -> list[dict[str, object]]:
    return History.of(rows).results()
