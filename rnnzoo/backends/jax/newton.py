"""Nonlinear states at all steps by Newton's method.

In: a group of states whose units read themselves and no other (`lang.scans`), and what its step
reads.  Out: its values at every step.  A guess of all steps at once is put into the equations; what
comes out differs from the guess, and how far the states have to move is a linear recurrence, whose
gains are the derivatives at the guess, so a scan.  Where the states settle, that takes a few rounds
however long the sequences are.  Where they do not, as those of a chaotic cell, the loop computes
them.

The adjoints of the settled values are a linear recurrence too: one scan, from the last step back.

Source: Lim et al. 2024, "Parallelizing non-linear sequential models over the sequence length"
(DEER); that the gains are a diagonal: Gonzalez et al. 2024, "Towards scalable and stable
parallelization of nonlinear RNNs", whose approximation is exact where units are apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import jax
from jax import lax
from jax import numpy as jnp

from rnnzoo.backends.contract import Named
from rnnzoo.backends.emit import Emitter, Values
from rnnzoo.backends.scans import Matrix, Tensor, Vector, adjoints, at_step, prefixes, times
from rnnzoo.backends.step import TIME, Given, ProgramStep, named
from rnnzoo.lang.program import reads
from rnnzoo.lang.scans import Group

# After which the loop computes what has not settled.  With the weights that they begin with, on 64
# and 512 random inputs, indrnn, whose relu has a kink, takes 11 and 21 rounds, brc 8, unicornn 4
# and sru 2.
MOST_ROUNDS = 64
# Rounds end when no state moves further than that, in units of a number's precision.  They double
# the number of right digits, so what is left is of the size of rounding errors.
SETTLED = 100


class Operands(NamedTuple):
    """What the equations read beside the previous values.

    Attributes:
        rows: with an axis of steps.
        still: the same at every step; `fixed` of it, what an emitter has.
    """

    rows: Values
    still: Values
    fixed: Values


def settled(
    group: Group, step: ProgramStep, tensors: Mapping[Named, Tensor], real: Tensor | None
) -> Vector:
    """The values of a group's states at all steps, held where a step is not real.

    Args:
        step: what computes the next values and their derivatives.
        tensors: what it reads.
        real: (time, batch or 1, 1) of bool; None where all steps are.
    """
    program = step.program
    given = Given.of(step, [tensors[argument] for argument in step.arguments])
    emitter = step.emitter(given)
    emitter.prepare(program.once, ())
    values = emitter.run(program.before, given.sequences(), given.x)
    read: Values = {(ref.kind, ref.name): values[ref.kind, ref.name] for ref in program.sequences}
    rows = {key: read.pop(key) for key in step.rows}
    if step.step.reads_time:
        rows[TIME] = given.all_steps
    in_loop = {*named(reads(program.loop)), *named(program.results.values())}
    fixed = {key: value for key, value in emitter.fixed.items() if key in in_loop}
    values_of = Newton(group, step, emitter, given.time).function
    return tuple(values_of(Operands(rows, read, fixed), tuple(given.start), real))


@dataclass(frozen=True)
class Newton:
    """The states of a group as a function of what their equations read.

    Attributes:
        time: how many steps there are, which equations that read no input do not tell.
    """

    group: Group
    step: ProgramStep
    emitter: Emitter
    time: int

    @cached_property
    def function(self) -> Callable[..., Vector]:
        """From `Operands`, initial states and which steps are real, with a derivative of its own,
        which JAX differentiates again.
        """

        @jax.custom_vjp  # type: ignore[untyped-decorator]  # mypy does not read JAX
        def values_of(operands: Operands, starts: Vector, real: Tensor | None) -> Vector:
            return self.solved(operands, starts, real)

        def forward(*given: Any) -> tuple[Vector, Any]:
            values = values_of(*given)
            return values, (*given, values)

        def backward(kept: Any, upstream: Sequence[Tensor]) -> Any:
            operands, starts, real, values = kept
            return (*self.back(operands, starts, real, values, tuple(upstream)), None)

        values_of.defvjp(forward, backward)
        function: Callable[..., Vector] = values_of
        return function

    def at(self, operands: Operands, previous: Vector) -> tuple[Vector, Matrix]:
        """The next values and their derivatives, of one step or of all."""
        states, gains = self.group.states, self.group.gains
        emitter = replace(self.emitter, fixed=operands.fixed, instructions={})
        now: Values = {**operands.rows, **operands.still}
        now |= {("previous", name): value for name, value in zip(states, previous)}
        emitter.run(self.step.program.loop, now, previous[0])

        def value_of(name: str | None) -> Tensor:
            if name is None:
                return jnp.zeros_like(previous[0])
            atom, size = self.step.program.results[name], self.step.step.equation(name).size
            return emitter.spread(atom, size, now, previous[0])

        def gains_of(name: str) -> Vector:
            return tuple(value_of(gains.get((name, of))) for of in states)

        return tuple(map(value_of, states)), tuple(map(gains_of, states))

    # -- forward

    def solved(self, operands: Operands, starts: Vector, real: Tensor | None) -> Vector:
        """The values at all steps."""
        least = SETTLED * float(jnp.finfo(starts[0].dtype).eps)

        def goes_on(so_far: tuple[Tensor, Tensor, Vector]) -> Tensor:
            rounds, moved, _ = so_far  # no number is no more than anything: that ends it too
            return (rounds < MOST_ROUNDS) & (moved > least)

        def refined(so_far: tuple[Tensor, Tensor, Vector]) -> tuple[Tensor, Tensor, Vector]:
            rounds, _, guess = so_far
            moves = self.moves(operands, starts, real, guess)
            values = tuple(value + move for value, move in zip(guess, moves))
            lengths = [jnp.abs(move) / (1 + jnp.abs(value)) for move, value in zip(moves, values)]
            return rounds + 1, jnp.max(jnp.stack(lengths)), values

        # where a cell begins, its equations are finite
        guess = tuple(jnp.broadcast_to(start, (self.time, *start.shape)) for start in starts)
        far = jnp.asarray(jnp.inf, starts[0].dtype)
        _, moved, values = lax.while_loop(goes_on, refined, (jnp.int32(0), far, guess))
        solved: Vector = lax.cond(
            moved <= least, lambda: values, lambda: self.looped(operands, starts, real)
        )
        return solved

    def moves(
        self, operands: Operands, starts: Vector, real: Tensor | None, guess: Vector
    ) -> Vector:
        """How far each state has to move, by derivatives at a guess."""
        previous = tuple(map(_shifted, guess, starts))
        nexts, gains = self.at(operands, previous)
        lacking = tuple(
            value - guessed for value, guessed in zip(_held(nexts, previous, real), guess)
        )
        return prefixes(_kept(gains, real), lacking, reverse=False)

    def looped(self, operands: Operands, starts: Vector, real: Tensor | None) -> Vector:
        """The same, one step after another."""

        def step(previous: Vector, row: tuple[Values, Tensor | None]) -> tuple[Vector, Vector]:
            rows, is_real = row
            nexts, _ = self.at(operands._replace(rows=rows), previous)
            nexts = _held(nexts, previous, is_real)
            return nexts, nexts

        _, values = lax.scan(step, starts, (operands.rows, real), length=self.time)
        looped: Vector = values
        return looped

    # -- back

    def back(
        self,
        operands: Operands,
        starts: Vector,
        real: Tensor | None,
        values: Vector,
        above: Vector,
    ) -> tuple[Operands, Vector]:
        """The adjoints of operands and initial states."""
        previous = tuple(map(_shifted, values, starts))
        _, gains = self.at(operands, previous)
        gains = _kept(gains, real)
        of_values = _finite_adjoints(gains, above)
        none = tuple(map(jnp.zeros_like, of_values))
        _, pull = jax.vjp(lambda given: self.at(given, previous)[0], operands)
        (of_operands,) = pull(_held(of_values, none, real))
        first = at_step(tuple(zip(*gains)), 0)
        return of_operands, times(first, tuple(adjoint[0] for adjoint in of_values))


def _finite_adjoints(gains: Matrix, above: Vector) -> Vector:
    """By a scan; by a loop where products of many gains are too large to be numbers."""
    scanned = adjoints(gains, above)
    are_finite = jnp.all(jnp.stack([jnp.isfinite(adjoint) for adjoint in scanned]))

    def looped() -> Vector:
        def step(arriving: Vector, row: tuple[Matrix, Vector]) -> tuple[Vector, Vector]:
            matrix, handed = row
            of_value = tuple(map(jnp.add, arriving, handed))
            return times(tuple(zip(*matrix)), of_value), of_value

        none = tuple(jnp.zeros_like(adjoint[0]) for adjoint in above)
        _, values = lax.scan(step, none, (gains, above), reverse=True)
        return tuple(values)

    chosen: Vector = lax.cond(are_finite, lambda: scanned, looped)
    return chosen


def _kept(gains: Matrix, real: Tensor | None) -> Matrix:
    """Gains that keep the states where a step is not real."""
    if real is None:
        return gains

    def kept(state: int, entries: Vector) -> Vector:
        return tuple(
            jnp.where(real, entry, float(state == column)) for column, entry in enumerate(entries)
        )

    return tuple(kept(state, entries) for state, entries in enumerate(gains))


def _held(values: Vector, otherwise: Vector, real: Tensor | None) -> Vector:
    """Values, and others where a step is not real."""
    if real is None:
        return values
    return tuple(jnp.where(real, value, other) for value, other in zip(values, otherwise))


def _shifted(rows: Tensor, start: Tensor) -> Tensor:
    return jnp.concatenate([start[None], rows[:-1]])
