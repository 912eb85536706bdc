"""A trial's model, its data and its updates.

In: a trial and its task.  Out: epochs, scores.  What is computed is what `nn.train.Model` computes,
in another order of sums.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo import losses
from rnnzoo.bare.able import metric_of
from rnnzoo.bare.batches import Array, Batch, Extent, batch_of
from rnnzoo.bare.layer import Layer
from rnnzoo.bare.update import Update
from rnnzoo.bare.weights import GLOROT, Vector, numbers, of_layer
from rnnzoo.lang import counts, ir
from rnnzoo.losses import Loss
from rnnzoo.metrics import Metric
from rnnzoo.spec.cell import Init
from rnnzoo.spec.seeds import seed_for
from rnnzoo.spec.trial import Trial
from rnnzoo.tasks import Task

KERNEL, BIAS = "read-out kernel", "read-out bias"  # no weight of a cell has a blank in its name
EVALUATED = 256  # sequences that are scored together


@dataclass(frozen=True, slots=True)
class Score:
    loss: float
    metric: float


class Model:
    """A recurrent layer and a read-out, and how their weights are updated.

    Attributes:
        vector: all trained weights.
        updates: how many were made.
    """

    def __init__(self, trial: Trial, task: Task, cell: ir.Cell) -> None:
        self.trial, self.task, self.training = trial, task, trial.training
        self.loss, self.metric = losses.load(task.loss), metric_of(task)
        self.sizes = ir.sizes(cell, task.inputs, trial.units, 1)
        self.layer = Layer.of(cell, self.sizes, task.per == "step")
        weights = of_layer(cell, self.sizes, seed_for(trial.seed, "weights"))
        fixed = self.layer.layer.fixed
        self.fixed = {name: kernel for name, kernel in weights.items() if name in fixed}
        trained = {name: kernel for name, kernel in weights.items() if name not in fixed}
        self.vector = Vector({**trained, **_read_out(trial, task, cell, self.sizes)})
        self.gradient = Vector({name: np.zeros_like(w) for name, w in self.vector.views.items()})
        self.kernels = {**self.fixed, **self.vector.views}
        self.update = Update(self.training, self.vector.whole.size)
        self.order = np.random.default_rng(seed_for(trial.seed, "order"))
        self.batch = min(self.training.batch, len(task.splits["train"]))
        self.extents: dict[bytes, Extent] = {}
        self.weights = {
            "recurrent": counts.weights_in(self.training, cell, task.inputs),
            "model": self.vector.whole.size,
        }

    @property
    def updates(self) -> int:
        return self.update.count

    def epoch(self) -> float:
        """One pass over the training split in a new order: the mean loss before each update."""
        train = self.task.splits["train"]
        rows = self.order.permutation(len(train))
        total, count = 0.0, 0.0
        for begin in range(0, len(rows), self.batch):
            batch = batch_of(self.task, train, rows[begin : begin + self.batch], self.extents)
            total += self.updated(batch)
            count += len(batch.y)
        return total / count

    def updated(self, batch: Batch) -> float:
        """Make one update; the sum of the loss before it."""
        run = self.layer.run(self.kernels, batch, keeps=True)
        read = run.output[batch.answered]
        logits = self._logits(read)
        total = float(self._values(self.loss, batch, logits).sum())
        slopes = self.loss.slope(batch.y, logits).astype(np.float32, copy=False)
        slopes /= np.float32(self._divisor(batch))
        gradient = self.gradient.views
        np.matmul(read.T, slopes, out=gradient[KERNEL])
        np.sum(slopes, axis=0, out=gradient[BIAS])
        of_output = slopes @ self.kernels[KERNEL].T
        if self.task.per == "step":
            of_output = _at_rows(batch.answered, of_output, run.output)
        for name, value in self.layer.gradients(run, of_output).items():
            gradient[name][...] = np.transpose(value)
        self.update.apply(self.vector.whole, self.gradient.whole)
        return total

    def evaluate(self, split: str) -> Score:
        """Loss and metric of a split, averaged over all that counts."""
        sequences = self.task.splits[split]
        longest_first = np.argsort(-sequences.lengths, kind="stable")
        loss = metric = counted = 0.0
        for begin in range(0, len(sequences), EVALUATED):
            rows = longest_first[begin : begin + EVALUATED]
            batch = batch_of(self.task, sequences, rows, self.extents)
            run = self.layer.run(self.kernels, batch, keeps=False)
            logits = self._logits(run.output[batch.answered])
            loss += float(self._values(self.loss, batch, logits).sum())
            metric += float(self._values(self.metric, batch, logits).sum())
            counted += len(batch.y)
        mean = metric / counted
        if isinstance(self.metric, Metric):
            mean = self.metric.cost(self.metric.finish(mean))
        return Score(loss / counted, mean)

    def _logits(self, read: Array) -> Array:
        logits: Array = read @ self.kernels[KERNEL]
        logits += self.kernels[BIAS]
        return logits

    def _values(self, measure: Loss | Metric, batch: Batch, logits: Array) -> Array:
        """A loss or metric of each answer."""
        if measure.numpy is not None:
            return measure.numpy(batch.y, logits)
        assert measure.value is not None
        values: Array = measure.value(batch.y, logits, np)
        return values

    def _divisor(self, batch: Batch) -> int:
        return len(batch.y) if self.training.error == "mean" else batch.extent.sequences


def _at_rows(rows: Array, values: Array, like: Array) -> Array:
    """Values at these rows, and 0 at the others."""
    whole = np.zeros_like(like)
    whole[rows] = values
    return whole


def _read_out(trial: Trial, task: Task, cell: ir.Cell, sizes: ir.Sizes) -> dict[str, Array]:
    """A linear layer; an initialiser for all weights (`*`) is for its weights too."""
    common = trial.init.get("*")
    init = GLOROT if common is None else Init.from_plain(common)
    shape = sizes.of(cell.output_size), task.outputs
    kernel = numbers(init, {}, seed_for(trial.seed, "read-out"), shape)
    bias: Any = np.zeros(task.outputs, np.float32)
    if common is not None and init.for_vectors:
        bias = numbers(init, {}, seed_for(trial.seed, "read-out bias"), (task.outputs,))
    return {KERNEL: kernel.astype(np.float32), BIAS: bias.astype(np.float32)}


def is_finite(*values: float) -> bool:
    return all(map(math.isfinite, values))
