"""What a trained model answers on a split, beside what is asked.

In: a model as trials save it, which reads sequences without padding, and its task.  Out: an answer
for each question that counts, in the order of the split; and how often each class was answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from rnnzoo.errors import UsageError
from rnnzoo.lang.primitives.activations import sigmoid
from rnnzoo.losses import Array
from rnnzoo.metrics.edit_distance import spelt
from rnnzoo.tasks import Split, Task, take

AT_ONCE = 64  # sequences of one length that are answered together


@dataclass(frozen=True, eq=False, slots=True)
class Prediction:
    """What is asked of one sequence, and answered.

    Attributes:
        sequence: its number in the split, from 0.
        steps: (n,) those that count, with one target a step; else the last.
        asked: (n, ...) targets; of labels (1, labels).
        answered: (n, ...) likewise: the likeliest class, labels with zeros behind the last, shares,
            or numbers.
        weights: (n,) how much each counts.
    """

    sequence: int
    steps: Array
    asked: Array
    answered: Array
    weights: Array


def predictions(model: Any, task: Task, name: str = "test") -> list[Prediction]:
    """What a model answers to all sequences of a split.

    Raises:
        UsageError: the task carries states from one sequence to the next, which this does not.
    """
    if task.carry:
        raise UsageError(
            f"'{task.name}' carries states from window to window, which this does not",
            "the same task without `carry`",
        )
    split = task.splits[name]
    predictions: list[Prediction] = []
    for rows in _alike(split.lengths):
        predictions += _of_rows(model, task, split, rows)
    return sorted(predictions, key=lambda prediction: prediction.sequence)


def confusion(task: Task, answers: list[Prediction]) -> Array:
    """(outputs, outputs) of classes: how much of each that was asked was answered as each."""
    counts = np.zeros((task.outputs, task.outputs))
    for answer in answers:
        np.add.at(counts, (answer.asked, answer.answered), answer.weights)
    return counts


def _alike(lengths: Array) -> Iterator[Array]:
    """Numbers of sequences of one length, a few at a time."""
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        yield from np.split(rows, range(AT_ONCE, len(rows), AT_ONCE))


def _of_rows(model: Any, task: Task, split: Split, rows: Array) -> Iterator[Prediction]:
    """Of sequences of one length."""
    length, per_step = int(split.lengths[rows[0]]), task.per == "step"
    taken = take(split, rows, length, per_step)
    x = keras.ops.cast(taken.x, "int32" if task.vocabulary else "float32")
    logits = _answered(task, np.asarray(keras.ops.convert_to_numpy(model(x)), float))
    y, answered = task.in_own_unit(taken.y), task.in_own_unit(logits)
    weights = np.ones((len(rows), length)[: 1 + per_step])
    if taken.weights is not None:
        weights = taken.weights.astype(float)
    for number, row in enumerate(rows):
        if per_step:
            counts = weights[number] > 0
            of_one = (y[number][counts], answered[number][counts], weights[number][counts])
            yield Prediction(int(row), np.flatnonzero(counts), *of_one)
        else:
            chosen = slice(number, number + 1)
            of_one = (y[chosen], answered[chosen], weights[chosen])
            yield Prediction(int(row), np.array([length - 1]), *of_one)


def _answered(task: Task, logits: Array) -> Array:
    """What logits say."""
    if task.targets == "classes":
        return np.asarray(logits.argmax(-1))
    if task.targets == "labels":
        return spelt(logits.argmax(-1))
    return np.asarray(sigmoid.numpy(logits)) if task.targets == "shares" else logits
