"""Models of different sizes in networks of one size: a trial's network in one of its bucket.

In: a trial, its task and a size (`lang.ladder`).  Out: `InBucket`, a network of that size in which
the trial's own lies.  Values go there with `to_bucket`, and back with `from_bucket`.

Weights begin with the numbers that they have in a network of the trial's own size, and what is
computed is equal but for the last digits (`lang.spare`).  Spare entries of weights are 0 and stay
0: their gradients are 0, so that a norm of all gradients is that of the model, weight decay leaves
them alone, and so does every optimiser.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from rnnzoo.nn.layer import Recurrent
from rnnzoo.nn.network import Network
from rnnzoo.nn.spare import Spared
from rnnzoo.spec.trial import Trial
from rnnzoo.tasks import Task

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """Where a variable of a model lies in one of its bucket.

    Attributes:
        source: the number of the model's variable; None where it has none, and `whole` is the
            value.
        whole: a value of the bucket's shape, 0 where the model's numbers go.
        index: where these go, in the order of the model's numbers.
    """

    source: int | None
    whole: Array
    index: Array


@dataclass(frozen=True, eq=False, slots=True)
class Fitting:
    """How a trial's network lies in one of its bucket.

    Attributes:
        places: of each variable of the bucket's network, in the order of `Network.model.variables`.
        trained: where the numbers of all trained weights, one after the other, lie among those of
            the bucket, of which there are `length`.
    """

    places: tuple[Place, ...]
    trained: Array
    length: int

    def to_bucket(self, arrays: Sequence[Array]) -> list[Array]:
        """The variables of a model as those of its bucket, those included that say where it is."""
        values = []
        for place in self.places:
            value = place.whole.copy()
            if place.source is not None:
                value.reshape(-1)[place.index] = np.ravel(arrays[place.source])
            values.append(value)
        return values

    def from_bucket(self, arrays: Sequence[Array], shapes: Sequence[Sequence[int]]) -> list[Array]:
        """The variables of a model, of these shapes, out of those of its bucket."""
        values: dict[int, Array] = {}
        for place, array in zip(self.places, arrays, strict=True):
            if place.source is not None:
                numbers = np.ravel(array)[place.index]
                values[place.source] = numbers.reshape(shapes[place.source])
        return [values[number] for number in range(len(shapes))]


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """The model's numbers in a variable of its bucket, as a variable of the model's shape."""

    variable: Any
    index: Array
    shape: tuple[int, ...]

    def assign(self, value: Array) -> None:
        whole = np.array(self.variable)
        whole.reshape(-1)[self.index] = np.ravel(value)
        self.variable.assign(whole)

    def __array__(self, *arguments: Any, **options: Any) -> Array:
        return np.ravel(np.asarray(self.variable))[self.index].reshape(self.shape)


def _of_update(variable: Any, fitting: Fitting) -> Any:
    """The model's part of a variable of the update rule: of what it keeps for each weight.  A
    number, such as the count of updates, is the model's as it is.
    """
    if tuple(variable.shape) != (fitting.length,):
        return variable
    return Part(variable, fitting.trained, (len(fitting.trained),))


class InBucket(Network):
    """A trial's network as part of one of its bucket's size, with the values that it begins with.

    Attributes:
        alone: the trial's own network, of its own size.
        fitting: how the one lies in the other.

    Raises:
        TrainingError: the task cannot have such a model.
        NoSpare: it does not lie in networks of this size.
    """

    def __init__(self, trial: Trial, task: Task, size: int) -> None:
        self.alone = Network(trial, task)
        super().__init__(trial, task, size)
        self.fitting = _fitting(self, self.alone)
        begun = [keras.ops.convert_to_numpy(variable) for variable in self.alone.model.variables]
        for variable, value in zip(
            self.model.variables, self.fitting.to_bucket(begun), strict=True
        ):
            variable.assign(value)

    def count(self) -> dict[str, int]:
        return self.alone.count()

    def kept(self, update: Sequence[Any], best: Sequence[Any]) -> list[Any]:
        own, fitting = self.alone.model, self.fitting
        pairs = zip(self.model.variables, fitting.places, strict=True)
        of_model = {
            place.source: Part(variable, place.index, tuple(own.variables[place.source].shape))
            for variable, place in pairs
            if place.source is not None
        }
        # Keras' variables compare by value, so that they are known by their identity here
        by_variable = {id(part.variable): part for part in of_model.values()}
        trained = zip(best, self.model.trainable_variables, strict=True)
        return [
            *(of_model[number] for number in range(len(own.variables))),
            *(_of_update(variable, fitting) for variable in update),
            *(replace(by_variable[id(weight)], variable=kept) for kept, weight in trained),
        ]

    def own(self) -> Network:
        """The trial's own network, with the values that its variables have here."""
        values = [keras.ops.convert_to_numpy(variable) for variable in self.model.variables]
        own = self.alone.model.variables
        shapes = [tuple(variable.shape) for variable in own]
        for variable, value in zip(own, self.fitting.from_bucket(values, shapes), strict=True):
            variable.assign(value)
        return self.alone


def _fitting(network: Network, alone: Network) -> Fitting:
    values: dict[int, Array] = {}
    indices: dict[int, tuple[Array, ...]] = {}
    pairs = list(zip(_recurrent(network), _recurrent(alone), strict=True))
    for layer, own in pairs:
        assert isinstance(layer, Spared)
        values |= layer.values_for(own)
        indices |= layer.indices_for(own)
    reading = _reading(network)
    rows = _outputs(pairs[-2:] if network.training.bidirectional else pairs[-1:])
    indices[id(reading.kernel)] = np.ix_(rows, np.arange(reading.kernel.shape[1]))
    sources = iter(range(len(alone.model.variables)))
    places = tuple(
        _place(variable, values, indices, sources) for variable in network.model.variables
    )
    by_variable = dict(zip(map(id, network.model.variables), places, strict=True))
    trained = network.model.trainable_variables
    ends = np.cumsum([0, *(np.prod(variable.shape, dtype=int) for variable in trained)])
    in_vector = [first + by_variable[id(variable)].index for first, variable in zip(ends, trained)]
    return Fitting(places, np.concatenate(in_vector), int(ends[-1]))


def _place(
    variable: Any,
    values: Mapping[int, Array],
    indices: Mapping[int, tuple[Array, ...]],
    sources: Iterator[int],
) -> Place:
    """Where a variable of a model lies; all but `values` are in the same order in both networks."""
    shape = tuple(variable.shape)
    if id(variable) in values:
        return Place(None, values[id(variable)].astype(variable.dtype), np.arange(0))
    numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    index = indices.get(id(variable), ())
    return Place(next(sources), np.zeros(shape, variable.dtype), np.ravel(numbers[index]))


def _recurrent(network: Network) -> list[Recurrent]:
    """All layers of ours, of both directions."""
    layers = []
    for layer in network.recurrent:
        is_pair = isinstance(layer, keras.layers.Bidirectional)
        layers += [layer.forward_layer, layer.backward_layer] if is_pair else [layer]
    return layers


def _reading(network: Network) -> keras.layers.Dense:
    """The layer that reads the outputs of the recurrent ones."""
    dense = [layer for layer in network.between if isinstance(layer, keras.layers.Dense)]
    return [*dense, network.read_out][0]


def _outputs(pairs: Sequence[tuple[Recurrent, Recurrent]]) -> Array:
    """Where the outputs of a model lie among those of the bucket, both directions side by side."""
    positions, first = [], 0
    for layer, own in pairs:
        assert isinstance(layer, Spared)
        positions.append(first + layer.outputs_of(own))
        first += layer.output_size
    return np.concatenate(positions)
