"""What trials do in tests of faults: a module of its own, so that a child imports little more than
its fork server has.
"""

from __future__ import annotations

from rnnzoo.launchers import Tell
from rnnzoo.spec.trial import Outcome, Trial
from tests.sweep.work import pretend

CHATTY = 2**15 + 1  # bytes that a chatty trial logs


def chatty(trial: Trial, tell: Tell) -> Outcome:
    print("x" * (CHATTY - 1), flush=True)
    return pretend(trial, tell)
