"""What becomes of a trial that raised an error.

In: the error.  Out: an outcome.  Launchers and what trains in their processes need it.
"""

from __future__ import annotations

import errno
import traceback

from rnnzoo.errors import machine_fault, worded
from rnnzoo.spec.trial import Kind, Outcome


def outcome_of(error: BaseException) -> Outcome:
    """The outcome of a trial that raised an error: interrupted, not failed, if the machine's file
    system is the cause.
    """
    if getattr(error, "errno", None) == errno.ENOMEM:
        return Outcome(Kind.OUT_OF_MEMORY, message="there was not enough memory")
    fix = machine_fault(error)
    if fix:
        text = worded(_last_line(error), f"{fix}, and give the same command again")
        return Outcome(Kind.INTERRUPTED, message=text)
    return Outcome(Kind.FAILED, message=_last_line(error))


def _last_line(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1][:500]
