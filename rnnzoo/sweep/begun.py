"""`backend: auto` -> the name of a backend: that with which the experiment was begun.

In: an experiment, and who may hold studies of it.  Out: the experiment with a name, from which the
identities of its studies follow.  What was begun under JAX goes on under JAX, or is refused where
JAX is missing, and what was begun before JAX was installed goes on as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from rnnzoo.backends import fastest_backend
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.hyperparameters import AUTO
from rnnzoo.spec.settings import BACKENDS

if TYPE_CHECKING:
    from rnnzoo.sweep.plan import Study

Holds = Callable[[Experiment], bool]  # whether somebody holds studies of an experiment


def by_backend(experiment: Experiment) -> Mapping[str, Experiment]:
    """The experiments that one can be, by backend: itself, or those that `auto` stands for."""
    written = experiment.training.backend
    names = BACKENDS if written == AUTO else (written,)
    return {name: _under(name, experiment) for name in names}


def settled(experiment: Experiment, *holders: Holds) -> Experiment:
    """The experiment with a backend.

    The first holder that has any of its studies decides: by their backend, if it is one.  Where
    nobody has any, or one has studies under several, it is the fastest here.
    """
    named = by_backend(experiment)
    if len(named) == 1:
        return experiment
    for holds in holders:
        begun = [name for name in named if holds(named[name])]
        if begun:
            return named[begun[0] if len(begun) == 1 else fastest_backend()]
    return named[fastest_backend()]


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


def _under(backend: str, experiment: Experiment) -> Experiment:
    return replace(experiment, training=replace(experiment.training, backend=backend))
