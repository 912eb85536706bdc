"""What a running sweep is told: to pause, to leave a variant out, other numbers of trials.

Nothing of it outlives the sweep: one that is begun again does what its spec says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """What a running sweep was told, as far as it is in force.

    Attributes:
        trials: planned of each search.
        paused: since when no trial begins; None where trials begin.
        stopped: labels of variants of which no more trials begin, in the order of the experiment.
        workers: trials at once; None: as many as the launcher has room for.
        budget: of the second stage, trainings on each task; None: what the experiment says.
    """

    trials: int
    paused: datetime | None = None
    stopped: tuple[str, ...] = ()
    workers: int | None = None
    budget: int | None = None

    def to_dict(self) -> dict[str, Any]:
        paused = self.paused.isoformat(timespec="seconds") if self.paused else None
        return {
            "trials": self.trials, "paused": paused, "stopped": list(self.stopped),
            "workers": self.workers, "budget": self.budget,
        }  # fmt: skip


def since(moment: datetime, now: datetime | None = None) -> str:
    """A moment as people say it: the time, and the day where that is another one."""
    today = (now or datetime.now().astimezone()).date()
    return f"{moment:%H:%M}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M}"
