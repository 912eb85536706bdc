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
from rnnzoo.nn.layer import Built, Recurrent
from rnnzoo.nn.packing import Packed
from rnnzoo.spec.cell import Init

Tensor = Any


@dataclass(frozen=True, eq=False, slots=True)
class OfLayer:
    """What one layer of a stack has beside its weights.

    Attributes:
        values: variables by the names of `spare.shapes`.
    """

    spare: SpareStep
    values: Mapping[str, Any]


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
        self._of_layers: dict[int, OfLayer] = {}

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
            of_layer = self._of_layers[built.number]
            for name, value in of_layer.spare.values(self.cell, own.sizes, built.sizes).items():
                values[id(of_layer.values[name])] = np.array(value.T)
        return values

    def indices_for(self, model: Recurrent) -> dict[int, tuple[np.ndarray, ...]]:
        """What takes the numbers of the model's layer out of each weight, by the weight's `id`."""
        indices: dict[int, tuple[np.ndarray, ...]] = {}
        for built, own in self._layers_with(model):
            layout = self._of_layers[built.number].spare.layout
            for weight in self._weights_of(built.number):
                shape = tuple(reversed(weight.shape))
                index = layout.index(shape, own.sizes, built.sizes)
                indices[id(built.weights[weight.name])] = index
        return indices

    def outputs_of(self, model: Recurrent) -> np.ndarray:
        """Where the outputs of the model's layer lie among those of this one."""
        *_, (built, own) = self._layers_with(model)
        layout = self._of_layers[built.number].spare.layout
        return layout.positions(self.cell.output_size, own.sizes, built.sizes)

    @property
    def output_size(self) -> int:
        """How many outputs it has at a step, spare ones included."""
        return self._output_size()

    def _layers_with(self, model: Recurrent) -> Iterator[tuple[Built, Built]]:
        yield from zip(self._built(), model._built(), strict=True)

    def _weights_of(self, number: int) -> list[ir.Weight]:
        """The weights of a layer, with what states learn to begin with."""
        learned = [
            ir.Weight(f"initial_{state.name}", (state.size,), Init("zeros"))
            for state in self.cell.states
            if state.initial == "learned"
        ]
        return [*self.cell.layer(number).weights, *learned]

    def _spare_step(self, number: int) -> SpareStep:
        layout = layout_of(self.cell, number, self.parts_of_inputs)
        return with_spare(self.cell, self.cell.layer(number), layout)

    def _step(self, number: int, drawn: bool) -> ir.Step:
        step = self._spare_steps[number - 1].step
        return step.with_draws_given() if drawn else step

    def _build_layer(self, inputs: int, number: int) -> Built:
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
        self._of_layers[number] = OfLayer(spare, values)
        fixed = tuple(each for each in self.cell.constants if each.name not in spare.depending)
        constants = reference.constants(replace(self.cell, constants=fixed), sizes)
        return Built(number, sizes, weights, {}, constants)

    def _zeros(
        self, number: int, name: str, shape: ir.Shape, sizes: ir.Sizes, trained: bool
    ) -> Any:
        return self.add_weight(
            shape=tuple(reversed(sizes.shape(shape))),
            initializer="zeros",
            trainable=trained,
            name=self._label(number, name),
        )

    def _tensors(self, built: Built) -> dict[Named, Tensor]:
        """The arguments of a step that are the same at all steps, made of weights and values."""
        spare, values = self._of_layers[built.number].spare, self._values(built.number)
        tensors: dict[Named, Tensor] = {}
        for weight in spare.step.weights:
            if weight.name in spare.uses:
                use = spare.uses[weight.name]
                tensor = self._used(built, use, values)
            else:
                tensor = values[weight.name]
            tensors[weight.ref.kind, weight.name] = tensor
        return tensors

    def _used(self, built: Built, use: Use, values: Mapping[str, Tensor]) -> Tensor:
        tensor = self._cast(built.weights[use.weight.name])
        spare = self._of_layers[built.number].spare
        return spare.argument(keras.ops, use, tensor, values, built.sizes, is_kernel=True)

    def _values(self, number: int) -> dict[str, Tensor]:
        values = self._of_layers[number].values
        return {name: self._cast(variable) for name, variable in values.items()}

    def _cast(self, variable: Any) -> Tensor:
        return keras.ops.cast(keras.ops.convert_to_tensor(variable), self.compute_dtype)

    def _beginning(self, built: Built, state: ir.State) -> Tensor:
        value = super()._beginning(built, state)
        return self._copied(value, state.size, built.number)

    def _with_copies(self, inputs: Tensor) -> Tensor:
        """What the first layer reads, with copies of real inputs for those that are spare."""
        if not self.parts_of_inputs:
            return inputs
        given = self.cell.split(keras.ops.cast(inputs, self.compute_dtype))
        given[ir.X] = self._copied(given[ir.X], "inputs", 1)
        return keras.ops.concatenate([*given.values()], axis=-1)

    def _copied(self, tensor: Tensor, size: ir.Size, number: int) -> Tensor:
        """A tensor in which spare units along the last axis are copies of real ones."""
        spare, sizes = self._of_layers[number].spare, self._sizes(number)
        real, last = spare.real(self._values(number)), len(tensor.shape) - 1
        return spare.layout.filled(keras.ops, tensor, last, size, "copies", real, sizes)

    def _without_spare(self, output: Tensor) -> Tensor:
        """Outputs with 0 for spare units: what reads them need not know, and has no gradient."""
        size, spare = self.cell.output_size, self._of_layers[self.layers].spare
        if not spare.layout.spares(size):
            return output
        real = spare.real(self._values(self.layers))[str(size)]
        return keras.ops.where(real > 0, output, 0)
