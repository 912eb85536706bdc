"""The loops over time of one layer: compiled (`backends.native`), or interpreted where this machine
has no compiler.

In: values of all steps, as rows without padding, and values that no step changes.  Out: values of
all steps.  Matrices are in the orientation of the equations, (rows, columns).
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from rnnzoo.backends.contract import LayerStep, Named
from rnnzoo.backends.native import build
from rnnzoo.backends.native.arguments import in_two, numbers_at
from rnnzoo.backends.native.build import Missing
from rnnzoo.backends.native.plan import Argument, Axes, Plan, Unprintable
from rnnzoo.backends.native.planner import Loops
from rnnzoo.backends.native.write import Layout, written
from rnnzoo.bare.batches import Extent
from rnnzoo.lang import ir
from rnnzoo.lang.adjoint import Adjoint
from rnnzoo.lang.interpret import Evaluator, value_of
from rnnzoo.lang.program import Program

Array = np.ndarray[Any, Any]
Values = dict[Named, Array]
DTYPE = "float32"
ZERO = ir.Number(0.0)


class LayerLoops(Protocol):
    """Both loops of a layer."""

    @property
    def compiled(self) -> bool:
        """Whether they are native code."""

    def forward(self, fixed: Values, moving: Values, extent: Extent, keeps: bool) -> Values:
        """From the first step to the last.

        Args:
            fixed: what no step changes; and `("start", name)` of all that is carried, (sequences,
                size).
            moving: what is read row by row, (rows, size).
            keeps: whether what the backward loop reads is wanted.

        Returns:
            `("after", name)` of all that is carried, and what is saved, (rows, size).
        """

    def backward(self, fixed: Values, moving: Values, extent: Extent) -> Values:
        """From the last step to the first.

        Args:
            fixed: likewise; and `("last", name)`, (sequences, size), the adjoints of what is
                carried at the end.
            moving: likewise; and `("above", name)`, the adjoints of what is wanted.

        Returns:
            `("first", name)`, (sequences, size), the adjoints of what is carried into the first
            step, and what is emitted, (rows, size).
        """


def loops_of(layer: LayerStep, program: Program, adjoint: Adjoint) -> LayerLoops:
    """The loops of a layer: compiled where that can be had here."""
    try:
        return NativeLoops.of(layer, program, adjoint)
    except (Missing, Unprintable):
        return InterpretedLoops.of(layer, program, adjoint)


@dataclass(frozen=True, eq=False)
class NativeLoops:
    """Loops as C++."""

    loops: tuple[NativeLoop, NativeLoop]
    compiled: bool = True

    @staticmethod
    def of(layer: LayerStep, program: Program, adjoint: Adjoint) -> NativeLoops:
        """The compiled loops.

        Raises:
            Missing: this machine compiles none.
            Unprintable: an operation has no native code.
        """
        sizes = {name: layer.step.equation(name).size for name in layer.carried}
        loops = Loops(program, adjoint, sizes, layer.wanted, program.aliases(layer.carried))
        plans = {"forward": loops.forward(), "backward": loops.backward()}
        source = written(plans, Layout.PACKED)
        library = build.load(source, tool=build.for_processor(quickly=True))
        forward, backward = (
            NativeLoop.of(layer, plan, getattr(library, name)) for name, plan in plans.items()
        )
        return NativeLoops((forward, backward))

    def forward(self, fixed: Values, moving: Values, extent: Extent, keeps: bool) -> Values:
        return self.loops[0]({**fixed, **moving}, extent, keeps)

    def backward(self, fixed: Values, moving: Values, extent: Extent) -> Values:
        return self.loops[1]({**fixed, **moving}, extent, keeps=True)


@dataclass(frozen=True, slots=True)
class _Rows:
    """An array that a loop reads or writes: whose value it is, what its rows are, and their
    length.
    """

    key: Named
    axes: Axes
    width: int
    kept: bool

    def shape(self, extent: Extent, keeps: bool = True) -> tuple[int, ...]:
        if self.axes is Axes.STEPS:  # of what is not kept, one step is written again and again
            return extent.rows if keeps or not self.kept else extent.sequences, self.width
        return (extent.sequences, self.width) if self.axes is Axes.BATCH else (self.width,)

    def laid(self, value: Array, extent: Extent) -> Array:
        """An array in the shape in which a loop reads it."""
        if self.axes is Axes.MATRIX:
            value = value.T  # a kernel, (columns, rows)
        elif value.shape != (shape := self.shape(extent)):
            value = np.broadcast_to(value, shape)
        return np.ascontiguousarray(value, DTYPE)


@dataclass(frozen=True, eq=False, slots=True)
class NativeLoop:
    """A loop as a function of C++, which is called with the addresses of arrays.

    Attributes:
        sizes: what it reads behind the numbers of steps and sequences.
        numbers: options and sizes that it reads as floats.
        exact: constants in two arrays of float32, whose sum is meant.
    """

    function: Any
    inputs: tuple[_Rows, ...]
    outputs: tuple[_Rows, ...]
    sizes: tuple[int, ...]
    numbers: Array
    exact: Mapping[Named, tuple[Array, Array]]

    @staticmethod
    def of(layer: LayerStep, plan: Plan, function: Any) -> NativeLoop:
        """A loop at a layer's sizes."""
        function.restype = None
        sizes = layer.sizes

        def rows(argument: Argument) -> _Rows:
            memory = argument.memory
            width = sizes.of(memory.sizes)
            return _Rows(argument.key, memory.axes, width, memory in plan.kept)

        inputs = tuple(map(rows, plan.inputs))
        exact = {
            array.key: in_two(layer.constants[array.key[1]])
            for array in inputs
            if array.axes is Axes.EXACT
        }
        return NativeLoop(
            function,
            inputs,
            tuple(map(rows, plan.outputs)),
            tuple(map(sizes.of, plan.sizes)),
            np.array(numbers_at(plan, sizes), np.float32),
            exact,
        )

    def __call__(self, values: Values, extent: Extent, keeps: bool) -> Values:
        """What it writes.

        Args:
            keeps: whether what is saved is wanted at every step.
        """
        counts = extent.steps, extent.sequences, keeps, extent.rows, *self.sizes
        arrays = [np.array(counts, np.int32), self.numbers, extent.offsets]
        for array in self.inputs:
            if array.axes is Axes.EXACT:
                arrays += self.exact[array.key]
            else:
                arrays.append(array.laid(values[array.key], extent))
        outputs = {array.key: np.empty(array.shape(extent, keeps), DTYPE) for array in self.outputs}
        self.function(_addresses(arrays), _addresses([*outputs.values()]))
        return outputs


def _addresses(arrays: Sequence[Array]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


@dataclass(frozen=True, eq=False)
class InterpretedLoops:
    """Loops as NumPy operations, one step and one instruction after the other.

    An update takes 1.6 to 2 times as long with 50 sequences, and 4 times with 4 (docs/evolve.md).
    """

    layer: LayerStep
    program: Program
    adjoint: Adjoint
    steps: tuple[Evaluator, Evaluator]
    compiled: bool = False

    @staticmethod
    def of(layer: LayerStep, program: Program, adjoint: Adjoint) -> InterpretedLoops:
        steps = (program.loop, adjoint.loop)
        forward, backward = (Evaluator.of(step, layer.sizes, DTYPE) for step in steps)
        return InterpretedLoops(layer, program, adjoint, (forward, backward))

    def forward(self, fixed: Values, moving: Values, extent: Extent, keeps: bool) -> Values:
        layer, saved = self.layer, self.adjoint.saved if keeps else ()
        results = {("after", name): self.program.results[name] for name in layer.carried}
        results |= {(ref.kind, ref.name): ref for ref in saved}
        state = {name: fixed["start", name] for name in layer.states}
        outputs: dict[Named, list[Array]] = {key: [] for key in results}
        for begin, end in zip(extent.offsets, extent.offsets[1:]):
            now = {**fixed, **{key: value[begin:end] for key, value in moving.items()}}
            # the longest sequence is the first of each step: those that are over are the last
            now |= {("previous", name): value[: end - begin] for name, value in state.items()}
            self.steps[0](now)
            for key, atom in results.items():
                outputs[key].append(value_of(atom, now, layer.sizes, end - begin))
            state = {name: outputs["after", name][-1] for name in layer.states}
        return _joined(outputs)

    def backward(self, fixed: Values, moving: Values, extent: Extent) -> Values:
        layer, back = self.layer, self.adjoint
        arriving = {name: fixed["last", name].copy() for name in layer.carried}
        outputs: dict[Named, list[Array]] = {(ref.kind, ref.name): [] for ref in back.emitted}
        for begin, end in reversed([*zip(extent.offsets, extent.offsets[1:])]):
            rows, count = {key: value[begin:end] for key, value in moving.items()}, end - begin
            now = {**fixed, **rows}
            for name, value in arriving.items():
                above = rows.get(("above", name), 0)
                now["adjoint", name] = value[:count] + above
            self.steps[1](now)
            for ref in back.emitted:
                outputs[ref.kind, ref.name].append(value_of(ref, now, layer.sizes, count))
            for name, value in arriving.items():
                before = back.previous.get(name, ZERO)
                # of sequences that are over here, it stays until the loop comes to their last step
                value[:count] = value_of(before, now, layer.sizes, count) if before != ZERO else 0
        first: Values = {("first", name): value for name, value in arriving.items()}
        return first | _joined({key: rows[::-1] for key, rows in outputs.items()})


def _joined(rows: Mapping[Named, Sequence[Array]]) -> Values:
    return {key: np.concatenate(arrays).astype(DTYPE, copy=False) for key, arrays in rows.items()}
