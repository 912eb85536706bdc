"""One recurrent layer as a scan with a backward pass of its own.

In: the program of a step and its adjoint.  Out: a function from sequences, initial states and
weights to sequences and last states.  Forward: what does not depend on the step before is computed
for all steps at once, then the scan.  Backward: a scan over the adjoint's instructions from the
last step to the first, then every gradient of a weight as one product or one reduction over (time x
batch).  JAX differentiates this backward pass again where a second derivative is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
from jax import lax
from jax import numpy as jnp

from rnnzoo.backends.contract import BEFORE, OFFSETS, Named, Results
from rnnzoo.backends.emit import Emitter, Values, total
from rnnzoo.backends.step import TIME, Given, ProgramStep, first_of_equal, named
from rnnzoo.lang.program import reads

Tensor = Any
Rows = dict[Named, Tensor]  # one row of each sequence
# Steps of a loop that are compiled as one.  With 1, 2, 4 and 8, at 16 x 100 x 88 inputs, a training
# step of lstm takes 4.7, 4.8, 5.2 and 6.5 ms at 32 units and is compiled in 3.5, 3.7, 4.8 and 12.7
# s; of gru 3.7, 3.8, 5.0 and 5.5 ms, and 2.6, 6.2, 8.2 and 24.5 s.  At 64 units lstm takes 21, 20,
# 20 and 32 ms, gru 17, 18, 19 and 33 ms: a trial that makes 800 updates never makes up for it.
UNROLL = 1
# what was carried after every step, and what else was computed
Kept = tuple[dict[str, Tensor], Values]


@dataclass(frozen=True)
class Engine(ProgramStep):
    """A layer's step, ready to run."""

    def run(self, given: Mapping[Named, Tensor], plain: bool) -> Results:
        """Compute a layer over whole sequences, with our backward pass or with JAX's."""
        arguments = self.without_zeros(given) if plain else given
        tensors = [arguments[argument] for argument in self.arguments]
        yielded = self.units.all_of(self)._plain(*tensors) if plain else self.function(*tensors)
        sequences, last = yielded[: len(self.wanted)], yielded[len(self.wanted) :]
        return Results(dict(zip(self.wanted, sequences)), dict(zip(self.carried, last)))

    @cached_property
    def function(self) -> Callable[..., list[Tensor]]:
        """From `arguments` to the wanted sequences, (time, batch, size), and then what is carried
        at the end.
        """

        @jax.custom_vjp  # type: ignore[untyped-decorator]  # mypy does not read JAX
        def layer(*tensors: Tensor) -> list[Tensor]:
            return self._results(tensors)

        def forward(*tensors: Tensor) -> tuple[list[Tensor], tuple[Sequence[Tensor], Kept]]:
            results, kept = self._forward(tensors)
            return results, (tensors, kept)

        def backward(
            residuals: tuple[Sequence[Tensor], Kept], upstream: Sequence[Tensor]
        ) -> tuple[Tensor | None, ...]:
            tensors, kept = residuals
            return tuple(self._backward(tensors, kept, upstream))

        layer.defvjp(forward, backward)
        compiled: Callable[..., list[Tensor]] = jax.jit(layer)
        return compiled

    def emitter(self, given: Given) -> Emitter:
        """What evaluates the step's instructions on these arguments."""
        return emitter_of(given)

    def _plain(self, *tensors: Tensor) -> list[Tensor]:
        return self._results(tensors)

    def _results(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The wanted sequences and what is carried at the end, where no gradient is asked for."""
        return self._run(tensors, keeps=False)[0]

    def _forward(self, tensors: Sequence[Tensor]) -> tuple[list[Tensor], Kept]:
        """The same, and what the loop back reads."""
        return self._run(tensors, keeps=True)

    def _run(self, tensors: Sequence[Tensor], keeps: bool) -> tuple[list[Tensor], Kept]:
        program, given = self.program, Given.of(self, tensors)
        emitter = self.emitter(given)
        emitter.prepare(program.once, ())
        values = emitter.run(program.before, given.sequences(), given.x)
        after, last, computed = self.loop(given, emitter, values, keeps)
        computed |= {
            ("value", ref.name): values["value", ref.name]
            for ref in self.adjoint.sequences(program)
        }
        return [*(after[name] for name in self.wanted), *last], (after, computed)

    def loop(
        self, given: Given, emitter: Emitter, values: Values, keeps: bool
    ) -> tuple[dict[str, Tensor], Sequence[Tensor], Values]:
        """The loop over the steps: what was carried after every step, and at the end; and what is
        saved for the loop back.

        Args:
            values: what it reads row by row.
            keeps: whether what is saved is read; XLA leaves out by itself what is not.
        """
        read: Values = {
            (ref.kind, ref.name): values[ref.kind, ref.name] for ref in self.program.sequences
        }
        moving = {key: read[key] for key in self.rows}
        still = {key: value for key, value in read.items() if key not in moving}

        def step(
            carried: tuple[Tensor, ...], row: tuple[Tensor, Rows, Tensor | None]
        ) -> tuple[Any, Any]:
            t, of_step, is_real = row
            previous = {("previous", name): value for name, value in zip(self.states, carried)}
            now: Values = {**still, **of_step, **previous, TIME: given.clock(t)}
            new, saved = self.units.forward_step(self, emitter, now, t, carried[0])
            if is_real is not None:
                new = [
                    jnp.where(is_real, value, old) for value, old in zip(new, carried, strict=True)
                ]
            return tuple(new), (tuple(new), tuple(saved))

        shown = [jnp.zeros((given.batch, self.width(name)), self.dtype) for name in self.shown]
        last, (history, saved) = lax.scan(
            step, (*given.start, *shown), (_steps(given), moving, real_of(given)), unroll=UNROLL
        )
        computed: Values = {
            (ref.kind, ref.name): value for ref, value in zip(self.adjoint.saved, saved)
        }
        return dict(zip(self.carried, history)), last, computed

    def _backward(
        self, tensors: Sequence[Tensor], kept: Kept, upstream: Sequence[Tensor]
    ) -> list[Tensor | None]:
        given, back = Given.of(self, tensors), self.adjoint
        after, computed = kept
        emitter = self.emitter(given)
        real = real_of(given)
        if self.is_singular and real is not None:
            emitter = replace(emitter, run_steps=real)
        emitter.prepare((*self.program.once, *back.fixed), (*back.loop, *back.after, *back.once))
        now: Values = {
            **{
                ("previous", name): _before(given, after[name], given.tensors["start", name])
                for name in self.states
            },
            **computed,
            **{key: after[name] for key, name in self.aliases.items()},
            **given.sequences(),
        }
        first, emitted = self.loop_back(given, emitter, now, after, upstream)
        emitted_by_name: Values = {
            (ref.kind, ref.name): value for ref, value in zip(back.emitted, emitted)
        }
        emitter.sums.update(
            {key: total(emitter.finite(value)) for key, value in emitted_by_name.items()}
        )
        return self.after_steps(given, emitter, {**now, **emitted_by_name}, first)

    def loop_back(
        self,
        given: Given,
        emitter: Emitter,
        now: Values,
        after: Mapping[str, Tensor],
        upstream: Sequence[Tensor],
    ) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """The loop from the last step to the first: the adjoints of what was carried into the
        first, and what is emitted.

        Args:
            now: what it reads row by row; `after` of it, what was carried after every step.
            upstream: adjoints of the wanted sequences, and of what is carried at the end.
        """
        above = dict(zip(self.wanted, upstream))
        read = {key for key in named(reads(self.adjoint.loop)) if key in now}
        moving = {key: now[key] for key in read if now[key].ndim == 3}
        still = {key: now[key] for key in read if now[key].ndim < 3}

        def step(carried: tuple[Tensor, ...], row: tuple[Any, ...]) -> tuple[Any, Any]:
            t, of_step, from_above, is_real = row
            arriving = self.arriving(carried, from_above)
            values = {**still, **of_step, TIME: given.clock(t)}
            handed_on, emitted = self.step_back(emitter, values, t, arriving, is_real, carried[0])
            return tuple(handed_on), tuple(emitted)

        rows = (_steps(given), moving, above, real_of(given))
        last = tuple(upstream[len(self.wanted) :])
        first, emitted = lax.scan(step, last, rows, reverse=True, unroll=UNROLL)
        return first, emitted


def emitter_of(given: Given) -> Emitter:
    blocks = given.step.units.blocks
    return replace(given.emitter(), blocks=blocks, in_float64=_in_float64, operation=_operation)


def switch(case: Tensor, branches: Sequence[Callable[[], Any]]) -> Any:
    """Run one of the branches, chosen at run time."""
    return lax.switch(case, list(branches))


def _in_float64() -> AbstractContextManager[Any]:
    context: AbstractContextManager[Any] = jax.enable_x64(True)
    return context


def _operation(name: str) -> Callable[..., Tensor] | None:
    """JAX's own: under it, some operations of Keras' turn float64 into float32."""
    return next((getattr(home, name) for home in (jnp, jax.nn, lax) if hasattr(home, name)), None)


def _steps(given: Given) -> Tensor:
    return jnp.arange(given.time, dtype=jnp.int32)


def real_of(given: Given) -> Tensor | None:
    """(time, batch or 1, 1) of bool: which steps are real; None where all are."""
    if OFFSETS in given.tensors:
        return (jnp.arange(given.time) < given.tensors[OFFSETS][-1])[:, None, None]
    return None if given.padding is None else given.padding > 0


def _before(given: Given, rows: Tensor, start: Tensor) -> Tensor:
    """What was carried before every step, from what was carried after it."""
    if BEFORE in given.tensors:
        both = jnp.concatenate([start, rows[:, 0]])
        return jnp.take(both, given.tensors[BEFORE], axis=0)[:, None]
    return jnp.concatenate([start[None], rows[:-1]])


_shared: dict[tuple[Any, ...], Engine] = {}


def shared(engine: Engine) -> Engine:
    """The engine that was made first of those that compute the same."""
    return first_of_equal(engine, _shared)
