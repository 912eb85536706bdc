"""The epochs of a training, from the first or from where it waits to its outcome.

In: a trial, and what learns.  Out: a generator that asks for an epoch, or for leave to go on, is
sent the answer, and returns the outcome.  So one text says what a training goes through, whoever
runs its epochs: one after the other (`finished`), or those of many trainings together
(`nn.population`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from rnnzoo import backends
from rnnzoo.launchers import Tell
from rnnzoo.nn.checkpoint import Course
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.settings import keras_backend
from rnnzoo.spec.trial import Ending, Kind, Outcome, Progress, Trial
from rnnzoo.tasks import SPLITS, Task

# Seconds of training after which its state is saved, at the end of an epoch, and then as often
# again: a trial that is killed goes on from there.  One that takes less never writes any.
SAVED_EVERY = 600.0


@dataclass(frozen=True, slots=True)
class Score:
    loss: float
    metric: float


class Learner(Protocol):
    """What is trained, as its epochs see it: the model of a trial.

    Attributes:
        steps: updates in an epoch.
    """

    task: Task
    training: Training
    steps: int

    def begin(self, trial: Trial) -> Course:
        """The course of the trial's training, from its beginning or from where it waits."""

    def save_checkpoint(self, trial: Trial, course: Course) -> None:
        """Write all that the training needs to go on, where the trial keeps anything."""

    def keep_state(self, trial: Trial, course: Course) -> None:
        """Write the same at the end of the training, which more epochs would go on from."""

    def keep(self) -> None:
        """Remember the weights as they are."""

    def restore(self) -> None:
        """Go back to the weights that were kept last."""

    def evaluate(self, split: str) -> Score:
        """Loss and metric of a split, averaged over all that counts."""

    def by_length(self) -> Mapping[str, float]:
        """The metric of the sequences of `test` of each length."""

    def also(self) -> Mapping[str, float]:
        """The other metrics of `test` that are asked for, where they can be told."""

    def count(self) -> Mapping[str, int]:
        """Trained numbers of the recurrent layers, and of the whole model."""

    def save(self, path: Path, trial: Trial) -> None:
        """Write the model as `.keras`, with the key of its trial."""


class RunsEpochs(Protocol):
    def trained_epoch(self, epoch: int, losses: Sequence[float]) -> Trained:
        """Run an epoch.

        Args:
            losses: on validation, of the epochs before.
        """


@dataclass(frozen=True, slots=True)
class Epoch:
    """Asks for an epoch, the answer to which is a `Trained`.

    Attributes:
        number: from 1.
        losses: on validation, of the epochs before.
    """

    number: int
    losses: Sequence[float]


class Trained(NamedTuple):
    """What an epoch yielded: its row of the curve, and the loss on validation."""

    row: dict[str, float]
    loss: float


class Ended(NamedTuple):
    """How the epochs ended; `stopped`: by somebody else, and perhaps they go on later."""

    kind: Kind = Kind.COMPLETE
    ending: Ending = Ending.EPOCHS
    message: str = ""
    waits: bool = False
    stopped: bool = False


# A `Progress` is answered by whether the training goes on.
Asked = Epoch | Progress
Flow = Generator[Asked, Any, Outcome]
Yielded = TypeVar("Yielded")


def finished(flow: Generator[Asked, Any, Yielded], model: RunsEpochs, tell: Tell) -> Yielded:
    """Run a training to its end, one epoch after the other."""
    answer: Trained | bool | None = None
    while True:
        try:
            asked = flow.send(answer)
        except StopIteration as end:
            yielded: Yielded = end.value
            return yielded
        if isinstance(asked, Progress):
            answer = tell(asked)
        else:
            answer = model.trained_epoch(asked.number, asked.losses)


def flow(trial: Trial, model: Learner, began: float, seconds: Mapping[str, float]) -> Flow:
    """Train until the epochs or the patience are used up, or the trial is to wait; the best weights
    are those that are scored, and saved.

    Args:
        began: when the trial did, on the clock that measures performance.
        seconds: spent until its model was there, by phase: `data`.
    """
    course = model.begin(trial)
    timer = _Timer(course, began, seconds)

    def save() -> None:
        model.save_checkpoint(trial, replace(course, seconds=timer.spent()))

    ended = yield from of_course(trial.until, model, course, save)
    trained = timer.spent()
    goes_on = ended.waits or ended.stopped
    is_complete = ended.kind is Kind.COMPLETE
    if is_complete and not goes_on:
        # before `restore`: more epochs go on from the last weights, not from the best
        model.keep_state(trial, replace(course, seconds=trained))
    if not goes_on:
        model.restore()
    measured = _measured(model) if is_complete else _Measured()
    weights = model.count()
    taken = {**trained, "total": timer.spent()["total"], "step": timer.epoch() / model.steps}
    if goes_on:
        save()
    if is_complete and trial.folder:
        model.save(trial.model, trial)
    return _outcome(ended, course, measured, weights, taken)


def _outcome(
    ended: Ended,
    course: Course,
    measured: _Measured,
    weights: Mapping[str, int],
    seconds: Mapping[str, float],
) -> Outcome:
    return Outcome(
        kind=ended.kind,
        scores=measured.scores,
        curve=tuple(course.curve),
        weights=weights,
        best_epoch=course.best_epoch,
        seconds=seconds,
        message=ended.message,
        ending=ended.ending,
        waits=ended.waits,
        by_length=measured.by_length,
        also=measured.also,
        loops=backends.processes(keras_backend()[0]).fell_back(),
    )


class _Timer:
    """What a training has taken, by phase, those of processes before among it.

    Args:
        began: when the trial did, on the clock that measures performance.
        seconds: spent until its model was there, by phase: `data`.
    """

    def __init__(self, course: Course, began: float, seconds: Mapping[str, float]) -> None:
        self._course, self._began = course, began
        self._started = time.perf_counter()
        self._before = len(course.curve)
        self._beforehand = {**seconds, "build": self._started - began - seconds["data"]}

    def spent(self) -> dict[str, float]:
        """Seconds by phase until now."""
        now, rows = time.perf_counter(), self._course.curve[self._before :]
        every = {
            **self._beforehand,
            # what the first epoch took more than the others
            "compile": max(0.0, rows[0]["seconds"] - _usual(rows)) if rows else 0.0,
            "train": now - self._started,
            "total": now - self._began,
        }
        of_before = self._course.seconds
        return {phase: value + of_before.get(phase, 0.0) for phase, value in every.items()}

    def epoch(self) -> float:
        """Seconds of an epoch of this process; where a shorter training had come to the end
        already, of those before.
        """
        return _usual(self._course.curve[self._before :] or self._course.curve)


class _Measured(NamedTuple):
    """The metrics of the weights that were kept."""

    scores: Mapping[str, float] = {}
    by_length: Mapping[str, float] = {}
    also: Mapping[str, float] = {}


def _measured(model: Learner) -> _Measured:
    scores = {split: model.evaluate(split).metric for split in SPLITS}
    by_length = model.by_length() if model.task.by_length else {}
    also = model.also() if model.task.also else {}
    return _Measured(scores, by_length, also)


def _usual(rows: Sequence[Mapping[str, float]]) -> float:
    """Seconds that an epoch of these usually takes: the first one also compiles."""
    epochs = [row["seconds"] for row in rows] or [0.0]
    return float(np.median(epochs[1:])) if len(epochs) > 1 else epochs[0]


def of_course(
    until: int, model: Learner, course: Course, save: Callable[[], None]
) -> Generator[Asked, Any, Ended]:
    """Train, from where the course is.

    Args:
        until: the epoch after which the training waits; 0: none.
        save: writes the course, so that the training goes on from there if it is cut off.
    """
    epochs = model.training.epochs
    if _is_out_of_patience(model.training, course):  # it was saved as it was about to end
        return Ended(ending=Ending.PATIENCE)
    saved = time.monotonic()
    for epoch in range(len(course.curve) + 1, epochs + 1):
        if 0 < until < epoch:
            return _waiting(epoch - 1)
        row, loss = yield Epoch(epoch, course.losses)
        course.curve.append(row)
        course.losses.append(loss)
        reached = row["validation"] if model.training.best_by == "metric" else loss
        log(row)
        if not (math.isfinite(row["train"]) and math.isfinite(loss)):
            message = f"the loss was {row['train']} in epoch {epoch}"
            return Ended(Kind.DIVERGED, Ending.DIVERGED, message)
        if reached < course.best or not course.best_epoch:  # a metric may be infinite, or NaN
            course.best = math.inf if math.isnan(reached) else reached
            course.best_epoch = epoch
            model.keep()
        best = course.curve[course.best_epoch - 1]["validation"]
        if not (yield Progress(epoch, epochs, row["validation"], best)):
            message = f"stopped by the pruner after epoch {epoch}"
            return Ended(Kind.PRUNED, Ending.PRUNED, message, stopped=True)
        if _is_out_of_patience(model.training, course):
            return Ended(ending=Ending.PATIENCE)
        if epoch < epochs and time.monotonic() >= saved + SAVED_EVERY:
            save()
            saved = time.monotonic()
    return Ended()


def _is_out_of_patience(training: Training, course: Course) -> bool:
    """Whether the last epochs were no better, and there would be more."""
    epoch, patience = len(course.curve), training.patience
    return 0 < patience <= epoch - course.best_epoch and epoch < training.epochs


def _waiting(epoch: int) -> Ended:
    return Ended(Kind.PRUNED, Ending.PRUNED, f"waits after epoch {epoch}", waits=True)


def log(row: Mapping[str, float]) -> None:
    """A line of the trial's log."""
    print(
        f"epoch {row['epoch']}: train {row['train']:.4f}, validation {row['validation']:.4f}",
        flush=True,
    )
