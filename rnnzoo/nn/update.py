"""How weights follow their gradients: one after the other, or all of them as one vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import keras
import numpy as np

from rnnzoo import backends
from rnnzoo.backends.contract import Joining

Tensor = Any


SETTINGS = ("momentum", "weight_decay")  # of an optimiser, beside its learning rate


class Setting(keras.Variable):  # type: ignore[misc]  # Keras has no types
    """A number above 0 that an optimiser reads at run time.

    Optimisers ask whether a momentum is above 0, or differs from it, while they are compiled.
    """

    def __ne__(self, other: object) -> bool:
        return True

    def __gt__(self, other: object) -> bool:
        return True


class Update(Protocol):
    """An optimiser and the weights that it changes.

    Attributes:
        optimizer: Keras' own, with variables for what Keras compiles in (`settings_of`).
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
        self,
        optimizer: keras.optimizers.Optimizer,
        weights: Sequence[keras.Variable],
        joining: Joining,
    ) -> None:
        self.optimizer, self.weights = optimizer, list(weights)
        self.joining = joining
        # in NumPy: as operations, each weight's shape would be compiled by itself
        values = [keras.ops.convert_to_numpy(weight).ravel() for weight in self.weights]
        whole = backends.current().tensor(np.concatenate(values))
        self.vector = keras.Variable(whole, name="weights")
        optimizer.build([self.vector])
        self.variables: Sequence[keras.Variable] = [self.vector, *optimizer.variables]
        self.count = optimizer.iterations

    def joined(self, gradients: Sequence[Tensor]) -> Sequence[Tensor]:
        return [self.joining.join(gradients)]

    def apply(self, joined: Sequence[Tensor]) -> None:
        self.vector.assign(self.joining.join([weight.value for weight in self.weights]))
        self.optimizer.apply(joined, [self.vector])
        pieces = self.joining.cut(self.vector.value, [weight.shape for weight in self.weights])
        for weight, piece in zip(self.weights, pieces, strict=True):
            weight.assign(piece)


def settings_of(optimizer: keras.optimizers.Optimizer) -> list[Setting]:
    """The momentum and the weight decay of a built optimiser, where it has them: variables from now
    on, so that trainings with others share what is compiled.
    """
    settings = []
    for name in SETTINGS:
        value = getattr(optimizer, name, None)
        if value:
            setting = Setting(value, trainable=False, name=name)
            setattr(optimizer, name, setting)
            settings.append(setting)
    return settings


def updating(
    optimizer: keras.optimizers.Optimizer,
    weights: Sequence[keras.Variable],
    joining: Joining | None,
) -> Update:
    """An optimiser with the weights that it changes."""
    if joining is None:
        return OneByOne(optimizer, weights)
    return AllAtOnce(optimizer, weights, joining)
