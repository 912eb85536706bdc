"""What a task minimises and reports, as tensors: its loss and its metric on what the read-out yields, its logits.

In: a task, which names both.  Out: a function of targets and logits.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from rnnzoo import losses, metrics
from rnnzoo.losses import Array, Loss, Tensor
from rnnzoo.metrics import Metric
from rnnzoo.tasks import Task

Criterion = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def criterion(task: Task) -> Criterion:
    """(targets, logits) -> the loss of each answer, and the metric of each: the same where the loss is what is reported.

    Raises:
        UsageError: there is no such loss or metric.
    """
    loss = losses.load(task.loss)
    metric = None if task.metric == loss.metric else metrics.load(task.metric)

    def values(y: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        of_loss = _value(loss, y, logits)
        return of_loss, of_loss if metric is None else _value(metric, y, logits)

    return values


def in_tensors(what: Loss | Metric, y: Array, logits: Array) -> Array:
    """A loss or metric of each answer as it is trained or measured, in float32."""
    value = _value(what, keras.ops.convert_to_tensor(y), keras.ops.convert_to_tensor(logits, "float32"))
    return np.asarray(keras.ops.convert_to_numpy(value))


def _value(what: Loss | Metric, y: Tensor, logits: Tensor) -> Tensor:
    y = keras.ops.cast(y, "int32" if what.targets == "classes" else logits.dtype)
    return keras.ops.cast(what.value(y, logits, keras.ops), logits.dtype)
