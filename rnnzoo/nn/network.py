"""The network of a trial: what reads ids, recurrent layers, and a read-out, which yields logits.

In: a trial and its task.  Out: layers that a training calls with a mask, and a Keras model of the
same layers, which is what is saved.  Every weight begins with a seed of its own name, so that a
layer more leaves the others as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras

from rnnzoo import lang
from rnnzoo.errors import TrainingError
from rnnzoo.lang import counts, ir, operations
from rnnzoo.lang.buckets import parts_of_pair
from rnnzoo.lang.text import digest
from rnnzoo.nn.initial import initializer
from rnnzoo.nn.initializers import as_tensorflow
from rnnzoo.nn.layer import Recurrent
from rnnzoo.nn.packing import Packed
from rnnzoo.nn.parts import Arranged, Bias, Embedding, OneHot, Pool
from rnnzoo.nn.spare import Spared
from rnnzoo.spec.cell import Init
from rnnzoo.spec.seeds import seed_for
from rnnzoo.spec.trial import Trial
from rnnzoo.tasks import Task, arranged, unfit

Tensor = Any
EMBEDDED = 0.05  # embeddings begin evenly from -0.05 to 0.05, as in Keras


class Network:
    """The layers of a trial.

    Args:
        size: how many units its recurrent layers have, of which those that are not the trial's are
            spare (`nn.buckets`); 0 for layers of the trial's own size.

    Attributes:
        cell: with the initialisers that the trial gives it.
        model: of these layers; as it reads sequences without padding, none of its inputs is a mask.

    Raises:
        TrainingError: the task cannot have such a model.
    """

    def __init__(self, trial: Trial, task: Task, size: int = 0) -> None:
        self.cell = cell_of(trial)
        for refusal in unfit(task, trial.training, self.cell):
            raise TrainingError(refusal.problem, refusal.fix)
        self.training = trial.training
        self.inputs, self.carries = task.inputs, task.carry
        self.ids = _reader(trial, task)
        order = arranged(task, self.cell)
        self.arrange = Arranged(order, name="arranged") if order != (*sorted(order),) else None
        self.recurrent = _recurrent(self.cell, task, trial, size)
        self.between = _between(trial)
        self.read_out = _read_out(trial, task.outputs)
        inputs = keras.Input((None, self.training.width(task.inputs)), name="x")
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
        """What the recurrent layers read: ids as vectors, numbers in the order of the cell."""
        if self.ids is not None:
            return self.ids(x)
        return x if self.arrange is None else self.arrange(x)

    @property
    def packs(self) -> bool:
        """Whether `answer` takes packed batches."""
        training = self.training
        if training.bidirectional or training.pool != "last" or training.read_out_dropout:
            return False
        layer: Recurrent = self.recurrent[0]  # the only one: a stack is one layer of ours
        return layer.packs

    def answer(
        self, x: Tensor, mask: Tensor | None, training: bool, packed: Packed | None = None
    ) -> Tensor:
        """The logits for what `read` yields.

        Args:
            packed: where the steps of packed sequences are.
        """
        if packed is not None:
            (layer,) = self.recurrent
            return self._logits_of(layer.of_packed(x, packed), mask, training)
        read = x
        for number, layer in enumerate(self.recurrent):
            x = layer(self.beside(x, read) if number else x, mask=mask, training=training)
        # a layer that carries states returns them behind its output
        return self._logits_of(x[0] if self.carries else x, mask, training)

    def beside(self, x: Tensor, read: Tensor) -> Tensor:
        """The outputs of a pair of layers, and what a further pair reads beside them."""
        if not self.cell.named_inputs:
            return x
        parts = self.cell.split(read)
        named = [parts[named_input.name] for named_input in self.cell.named_in_all_layers]
        return keras.ops.concatenate([x, *named], axis=-1)

    def noisy(self, x: Tensor, noise: Tensor) -> Tensor:
        """What the recurrent layers read, with noise on x; none on what the cell reads beside
        it.
        """
        if not self.cell.named_inputs:
            return x + noise
        inputs = self.cell.inputs_in(x.shape[-1])
        return keras.ops.concatenate([(x + noise)[..., :inputs], x[..., inputs:]], axis=-1)

    def go_on(
        self, x: Tensor, mask: Tensor, training: bool, start: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """The same from these states on, of a task that carries them; and the states after it."""
        (layer,) = self.recurrent
        x, *states = layer(x, initial_state=start, mask=mask, training=training)
        return self._logits_of(x, mask, training), states

    def _logits_of(self, x: Tensor, mask: Tensor | None, training: bool) -> Tensor:
        """The logits for outputs of the recurrent layers."""
        for layer in self.between:
            if isinstance(layer, Pool):
                x = layer(x, mask=mask)
            elif isinstance(layer, keras.layers.Dropout):
                x = layer(x, training=training)
            else:
                x = layer(x)
        if self.training.tie and self.ids is not None:
            x = self.ids(x, reverse=True)  # by the embedding's own weights, transposed
        return self.read_out(x)

    def own(self) -> Network:
        """The network of the trial's own size, with the values of this one."""
        return self

    def kept(self, update: Sequence[Any], best: Sequence[Any]) -> list[Any]:
        """All that a training changes, as files have it: in the shapes of the trial's own size.

        Args:
            update: variables of the optimiser.
            best: what there is once more of each trained weight.
        """
        return [*self.model.variables, *update, *best]

    def count(self) -> dict[str, int]:
        """Trained numbers of the recurrent layers, and of the whole model."""
        recurrent = counts.weights_in(self.training, self.cell, self.inputs)
        beside = [*self.between, self.read_out, *([] if self.ids is None else [self.ids])]
        whole = recurrent + sum(layer.count_params() for layer in beside)
        return {"recurrent": recurrent, "model": whole}


def seed_of(trial: Trial, purpose: str) -> int:
    """A seed of its own for each purpose, so that none of them disturbs another."""
    return seed_for(trial.seed, purpose)


def cell_of(trial: Trial) -> ir.Cell:
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
    """What makes vectors of ids; None where the task has numbers."""
    size = trial.training.embed
    if not task.vocabulary:
        return None
    if not size:
        return OneHot(task.vocabulary, name="one_hot")
    seed, common = seed_of(trial, "embedding"), trial.init.get("*")
    first: Any = as_tensorflow(keras.initializers.RandomUniform(-EMBEDDED, EMBEDDED, seed=seed))
    if common is not None:
        first = initializer(Init.from_plain(common), {}, seed)
    return Embedding(task.vocabulary, size, embeddings_initializer=first, name="embedding")


def _recurrent(cell: ir.Cell, task: Task, trial: Trial, size: int = 0) -> list[keras.layers.Layer]:
    """One layer of ours, which is a stack by itself; or a pair of them for each layer."""
    training = trial.training
    of_each_step = task.answers_steps or training.pool != "last"

    def layer(count: int, returns_each: bool, mark: str = "") -> Recurrent:
        below = parts_of_pair(cell) if size and mark else 0
        made = partial(Spared, parts_of_inputs=below) if size else Recurrent
        return made(
            cell,
            units=size or training.units,
            layers=count,
            return_sequences=returns_each,
            return_state=task.carry,
            dropout=training.dropout,
            recurrent_dropout=training.recurrent_dropout,
            seed=seed_of(trial, f"weights{mark}"),
            name="recurrent",
        )

    if not training.bidirectional:
        return [layer(training.layers, of_each_step)]
    pairs = []
    for number in range(1, training.layers + 1):
        has_above = number < training.layers
        mark = f" of layer {number}" if number > 1 else ""
        one_way = layer(1, of_each_step or has_above, mark)
        pairs.append(keras.layers.Bidirectional(one_way, name=f"recurrent_{number}"))
    return pairs


def _between(trial: Trial) -> list[keras.layers.Layer]:
    """What stands between the recurrent layers and the read-out."""
    training = trial.training
    layers: list[keras.layers.Layer] = []
    if training.pool != "last":
        layers.append(Pool(training.pool, name="pool"))
    for number in range(1, training.hidden_layers + 1 if training.hidden else 1):
        layers.append(_dense(trial, training.hidden, f"hidden_{number}", activation="relu"))
    if training.read_out_dropout:
        seed = seed_of(trial, "read-out dropout")
        layers.append(
            keras.layers.Dropout(training.read_out_dropout, seed=seed, name="read_out_dropout")
        )
    return layers


def _read_out(trial: Trial, outputs: int) -> keras.layers.Layer:
    """A linear layer; or its bias, where its weights are those of the embedding."""
    if trial.training.tie:
        return Bias(_of_bias(trial, "read-out"), name="read_out")
    return _dense(trial, outputs, "read_out")


def _dense(trial: Trial, size: int, name: str, **options: Any) -> keras.layers.Dense:
    """A dense layer; an initialiser for all weights (`*`) is for its weights too."""
    purpose, common = name.replace("_", "-"), trial.init.get("*")
    seed = seed_of(trial, purpose)
    kernel: Any = as_tensorflow(keras.initializers.GlorotUniform(seed=seed))
    if common is not None:
        kernel = initializer(Init.from_plain(common), {}, seed)
    bias = _of_bias(trial, purpose)
    return keras.layers.Dense(
        size, kernel_initializer=kernel, bias_initializer=bias, name=name, **options
    )


def _of_bias(trial: Trial, purpose: str) -> Any:
    """How the bias of a dense layer begins."""
    common = trial.init.get("*")
    init = None if common is None else Init.from_plain(common)
    if init is None or not init.for_vectors:
        return "zeros"
    return initializer(init, {}, seed_of(trial, f"{purpose} bias"))
