"""The engine with its loops in native code, on a CPU.

In: a step.  Out: the same engine whose two loops over time are calls of generated functions
(`backends.native`); what is computed for all steps at once stays XLA's.  Where XLA cannot call
them, as in what is exported, and for second derivatives, the scan runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from rnnzoo.backends.contract import OFFSETS, Named, Results, X
from rnnzoo.backends.emit import Emitter, Values
from rnnzoo.backends.exporting import is_exporting
from rnnzoo.backends.jax.calls import registered, shape_is_known
from rnnzoo.backends.jax.engine import Engine, Kept, real_of
from rnnzoo.backends.jax.pieces import between, join
from rnnzoo.backends.native.arguments import in_two, numbers_at
from rnnzoo.backends.native.plan import Axes, Memory, Plan, Unprintable
from rnnzoo.backends.native.planner import Loops
from rnnzoo.backends.native.write import Layout, written
from rnnzoo.backends.step import Given

Tensor = Any
NAMES = ("forward", "backward")  # of functions of a source


@dataclass(frozen=True, slots=True)
class Extent:
    """How many rows the arrays of a loop have.

    Attributes:
        steps, sequences: what the loop runs over.
        rows: axes of an array with a row for each step and sequence.
    """

    steps: int
    sequences: int
    rows: tuple[int, int]

    @staticmethod
    def of(given: Given) -> Extent:
        rows = int(given.time), int(given.batch)
        if not given.step.packed:
            return Extent(*rows, rows)
        return Extent(given.tensors[OFFSETS].shape[0] - 1, given.start[0].shape[0], rows)

    def of_memory(self, axes: Axes) -> tuple[int, ...]:
        """The axes before the last one."""
        if axes is Axes.STEPS:
            return self.rows
        return (self.sequences,) if axes is Axes.BATCH else ()


@dataclass(frozen=True)
class NativeEngine(Engine):
    """A layer's step with native loops."""

    @classmethod
    def of_engine(cls, engine: Engine) -> NativeEngine:
        """The same step.

        Raises:
            Missing: this machine compiles none.
            Unprintable: its loops have no native code, or XLA cannot call it.
        """
        native = cls(**_attributes(engine))
        if reason := native.why_not():
            raise Unprintable(reason)
        assert native.targets
        return native

    def why_not(self) -> str:
        """Why its loops are left to the scan; empty where they are not."""
        if jax.default_backend() != "cpu":
            return f"JAX computes on {jax.default_backend()}"
        return self.why_no_loops()

    def why_no_loops(self) -> str:
        """Why no generated loop computes it, on whatever machine."""
        if self.dtype != "float32":
            return f"{self.dtype} is not float32"
        if self.clocked or self.counted or self.units.blocks:
            return "its steps differ between sequences"
        return ""

    @property
    def identity(self) -> tuple[Any, ...]:
        return "native", *super().identity

    @cached_property
    def scan(self) -> Engine:
        """The engine that stands for it where native code cannot run."""
        return Engine(**_attributes(self))

    @cached_property
    def loops(self) -> tuple[Plan, Plan]:
        """Forward and backward."""
        sizes = {name: self.step.equation(name).size for name in self.carried}
        loops = Loops(self.program, self.adjoint, sizes, self.wanted, self.aliases)
        return loops.forward(), loops.backward()

    @property
    def rows_are(self) -> Layout:
        """Where the rows of steps and sequences lie."""
        if self.packed:
            return Layout.PACKED
        return Layout.MASKED if self.masked else Layout.WHOLE

    @cached_property
    def targets(self) -> tuple[str, str]:
        """Under which names XLA calls the loops."""
        source = written(dict(zip(NAMES, self.loops, strict=True)), self.rows_are)
        forward, backward = registered(source, NAMES)
        return forward, backward

    def run(self, given: Mapping[Named, Tensor], plain: bool) -> Results:
        known = shape_is_known(given[X])
        if is_exporting() or not known:
            return self.scan.run(given, plain)
        return super().run(given, plain)

    def emitter(self, given: Given) -> Emitter:
        return replace(super().emitter(given), join=join, between=between)

    def _results(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        results: list[Tensor] = self._twice(super()._results, self.scan._results)(list(tensors))
        return results

    def _forward(self, tensors: Sequence[Tensor]) -> tuple[list[Tensor], Kept]:
        results: tuple[list[Tensor], Kept] = self._twice(super()._forward, self.scan._forward)(
            list(tensors)
        )
        return results

    def _backward(
        self, tensors: Sequence[Tensor], kept: Kept, upstream: Sequence[Tensor]
    ) -> list[Tensor | None]:
        adjoints: list[Tensor | None] = self._twice(super()._backward, self.scan._backward)(
            list(tensors), kept, list(upstream)
        )
        return adjoints

    def _twice(self, native: Callable[..., Any], scan: Callable[..., Any]) -> Callable[..., Any]:
        """A function that can be differentiated twice; packed, it is of trainings alone, which want
        no second derivative.
        """
        return native if self.packed else _with_derivative_of(native, scan)

    def loop(
        self, given: Given, emitter: Emitter, values: Values, keeps: bool
    ) -> tuple[dict[str, Tensor], Sequence[Tensor], Values]:
        plan, _ = self.loops
        readable = self._there(given, emitter, values)
        outputs = self._called(self.targets[0], plan, given, readable, keeps)
        after = {name: outputs["after", name] for name in self.carried}
        saved: Values = {
            (ref.kind, ref.name): outputs[ref.kind, ref.name] for ref in self.adjoint.saved
        }
        return after, self._last(given, after), saved

    def _last(self, given: Given, after: Mapping[str, Tensor]) -> list[Tensor]:
        """What is carried at the end; of packed sequences, each at the row of its last step."""
        if not self.packed:
            return [after[name][-1] for name in self.carried]
        offsets = given.tensors[OFFSETS]
        sequences = jnp.arange(Extent.of(given).sequences)
        # the longest sequence is the first of each step: so many of them go on as it has rows
        goes_on = sequences < (offsets[1:] - offsets[:-1])[:, None]
        ends = jnp.take(offsets, jnp.maximum(goes_on.sum(axis=0) - 1, 0)) + sequences
        return [jnp.take(after[name][:, 0], ends, axis=0) for name in self.carried]

    def loop_back(
        self,
        given: Given,
        emitter: Emitter,
        now: Values,
        after: Mapping[str, Tensor],
        upstream: Sequence[Tensor],
    ) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        _, plan = self.loops
        last = upstream[len(self.wanted) :]
        values = {
            **self._there(given, emitter, now),
            **{("after", name): value for name, value in after.items()},
            **{("above", name): value for name, value in zip(self.wanted, upstream)},
            **{("last", name): value for name, value in zip(self.carried, last)},
        }
        outputs = self._called(self.targets[1], plan, given, values)
        first = [outputs["first", name] for name in self.carried]
        return first, [outputs[ref.kind, ref.name] for ref in self.adjoint.emitted]

    def _there(self, given: Given, emitter: Emitter, values: Values) -> dict[Named, Tensor]:
        """What a loop may read, by key."""
        sequences = Extent.of(given).sequences
        zeros = {
            ("start", name): jnp.zeros((sequences, self.width(name)), self.dtype)
            for name in self.shown
        }
        return {**emitter.fixed, **given.tensors, **zeros, **values}

    def _called(
        self,
        target: str,
        plan: Plan,
        given: Given,
        values: Mapping[Named, Tensor],
        keeps: bool = True,
    ) -> dict[Named, Tensor]:
        """What a loop writes, by key; unless it `keeps`, of what is saved the last step alone."""
        extent = Extent.of(given)
        counts = [extent.steps, extent.sequences, keeps]
        if self.packed:
            counts.append(extent.rows[0])
        arguments = [
            np.array([*counts, *map(self.sizes.of, plan.sizes)], np.int32),
            np.array(numbers_at(plan, self.sizes), np.float32),
        ]
        arguments += self._read(plan, given, values, extent)
        shapes = self._written(plan, extent, keeps)
        # sequential: the loop has no axis for `vmap`, which calls it once for each
        outputs = jax.ffi.ffi_call(target, shapes, vmap_method="sequential")(*arguments)
        return dict(zip((output.key for output in plan.outputs), outputs, strict=True))

    def _read(
        self, plan: Plan, given: Given, values: Mapping[Named, Tensor], extent: Extent
    ) -> list[Tensor]:
        """The arrays that a loop reads: what says which steps are real, and its inputs."""
        arrays = []
        real = real_of(given)
        if self.packed:
            arrays.append(given.tensors[OFFSETS])
        elif real is not None:
            arrays.append(jnp.broadcast_to(real[..., 0], extent.rows).astype(np.uint8))
        for argument in plan.inputs:
            if argument.memory.axes is Axes.EXACT:
                arrays += in_two(self.constants[argument.key[1]])
            else:
                arrays.append(self._laid(argument.memory, values[argument.key], extent))
        return arrays

    def _written(self, plan: Plan, extent: Extent, keeps: bool) -> list[jax.ShapeDtypeStruct]:
        """Shapes of what a loop writes."""
        one_step = replace(extent, rows=(1, extent.sequences))
        shapes = []
        for output in plan.outputs:
            # what is saved and not wanted is written over at every step
            is_written_over = output.memory in plan.kept and not keeps
            rows = one_step if is_written_over else extent
            shapes.append(jax.ShapeDtypeStruct(self._shape(output.memory, rows), np.float32))
        return shapes

    def _shape(self, memory: Memory, extent: Extent) -> tuple[int, ...]:
        return (*extent.of_memory(memory.axes), self.sizes.of(memory.sizes))

    def _laid(self, memory: Memory, value: Tensor, extent: Extent) -> Tensor:
        """An array in the shape in which a loop reads it."""
        if memory.axes is Axes.MATRIX:
            return value
        shape = self._shape(memory, extent)
        return value if value.shape == shape else jnp.broadcast_to(value, shape)


def _attributes(engine: Engine) -> dict[str, Any]:
    return {field.name: getattr(engine, field.name) for field in fields(Engine)}


def _with_derivative_of(native: Callable[..., Any], scan: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors, differentiated as another that computes the same."""

    @jax.custom_vjp  # type: ignore[untyped-decorator]  # mypy does not read JAX
    def function(*tensors: Any) -> Any:
        return native(*tensors)

    def forward(*tensors: Any) -> tuple[Any, Any]:
        return function(*tensors), tensors

    def backward(tensors: Any, adjoints: Any) -> Any:
        return jax.vjp(scan, *tensors)[1](adjoints)

    function.defvjp(forward, backward)
    made: Callable[..., Any] = function
    return made
