"""The network of a trial: what reads ids, recurrent layers, and a read-out, which yields logits.

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
from rnnzoo.nn.parts import Embedding, OneHot
from rnnzoo.spec.cell import Init
from rnnzoo.spec.trial import Trial
from rnnzoo.tasks import Task

Tensor = Any
EMBEDDED = 0.05  # embeddings begin evenly from -0.05 to 0.05, as in Keras


class Network:
    """The layers of a trial.

    Attributes:
        cell: with the initialisers that the trial gives it.
        model: of these layers; as it reads sequences without padding, none of its inputs is a mask.
    """

    def __init__(self, trial: Trial, task: Task) -> None:
        self.cell = _cell(trial)
        self.ids = _reader(trial, task)
        self.width = trial.training.width(task.inputs)
        self.recurrent = _recurrent(self.cell, task, trial)
        self.read_out = _read_out(trial, task.outputs)
        inputs = keras.Input((None, self.width), name="x")
        if self.ids is not None:
            inputs = keras.Input((None, 1), dtype="int32", name="x")
        self.model = keras.Model(inputs, self.logits(inputs), name="model")

    def logits(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        """(batch, time, inputs), or (batch, time, 1) of ids -> (batch, time, outputs), or (batch,
        outputs) for one target a sequence.

        Args:
            mask: (batch, time) of bool: real steps.
        """
        return self.answer(self.read(x), mask, training)

    def read(self, x: Tensor) -> Tensor:
        """What the recurrent layers read: ids as vectors, numbers as they are."""
        return x if self.ids is None else self.ids(x)

    def answer(self, x: Tensor, mask: Tensor | None, training: bool) -> Tensor:
        """The logits for what `read` yields."""
        return self.read_out(self.recurrent(x, mask=mask, training=training))

    def count(self) -> dict[str, int]:
        """Trained numbers of the recurrent layer, and of the whole model."""
        recurrent = counts.weights(
            self.cell, self.width, self.recurrent.units, self.recurrent.layers
        )
        beside = [self.read_out, *([] if self.ids is None else [self.ids])]
        whole = recurrent + sum(layer.count_params() for layer in beside)
        return {"recurrent": recurrent, "model": whole}


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


def _reader(trial: Trial, task: Task) -> OneHot | Embedding | None:
    """What makes vectors of ids; None where the task has numbers.

    Raises:
        TrainingError: an embedding of numbers is asked for.
    """
    size = trial.training.embed
    if size and not task.vocabulary:
        raise TrainingError(
            f"`embed: {size}` is for ids, and '{task.name}' has numbers", "delete it from `model:`"
        )
    if not task.vocabulary:
        return None
    if not size:
        return OneHot(task.vocabulary, name="one_hot")
    seed, common = seed_of(trial, "embedding"), trial.init.get("*")
    first: Any = as_tensorflow(keras.initializers.RandomUniform(-EMBEDDED, EMBEDDED, seed=seed))
    if common is not None:
        first = initializer(Init.from_plain(common), {}, seed)
    return Embedding(task.vocabulary, size, embeddings_initializer=first, name="embedding")


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
