"""What a task minimises and reports, as tensors: its loss and its metric on what the read-out
yields, its logits.

In: a task, which names both.  Out: a function of targets and logits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from rnnzoo import losses, metrics
from rnnzoo.errors import TrainingError
from rnnzoo.losses import Array, Loss, Tensor
from rnnzoo.metrics import Metric
from rnnzoo.tasks import Task

Criterion = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def criterion(task: Task) -> Criterion:
    """(targets, logits) -> the loss of each answer, and the metric of each: the same where the loss
    is what is reported.

    Raises:
        UsageError: there is no such loss or metric.

    What is returned raises a `TrainingError` where one of them gives another shape than that of the
    answers.
    """
    loss = losses.load(task.loss)
    metric = None if task.metric == loss.metric else metrics.load(task.metric)

    def values(y: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        of_loss = _value(loss, y, logits)
        return of_loss, of_loss if metric is None else _value(metric, y, logits)

    return values


def in_tensors(measure: Loss | Metric, y: Array, logits: Array) -> Array:
    """A loss or metric of each answer as it is trained or measured, in float32."""
    value = _value(
        measure, keras.ops.convert_to_tensor(y), keras.ops.convert_to_tensor(logits, "float32")
    )
    return np.asarray(keras.ops.convert_to_numpy(value))


def in_float64(measure: Loss | Metric, y: Array, logits: Array) -> Array:
    """A loss or metric of each answer as it is tested, in float64."""
    numpy = measure.numpy if isinstance(measure, Loss) else None
    return np.asarray(numpy(y, logits) if numpy else measure.value(y, logits, _InFloat64()), float)


class _InFloat64:
    """NumPy, and the functions of `keras.ops` that it lacks, from arrays to arrays."""

    def __getattr__(self, name: str) -> Any:
        if hasattr(np, name):
            return getattr(np, name)
        function = getattr(keras.ops, name)

        def of_arrays(*arguments: Any, **options: Any) -> Any:
            return keras.tree.map_structure(_array, function(*arguments, **options))

        return of_arrays


def _array(value: Any) -> Any:
    return keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else value


def _value(measure: Loss | Metric, y: Tensor, logits: Tensor) -> Tensor:
    """A loss or metric of each answer.

    Raises:
        TrainingError: what it gives is no tensor, or has another shape than the answers; sizes that
            are not known while a graph is traced fit.
    """
    y = keras.ops.cast(y, "int32" if measure.targets == "classes" else logits.dtype)
    value = measure.value(y, logits, keras.ops)
    called = f"the {'loss' if isinstance(measure, Loss) else 'metric'} '{measure.name}' gives"
    fix = "give one number for each answer, as by a mean over `axis=-1`"
    try:
        value = keras.ops.cast(value, logits.dtype)
    except (TypeError, ValueError) as error:
        raise TrainingError(
            f"{called} {type(value).__name__}, which is no tensor of numbers", fix
        ) from error
    shape, wanted = tuple(value.shape), tuple(logits.shape[:-1])
    if len(shape) != len(wanted) or any(len({*sizes} - {None}) > 1 for sizes in zip(shape, wanted)):
        raise TrainingError(
            f"{called} the shape {shape}, and must give {wanted} for logits of"
            f" {tuple(logits.shape)}",
            fix,
        )
    return value
