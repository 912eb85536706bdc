"""A claim about several tasks: the level that each task has for it, and what its tasks say
together.

In: a claim that it holds on all tasks, or on most, its level, and what the rounds on each task
answered.  Out: the levels of its question on one task, and whether it holds.

Both words are partial conjunctions, with Bonferroni's bound: of k tasks, m must bear the claim out,
and where k - m + 1 refute it, it cannot hold.  So a task bears it out at the level divided by k - m
+ 1, and refutes it at the level divided by m.  A claim on all of k tasks needs no adjustment to be
borne out, and k tests to be refuted.  These levels stay with the claim: what it does not need is
not handed on, since the rounds of one task know nothing of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnzoo.confirm.questions import CLOSED, Answer
from rnnzoo.spec.experiment import Claim

_BEARS_OUT = {
    "A worse than B": Answer.WORSE,
    "A better than B": Answer.BETTER,
    "A same as B": Answer.SAME,
}


def bears_out(claim: Claim, answer: Answer) -> bool:
    """Whether an answer is the one that a claim about two variants states."""
    return _BEARS_OUT[claim.form] is answer


def levels(claim: Claim, level: float) -> Mapping[Answer, float]:
    """The level of each answer on one of the tasks.

    Args:
        level: of the claim.
    """
    to_refute = level / claim.needed
    to_bear_out = level / _enough_against(claim)
    return {**dict.fromkeys(CLOSED, to_refute), _BEARS_OUT[claim.form]: to_bear_out}


def holds(claim: Claim, answers: Sequence[Answer]) -> bool | None:
    """Whether a claim holds, by the answers on tasks so far; None where they leave it open."""
    closed = [answer for answer in answers if answer is not Answer.OPEN]
    supporting = sum(bears_out(claim, answer) for answer in closed)
    if supporting >= claim.needed:
        return True
    return False if len(closed) - supporting >= _enough_against(claim) else None


def _enough_against(claim: Claim) -> int:
    """On so many tasks it must be refuted, before it cannot hold."""
    return len(claim.tasks) - claim.needed + 1
