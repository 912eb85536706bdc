"""A trained model -> what its cell does, in float64: values of every equation, and gradients of the
last step's loss.

In: a Keras model of a `Recurrent` layer and a linear read-out, as trials save it, and sequences of
a task.  Out: NumPy arrays from the reference and from the engine's own adjoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from rnnzoo import losses
from rnnzoo.errors import UsageError
from rnnzoo.lang import ir, memory, reference
from rnnzoo.nn.layer import Recurrent
from rnnzoo.nn.parts import Arranged, Bias, Embedding, OneHot, Pool

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False, slots=True)
class NumpyModel:
    """A model's numbers.

    Attributes:
        layers: a mapping a layer, name -> array in the orientation of the equations.
        read_out: kernel and bias of its dense layers, those before the last of rectified units:
            logits = output @ kernel + bias.
        pool: what is read out where a sequence has one target.
        order: of the inputs that the model is given, as its layers read them; empty: as they are.
        vectors: of ids, one below the other; None where the model reads numbers.
    """

    cell: ir.Cell
    units: int
    layers: tuple[Mapping[str, Array], ...]
    read_out: tuple[tuple[Array, Array], ...]
    vectors: Array | None = None
    pool: str = "last"
    order: tuple[int, ...] = ()

    def read(self, x: Array) -> Array:
        """What the recurrent layers read, in float64."""
        if self.vectors is not None:
            return self.vectors[x[..., 0]]
        return x.astype(np.float64)[..., list(self.order)] if self.order else x.astype(np.float64)


def numpy_model(model: Any) -> NumpyModel:
    """The numbers of a model.

    Raises:
        UsageError: it is not a recurrent layer of ours with a read-out, or it reads in both
            directions.
    """
    if any(isinstance(layer, keras.layers.Bidirectional) for layer in model.layers):
        raise UsageError(
            "this model reads in both directions, and what cells do is shown in one",
            "a model without `bidirectional`",
        )
    layers_of_ours = [layer for layer in model.layers if isinstance(layer, Recurrent)]
    read_out = _read_out(model)
    if len(layers_of_ours) != 1 or not read_out:
        raise UsageError(
            "this model is not one recurrent layer of rnnzoo's with a read-out",
            "take a model of a sweep",
        )
    (layer,) = layers_of_ours
    named = {name: value.astype(np.float64) for name, value in layer.weights_by_name().items()}
    if layer.layers == 1:
        layers: tuple[dict[str, Array], ...] = (named,)
    else:
        layers = tuple({} for _ in range(layer.layers))
        for label, value in named.items():
            number, _, name = label.partition(".")
            layers[int(number) - 1][name] = value
    pool = next((part.pool for part in model.layers if isinstance(part, Pool)), "last")
    order = next((tuple(part.order) for part in model.layers if isinstance(part, Arranged)), ())
    return NumpyModel(layer.cell, layer.units, layers, read_out, _vectors(model), pool, order)


def _read_out(model: Any) -> tuple[tuple[Array, Array], ...]:
    """Kernel and bias of each dense layer; those that are tied have the vectors' kernel."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense | Bias)]
    return tuple(
        (np.asarray(kernel, np.float64), np.asarray(bias, np.float64))
        for kernel, bias in map(partial(_kernel_and_bias, model), layers)
    )


def _kernel_and_bias(model: Any, layer: Any) -> tuple[Array, Array]:
    if isinstance(layer, Bias):  # the vectors are the weights
        vectors = _vectors(model)
        assert vectors is not None
        return vectors.T, layer.get_weights()[0]
    kernel, bias = layer.get_weights()
    return kernel, bias


def _vectors(model: Any) -> Array | None:
    """The vector of each id, (ids, size)."""
    for layer in model.layers:
        if isinstance(layer, OneHot):
            return np.eye(layer.vocabulary)
        if isinstance(layer, Embedding):
            return np.asarray(layer.get_weights()[0], np.float64)
    return None


def values(model: NumpyModel, x: Array, lengths: Array) -> tuple[Mapping[str, Array], ...]:
    """Every equation's value at every step: a mapping a layer, name -> (sequences, time, size)."""
    return reference.run(
        model.cell, model.layers, model.read(x), model.units, keep=real(x, lengths)
    ).values


def predictions(model: NumpyModel, output: Array) -> Array:
    """The read-out's logits for what it reads: outputs of the last layer, pooled where the model
    pools.
    """
    *hidden, (kernel, bias) = model.read_out
    for hidden_kernel, hidden_bias in hidden:
        output = np.maximum(output @ hidden_kernel + hidden_bias, 0)
    return np.asarray(output @ kernel + bias)


def upstream(model: NumpyModel, output: Array, slope: Array) -> Array:
    """The gradient of what is read out, from that of the logits."""
    *hidden, (last, _) = model.read_out
    shut = []
    for kernel, bias in hidden:
        output = np.maximum(output @ kernel + bias, 0)
        shut.append(output == 0)
    slope = slope @ last.T
    for (kernel, _), closed in zip(reversed(hidden), reversed(shut)):
        slope = np.where(closed, 0, slope) @ kernel.T
    return slope


def gradients(model: NumpyModel, loss: str, x: Array, y: Array) -> dict[str, Array]:
    """Norms of d loss_T / d state_t, (lags, sequences) for each state (`lang.memory`), T being the
    last step.

    Args:
        loss: of the task.
        x: (sequences, time, inputs), all of the same length.
        y: the targets of the last step.

    Raises:
        UsageError: there are several layers, or all steps are read out.
    """
    if len(model.layers) != 1:
        raise UsageError("gradients are drawn for one layer", "--set layers=1")
    if model.pool != "last":
        raise UsageError(
            "gradients are drawn from the last step, and this model reads all of them out",
            "--set model.pool=last",
        )
    output = values(model, x, np.full(len(x), x.shape[1]))[0][model.cell.output][:, -1]
    slope = losses.load(loss).slope(y, predictions(model, output))
    begin = upstream(model, output, slope)
    return memory.norms(model.cell, model.layers[0], model.read(x), model.units, begin)


def outputs(cell: ir.Cell, weights: Mapping[str, Array], x: Array, units: int) -> Array:
    """What the compiled layer yields at every step, (sequences, time, size), in float64: for
    comparisons with the reference.
    """
    layer = Recurrent(cell, units, return_sequences=True, dtype="float64")
    layer.build((None, None, x.shape[-1]))
    layer.set_weights_by_name(weights)
    return np.asarray(keras.ops.convert_to_numpy(layer(x)))


def real(x: Array, lengths: Array) -> Array:
    """(sequences, time) of bool: which steps are no padding."""
    return np.arange(x.shape[1])[None, :] < np.asarray(lengths)[:, None]
