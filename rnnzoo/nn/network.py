"""The network of a trial: recurrent layers and a read-out, which yields logits.

In: a trial and its task.  Out: layers that a training calls with a mask, and a Keras model of the
same layers, which is what is saved.  Every weight begins with a seed of its own name, so that a
layer more leaves the others as they were.
"""

from __future__ import annotations

import hashlib
from typing import Any

import keras

from rnnzoo import lang
from rnnzoo.errors import TrainingError
from rnnzoo.lang import counts, ir, operations
from rnnzoo.lang.text import digest
from rnnzoo.nn.initializers import as_tensorflow
from rnnzoo.nn.layer import Recurrent, initializer
from rnnzoo.spec.cell import Init
from rnnzoo.spec.trial import Trial
from rnnzoo.tasks import Task

Tensor = Any


class Network:
    """The layers of a trial.

    Attributes:
        cell: with the initialisers that the trial gives it.
        model: of these layers; as it reads sequences without padding, none of its inputs is a mask.
    """

    def __init__(self, trial: Trial, task: Task) -> None:
        self.cell = _cell(trial)
        self.inputs = task.inputs
        self.recurrent = _recurrent(self.cell, task, trial)
        self.read_out = _read_out(trial, task.outputs)
        inputs = keras.Input((None, task.inputs), name="x")
        self.model = keras.Model(inputs, self.logits(inputs), name="model")

    def logits(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        """(batch, time, inputs) -> (batch, time, outputs), or (batch, outputs) for one target a
        sequence.

        Args:
            mask: (batch, time) of bool: real steps.
        """
        return self.read_out(self.recurrent(x, mask=mask, training=training))

    def count(self) -> dict[str, int]:
        """Trained numbers of the recurrent layer, and of the whole model."""
        recurrent = counts.weights(
            self.cell, self.inputs, self.recurrent.units, self.recurrent.layers
        )
        return {"recurrent": recurrent, "model": recurrent + self.read_out.count_params()}


def seed_of(trial: Trial, purpose: str) -> int:
    """A seed of its own for each purpose, so that none of them disturbs another."""
    hashed = hashlib.sha256(f"{trial.seed} {purpose}".encode()).digest()
    return int.from_bytes(hashed[:4], "big") >> 1


def _cell(trial: Trial) -> ir.Cell:
    """The trial's cell.

    Raises:
        TrainingError: an operation of one's own was edited since the sweep began.
    """
    cell = lang.parse_text(trial.cell, file=f"<cell of {trial.variant}>")
    if operations.code(cell) and trial.cell_hash and not digest(cell).startswith(trial.cell_hash):
        raise TrainingError(
            f"an operation of {trial.variant} changed while the sweep ran",
            "give the same command again, which begins anew",
        )
    return lang.with_init(
        cell, {name: Init.from_plain(value) for name, value in trial.init.items()}
    )


def _recurrent(cell: ir.Cell, task: Task, trial: Trial) -> Recurrent:
    training = trial.training
    return Recurrent(
        cell,
        units=training.units,
        layers=training.layers,
        return_sequences=task.per == "step",
        dropout=training.dropout,
        recurrent_dropout=training.recurrent_dropout,
        seed=seed_of(trial, "weights"),
        name="recurrent",
    )


def _read_out(trial: Trial, outputs: int) -> keras.layers.Dense:
    """A linear layer; an initialiser for all weights (`*`) is for its weights too."""
    common = trial.init.get("*")
    seed = seed_of(trial, "read-out")
    kernel: Any = as_tensorflow(keras.initializers.GlorotUniform(seed=seed))
    bias: Any = "zeros"
    if common is not None:
        init = Init.from_plain(common)
        kernel = initializer(init, {}, seed)
        bias = initializer(init, {}, seed_of(trial, "read-out bias")) if init.for_vectors else bias
    return keras.layers.Dense(
        outputs, kernel_initializer=kernel, bias_initializer=bias, name="read_out"
    )
