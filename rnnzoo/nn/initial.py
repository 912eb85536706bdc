"""`InitialWeights`: with which initialiser each weight of a recurrent layer begins.

In: what a cell says of a weight, what a user says of it, and the layer's seed.  Out: an initialiser
of Keras'.  What the user says counts most; then what the cell's expressions compute.  Each weight
has a seed of its own, so that a weight more in a cell leaves the others as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.philox import open_uniform
from rnnzoo.lang.start import beginning, by_columns, expressions
from rnnzoo.nn.arguments import ByName
from rnnzoo.nn.initializers import AsComputed, SideBySide, SpectralRadius, as_tensorflow
from rnnzoo.spec.cell import Init
from rnnzoo.spec.seeds import seed_for

Tensor = Any


@dataclass(frozen=True, eq=False, slots=True)
class InitialWeights:
    """How the weights of one recurrent layer begin.

    Attributes:
        asked: what the user wants, by label of a weight.
        seed: of the layer; None draws from Keras' global generator.
        backwards: whether the layer reads sequences from their ends.  Its seeds are others than
            those of its twin: `keras.layers.Bidirectional` makes both from one configuration.
    """

    asked: ByName
    seed: int | None
    backwards: bool

    def of(
        self,
        label: str,
        number: int,
        weight: ir.Weight,
        sizes: ir.Sizes,
        computed: Mapping[str, np.ndarray],
    ) -> Any:
        """The initialiser of a weight's kernel (columns, rows).

        Args:
            label: under which the user knows the weight.
            number: of the weight's layer in the stack, from 1.
            computed: numbers of the weights that begin with an expression.
        """
        asked = self._asked(label, number, weight.name)
        if asked:
            return asked
        if weight.name in computed:
            return AsComputed(computed[weight.name].T)
        blocks = by_columns(weight, sizes)
        if blocks:
            return self._side_by_side(number, weight.name, blocks, sizes)
        return initializer(weight.init, sizes.options, self._seed_of(number, weight.name))

    def computed(
        self, cell: ir.Cell, number: int, sizes: ir.Sizes, constants: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """The numbers of the weights that begin with an expression, by name."""
        return expressions(cell, number, sizes, constants, partial(self._uniform, number))

    def _uniform(self, number: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers between 0 and 1 for a weight of a layer."""
        drawn = keras.initializers.RandomUniform(seed=self._seed_of(number, name))
        return open_uniform(drawn.seed, shape)  # where the layer has no seed, one of Keras' choice

    def _side_by_side(
        self,
        number: int,
        name: str,
        blocks: Sequence[tuple[str, tuple[int, ...]]],
        sizes: ir.Sizes,
    ) -> SideBySide:
        """The initialiser of a matrix on joined vectors, whose columns for each vector begin as a
        matrix of their own does.
        """
        initializers = []
        for place, (kind, shape) in enumerate(blocks):
            seed = self._seed_of(number, f"{name}[:, {place}]")
            initializers.append((initializer(Init(kind), sizes.options, seed), shape[1]))
        return SideBySide(initializers)

    def _asked(self, label: str, number: int, name: str) -> Any:
        """The initialiser that a user wants for a weight, or None; with a seed of the weight's own
        unless it is the only one.

        An initialiser with a seed yields the same numbers whenever it is called.
        """
        asked = self.asked.of(label)
        config = asked.get_config() if isinstance(asked, keras.initializers.Initializer) else {}
        # a generator of seeds, written as a mapping, has another seed for each call
        if "seed" not in config or isinstance(config["seed"], Mapping):
            return asked
        alone = not self.asked.shared(label)
        if config["seed"] is None:
            seed = self._seed_of(number, name)
            if seed is None and alone:
                return asked
            return type(asked).from_config({**config, "seed": seed})
        if alone:
            return asked
        return type(asked).from_config({**config, "seed": seed_of(config["seed"], number, name)})

    def _seed_of(self, number: int, name: str) -> int | None:
        if self.seed is None:
            return None
        return seed_of(self.seed, number, f"{name} backwards" if self.backwards else name)


def seed_of(seed: int, number: int, name: str) -> int:
    """A seed for what has this name in layer `number`."""
    return seed_for(seed, f"{number} {name}")


def initializer(
    init: Init, options: Mapping[str, float], seed: int | None
) -> keras.initializers.Initializer:
    """Keras' initialiser of that meaning."""
    start, make = beginning(init, options), keras.initializers
    match start.kind, start.numbers:
        case "constant", (value,):
            return as_tensorflow(make.Constant(value))
        case "identity", (gain,):
            return make.Identity(gain)
        case "orthogonal", (gain,):
            return as_tensorflow(make.Orthogonal(gain, seed=seed))
        case "normal", (deviation,):
            return as_tensorflow(make.RandomNormal(0.0, deviation, seed=seed))
        case "spectral_radius", (radius, density):
            return SpectralRadius(radius, density, seed)
        case "uniform", (low, high):
            return as_tensorflow(make.RandomUniform(low, high, seed=seed))
        case _, (scale,):
            distribution = "uniform" if start.distribution == "uniform" else "truncated_normal"
            return as_tensorflow(make.VarianceScaling(scale, start.fan, distribution, seed=seed))
    raise AssertionError(start)


def masked(made: keras.initializers.Initializer, mask: np.ndarray) -> Callable[..., Tensor]:
    """What an initialiser yields, with 0 where a weight has no entry: a regulariser or a constraint
    sees what acts.
    """

    def masked_numbers(shape: Sequence[int], dtype: str | None = None, **options: Any) -> Tensor:
        value = made(shape, dtype=dtype, **options)
        return value * keras.ops.cast(mask, value.dtype)

    return masked_numbers
