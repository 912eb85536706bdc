"""A variant that a sweep was told to stop, and that is not whole for that.

In: when it was stopped, and what was run of it.  Out: what to know of its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rnnzoo.confirm.stand import Stand, claimed
from rnnzoo.errors import number_of
from rnnzoo.spec import points
from rnnzoo.spec.experiment import Experiment, Variant


@dataclass(frozen=True, slots=True)
class Stopped:
    """A search, or what follows it, of which a part was left out.

    Attributes:
        when: the moment at which the sweep was told so, as ISO 8601.
        trials: of the search, that have ended.
        planned: of the search.
        again: what goes on with it.
    """

    variant: str
    when: str
    trials: int
    planned: int
    again: str

    @property
    def text(self) -> str:
        """The same as a sentence, without its full stop."""
        when = f"{datetime.fromisoformat(self.when):%Y-%m-%d %H:%M}"
        of = f"after {self.trials} of {number_of(self.planned, 'trial')}"
        if self.trials >= self.planned:
            of = f"after its search of {number_of(self.planned, 'trial')}"
        return (
            f"stopped by `rnnzoo ctl` on {when}, {of}, so verdicts about it are incomplete;"
            f" the next `{self.again}` goes on with it"
        )


def still_stopped(
    experiment: Experiment,
    variant: Variant,
    when: str,
    ended: int,
    trials: int,
    now: Stand | None,
    again: int,
) -> Stopped | None:
    """What was stopped of a variant on a task; None where nothing is left to be run of it.

    Args:
        when: it was stopped.
        ended: trials of its search that have ended.
        trials: of each search, as planned.
        now: where the second stage on the task stands; None where there is none.
        again: trainings of kept trials on fresh seeds.
    """
    planned = points.planned(experiment.search, variant.space, trials, variant.earlier)
    is_confirmed = (
        now is None or bool(now.ended) or variant.label not in claimed(experiment, now.task)
    )
    replicates = experiment.select.replicates * experiment.select.count(planned)
    if ended >= planned and is_confirmed and again >= replicates:
        return None
    return Stopped(variant.label, when, ended, planned, experiment.how_to_run)
