"""A layer's step whose delays are computed for all steps at once, before the loop runs what is left
(`lang.delays`).

In: a `LayerStep`, and what makes the backend's own step of one.  Out: a `CompiledStep`.  It is
`keras.ops` around the backend's loop, and the library below differentiates it; the loop has its own
backward pass as ever.

A masked step keeps the states, so the step before is the last real one.  Where the real steps of
every sequence lie side by side, as they do where sequences are padded at an end, that is a shift by
one step; where there are gaps between them, which is seen at run time, the rows are gathered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras

from rnnzoo.backends.contract import COUNT, PADDING, CompiledStep, LayerStep, Named, Results
from rnnzoo.backends.step import TIME, Given, ProgramStep
from rnnzoo.lang import ir
from rnnzoo.lang.delays import split, step_before, this_step

Tensor = Any


@dataclass(frozen=True)
class WithoutDelays:
    """A step that is ready to run.

    Attributes:
        layer: the whole step, delays included.
        levels: what computes the delays, in this order.
        rest: the loop over what is left.
        loop: what makes a step ready to run, as it is.
    """

    layer: LayerStep
    levels: tuple[ProgramStep, ...]
    rest: CompiledStep
    loop: Callable[[LayerStep], CompiledStep]

    @cached_property
    def whole(self) -> CompiledStep:
        """The loop over everything, for plain operations where steps are masked."""
        return self.loop(self.layer)

    def run(self, given: Mapping[Named, Tensor], plain: bool) -> Results:
        """Compute a layer over whole sequences."""
        if plain and self.layer.masked:
            return self.whole.run(given, plain)
        tensors, ends = dict(given), dict[str, Tensor]()
        for level in self.levels:
            for name, rows in values_of(level, tensors).items():
                start = given["start", name]
                tensors["below", this_step(name)] = rows
                tensors["below", step_before(name)] = delayed(rows, start, given.get(PADDING))
                ends[name] = last(rows, start, given.get(PADDING), given.get(COUNT))
        results = self.rest.run(tensors, plain)
        return Results(results.sequences, {**results.last, **ends})


def without_delays(
    layer: LayerStep, kind: type[ProgramStep], loop: Callable[[LayerStep], CompiledStep]
) -> CompiledStep:
    """A step that is ready to run, its delays apart from the loop where it has any.

    Args:
        kind: the backend's own steps.
        loop: what makes a step ready to run, as it is.
    """
    # masks of recurrent dropout act on products in the loop, and are counted there
    parts = None if layer.drops else split(layer.step, layer.states, layer.shown + layer.wanted)
    if parts is None:
        return loop(layer)
    levels = tuple(stateless(layer, kind, level.names, level.step) for level in parts.levels)
    if layer.masked and any(level.is_singular for level in levels):
        return loop(layer)  # the library's derivative at padding, 0 times infinity, is no number
    states = tuple(name for name in layer.states if name not in parts.names)
    rest = loop(reading(replace(layer, states=states), parts.rest))
    return WithoutDelays(layer, levels, rest, loop)


def stateless(
    layer: LayerStep, kind: type[ProgramStep], names: Sequence[str], step: ir.Step
) -> ProgramStep:
    """What computes equations of a layer for all steps at once, ready to run."""
    shown = tuple(names)
    return kind.of(reading(replace(layer, states=(), shown=shown, wanted=shown), step))


def reading(layer: LayerStep, step: ir.Step) -> LayerStep:
    """The same of other equations, with the names that these read."""
    refs = [*ir.refs_in(step.equations, "below")]
    return replace(
        layer,
        step=step,
        inputs=tuple(name for name in layer.inputs if name in step.named_inputs),
        # a set has no order, and what is compiled is found again by these names
        below=tuple(sorted({ref.name for ref in refs})),
        weights=tuple(weight.name for weight in step.weights if weight.trained),
        fixed=tuple(weight.name for weight in step.weights if not weight.trained),
    )


def values_of(level: ProgramStep, tensors: Mapping[Named, Tensor]) -> dict[str, Tensor]:
    """What a step without states shows, at all steps, (time, batch, size) each."""
    differentiable = level.without_zeros(tensors)
    given = Given.of(level, [differentiable[argument] for argument in level.arguments])
    emitter = level.emitter(given)
    emitter.prepare(level.program.once, ())
    values = emitter.run(level.program.before, given.sequences(), given.x)
    # a loop without a step before: matrices, and what reads the number of the step
    values = emitter.run(level.program.loop, {**values, TIME: given.all_steps}, given.x)
    return {
        name: emitter.spread(
            level.program.results[name], level.step.equation(name).size, values, given.x
        )
        for name in level.shown
    }


def delayed(rows: Tensor, start: Tensor, padding: Tensor | None = None) -> Tensor:
    """What a state was before each step, (time, batch, size), of what it is after it.

    Args:
        start: what it begins with, (batch, size).
        padding: (time, batch, 1), 0 where a step keeps the states; None where none does.
    """
    ops = keras.ops
    shifted = ops.concatenate([start[None], rows[:-1]], axis=0)
    if padding is None:
        return shifted
    is_real = padding > 0
    follows = ops.concatenate([ops.zeros_like(is_real[:1]), is_real[:-1]], axis=0)
    # how often the real steps of a sequence begin anew
    runs = ops.sum(ops.cast(ops.logical_and(is_real, ops.logical_not(follows)), "int32"), axis=0)
    return ops.cond(
        ops.any(runs > 1),
        lambda: _taken(rows, start, _last_real(is_real)),
        lambda: ops.where(follows, shifted, start),
    )


def last(
    rows: Tensor, start: Tensor, padding: Tensor | None = None, count: Tensor | None = None
) -> Tensor:
    """What a state is at the end, (batch, size).

    Args:
        count: how many steps there are, where what lies behind them is not run.
    """
    ops = keras.ops
    if padding is None:
        return rows[-1] if count is None else ops.take(rows, count - 1, axis=0)
    is_real = padding[..., 0] > 0
    time = ops.shape(rows)[0]
    behind = ops.argmax(ops.cast(ops.flip(is_real, axis=0), "int32"), axis=0)
    end = ops.where(ops.any(is_real, axis=0), time - ops.cast(behind, "int32"), 0)
    return _taken(rows, start, end[None])[0]


def _last_real(is_real: Tensor) -> Tensor:
    """(time, batch) of int32: the number of the last real step before each step, counted from 1; 0
    where there is none.
    """
    ops = keras.ops
    real = ops.cast(is_real[..., 0], "int32")
    time = ops.shape(real)[0]
    numbers = ops.reshape(ops.arange(time, dtype="int32"), (-1, 1))
    # the numbers of the real steps of each sequence, in order, and then the others
    ordered = ops.sort(ops.where(real > 0, numbers, numbers + time), axis=0)
    so_far = ops.cumsum(real, axis=0) - real
    latest = ops.take_along_axis(ordered, ops.maximum(so_far - 1, 0), axis=0)
    return ops.where(so_far > 0, ops.cast(latest, "int32") + 1, 0)


def _taken(rows: Tensor, start: Tensor, numbers: Tensor) -> Tensor:
    """Rows of sequences by numbers, of each its own: from 1 on, and 0 for what it begins with.

    Args:
        numbers: (count, batch) of int32.
    """
    ops = keras.ops
    batch, size = ops.shape(start)
    flat = ops.reshape(ops.concatenate([start[None], rows], axis=0), (-1, size))
    index = numbers * batch + ops.arange(batch, dtype="int32")
    return ops.reshape(ops.take(flat, index, axis=0), (-1, batch, size))
