"""What trials do in the tests of a launcher: a trial does what its variant says."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from rnnzoo.launchers import Tell
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial

STEPS = 5
VARIABLE = "RNNZOO_TESTING"


def behave(trial: Trial, tell: Tell) -> Outcome:
    return _BEHAVIOURS[trial.variant](trial, tell)


def complete(trial: Trial, tell: Tell) -> Outcome:
    """The score is the trial's index."""
    return Outcome(
        Kind.COMPLETE, dict.fromkeys(("train", "validation", "test"), float(trial.index))
    )


def reporting(trial: Trial, tell: Tell) -> Outcome:
    for step in range(1, STEPS + 1):
        if not tell(Progress(step, STEPS, float(step), 1.0)):
            return Outcome(Kind.PRUNED, message=f"stopped after {step}")
    return complete(trial, tell)


def raising(trial: Trial, tell: Tell) -> Outcome:
    raise RuntimeError("something broke")


def exhausting(trial: Trial, tell: Tell) -> Outcome:
    raise MemoryError


def exiting(trial: Trial, tell: Tell) -> Outcome:
    """Ends its process, as a crash does."""
    os._exit(3)


def endless(trial: Trial, tell: Tell) -> Outcome:
    """Says which process it is, and never ends."""
    tell(Progress(1, 1, float(os.getpid()), 0.0))
    while True:
        time.sleep(0.05)


def environment(trial: Trial, tell: Tell) -> Outcome:
    return Outcome(Kind.COMPLETE, {"validation": float(os.environ[VARIABLE])})


_BEHAVIOURS: Mapping[str, Callable[[Trial, Tell], Outcome]] = {
    behaviour.__name__: behaviour
    for behaviour in (complete, reporting, raising, exhausting, exiting, endless, environment)
}
