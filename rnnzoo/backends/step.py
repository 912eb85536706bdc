"""What every backend needs of a layer's step: its program and adjoint, what its loop reads, and its
arguments by name.

In: a `LayerStep`, and the tensors of its arguments.  Out: a `ProgramStep`, and `Given`, which says
how many steps to run, which of them are real, and evaluates instructions on these tensors.  Tensors
are those of `keras.ops`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self, TypeVar

import keras

from rnnzoo.backends.contract import CLOCK, COUNT, PADDING, LayerStep, Named, X
from rnnzoo.backends.emit import Emitter, Values
from rnnzoo.backends.units import ALL_UNITS, Units
from rnnzoo.lang import ir
from rnnzoo.lang.adjoint import Adjoint, adjoint
from rnnzoo.lang.program import Atom, Program
from rnnzoo.lang.widen import compile_step

Tensor = Any
Step = TypeVar("Step", bound="ProgramStep")
TIME: Named = ("time", "t")
# steps that are kept compiled, those last used: a process that makes ever new layers does not grow
# without end
MOST = 64


@dataclass(frozen=True)
class ProgramStep(LayerStep):
    """A layer's step with its program and its adjoint.

    Attributes:
        units: which units a step computes.
    """

    units: Units = ALL_UNITS

    @classmethod
    def of(cls, layer: LayerStep) -> Self:
        return cls(**{field.name: getattr(layer, field.name) for field in fields(LayerStep)})

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for engines that compute the same: what is compiled for the one serves the
        other.
        """
        # by name: the order in which a mapping was filled changes nothing that is computed
        sizes = self.sizes.units, self.sizes.inputs, tuple(sorted(self.sizes.options.items()))
        constants = tuple(
            (name, value.shape, value.tobytes()) for name, value in sorted(self.constants.items())
        )
        names = self.states, self.shown, self.wanted, self.below, self.weights, self.fixed
        read = self.inputs
        flags = self.drops, self.masked, self.clocked, self.counted, self.packed
        step = self.step.equations, sizes, self.dtype, constants, names, read, flags
        return self.units.blocks, *step

    @cached_property
    def program(self) -> Program:
        return compile_step(self.step, self.carried, drops=self.drops > 0)

    @cached_property
    def adjoint(self) -> Adjoint:
        return adjoint(self.program, self.states)

    @property
    def aliases(self) -> dict[Named, str]:
        """Under which names the instructions read what is carried."""
        return self.program.aliases(self.carried)

    @cached_property
    def rows(self) -> tuple[Named, ...]:
        """What the forward loop reads row by row; a mask of dropout is one for all steps."""
        moving: set[Named] = {X, *(("input", name) for name in self.inputs)}
        moving |= {("below", name) for name in self.below}
        for instruction in self.program.before:
            if any(key in moving for key in named(instruction.reads)):
                moving.add(("value", instruction.name))
        return tuple(key for key in named(self.program.sequences) if key in moving)

    def emitter(self, given: Given) -> Emitter:
        """What evaluates the step's instructions on these arguments."""
        return given.emitter()

    def without_zeros(self, given: Mapping[Named, Tensor]) -> Mapping[Named, Tensor]:
        """The same arguments for a library that differentiates: at padding, sequences have the
        values of a real step.

        No result depends on these, but where a step divides by what is padded with zeros, a
        library's derivative is 0 times infinity.
        """
        if PADDING not in given or not self.is_singular:
            return given
        real = given[PADDING] > 0
        moving = [key for key in given if key[0] in ("input", "below")]
        return {**given, **{key: _with_a_real_step(given[key], real) for key in moving}}

    def forward_step(
        self, emitter: Emitter, now: Values, old: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """One step of all units that the emitter evaluates: what is carried, and what is saved
        beside it.
        """
        emitter.run(self.program.loop, now, old)
        new = [
            emitter.spread(self.program.results[name], self.step.equation(name).size, now, old)
            for name in self.carried
        ]
        return new, [emitter.spread(ref, ref.shape[0], now, old) for ref in self.adjoint.saved]

    def backward_step(
        self, emitter: Emitter, now: Values, like: Tensor
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        """One step back, likewise: the adjoints of the states before it, and what is emitted."""
        back = self.adjoint
        emitter.run(back.loop, now, like)
        previous = {
            name: emitter.spread(atom, self.step.equation(name).size, now, like)
            for name, atom in back.previous.items()
        }
        return previous, [emitter.spread(ref, ref.shape[0], now, like) for ref in back.emitted]

    def arriving(self, carried: Sequence[Tensor], from_above: Mapping[str, Tensor]) -> list[Tensor]:
        """The adjoints of what a step carried out: those that the steps after it hand back, and of
        what is wanted those from above.
        """
        adjoints = dict(zip(self.carried, carried))
        for name, above in from_above.items():
            adjoints[name] = adjoints[name] + above
        return [*adjoints.values()]

    def step_back(
        self,
        emitter: Emitter,
        values: Values,
        t: Tensor,
        arriving: Sequence[Tensor],
        is_real: Tensor | None,
        like: Tensor,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """One step of the backward loop: the adjoints of what was carried into it, in the order of
        `carried`, and what is emitted.

        At padding a step repeats what is carried.  So there an adjoint is passed on to the step
        before as it is, and the instructions get 0.

        Args:
            values: what the instructions read of the step, adjoints apart.
            arriving: the adjoints of what was carried out of it.
            is_real: which sequences have a real step here; None where there is no padding.
        """
        where = keras.ops.where
        passed_on = [keras.ops.zeros_like(value) for value in arriving]
        if is_real is not None:
            passed_on = [where(is_real, 0, value) for value in arriving]
            arriving = [where(is_real, value, 0) for value in arriving]
        adjoints = {("adjoint", name): value for name, value in zip(self.carried, arriving)}
        previous, emitted = self.units.backward_step(self, emitter, {**values, **adjoints}, t, like)
        if is_real is not None:
            if self.is_singular:  # 0 times infinity is no number
                previous = {name: where(is_real, value, 0) for name, value in previous.items()}
            of_padding = dict(zip(self.carried, passed_on))
            previous = {name: value + of_padding[name] for name, value in previous.items()}
        # what no instruction reads has no adjoint of this step's own
        handed_on = [previous.get(name, value) for name, value in zip(self.carried, passed_on)]
        return handed_on, emitted

    def after_steps(
        self, given: Given, emitter: Emitter, values: Values, first: Sequence[Tensor]
    ) -> list[Tensor | None]:
        """What comes after the loop back: the adjoint of each argument, None for those that have
        none.

        Args:
            values: at all steps, what the forward loop computed and the loop back emitted.
            first: adjoints of the initial states.
        """
        back = self.adjoint
        after: Values = {**values, TIME: given.all_steps}
        emitter.run(back.after, after, given.x)
        emitter.run(back.once, after, None)

        def gradient(gradients: Mapping[str, Atom], name: str, like: Tensor) -> Tensor:
            if name not in gradients:
                return keras.ops.zeros_like(like)
            value = emitter.value(gradients[name], after)
            value = emitter.finite(value) if len(like.shape) == 3 else value
            if len(value.shape) > len(like.shape):
                return keras.ops.reshape(value, like.shape)
            return value

        adjoints: Values = dict(zip((("start", name) for name in self.states), first))
        for kind, name in self.arguments:
            if kind in ("input", "below"):
                adjoints[kind, name] = gradient(back.inputs, name, given.tensors[kind, name])
            elif kind == "weight":
                adjoints[kind, name] = gradient(back.weights, name, given.tensors[kind, name])
        return [adjoints.get(argument) for argument in self.arguments]

    @cached_property
    def is_singular(self) -> bool:
        """Whether an adjoint may be infinite in steps that are padding, whose states may still be
        0.
        """
        instructions = (*self.program.before, *self.adjoint.loop, *self.adjoint.after)
        return any(instruction.primitive.singular for instruction in instructions)


def _with_a_real_step(sequence: Tensor, real: Tensor) -> Tensor:
    """A sequence, (time, batch, size), with its first real step wherever a step is not real; with
    ones where none is.
    """
    ops = keras.ops
    rows = ops.reshape(sequence, (-1, sequence.shape[-1]))
    everywhere = ops.reshape(real, (-1,))
    # of several largest, argmax is the first
    first = ops.take(rows, ops.argmax(ops.cast(everywhere, "int32")), axis=0)
    row = ops.where(ops.any(everywhere), first, ops.ones_like(first))
    # the row stands in for padding, from which no gradient may flow to a real step
    return ops.where(real, sequence, ops.stop_gradient(row))


def first_of_equal(step: Step, made: dict[tuple[Any, ...], Step]) -> Step:
    """The step that was made first of those that compute the same, so that what is compiled for it
    serves all.

    Args:
        made: by identity, the one that was asked for last at the end; the longest unused is
            forgotten.
    """
    first = made.pop(step.identity, step)
    made[step.identity] = first
    if len(made) > MOST:
        del made[next(iter(made))]
    return first


def named(atoms: Iterable[ir.Expr]) -> Iterator[Named]:
    return ((atom.kind, atom.name) for atom in atoms if isinstance(atom, ir.Ref))


@dataclass(frozen=True, eq=False)
class Given:
    """The arguments of a step's function by name."""

    step: ProgramStep
    tensors: Mapping[Named, Tensor]

    @staticmethod
    def of(step: ProgramStep, tensors: Sequence[Tensor]) -> Given:
        return Given(step, dict(zip(step.arguments, tensors, strict=True)))

    @property
    def x(self) -> Tensor:
        return self.tensors[X]

    @property
    def start(self) -> list[Tensor]:
        return [self.tensors["start", name] for name in self.step.states]

    @property
    def padding(self) -> Tensor | None:
        return self.tensors.get(PADDING)

    @property
    def count(self) -> Tensor | None:
        return self.tensors.get(COUNT)

    def clock(self, t: Tensor) -> Tensor:
        """The number of a step, of int32: one for all sequences, or (batch, 1)."""
        return t + self.tensors[CLOCK] if CLOCK in self.tensors else t

    @property
    def all_steps(self) -> Tensor:
        """(time, 1 or batch, 1) of int32: the number of every step."""
        numbers = keras.ops.arange(self.time, dtype="int32")
        return self.clock(keras.ops.reshape(numbers, (-1, 1, 1)))

    @property
    def time(self) -> Tensor:
        return keras.ops.shape(self.x)[0]

    @property
    def batch(self) -> Tensor:
        return keras.ops.shape(self.x)[1]

    @cached_property
    def steps(self) -> Tensor | None:
        """How many steps to run: up to the last one that is real in any sequence; None for all."""
        if self.padding is None:
            return self.count
        real = keras.ops.any(self.padding > 0, axis=(1, 2))
        return keras.ops.max(
            keras.ops.where(real, keras.ops.arange(1, self.time + 1, dtype="int32"), 0)
        )

    @property
    def was_run(self) -> Tensor:
        """(time, 1, 1) of bool: whether a step was run."""
        return keras.ops.reshape(
            keras.ops.arange(self.time, dtype="int32") < self.steps, (-1, 1, 1)
        )

    def sequences(self) -> Values:
        return {key: value for key, value in self.tensors.items() if key[0] in ("input", "below")}

    def emitter(self) -> Emitter:
        """What evaluates the step's instructions on these arguments."""
        step = self.step
        fixed: Values = {
            **{
                key: value for key, value in self.tensors.items() if key[0] in ("drop", *ir.WEIGHTS)
            },
            **{
                ("constant", name): keras.ops.cast(value, step.dtype)
                for name, value in step.constants.items()
            },
        }
        constants = step.constants if step.step.reads_time else None
        return Emitter(step.sizes, step.dtype, fixed, constants=constants)
