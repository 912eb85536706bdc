"""What populations of an experiment's trials are and take, as `rnnzoo plan` says it.

In: an experiment that is opened, and the launcher with a name.  Out: plain values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from rnnzoo import backends
from rnnzoo.errors import number_of
from rnnzoo.lang.ir import Cell
from rnnzoo.lang.ladder import bucket_of
from rnnzoo.launchers import population
from rnnzoo.spec import cards, points
from rnnzoo.spec.settings import Chosen
from rnnzoo.spec.shape import Shape, shape_of
from rnnzoo.sweep import provenance
from rnnzoo.sweep.begun import Lanes
from rnnzoo.sweep.measure import Cost
from rnnzoo.sweep.open import Opened
from rnnzoo.sweep.plan import Study


def processes(chosen: Chosen) -> int:
    """How many processes train populations."""
    return len(population.checked({**population.OPTIONS, **chosen.options}))


def at_once(chosen: Chosen) -> int:
    """How many trials train in the time of one: programs of several shapes take turns."""
    return processes(chosen) * int({**population.OPTIONS, **chosen.options}["size"])


def plain(opened: Opened, studies: Sequence[Study], chosen: Chosen) -> dict[str, Any]:
    """The lanes and the programs; `programs` is None where trials' points are not known yet."""
    training = opened.experiment.training
    lanes = Lanes.of(training)
    known = points.ours(opened.experiment.search.sampler.name)
    on_card = provenance.on_card(training)
    side_by_side = on_card or not backends.processes(training.backend).has_native_loops()
    programs = _programs(opened, studies, side_by_side) if known else None
    device = cards.model() or "a GPU" if on_card else "the processor"
    return {
        "size": lanes.size,
        "precision": lanes.precision,
        "processes": processes(chosen),
        "device": device,
        "programs": programs,
    }


def _programs(opened: Opened, studies: Sequence[Study], side_by_side: bool) -> int:
    """How many programs the planned trials need.

    Args:
        side_by_side: whether models of several sizes share programs: where models are computed one
            after the other, each has its own size (`nn.population`).
    """
    programs: set[Shape] = set()
    for study in studies:
        shapes = set(_shapes(study, opened.trials))
        if side_by_side:
            inputs = opened.tasks[study.task.label].inputs
            shapes = {_in_bucket(shape, study.cell, inputs) for shape in shapes}
        programs |= shapes
    return len(programs)


def _shapes(study: Study, trials: int) -> Iterator[Shape]:
    """The shape of each planned trial of a study."""
    for index in range(trials):
        point = study.point(index)
        if point is not None:
            yield shape_of(study.trial(index, point))


def _in_bucket(shape: Shape, cell: Cell, inputs: int) -> Shape:
    """The shape with the units that its program has.

    Args:
        inputs: numbers of the task at a step.
    """
    columns = cell.columns(cell.inputs_in(shape.training.width(inputs)))
    units = bucket_of(shape.training, cell, columns) or shape.training.units
    return shape._replace(training=replace(shape.training, units=units))


def words(known: dict[str, Any]) -> str:
    """The same for people."""
    lanes = Lanes(known["size"], known["precision"])
    several = known["processes"] > 1
    where = f"{known['processes']} processes on {known['device']}" if several else known["device"]
    of = known["programs"]
    programs = "" if of is None else f": {number_of(of, 'program')}, one for each shape of trial"
    return f"{lanes.words} on {where}{programs}"


def hours(cost: Cost, trainings: float, epochs: int, size: int) -> list[float]:
    """How long so many trainings of one study take, low and high: an epoch of a program takes as
    long for one lane as for all, and what is not epochs, such as compiling, comes once.
    """
    rounds = max(1.0, trainings / size) if trainings else 0.0
    of_ends = zip(cost.trial, cost.epoch, strict=True)
    once = bool(trainings)
    return sorted(
        (once * (trial - epochs * epoch) + rounds * epochs * epoch) / 3600
        for trial, epoch in of_ends
    )
