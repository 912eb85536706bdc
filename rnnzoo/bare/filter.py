"""The first stage of a search over cells: a short training that ends as soon as it is known whether
a candidate passes.

In: a trial on a task that can be solved, such as `memorisation`, and whom to tell after every
epoch.  Out: its outcome.  A candidate passes when its score on validation solves the task; then the
training is complete.
"""

from __future__ import annotations

from rnnzoo.bare.model import Model
from rnnzoo.bare.train import Course, Ended, Tell, told, train
from rnnzoo.spec.trial import Ending, Outcome, Trial

SCORED = ("validation",)


def work(trial: Trial, tell: Tell) -> Outcome:
    """Train a candidate until it has passed, or cannot pass.

    What cannot run is an outcome, with the reason in the user's words.
    """
    return told(lambda: train(trial, tell, rule, SCORED))


def rule(model: Model, course: Course) -> Ended | None:
    """Whether a candidate has passed, after an epoch; None where that is not known."""
    solved = model.task.solved
    if solved is not None and course.curve[-1]["validation"] <= solved:
        course.best_epoch, course.weights = len(course.curve), model.vector.whole.copy()
        return Ended(ending=Ending.UNKNOWN)
    return None


def has_passed(outcome: Outcome, solved: float) -> bool:
    """Whether a candidate has passed.

    Args:
        solved: the score that solves the task (`Task.solved`).
    """
    return outcome.scores.get("validation", float("inf")) <= solved
