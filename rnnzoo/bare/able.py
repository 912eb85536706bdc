"""What the bare trainer can do, and in words why not.

In: a trial, its task and its cell.  Out: reasons, each a sentence; none where it can.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np

from rnnzoo import losses, metrics
from rnnzoo.lang import ir
from rnnzoo.losses import Loss
from rnnzoo.metrics import Metric
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Trial
from rnnzoo.tasks import SPLITS, Task

OPTIMIZERS = ("adam", "rmsprop", "sgd")
# of a training; all others are as by default
HAS = (
    "units", "learning_rate", "momentum", "one_minus_momentum", "clip", "clip_value", "batch",
    "optimizer", "epochs", "patience", "best_by", "nesterov", "effective_rate", "error", "backend",
)  # fmt: skip


def why_not(trial: Trial, task: Task, cell: ir.Cell) -> Iterator[str]:
    """Why the bare trainer cannot run a trial."""
    yield from (reason for _, reason in of_training(trial.training))
    yield from of_task(task)
    yield from of_cell(cell)
    if trial.until:
        yield "it does not wait at a rung"


def of_training(training: Training) -> Iterator[tuple[str, str]]:
    """The hyper-parameters of a training that it has not, or not with these values, and why."""
    usual = Training()
    for setting in fields(Training):
        name = setting.name
        if name not in HAS and getattr(training, name) != getattr(usual, name):
            yield name, f"it has no `{name}: {getattr(training, name)}`"
    if training.optimizer not in OPTIMIZERS:
        reason = f"it has no optimiser '{training.optimizer}', but {', '.join(OPTIMIZERS)}"
        yield "optimizer", reason


def of_task(task: Task) -> Iterator[str]:
    """Why it cannot learn a task."""
    loss, metric = losses.load(task.loss), metric_of(task)
    for measure in (loss, metric):
        # one of the package's is made of operations that NumPy has too
        if measure.digest and measure.numpy is None:
            yield f"'{measure.name}' has no `numpy(y, logits)`"
    if loss.targets == "labels":
        yield f"it has no loss '{task.loss}', which is of labels without their places"
    elif isinstance(metric, Metric) and metric.whole is not None:
        yield f"it has no metric '{task.metric}', which is of all answers together"
    if task.carry:
        yield "it does not carry states from one sequence to the next"
    if task.spread:
        yield "it does not scale targets"
    weights = (task.splits[split].weights for split in SPLITS)
    if any(weight is not None and not np.isin(weight, (0, 1)).all() for weight in weights):
        yield "answers count by unequal weights"


def of_cell(cell: ir.Cell) -> Iterator[str]:
    """Why it cannot compute a cell."""
    if cell.named_inputs:
        yield f"it hands '{cell.name}' no inputs beside x"
    if cell.draws:
        yield f"it does not draw what '{cell.name}' draws"
    if cell.reads_time:
        yield f"it does not count the steps that '{cell.name}' reads"


def metric_of(task: Task) -> Loss | Metric:
    """What a task reports."""
    loss = losses.load(task.loss)
    return loss if task.metric == loss.metric else metrics.load(task.metric)
