"""Whether a search finds settings of each variant's own.

In: an experiment.  Out: why its search may not.  Where all train at the same settings, poor ones
are poor for both variants of a claim.  At settings of its own, a variant whose good ones the search
has missed is the worse one, and no number of rounds tells that from a difference.
"""

from __future__ import annotations

from collections.abc import Collection

from rnnzoo.errors import number_of
from rnnzoo.spec import points
from rnnzoo.spec.experiment import Experiment

# how often a wrong word comes of a search of one hyper-parameter with so many trials, of one with
# fewer, and of several: docs/judging.md
ENOUGH = 4


def may_miss(experiment: Experiment, labels: Collection[str]) -> str:
    """Why the search may miss good settings of these variants, where each has settings of its own
    in the rounds; empty where it does not, or where all train at the same settings.
    """
    if experiment.confirm is None or experiment.confirm.settings == "common":
        return ""
    search = experiment.search
    variants = [variant for variant in experiment.variants if variant.label in labels]
    axes = max((len(variant.space.dimensions) for variant in variants), default=0)
    # a grid may end before the trials do
    counts = (
        points.planned(search, known.space, search.trials, known.earlier) for known in variants
    )
    trials = min(counts, default=0)
    if axes == 0 or (axes == 1 and trials >= ENOUGH):
        return ""
    return (
        f"{number_of(trials, 'trial')} of each variant in a space of"
        f" {number_of(axes, 'hyper-parameter')} may miss the good settings of one, and it is called"
        " worse for that"
    )
