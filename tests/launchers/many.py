"""Functions that train many trials at once, in tests of the launcher of populations; they train
nothing.
"""

from __future__ import annotations

import os
import threading
import time

from rnnzoo.launchers import Desk, Work
from rnnzoo.spec.ended import outcome_of
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.testing import work as testing
from tests.launchers.work import behave


def together(desk: Desk, size: int) -> None:
    """As many of these at once as there are lanes."""
    _in_threads(desk, size, behave)


def contract(desk: Desk, size: int) -> None:
    """Likewise, of what `LauncherContract` asks of trials."""
    _in_threads(desk, size, testing.behave)


def in_step(desk: Desk, size: int) -> None:
    """Trials of five epochs, all of which run their epochs together, as a population does.

    One whose variant is `poison` ends the process in its second.
    """
    lanes: dict[int, Trial] = {}
    epochs: dict[int, int] = {}
    while True:
        for ticket, trial in desk.take(wait=not lanes):
            assert len(lanes) < size
            lanes[ticket], epochs[ticket] = trial, 0
        if not lanes:
            return
        for ticket, trial in lanes.items():
            epochs[ticket] += 1
            if trial.variant == "poison" and epochs[ticket] == 2:
                os._exit(3)
        goes_on = desk.tell({t: Progress(epochs[t], 5, 1.0, 1.0) for t in lanes})
        for ticket in list(lanes):
            if ticket not in goes_on or epochs[ticket] == 5:
                kind = Kind.COMPLETE if ticket in goes_on else Kind.PRUNED
                scores = {"validation": float(lanes.pop(ticket).index)}
                desk.finish(ticket, Outcome(kind, scores, message=f"after {epochs[ticket]}"))


def unable(desk: Desk, size: int) -> None:
    """Ends before it takes a trial."""
    raise RuntimeError("there is no device")


def dying(desk: Desk, size: int) -> None:
    """Likewise, and does not say why."""
    os._exit(3)


def _in_threads(desk: Desk, size: int, run: Work) -> None:
    """A thread for each trial, since what they do may have no end; a desk is for one at a time."""
    turn = threading.Lock()

    def lane(ticket: int, trial: Trial) -> None:
        def tell(progress: Progress) -> bool:
            with turn:
                return ticket in desk.tell({ticket: progress})

        try:
            outcome = run(trial, tell)
        except MemoryError:
            outcome = Outcome(Kind.OUT_OF_MEMORY, message="there was not enough memory")
        except Exception as error:
            outcome = outcome_of(error)
        with turn:
            desk.finish(ticket, outcome)

    while True:
        for ticket, trial in desk.take(wait=True):
            threading.Thread(target=lane, args=(ticket, trial)).start()


def hasty(desk: Desk, size: int) -> None:
    """Takes trials once, and never again."""
    desk.take(wait=True)
    time.sleep(60)
