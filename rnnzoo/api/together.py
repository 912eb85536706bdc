"""What populations of an experiment's trials are and take, as `rnnzoo plan` says it.

In: an experiment that is opened, and the launcher with a name.  Out: plain values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rnnzoo.errors import number_of
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
    shapes = set(_shapes(studies, opened.trials)) if known else None
    device = cards.model() or "a GPU" if provenance.on_card(training) else "the processor"
    return {
        "size": lanes.size,
        "precision": lanes.precision,
        "processes": processes(chosen),
        "device": device,
        "programs": None if shapes is None else len(shapes),
    }


def _shapes(studies: Sequence[Study], trials: int) -> Iterator[Shape]:
    """The shape of each planned trial."""
    for study in studies:
        for index in range(trials):
            point = study.point(index)
            if point is not None:
                yield shape_of(study.trial(index, point))


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
