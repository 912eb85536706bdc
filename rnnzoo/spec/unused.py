"""Warnings about keys of an experiment that are legal but have no effect: the writer probably meant
something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from rnnzoo.errors import Remark
from rnnzoo.spec.experiment import OURS, Experiment
from rnnzoo.spec.hyperparameters import MOMENTUM


def without_effect(experiment: Experiment) -> Iterator[Remark]:
    """A warning for each key that changes nothing."""
    search, training = experiment.search, experiment.training
    if search.draws == "common" and search.sampler.name not in OURS:
        yield Remark(
            f"`draws: common` has no effect: the points of '{search.sampler.name}' follow each"
            " variant's own results"
        )
    if _has_momentum(experiment):
        return
    for name in ("nesterov", "effective_rate"):
        if getattr(training, name):
            yield Remark(f"`{name}: true` has no effect: there is no momentum in the space")


def _has_momentum(experiment: Experiment) -> bool:
    spaces = [variant.space for variant in experiment.variants]
    fixed = chain.from_iterable(space.fixed for space in spaces)
    searched = chain.from_iterable(space.dimensions for space in spaces)
    return not {*MOMENTUM}.isdisjoint([*fixed, *(dimension.name for dimension in searched)])
