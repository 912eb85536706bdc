"""How an experiment was begun: with which backend, where it says `auto`, and in populations of
which size.

In: an experiment, where its trials are to run, and who may hold studies of it.  Out: the experiment
with a backend that has a name and with the size of its populations, from which the identities of
its studies follow.  What was begun under JAX goes on under JAX, or is refused where JAX is missing;
what was begun before JAX was installed, or before there was a GPU, goes on as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from rnnzoo import backends
from rnnzoo.backends import fastest_backend
from rnnzoo.spec import plugins, points, settings
from rnnzoo.spec.claims import FASTER
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.hyperparameters import AUTO, PRECISIONS, Training
from rnnzoo.spec.settings import AUTO_LAUNCHER, BACKENDS, POPULATION, POPULATION_SIZE, Chosen
from rnnzoo.spec.trial import Result

if TYPE_CHECKING:
    from rnnzoo.sweep.plan import Study

Holds = Callable[[Experiment], bool]  # whether somebody holds studies of an experiment
_MARK = "population"
LANES = "lanes"  # under which a storage and provenance have the mark of lanes


class Lanes(NamedTuple):
    """How trials train that train together; a size of 0: each by itself."""

    size: int = 0
    precision: str = PRECISIONS[0]

    @classmethod
    def of(cls, training: Training) -> Lanes:
        return cls(training.population, training.precision)

    @property
    def mark(self) -> str:
        """A text by which whoever holds such trials says so, beside identities of studies."""
        return f"{_MARK} {self.size} {self.precision}"

    @property
    def words(self) -> str:
        if not self.size:
            return "each trial by itself"
        precision = "" if self.precision == PRECISIONS[0] else f" in {self.precision}"
        return f"in populations of {self.size}{precision}"


ALONE = Lanes()


def marks_of(results: Iterable[Result], provenance: Iterable[Mapping[str, str]] = ()) -> set[str]:
    """By what it is known how results were trained: their studies, and the lanes.

    Args:
        provenance: with what they were run; a table has no more of a training.
    """
    marks = {setup[LANES] for setup in provenance if LANES in setup}
    for result in results:
        marks |= {result.study, Lanes.of(result.trial.training).mark}
    return marks


def in_marks(marks: Iterable[str]) -> list[Lanes]:
    """The lanes that are among marks, in a fixed order."""
    parts = (mark.split() for mark in marks if mark.startswith(f"{_MARK} "))
    return sorted(Lanes(int(size), precision) for _, size, precision in parts)


def wanted(experiment: Experiment, chosen: Chosen) -> Lanes:
    """How the trials of an experiment train where none has been trained yet.

    Args:
        chosen: the launcher; one that is not named is a population where there is a GPU.

    Raises:
        SpecError: an option of the launcher is wrong.
    """
    training = experiment.training
    if training.population:
        return Lanes.of(training)
    if chosen.name == POPULATION:
        options = plugins.plugin("launchers", chosen).options
        written = training.precision if training.precision != PRECISIONS[0] else ""
        return Lanes(options["size"], written or options["precision"])
    if chosen == AUTO_LAUNCHER and _takes_to_cards(experiment):
        return Lanes(POPULATION_SIZE, training.precision)
    return ALONE


def _takes_to_cards(experiment: Experiment) -> bool:
    """Whether an experiment's trials can train on a GPU that is here.

    Speeds are compared of trainings that have a machine to themselves.  A sampler or a pruner of
    Optuna's goes by trials that have ended, and of hundreds at once none has.
    """
    search = experiment.search
    if search.pruner is not None or not points.ours(search.sampler.name):
        return False
    compares_speed = any(claim.form == FASTER for claim in experiment.claims)
    asked, source = settings.keras_backend()
    able = _for_populations(experiment)
    if compares_speed or (source == "KERAS_BACKEND" and asked not in able):
        return False
    return any(backends.processes(name).uses_cards() for name in able)


def possible(
    experiment: Experiment, chosen: Chosen, known: Iterable[str], strict: bool
) -> list[Lanes]:
    """How the trials of an experiment may have been begun, the likeliest first.

    Args:
        known: marks of what was run.
        strict: a launcher that is named decides, whatever was run.
    """
    first = wanted(experiment, chosen)
    if experiment.training.population or (strict and chosen != AUTO_LAUNCHER):
        return [first]
    return list(dict.fromkeys([first, ALONE, *in_marks(known)]))


def ways(experiment: Experiment, lanes: Sequence[Lanes] = (ALONE,)) -> list[Experiment]:
    """The experiments that one can be, the one that is begun where none was run first."""
    return [
        _with_backend(backend, lane_counts, experiment)
        for lane_counts in lanes
        for backend in _backends(experiment, lane_counts)
    ]


def _backends(experiment: Experiment, lanes: Lanes) -> Sequence[str]:
    """The backends that one can have, the fastest first."""
    if lanes.size:
        return _for_populations(experiment)
    written = experiment.training.backend
    if written != AUTO:
        return (written,)
    return sorted(BACKENDS, key=lambda name: name != fastest_backend())


def _for_populations(experiment: Experiment) -> Sequence[str]:
    """The backends that train populations; where none may, the one that is refused later."""
    written = experiment.training.backend
    if written != AUTO:
        return (written,)
    able = [name for name in BACKENDS if backends.processes(name).POPULATIONS]
    return [name for name in able if settings.is_installed(name)] or able


def settled(
    experiment: Experiment, *holders: Holds, lanes: Sequence[Lanes] = (ALONE,)
) -> Experiment:
    """The experiment with a backend and the size of its populations.

    The first holder that has any of its studies decides, by how they were begun; where it has
    studies of several kinds, by the likeliest of these.  Where nobody has any, it is as one would
    be begun here.

    Args:
        lanes: how it may have been begun, the likeliest first.
    """
    candidates = ways(experiment, lanes)
    for holds in holders:
        begun = [candidate for candidate in candidates if holds(candidate)]
        if begun:
            return begun[0]
    return candidates[0]


def as_written(experiment: Experiment, written: Experiment) -> bool:
    """Whether an experiment is what was written, but for how it was begun."""
    training = experiment.training
    lanes = Lanes.of(training)
    return experiment == written or any(
        experiment == candidate for candidate in ways(written, [ALONE, lanes])
    )


def among(
    known: Callable[[], Collection[str]], planned: Callable[[Experiment], Sequence[Study]]
) -> Holds:
    """A holder of studies.

    Args:
        known: their identities, and where cells may be spelt otherwise their forms; asked once, and
            only where it matters.
        planned: the studies of an experiment.
    """
    asked = cache(known)

    def holds(experiment: Experiment) -> bool:
        marks = asked()
        return any(study.identity in marks or study.form in marks for study in planned(experiment))

    return holds


def _with_backend(backend: str, lanes: Lanes, experiment: Experiment) -> Experiment:
    size, precision = lanes
    training = replace(experiment.training, backend=backend, population=size, precision=precision)
    return experiment if training == experiment.training else replace(experiment, training=training)
