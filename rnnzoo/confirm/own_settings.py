"""Whether a search finds settings of each variant's own.

In: an experiment.  Out: why its search may not.  Where all train at the same settings, poor ones
are poor for both variants of a claim.  At settings of its own, a variant whose good ones the search
has missed is the worse one, and no number of rounds tells that from a difference.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rnnzoo.errors import number_of
from rnnzoo.spec.experiment import Experiment

# how often a wrong word comes of a search of one hyper-parameter with so many trials, of one with
# fewer, and of several: docs/judging.md
ENOUGH = 4


@dataclass(frozen=True, slots=True)
class LooseSearch:
    """A search that may miss the good settings of some variants.

    Attributes:
        trials: of each variant.
        axes: hyper-parameters that are searched, of the variant with most of them.
    """

    trials: int
    axes: int

    def __str__(self) -> str:
        return (
            f"{number_of(self.trials, 'trial')} of each variant in a space of"
            f" {number_of(self.axes, 'hyper-parameter')} may miss the good settings of one, and it"
            " is called worse for that"
        )


def loose_search(experiment: Experiment, labels: Collection[str]) -> LooseSearch | None:
    """The search for rounds of these variants, if each has settings of its own and good ones may be
    missed.
    """
    if experiment.confirm is None or experiment.confirm.settings == "common":
        return None
    spaces = [variant.space for variant in experiment.variants if variant.label in labels]
    search = LooseSearch(
        experiment.search.trials, max((len(space.dimensions) for space in spaces), default=0)
    )
    is_found = search.axes == 0 or (search.axes == 1 and search.trials >= ENOUGH)
    return None if is_found else search
