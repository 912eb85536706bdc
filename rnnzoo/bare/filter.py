"""The first stage of a search over cells: a short training that ends as soon as it is known whether
a candidate passes.

In: a trial on a task that can be solved, such as `memorisation`, and whom to tell after every
epoch.  Out: its outcome.  A candidate passes when its score on validation solves the task; then the
training is complete.  One that is given up is pruned, and its message says why.

Source: the first stage of Jozefowicz, Zaremba and Sutskever 2015, section 3.1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rnnzoo.bare.model import Model
from rnnzoo.bare.train import Course, Ended, Tell, told, train
from rnnzoo.spec.trial import Ending, Kind, Outcome, Trial

TASK = "memorisation"  # for which the rule to give up was measured
SCORED = ("validation",)
# (training sequences that were read, share of the loss without memory above which a candidate is
# given up): 1.05 to 1.8 times what the slowest had that passed in the end (docs/evolve.md)
GIVE_UP: Sequence[tuple[int, float]] = (
    (20_000, 0.98), (30_000, 0.46), (40_000, 0.25), (50_000, 0.15), (60_000, 0.11), (70_000, 0.08),
)  # fmt: skip


def work(trial: Trial, tell: Tell) -> Outcome:
    """Train a candidate until it has passed, or is given up.

    What cannot run is an outcome, with the reason in the user's words.
    """
    return told(lambda: train(trial, tell, rule, SCORED))


def rule(model: Model, course: Course) -> Ended | None:
    """How a candidate's training ends after this epoch; None where it goes on."""
    epoch, row = len(course.curve), course.curve[-1]
    solved = model.task.solved
    if solved is not None and row["validation"] <= solved:
        course.best_epoch, course.weights = epoch, model.vector.whole.copy()
        return Ended(ending=Ending.SOLVED)
    limit = _limit(epoch * len(model.task.splits["train"]), model.task.outputs)
    if model.task.name != TASK or row["train"] <= limit:
        return None
    message = (
        f"given up after epoch {epoch}: the loss was {row['train']:.3g}, and what passes has less"
        f" than {limit:.2g} by then"
    )
    return Ended(Kind.PRUNED, Ending.PRUNED, message)


def _limit(sequences: int, symbols: int) -> float:
    """The loss above which a candidate that has read so many sequences does not pass any more."""
    shares = [share for read, share in GIVE_UP if read <= sequences]
    return min(shares, default=math.inf) * math.log(symbols)
