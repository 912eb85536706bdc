"""Trial -> Outcome, as `nn.train` has it, for trials that the bare trainer can run.

In: a trial, and whom to tell after every epoch.  Out: what it yielded.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rnnzoo import lang, tasks
from rnnzoo.bare.able import why_not
from rnnzoo.bare.model import Model, is_finite
from rnnzoo.errors import RnnzooError, TrainingError, listed, machine_fault, worded
from rnnzoo.spec.cell import Init
from rnnzoo.spec.trial import Ending, Kind, Outcome, Progress, Trial
from rnnzoo.stats.threads import one_thread
from rnnzoo.tasks import SPLITS, Task

Tell = Callable[[Progress], bool]
Row = dict[str, float]


@dataclass(slots=True)
class Course:
    """Where a training is.

    Attributes:
        curve: a row for each epoch, as an `Outcome` has it.
        losses: on validation, of each epoch.
        best: what the best epoch reached, whose weights are `weights`.
        seconds: by phase.
    """

    curve: list[Row] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    best: float = math.inf
    best_epoch: int = 0
    weights: np.ndarray | None = None
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """How the epochs ended."""

    kind: Kind = Kind.COMPLETE
    ending: Ending = Ending.EPOCHS
    message: str = ""


# (model, course) -> how the training ends after this epoch; None where it goes on
Rule = Callable[[Model, Course], Ended | None]


@one_thread()
def train(
    trial: Trial, tell: Tell, rule: Rule | None = None, scored: Sequence[str] = SPLITS
) -> Outcome:
    """Run one trial in this process, on one thread: its products are small, and threads that wait
    for the next one keep their cores busy.

    Args:
        rule: what ends it besides its epochs and its patience.
        scored: the splits that are scored at its end.

    Raises:
        RnnzooError: the data or the cell cannot be had, or the bare trainer cannot do this.
    """
    began = time.perf_counter()
    task = tasks.of_study(trial.task, trial.task_options, trial.data, trial.home)
    if trial.data not in ("", task.digest):
        problem = f"the data of '{trial.task}' changed while the sweep ran"
        message = worded(problem, "put back what was there; or give the same command again")
        return Outcome(Kind.INTERRUPTED, message=message)
    loaded = time.perf_counter()
    model = Model(trial, task, cell_of(trial, task))
    course = Course(seconds={"data": loaded - began, "build": time.perf_counter() - loaded})
    started = time.perf_counter()
    ended = run_epochs(model, tell, course, rule)
    course.seconds["train"] = time.perf_counter() - started
    scores = {}
    if ended.kind is Kind.COMPLETE:
        assert course.weights is not None
        model.vector.whole[...] = course.weights
        scores = {split: model.evaluate(split).metric for split in scored}
    steps = max(1, model.updates)
    return Outcome(
        kind=ended.kind,
        scores=scores,
        curve=tuple(course.curve),
        weights=model.weights,
        best_epoch=course.best_epoch,
        seconds={
            **course.seconds,
            "compile": 0.0,  # as in every outcome; here no trial compiles anything of its own
            "total": time.perf_counter() - began,
            "step": sum(row["seconds"] for row in course.curve) / steps,
        },
        message=ended.message,
        ending=ended.ending,
    )


def cell_of(trial: Trial, task: Task) -> lang.ir.Cell:
    """The trial's cell.

    Raises:
        RnnzooError: the bare trainer cannot train it so.
    """
    cell = lang.parse_text(trial.cell, file=f"<cell of {trial.variant}>")
    cell = lang.with_init(cell, {name: Init.from_plain(init) for name, init in trial.init.items()})
    if reasons := [*why_not(trial, task, cell)]:
        problem = f"the bare trainer cannot do this: {listed(reasons)}"
        raise TrainingError(problem, "train it as any other trial, by `nn.train`")
    return cell


def run_epochs(model: Model, tell: Tell, course: Course, rule: Rule | None = None) -> Ended:
    """Train a model, and note in the course how it goes; how that ends."""
    training = model.training
    for epoch in range(1, training.epochs + 1):
        row, loss = _trained_epoch(model, epoch)
        course.curve.append(row)
        course.losses.append(loss)
        reached = row["validation"] if training.best_by == "metric" else loss
        if not is_finite(row["train"], loss):
            message = f"the loss was {row['train']} in epoch {epoch}"
            return Ended(Kind.DIVERGED, Ending.DIVERGED, message)
        # the first epoch's weights are kept whatever they reached, for some have to be scored
        if reached < course.best or not course.best_epoch:
            course.best = math.inf if math.isnan(reached) else reached
            course.best_epoch, course.weights = epoch, model.vector.whole.copy()
        best = course.curve[course.best_epoch - 1]["validation"]
        if not tell(Progress(epoch, training.epochs, row["validation"], best)):
            message = f"stopped by the pruner after epoch {epoch}"
            return Ended(Kind.PRUNED, Ending.PRUNED, message)
        ended = rule(model, course) if rule is not None else None
        if ended is not None:
            return ended
        # after the last epoch it is not patience that ends the training
        if 0 < training.patience <= epoch - course.best_epoch and epoch < training.epochs:
            return Ended(ending=Ending.PATIENCE)
    return Ended()


def _trained_epoch(model: Model, epoch: int) -> tuple[Row, float]:
    """Run an epoch: its row of the curve, and the loss on validation."""
    began = time.perf_counter()
    with np.errstate(all="ignore"):  # of what diverges
        loss = model.epoch()
        validation = model.evaluate("validation")
    seconds = time.perf_counter() - began
    row = {
        "epoch": epoch, "train": loss, "validation": validation.metric, "seconds": seconds,
    }  # fmt: skip
    return row, validation.loss


def work(trial: Trial, tell: Tell) -> Outcome:
    """`train` for a launcher: what cannot run is an outcome, with the reason in the user's
    words.
    """
    return told(lambda: train(trial, tell))


def told(run: Callable[[], Outcome]) -> Outcome:
    """An outcome; one that failed, where a training cannot be had."""
    try:
        return run()
    except RnnzooError as error:
        if machine_fault(error):
            raise  # for the launcher to tell: no trial is to blame
        return Outcome(Kind.FAILED, message=str(error))
