"""What a task minimises and reports, as tensors: its loss and its metric on what the read-out
yields, its logits.

In: a task, which names both.  Out: a function of targets and logits, and what the means of its
metric are turned into.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from rnnzoo import backends, losses, metrics
from rnnzoo.errors import TrainingError
from rnnzoo.losses import WHOLE, Array, Loss, Tensor
from rnnzoo.metrics import Metric
from rnnzoo.tasks import Split, Task, packed

BLANK = 0  # the output that is no label
NOT = -1e9  # a logit of what is answered for sure not to be
Criterion = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def criterion(task: Task) -> Criterion:
    """(targets, logits) -> the loss of each answer, and the metric of each; where no answer has one
    of its own, the loss once more.

    Raises:
        UsageError: there is no such loss or metric.

    What is returned raises a `TrainingError` where one of them gives another shape than that of the
    answers.
    """
    loss, metric = losses.load(task.loss), named(task, task.metric)
    is_loss = isinstance(metric, Loss) and not task.spread
    has_own = metric.value is not None and not is_loss

    def values(y: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        of_loss = _value(loss, y, logits)
        if not has_own:
            return of_loss, of_loss
        return of_loss, _value(metric, *(task.in_own_unit(values) for values in (y, logits)))

    return values


def cost_of_mean(task: Task) -> Callable[[float], float] | None:
    """(mean of the metric of each answer) -> cost; None where it is a cost of all answers."""
    metric = named(task, task.metric)
    if not isinstance(metric, Metric):
        return metrics.as_it_is
    return None if metric.whole else lambda mean: metric.cost(metric.finish(mean))


def cost_of_all(task: Task, y: Array, logits: Array, weights: Array) -> float:
    """What a task's metric, which is of all answers together, says of these; as for `of_all`."""
    metric = named(task, task.metric)
    assert isinstance(metric, Metric)  # a loss is of each answer
    return metric.cost(of_all(metric, y, logits, weights))


def named(task: Task, name: str) -> Loss | Metric:
    """What a task calls so: its loss, or a metric."""
    loss = losses.load(task.loss)
    return loss if name == loss.metric else metrics.load(name)


def of_all(measure: Loss | Metric, y: Array, logits: Array, weights: Array) -> float:
    """The score of all answers together.

    Args:
        y: (n,) of classes, (n, labels), or (n, outputs).
        logits: (n, outputs), or of labels (n, time, outputs).
        weights: (n,) how much each counts.
    """
    exact = logits.astype(np.float64)
    if isinstance(measure, Metric) and measure.whole is not None:
        return float(measure.whole(y, exact, weights.astype(np.float64)))
    mean = float(np.average(in_float64(measure, y, exact), weights=weights))
    return float(measure.finish(mean)) if isinstance(measure, Metric) else mean


def class_weights(task: Task) -> Array:
    """(classes,) by how much the loss of an answer is multiplied so that each class of train counts
    the same; 1 on average over train's answers, and 0 for a class that train lacks.
    """
    train = packed(task.splits["train"], task.per == "step")
    counts = np.bincount(train.counted, train.counts, task.outputs)
    present = counts > 0
    weights = np.zeros(task.outputs, np.float32)
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights


def mean_weight(task: Task) -> float | None:
    """What an answer of train counts on average; None where those that count do so alike."""
    counts = packed(task.splits["train"], task.per == "step").counts
    if counts is None or not counts.size or bool((counts == 1).all()):
        return None
    return float(counts.mean(dtype=float))


def has_answers(split: Split, per_step: bool) -> Array:
    """(sequences,) whether each sequence has an answer that counts."""
    arrays = packed(split, per_step)
    if arrays.shares is None or not arrays.per_step:
        return np.ones(len(split), bool)
    return np.asarray(np.maximum.reduceat(arrays.shares, arrays.starts) > 0)


def blank_padding(logits: Tensor, mask: Tensor) -> Tensor:
    """Answers to labels, (batch, time, outputs): those of steps that are padding are the blank, for
    sure, so that they change nothing.
    """
    blank = keras.ops.where(keras.ops.arange(logits.shape[-1]) == BLANK, 0.0, NOT)
    return keras.ops.where(mask[..., None], logits, keras.ops.cast(blank, logits.dtype))


def joined(arrays: Sequence[Array]) -> Array:
    """Arrays of several batches as one; answers to labels may have unequal numbers of steps, and
    what is missing is the blank.
    """
    if arrays[0].ndim < 3:
        return np.concatenate(arrays)
    time = max(array.shape[1] for array in arrays)
    whole = np.full((sum(map(len, arrays)), time, arrays[0].shape[2]), NOT, arrays[0].dtype)
    whole[..., BLANK] = 0
    begin = 0
    for array in arrays:
        whole[begin : begin + len(array), : array.shape[1]] = array
        begin += len(array)
    return whole


def in_tensors(measure: Loss | Metric, y: Array, logits: Array) -> Array:
    """A loss or metric of each answer as it is trained or measured, in float32."""
    value = _value(
        measure, keras.ops.convert_to_tensor(y), keras.ops.convert_to_tensor(logits, "float32")
    )
    return np.asarray(keras.ops.convert_to_numpy(value))


def in_float64(measure: Loss | Metric, y: Array, logits: Array) -> Array:
    """A loss or metric of each answer as it is tested, in float64."""
    assert measure.value is not None, f"{measure.name} has no value of each answer"
    if measure.numpy is not None:
        return np.asarray(measure.numpy(y, logits), float)
    return np.asarray(measure.value(y, logits, _InFloat64()), float)


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
    y = keras.ops.cast(y, "int32" if measure.targets in WHOLE else logits.dtype)
    assert measure.value is not None, f"{measure.name} has no value of each answer"
    value = measure.value(y, logits, backends.current().operations)
    called = f"the {'loss' if isinstance(measure, Loss) else 'metric'} '{measure.name}' gives"
    fix = "give one number for each answer, as by a mean over `axis=-1`"
    try:
        value = keras.ops.cast(value, logits.dtype)
    except (TypeError, ValueError) as error:
        raise TrainingError(
            f"{called} {type(value).__name__}, which is no tensor of numbers", fix
        ) from error
    axes = 2 if measure.targets == "labels" else 1  # of logits that are one answer
    shape, wanted = tuple(value.shape), tuple(logits.shape[:-axes])
    if len(shape) != len(wanted) or any(len({*sizes} - {None}) > 1 for sizes in zip(shape, wanted)):
        raise TrainingError(
            f"{called} the shape {shape}, and must give {wanted} for logits of"
            f" {tuple(logits.shape)}",
            fix,
        )
    return value
