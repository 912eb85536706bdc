"""A layer's step without a loop: its linear states are scanned over time, and nonlinear ones are
found by Newton's method (`lang.scans`).

In: a `LayerStep` that asks for it, and what makes the backend's own step of one.  Out: a
`CompiledStep`.  A scan puts steps together in pairs, all pairs at once, and those again, in O(log
T) rounds; its reverse is a scan from the last step to the first.  Everything else is `keras.ops` on
all steps at once, which the library below differentiates.  Newton's method is the backend's.

Source: Blelloch 1990, "Prefix sums and their applications"; the reverse: Martin and Cundy 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from operator import itemgetter, mul
from typing import Any

import keras

from rnnzoo.backends.contract import COUNT, PADDING, CompiledStep, LayerStep, Named, Results
from rnnzoo.backends.delays import delayed, last, reading, stateless, values_of
from rnnzoo.backends.step import ProgramStep
from rnnzoo.lang.delays import step_before, this_step
from rnnzoo.lang.scans import Group, scans

Tensor = Any
Matrix = tuple[tuple[Tensor, ...], ...]  # of (time, batch, size) each
Vector = tuple[Tensor, ...]
# The values of nonlinear states at all steps, held where a step is not real: of a group, what
# computes its next values and their derivatives, what that reads, and which steps are real.
Settled = Callable[[Group, ProgramStep, Mapping[Named, Tensor], Tensor | None], Vector]


@dataclass(frozen=True)
class Scanned:
    """A step that is ready to run.

    Attributes:
        layer: the step as it was asked for.
        groups: its states, with what computes their coefficients.
        after: what computes all that is wanted and is no state.
        loop: what makes a step ready to run, as it is.
        settled: what computes nonlinear states; None where there are none.
    """

    layer: LayerStep
    groups: tuple[tuple[Group, ProgramStep], ...]
    after: ProgramStep
    loop: Callable[[LayerStep], CompiledStep]
    settled: Settled | None = None

    @cached_property
    def whole(self) -> CompiledStep:
        """The loop over everything, for plain operations."""
        return self.loop(self.layer)

    def run(self, given: Mapping[Named, Tensor], plain: bool) -> Results:
        """Compute a layer over whole sequences."""
        if plain:
            return self.whole.run(given, plain)
        tensors, rows, ends = dict(given), dict[str, Tensor](), dict[str, Tensor]()
        padding, count = given.get(PADDING), given.get(COUNT)
        real = _real(given, padding, count)
        for group, step in self.groups:
            starts = tuple(given["start", name] for name in group.states)
            computed = self.values(group, step, tensors, real)
            if group.has_past:
                before = [delayed(value, start) for value, start in zip(computed, starts)]
            else:
                before = [delayed(value, start, padding) for value, start in zip(computed, starts)]
            for name, start, value, old in zip(group.states, starts, computed, before):
                tensors["below", this_step(name)] = value
                tensors["below", step_before(name)] = old
                ends[name] = last(value, start, padding, count)
                rows[name] = value if group.has_past else _held(value, start, real)
        for name, value in values_of(self.after, tensors).items():
            zeros = keras.ops.zeros_like(value[0])
            rows[name] = _held(value, zeros, real)
            ends[name] = rows[name][-1]
        return Results({name: rows[name] for name in self.layer.wanted}, ends)

    def values(
        self,
        group: Group,
        step: ProgramStep,
        tensors: Mapping[Named, Tensor],
        real: Tensor | None,
    ) -> Vector:
        """The values of a group's states at all steps; of delays, as if all steps were real."""
        if not group.is_linear:
            assert self.settled is not None
            return self.settled(group, step, tensors, real)
        values = values_of(step, tensors)
        if not group.has_past:
            return tuple(values[name] for name in group.states)
        return _scanned(group, values, tuple(tensors["start", name] for name in group.states), real)


def scanned(
    layer: LayerStep,
    kind: type[ProgramStep],
    loop: Callable[[LayerStep], CompiledStep],
    settled: Settled | None = None,
) -> CompiledStep:
    """A step that is ready to run, without a loop; with one where a derivative at padding may be
    infinite, and 0 times that is no number.

    Args:
        kind: the backend's own steps.
        loop: what makes a step ready to run, as it is.
        settled: what computes nonlinear states; None where there are none.
    """
    parts = scans(layer.step, layer.states, layer.shown)
    groups = tuple((group, _step_of(group, layer, kind)) for group in parts.groups)
    after = stateless(layer, kind, parts.others, parts.after)
    if layer.masked and any(map(_is_singular, (after, *(step for _, step in groups)))):
        return loop(layer)
    return Scanned(layer, groups, after, loop, settled)


def _is_singular(step: ProgramStep) -> bool:
    """Whether a derivative at padding may be infinite: sequences have the values of a real step
    there; a step before, and the number of the step, have not.
    """
    return step.is_singular and bool(step.states or step.step.reads_time)


def _step_of(group: Group, layer: LayerStep, kind: type[ProgramStep]) -> ProgramStep:
    """What computes the equations of a group."""
    if group.is_linear:
        return stateless(layer, kind, group.equations, group.step)
    gains = tuple(group.gains.values())
    own = replace(layer, states=group.states, shown=gains, wanted=())
    return kind.of(reading(own, group.step))


def _real(
    given: Mapping[Named, Tensor], padding: Tensor | None, count: Tensor | None
) -> Tensor | None:
    """(time, batch or 1, 1) of bool: which steps are real; None where all are."""
    if padding is not None:
        return padding > 0
    if count is None:
        return None
    time = keras.ops.shape(given["input", "x"])[0]
    return keras.ops.reshape(keras.ops.arange(time, dtype="int32") < count, (-1, 1, 1))


def _scanned(
    group: Group, values: Mapping[str, Tensor], starts: Vector, real: Tensor | None
) -> Vector:
    """The values of a group's states at all steps, held where a step is not real."""
    like = values[group.equations[0]]

    def coefficient(name: str | None, otherwise: float) -> Tensor:
        value = keras.ops.zeros_like(like) if name is None else values[name]
        return value if real is None else keras.ops.where(real, value, otherwise)

    def gains_of(name: str) -> Vector:
        return tuple(
            coefficient(group.gains.get((name, previous)), float(name == previous))
            for previous in group.states
        )

    gains = tuple(map(gains_of, group.states))
    rests = tuple(coefficient(group.rests.get(name), 0.0) for name in group.states)
    return linear_scan(gains, rests, starts)


def _held(rows: Tensor, start: Tensor, real: Tensor | None) -> Tensor:
    """Rows that repeat the last real one where a step is not real."""
    if real is None:
        return rows
    ones = keras.ops.ones_like(rows)
    gains = keras.ops.where(real, 0, ones)
    (held,) = linear_scan(((gains,),), (keras.ops.where(real, rows, 0),), (start,))
    return held


# -- the scan


def linear_scan(gains: Matrix, rests: Vector, starts: Vector) -> Vector:
    """The values of `next = gains @ previous + rests` at all steps, unit by unit.

    Args:
        gains: (time, batch, size) of each entry of a small matrix.
        rests: (time, batch, size) each.
        starts: (batch, size) each, what the first step reads.
    """
    count = len(rests)

    @keras.ops.custom_gradient  # type: ignore[untyped-decorator]  # Keras has no types
    def run(*tensors: Tensor) -> tuple[Any, Callable[..., Any]]:
        matrix, added, first = _grouped(tensors, count)
        values = _forward(matrix, added, first)

        def gradient(*upstream: Any) -> tuple[Tensor, ...]:
            is_one = isinstance(upstream[0], tuple | list)  # JAX hands them over together
            return _backward(matrix, first, values, upstream[0] if is_one else upstream)

        return values, gradient

    return tuple(run(*chain.from_iterable(gains), *rests, *starts))


def _grouped(tensors: Sequence[Tensor], count: int) -> tuple[Matrix, Vector, Vector]:
    rows = [tuple(tensors[number * count : (number + 1) * count]) for number in range(count + 2)]
    return tuple(rows[:count]), rows[count], rows[count + 1]


def _forward(gains: Matrix, rests: Vector, starts: Vector) -> Vector:
    # what the first step reads is a part of what is added to it
    from_start = times(at_step(gains, 0), starts)
    first = [(rest[0] + start)[None] for rest, start in zip(rests, from_start)]
    ahead = [keras.ops.concatenate([row, rest[1:]], axis=0) for row, rest in zip(first, rests)]
    return prefixes(gains, tuple(ahead), reverse=False)


def _backward(
    gains: Matrix, starts: Vector, values: Vector, above: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """The adjoints of gains, rests and starts, from those of the values."""
    of_values = adjoints(gains, above)
    previous = [delayed(value, start) for value, start in zip(values, starts)]
    of_gains = [adjoint * value for adjoint in of_values for value in previous]
    of_starts = times(at_step(tuple(zip(*gains)), 0), tuple(adjoint[0] for adjoint in of_values))
    return (*of_gains, *of_values, *of_starts)


def adjoints(gains: Matrix, above: Sequence[Tensor]) -> Vector:
    """The adjoints of values, from what is handed to each: that, and its gain times the adjoint of
    the next one.
    """

    def of_next_step(gain: Tensor) -> Tensor:
        return keras.ops.concatenate([gain[1:], keras.ops.zeros_like(gain[:1])], axis=0)

    later = _each_entry(of_next_step, tuple(zip(*gains)))
    return prefixes(later, tuple(above), reverse=True)


def prefixes(gains: Matrix, rests: Vector, reverse: bool) -> Vector:
    """What all steps up to each one do together to zeros."""
    _, values = keras.ops.associative_scan(_composed, (gains, rests), reverse=reverse, axis=0)
    return tuple(values)


def _composed(
    earlier: tuple[Matrix, Vector], later: tuple[Matrix, Vector]
) -> tuple[Matrix, Vector]:
    """Two steps as one."""
    (first, added), (second, then) = earlier, later
    columns = [times(second, column) for column in zip(*first)]
    moved = times(second, added)
    return tuple(zip(*columns)), tuple(a + b for a, b in zip(moved, then))


def times(matrix: Matrix, vector: Vector) -> Vector:
    products = [[*map(mul, row, vector)] for row in matrix]
    return tuple(_sum(row) for row in products)


def _sum(terms: Sequence[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def at_step(matrix: Matrix, step: int) -> Matrix:
    return _each_entry(itemgetter(step), matrix)


def _each_entry(function: Callable[[Tensor], Tensor], matrix: Matrix) -> Matrix:
    return tuple(tuple(map(function, row)) for row in matrix)
