"""`Spared`: a recurrent layer some of whose units may be spare, for models of several sizes.

In: a cell and a bucket's size.  Out: a layer of that size which computes for a model of fewer units
what a layer of that model's size computes, in any backend.  Which units are real is said by
variables that are not trained, and so by values of run time: `values_for` has them for a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from rnnzoo.backends.contract import Named
from rnnzoo.lang import ir, reference
from rnnzoo.lang.buckets import layout_of
from rnnzoo.lang.spare import SpareStep, Use, with_spare
from rnnzoo.nn.layer import Recurrent
from rnnzoo.nn.packing import Packed
from rnnzoo.nn.stack import Built, cast

Tensor = Any


@dataclass(frozen=True, eq=False, slots=True)
class BuiltWithSpare(Built):
    """One layer of the stack some of whose units may be spare.

    Attributes:
        spare: its step, and how to make that step's arguments.
        values: which units are real, as variables by the names of `spare.shapes`.
    """

    spare: SpareStep
    values: Mapping[str, Any]

    def tensors(self, dtype: str) -> dict[Named, Tensor]:
        """The arguments of the step that are the same at all times, made of weights and values."""
        values = self.values_in(dtype)
        tensors: dict[Named, Tensor] = {}
        for weight in self.step.weights:
            if weight.name in self.spare.uses:
                tensor = self._used(self.spare.uses[weight.name], values, dtype)
            else:
                tensor = values[weight.name]
            tensors[weight.ref.kind, weight.name] = tensor
        return tensors

    def beginning(self, state: ir.State) -> Tensor:
        # (with two arguments: slots make the class anew, and `super()` would know the old one)
        value = super(BuiltWithSpare, self).beginning(state)
        return self.copied(value, state.size, value.dtype)

    def copied(self, tensor: Tensor, size: ir.Size, dtype: str) -> Tensor:
        """A tensor in which spare units along the last axis are copies of real ones."""
        real, last = self.real(dtype), len(tensor.shape) - 1
        return self.spare.layout.filled(keras.ops, tensor, last, size, "copies", real, self.sizes)

    def real(self, dtype: str) -> Mapping[str, Tensor]:
        """Which units are real, 1 or 0, by size."""
        return self.spare.real(self.values_in(dtype))

    def values_in(self, dtype: str) -> dict[str, Tensor]:
        """`values`, as tensors of a dtype."""
        return {name: cast(variable, dtype) for name, variable in self.values.items()}

    def _used(self, use: Use, values: Mapping[str, Tensor], dtype: str) -> Tensor:
        weight = cast(self.weights[use.weight.name], dtype)
        return self.spare.argument(keras.ops, use, weight, values, self.sizes, is_kernel=True)


@keras.saving.register_keras_serializable(package="rnnzoo")
class Spared(Recurrent):
    """A layer with spare units; its outputs of them are 0.

    Its weights begin at 0, and are given values as those of a model among spare entries, whatever
    these are: spare entries count for nothing and have no gradient.

    Args:
        parts_of_inputs: in how many parts its inputs lie, where they are outputs of layers with
            spare units (`lang.buckets`).

    Raises:
        NoSpare: the layers of this cell cannot have spare units.
    """

    def __init__(self, *arguments: Any, parts_of_inputs: int = 0, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.parts_of_inputs = parts_of_inputs
        numbers = range(1, self.layers + 1)
        self._spare_steps = tuple(self._spare_step(number) for number in numbers)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "parts_of_inputs": self.parts_of_inputs}

    def call(  # Keras looks at the names of its arguments
        self,
        inputs: Tensor,
        initial_state: Sequence[Tensor] | Mapping[str, Tensor] | Tensor | None = None,
        mask: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        results = super().call(self._with_copies(inputs), initial_state, mask, training)
        if self.return_state:
            output, *states = results
            return (self._without_spare(output), *states)
        return self._without_spare(results)

    def of_packed(self, rows: Tensor, packed: Packed) -> Tensor:
        return self._without_spare(super().of_packed(self._with_copies(rows), packed))

    def values_for(self, model: Recurrent) -> dict[int, np.ndarray]:
        """What the variables beside the weights are where a model's layer lies in this one, by the
        variable's `id`; both are built.

        Raises:
            NoSpare: the model has no room here.
        """
        values: dict[int, np.ndarray] = {}
        for built, own in self._layers_with(model):
            of_model = built.spare.values(self.cell, own.sizes, built.sizes)
            for name, value in of_model.items():
                values[id(built.values[name])] = np.array(value.T)
        return values

    def indices_for(self, model: Recurrent) -> dict[int, tuple[np.ndarray, ...]]:
        """What takes the numbers of the model's layer out of each weight, by the weight's `id`."""
        indices: dict[int, tuple[np.ndarray, ...]] = {}
        for built, own in self._layers_with(model):
            layout = built.spare.layout
            for weight in self._weights_of(built.number):
                shape = tuple(reversed(weight.shape))
                index = layout.index(shape, own.sizes, built.sizes)
                indices[id(built.weights[weight.name])] = index
        return indices

    def outputs_of(self, model: Recurrent) -> np.ndarray:
        """Where the outputs of the model's layer lie among those of this one."""
        *_, (built, own) = self._layers_with(model)
        return built.spare.layout.positions(self.cell.output_size, own.sizes, built.sizes)

    @property
    def output_size(self) -> int:
        """How many outputs it has at a step, spare ones included."""
        return self._output_size()

    def _layers_with(self, model: Recurrent) -> Iterator[tuple[BuiltWithSpare, Built]]:
        yield from zip(self._spared(), model._built().layers, strict=True)

    def _spared(self) -> list[BuiltWithSpare]:
        return [built for built in self._built().layers if isinstance(built, BuiltWithSpare)]

    def _weights_of(self, number: int) -> list[ir.Weight]:
        """The weights of a layer, with what states learn to begin with."""
        return [*self.cell.layer(number).weights, *self.cell.learned]

    def _spare_step(self, number: int) -> SpareStep:
        layout = layout_of(self.cell, number, self.parts_of_inputs)
        return with_spare(self.cell, self.cell.layer(number), layout)

    def _build_layer(self, inputs: int, number: int) -> BuiltWithSpare:
        sizes = ir.sizes(self.cell, inputs, self.units, number)
        spare = self._spare_steps[number - 1]
        weights = {
            weight.name: self._zeros(number, weight.name, weight.shape, sizes, weight.trained)
            for weight in self._weights_of(number)
        }
        values = {}
        for place, (name, shape) in enumerate(spare.shapes.items()):
            # Keras' names of variables have no slashes, as sizes have
            values[name] = self._zeros(number, f"value_{place}", shape, sizes, trained=False)
        fixed = tuple(
            constant for constant in self.cell.constants if constant.name not in spare.depending
        )
        constants = reference.constants(replace(self.cell, constants=fixed), sizes)
        return BuiltWithSpare(
            number, spare.step, sizes, weights, {}, constants, spare=spare, values=values
        )

    def _zeros(
        self, number: int, name: str, shape: ir.Shape, sizes: ir.Sizes, trained: bool
    ) -> Any:
        return self.add_weight(
            shape=tuple(reversed(sizes.shape(shape))),
            initializer="zeros",
            trainable=trained,
            name=self._label(number, name),
        )

    def _with_copies(self, inputs: Tensor) -> Tensor:
        """What the first layer reads, with copies of real inputs for those that are spare."""
        if not self.parts_of_inputs:
            return inputs
        lowest = self._spared()[0]
        given = self.cell.split(keras.ops.cast(inputs, self.compute_dtype))
        given[ir.X] = lowest.copied(given[ir.X], "inputs", self.compute_dtype)
        return keras.ops.concatenate([*given.values()], axis=-1)

    def _without_spare(self, output: Tensor) -> Tensor:
        """Outputs with 0 for spare units: what reads them need not know, and has no gradient."""
        size, highest = self.cell.output_size, self._spared()[-1]
        if not highest.spare.layout.spares(size):
            return output
        real = highest.real(self.compute_dtype)[str(size)]
        return keras.ops.where(real > 0, output, 0)
