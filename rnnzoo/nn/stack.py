"""`Stack`: the layers of a recurrent layer, run one on top of the other.

In: built layers, and what a call gives them to read.  Out: outputs, and the last states of all
layers.  A layer's step is compiled once for each set of things that it reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from rnnzoo import backends
from rnnzoo.backends.contract import (
    BEFORE,
    CLOCK,
    COUNT,
    OFFSETS,
    PADDING,
    CompiledStep,
    Fit,
    LayerStep,
    Named,
    X,
)
from rnnzoo.lang import ir
from rnnzoo.lang.widen import operands
from rnnzoo.nn.packing import Packed

Tensor = Any


@dataclass(frozen=True, eq=False, slots=True)
class Built:
    """One layer of the stack: its step, sizes, weights, masks and constants.

    Attributes:
        number: from 1, the lowest.
        weights: Keras' variables by name; matrices are kept as kernels (columns, rows).
    """

    number: int
    step: ir.Step
    sizes: ir.Sizes
    weights: Mapping[str, Any]
    masks: Mapping[str, np.ndarray]
    constants: Mapping[str, np.ndarray]

    def tensors(self, dtype: str) -> dict[Named, Tensor]:
        """The weights that the step reads, masked: a mask binds the gradient too."""
        tensors: dict[Named, Tensor] = {}
        for weight in self.step.weights:
            tensor = cast(self.weights[weight.name], dtype)
            mask = self.masks.get(weight.name)
            if mask is not None:
                tensor = tensor * keras.ops.cast(mask.T, dtype)
            tensors[weight.ref.kind, weight.name] = tensor
        return tensors

    def beginning(self, state: ir.State) -> Tensor:
        """What a state begins with whose beginning is learned."""
        return keras.ops.convert_to_tensor(self.weights[ir.initial_weight(state.name)])


@dataclass(frozen=True, eq=False, slots=True)
class StackInput:
    """What a stack is run on, time first.

    Attributes:
        x: (time, batch, inputs), the named inputs of the cell last.
        start, drops: initial states and dropout masks of all layers, (batch, size) each.
        drawn: what equations draw, (time, batch, size), by the number of the layer and by name.
        of_all_layers: what the step of every layer reads, where it is given: padding, clock, count,
            and the rows of a packed batch.
    """

    x: Tensor
    start: Sequence[Tensor]
    drops: Sequence[Tensor]
    drawn: Mapping[int, Mapping[str, Tensor]]
    of_all_layers: Mapping[Named, Tensor]

    def fitted(self, fit: Fit) -> StackInput:
        """The same in a shape that is compiled already."""
        shared_by_all = dict(self.of_all_layers)
        if PADDING in shared_by_all:
            shared_by_all[PADDING] = fit.longer(shared_by_all[PADDING], real=False)
        elif fit.counted:
            shared_by_all[COUNT] = keras.ops.convert_to_tensor(fit.time, "int32")
        if CLOCK in shared_by_all:
            shared_by_all[CLOCK] = fit.wider(shared_by_all[CLOCK])
        start = [fit.wider(state) for state in self.start]
        drops = [fit.wider(mask) for mask in self.drops]
        drawn = {}
        for number, of_layer in self.drawn.items():
            drawn[number] = {name: fit.longer(numbers) for name, numbers in of_layer.items()}
        return StackInput(fit.longer(self.x), start, drops, drawn, shared_by_all)


@dataclass(frozen=True)
class _Reads:
    """What a layer's step reads beside its input, states and weights; each set of these is compiled
    by itself.

    Attributes:
        dropped: masks of recurrent dropout.
        drawn: what the equations draw; without it, they take the mean.
        of_all_layers: what every layer's step reads, such as padding.
    """

    dropped: bool
    drawn: bool
    of_all_layers: frozenset[Named]


@dataclass(frozen=True, eq=False, slots=True)
class Stack:
    """The layers of a recurrent layer, the lowest first.

    Attributes:
        dtype: in which they compute.
        each_step: whether the output of every step is wanted, not of the last one only.
        scanned: whether states are to be computed without a loop.
        compiled: each layer's step, by the layer's number and what it reads.
    """

    cell: ir.Cell
    layers: tuple[Built, ...]
    dtype: str
    each_step: bool
    scanned: bool
    compiled: dict[tuple[int, _Reads], tuple[LayerStep, CompiledStep]] = field(default_factory=dict)

    def run(
        self,
        inputs: Tensor,
        mask: Tensor | None,
        start: Sequence[Tensor],
        drops: Sequence[Tensor],
        drawn: Mapping[int, Mapping[str, Tensor]],
        clock: Tensor | None,
        plain: bool,
    ) -> tuple[Tensor, list[Tensor]]:
        """Run on sequences of one length.

        Args:
            inputs: (batch, time, inputs).
            mask: (batch, time), 0 where a step is padding.
            start, drops, drawn: as in `StackInput`.
            clock: (batch, 1), how many steps each sequence has behind it.
            plain: whether to compute by Keras' operations, not by compiled code.

        Returns:
            (batch, time, size), or the last step's (batch, size); and the last states of all
            layers.
        """
        if inputs.shape[0] == 0:
            return self._nothing(inputs), list(start)
        x = keras.ops.transpose(inputs, (1, 0, 2))  # time first, as the loop wants it
        padding = None
        if mask is not None:
            padding = keras.ops.expand_dims(keras.ops.transpose(mask, (1, 0)), -1)
        optional = {PADDING: padding, CLOCK: clock}
        of_all_layers = {name: tensor for name, tensor in optional.items() if tensor is not None}
        stack_input = StackInput(x, start, drops, drawn, of_all_layers)
        fit = None if plain else backends.for_layers().fit(x)
        if fit is None:
            output, states = self._layer_by_layer(stack_input, plain)
        else:
            output, states = self._layer_by_layer(stack_input.fitted(fit), plain)
            output = fit.cut(output) if self.each_step else fit.narrower(output)
            states = [fit.narrower(state) for state in states]
        if padding is not None:
            # as in Keras: 0 before the first real step, whatever the states begin with
            begun = _begun(padding) if self.each_step else keras.ops.any(padding > 0, axis=0)
            output = keras.ops.where(begun, output, 0)
        return keras.ops.transpose(output, (1, 0, 2)) if self.each_step else output, states

    @property
    def packs(self) -> bool:
        """Whether the backend runs all of its steps on packed batches."""
        reads = _Reads(dropped=False, drawn=False, of_all_layers=frozenset((OFFSETS, BEFORE)))
        steps = (self.compiled_step(built, reads) for built in self.layers)
        return all(backends.for_layers().packs(compiled) for _, compiled in steps)

    def run_packed(self, rows: Tensor, packed: Packed, start: Sequence[Tensor]) -> Tensor:
        """Run on sequences whose steps lie one after the other, without padding.

        Args:
            rows: (1, rows, inputs), as `Packing` orders them.

        Returns:
            (1, rows, size), or the last steps' (batch, size).
        """
        x = keras.ops.transpose(rows, (1, 0, 2))
        given = {OFFSETS: packed.offsets, BEFORE: packed.before}
        outputs, _ = self._layer_by_layer(StackInput(x, start, (), {}, given), plain=False)
        return keras.ops.transpose(outputs, (1, 0, 2)) if self.each_step else outputs

    def compiled_step(
        self, built: Built, reads: _Reads | None = None
    ) -> tuple[LayerStep, CompiledStep]:
        """A layer's step, ready to run; without `reads`, one that reads nothing more."""
        reads = reads or _Reads(dropped=False, drawn=False, of_all_layers=frozenset())
        key = (built.number, reads)
        if key not in self.compiled:
            layer_step = self._layer_step(built, reads)
            self.compiled[key] = layer_step, backends.for_layers().compiled_step(layer_step)
        return self.compiled[key]

    def _layer_step(self, built: Built, reads: _Reads) -> LayerStep:
        """What a backend is asked to compile."""
        step = built.step.with_draws_given() if reads.drawn else built.step
        is_top = built is self.layers[-1]
        above = [] if is_top else sorted(self.cell.needs_below - {self.cell.output})
        outputs = (self.cell.output, *above)
        states = tuple(state.name for state in self.cell.states)
        return LayerStep(
            step=step,
            sizes=built.sizes,
            dtype=self.dtype,
            constants=built.constants,
            states=states,
            shown=tuple(name for name in outputs if name not in states),
            # the last output of the top layer is carried to the end, and needs no sequence
            wanted=() if is_top and not self.each_step else outputs,
            below=_read_from_below(step),
            drops=len(operands(step)) if reads.dropped else 0,
            weights=tuple(weight.name for weight in step.weights if weight.trained),
            fixed=tuple(weight.name for weight in step.weights if not weight.trained),
            masked=PADDING in reads.of_all_layers,
            clocked=CLOCK in reads.of_all_layers,
            counted=COUNT in reads.of_all_layers,
            packed=OFFSETS in reads.of_all_layers,
            scanned=self.scanned,
            inputs=self._inputs_of(built, step, reads.drawn),
        )

    def _inputs_of(self, built: Built, step: ir.Step, drawn: bool) -> tuple[str, ...]:
        """Names of what the step reads at each time beside x: named inputs, then draws."""
        named = [named_input.name for named_input in self.cell.named_inputs]
        draws = self.cell.layer(built.number).draws if drawn else {}
        return tuple(name for name in (*named, *draws) if name in step.named_inputs)

    def _layer_by_layer(self, stack_input: StackInput, plain: bool) -> tuple[Tensor, list[Tensor]]:
        """Outputs (time, batch, size), or the last step's (batch, size); and the last states of all
        layers.
        """
        starts, drops = iter(stack_input.start), iter(stack_input.drops)
        reads = _Reads(
            dropped=bool(stack_input.drops),
            drawn=bool(stack_input.drawn),
            of_all_layers=frozenset(stack_input.of_all_layers),
        )
        given = self.cell.split(stack_input.x)
        x, below, states = given[ir.X], dict[str, Tensor](), list[Tensor]()
        for built in self.layers:
            step, compiled = self.compiled_step(built, reads)
            read = {**given, **stack_input.drawn.get(built.number, {})}
            # dropout masks are taken in the order in which `Recurrent` makes them: x, then operands
            tensors: dict[Named, Tensor] = {
                **{("input", name): read[name] for name in step.inputs},
                X: x * next(drops)[None] if stack_input.drops else x,
                **{("below", name): below[name] for name in step.below},
                **{("start", name): next(starts) for name in step.states},
                **{("drop", str(number)): next(drops) for number in range(step.drops)},
                **built.tensors(self.dtype),
                **stack_input.of_all_layers,
            }
            results = compiled.run(tensors, plain)
            below = dict(results.sequences)
            states += [results.last[name] for name in step.states]
            x = below.get(self.cell.output)
        return results.last[self.cell.output] if x is None else x, states

    def _nothing(self, inputs: Tensor) -> Tensor:
        """The output for no sequences at all, which TensorFlow's sums refuse to compute."""
        size = self.layers[-1].sizes.of(self.cell.output_size)
        steps = (inputs.shape[1],) if self.each_step else ()
        return keras.ops.zeros((0, *steps, size), dtype=inputs.dtype)


def cast(variable: Any, dtype: str) -> Tensor:
    """A variable's value, in the dtype of computation."""
    return keras.ops.cast(keras.ops.convert_to_tensor(variable), dtype)


def _read_from_below(step: ir.Step) -> tuple[str, ...]:
    """Names of the values of the layer below that the step reads."""
    names: set[str] = set()
    for equation in step.equations:
        names |= {ref.name for ref in ir.refs(equation.expr, "below")}
    return tuple(sorted(names))


def _begun(padding: Tensor) -> Tensor:
    """(time, batch, 1) of bool: whether a real step has come, this one included."""
    time = keras.ops.shape(padding)[0]
    steps = keras.ops.reshape(keras.ops.arange(time, dtype="int32"), (-1, 1, 1))
    # linear in time, which a cumulative sum under XLA is not
    first = keras.ops.argmax(padding, axis=0)[None]
    return keras.ops.logical_and(
        steps >= keras.ops.cast(first, "int32"), keras.ops.any(padding > 0, axis=0)[None]
    )
