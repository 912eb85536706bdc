"""How weights follow their gradients: one after the other, or all of them as one vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import keras
import numpy as np

from rnnzoo import backends

Tensor = Any


class Update(Protocol):
    """An optimiser and the weights that it changes.

    Attributes:
        optimizer: Keras' own.
        variables: all that it reads or writes, the weights left out.
        count: how many updates were made, a variable.
    """

    optimizer: keras.optimizers.Optimizer
    variables: Sequence[keras.Variable]
    count: keras.Variable

    def joined(self, gradients: Sequence[Tensor]) -> Sequence[Tensor]:
        """The gradients as they are clipped and applied."""

    def apply(self, joined: Sequence[Tensor]) -> None:
        """Change every weight by its gradient."""


class OneByOne:
    """Each weight by itself, as Keras does it."""

    def __init__(
        self, optimizer: keras.optimizers.Optimizer, weights: Sequence[keras.Variable]
    ) -> None:
        self.optimizer, self.weights = optimizer, list(weights)
        optimizer.build(self.weights)
        self.variables: Sequence[keras.Variable] = optimizer.variables
        self.count = optimizer.iterations

    def joined(self, gradients: Sequence[Tensor]) -> Sequence[Tensor]:
        return gradients

    def apply(self, joined: Sequence[Tensor]) -> None:
        self.optimizer.apply(joined, self.weights)


class AllAtOnce:
    """All weights as one vector.

    Every optimiser that a training can have changes each number by itself, so that the update is
    the same.  It is a few large kernels instead of some for each weight: the epoch of a peephole
    LSTM, which has 17 weights, compiles to 106 kernels instead of 147.
    """

    def __init__(
        self, optimizer: keras.optimizers.Optimizer, weights: Sequence[keras.Variable]
    ) -> None:
        self.optimizer, self.weights = optimizer, list(weights)
        # in NumPy: as operations, each weight's shape would be compiled by itself
        values = [keras.ops.convert_to_numpy(weight).ravel() for weight in self.weights]
        whole = backends.current().tensor(np.concatenate(values))
        self.vector = keras.Variable(whole, name="weights")
        optimizer.build([self.vector])
        self.variables: Sequence[keras.Variable] = [self.vector, *optimizer.variables]
        self.count = optimizer.iterations

    def joined(self, gradients: Sequence[Tensor]) -> Sequence[Tensor]:
        return [_joined(gradients)]

    def apply(self, joined: Sequence[Tensor]) -> None:
        self.vector.assign(_joined(self.weights))
        self.optimizer.apply(joined, [self.vector])
        begin = 0
        for weight in self.weights:
            size = int(np.prod(weight.shape))
            weight.assign(keras.ops.reshape(self.vector.value[begin : begin + size], weight.shape))
            begin += size


def updating(
    optimizer: keras.optimizers.Optimizer, weights: Sequence[keras.Variable], at_once: bool
) -> Update:
    """An optimiser with the weights that it changes."""
    return AllAtOnce(optimizer, weights) if at_once else OneByOne(optimizer, weights)


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    return keras.ops.concatenate([keras.ops.reshape(tensor, (-1,)) for tensor in tensors])
