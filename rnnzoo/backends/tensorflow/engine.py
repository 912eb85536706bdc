"""One recurrent layer as a function of tensors with a backward pass of its own.

In: the program of a step and its adjoint.  Out: a function from sequences, initial states and
weights to sequences and last states.  Forward: what does not depend on the step before is computed
for all steps at once, then the loop.  Backward: the loop over the adjoint's instructions, then
every gradient of a weight as one product or one reduction over (time x batch).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras

from rnnzoo.backends.contract import PADDING, Named, Results
from rnnzoo.backends.emit import Emitter, Values, total
from rnnzoo.backends.step import TIME, Given, ProgramStep, first_of_equal, named
from rnnzoo.backends.tensorflow import scan
from rnnzoo.backends.tensorflow.buffers import Assignment, Buffer, Slice, assign
from rnnzoo.lang.program import reads

Tensor = Any


@dataclass(frozen=True)
class Engine(ProgramStep):
    """A layer's step with its program and its adjoint, ready to run."""

    @cached_property
    def forward_buffers(self) -> Assignment[Named]:
        """Where the forward loop keeps what it carries, and what the backward pass reads beside
        that.
        """
        later = {
            *named(self.adjoint.sequences(self.program)),
            *named(self.program.results.values()),
        }
        # rows that the forward loop reads and nothing later does: it may write over them
        free = {
            number: key
            for number, key in enumerate(self.rows)
            if key[0] == "value" and key not in later
        }
        sizes = {
            ("value", instruction.name): self.sizes.of(instruction.shape[0])
            for instruction in self.program.before
            if instruction.shape
        }
        saved = {(ref.kind, ref.name): self.sizes.of(ref.shape[0]) for ref in self.adjoint.saved}
        shown = {("carried", name): self.width(name) for name in self.shown}
        assignment = assign(saved | shown, {number: sizes[key] for number, key in free.items()})
        for number, name in enumerate(self.states):
            assignment = assignment.added(
                ("carried", name), Buffer(self.width(name), carries=number)
            )
        return assignment

    @cached_property
    def backward_buffers(self) -> Assignment[Named]:
        """Where the backward loop keeps what is read after it: in buffers of the forward loop that
        are not.
        """
        back, buffers = self.adjoint, self.forward_buffers
        later = {
            *named(reads((*back.after, *back.once))),
            *named((*back.inputs.values(), *back.weights.values())),
        }
        later |= {("carried", name) for key, name in self.aliases.items() if key in later}
        later |= {("carried", name) for name in self.wanted}
        free = {
            number: buffer.width
            for number, buffer in enumerate(buffers.buffers)
            if buffer.carries is None and later.isdisjoint(buffers.values_in(number))
        }
        return assign(
            {(ref.kind, ref.name): self.sizes.of(ref.shape[0]) for ref in back.emitted}, free
        )

    # -- running it

    def run(self, given: Mapping[Named, Tensor], plain: bool) -> Results:
        """Compute a layer over whole sequences, compiled or as plain operations."""
        arguments = self.without_zeros(given) if plain else given
        tensors = [arguments[argument] for argument in self.arguments]
        yielded = self._plain(tensors) if plain else self.function(*tensors)
        sequences, last = yielded[: len(self.wanted)], yielded[len(self.wanted) :]
        return Results(dict(zip(self.wanted, sequences)), dict(zip(self.carried, last)))

    @cached_property
    def compiled(self) -> tuple[scan.Compiled, scan.Compiled]:
        """The forward and the backward pass, each compiled once for a shape."""
        return scan.Compiled(self._forward, "rnnzoo_forward"), scan.Compiled(
            self._backward, "rnnzoo_backward"
        )

    @cached_property
    def function(self) -> Callable[..., list[Tensor]]:
        """From `arguments` to the wanted sequences, (time, batch, size), and then what is carried
        at the end.
        """
        return scan.differentiable(self._forward, self._backward, self._plain, self.compiled)

    def emitter(self, given: Given) -> Emitter:
        """What evaluates the step's instructions on these arguments."""
        # the number of the steps must be known beforehand where only some units are computed
        blocks = self.units.blocks if given.x.shape[0] is not None else ()
        return replace(given.emitter(), blocks=blocks)

    def _stepping(self, given: Given) -> tuple[Values, list[Tensor], list[Tensor], scan.Step]:
        """What is computed before the loop; what it reads row by row; what it begins with; its
        step.
        """
        program, emitter = self.program, self.emitter(given)
        emitter.prepare(program.once, ())
        values = emitter.run(program.before, given.sequences(), given.x)
        read: Values = {
            (ref.kind, ref.name): values[ref.kind, ref.name] for ref in program.sequences
        }
        flat = {key: value for key, value in read.items() if key not in self.rows}

        def step(t: Tensor, carried: scan.Rows, row: scan.Row) -> tuple[list[Tensor], list[Tensor]]:
            now: Values = {
                **flat,
                **{key: row(number) for number, key in enumerate(self.rows)},
                **{("previous", name): value for name, value in zip(self.states, carried)},
                TIME: given.clock(t),
            }
            new, saved = self.units.forward_step(self, emitter, now, t, carried[0])
            if given.padding is not None:
                is_real = row(len(self.rows)) > 0
                new = [keras.ops.where(is_real, value, old) for value, old in zip(new, carried)]
            return new, saved

        sequences = [read[key] for key in self.rows] + (
            [] if given.padding is None else [given.padding]
        )
        # what is shown is carried too, so that a step of padding can repeat it
        shown = [
            keras.ops.zeros((given.batch, self.width(name)), self.dtype) for name in self.shown
        ]
        return values, sequences, [*given.start, *shown], step

    def _plain(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return self.units.all_of(self).plain_loop(tensors)

    def plain_loop(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The function as plain operations."""
        given = Given.of(self, tensors)
        if given.padding is None and given.count is not None:
            real = keras.ops.arange(given.time, dtype="int32") < given.count
            padding = keras.ops.cast(keras.ops.reshape(real, (-1, 1, 1)), self.dtype)
            given = replace(given, tensors={**given.tensors, PADDING: padding})
        _, sequences, start, step = self._stepping(given)
        wanted = [self.carried.index(name) for name in self.wanted]

        def shown(
            t: Tensor, carried: scan.Rows, row: scan.Row
        ) -> tuple[list[Tensor], list[Tensor]]:
            new, _ = step(t, carried, row)
            return list(new), [new[number] for number in wanted]

        widths = [self.width(name) for name in self.wanted]
        kept, last = scan.plain_loop(shown, sequences, start, widths, given.time)
        return [*kept, *last]

    def _forward(self, tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        given = Given.of(self, tensors)
        values, sequences, start, forward_step = self._stepping(given)

        def step(t: Tensor, carried: scan.Rows, row: scan.Row) -> tuple[list[Tensor], list[Tensor]]:
            new, saved = forward_step(t, carried, row)
            # in the order of the slices in `forward_buffers`: saved, shown, states
            return list(new), [*saved, *new[len(self.states) :], *new[: len(self.states)]]

        assignment = self.forward_buffers
        buffers, last = scan.loop(
            step,
            sequences,
            start,
            assignment.buffers,
            tuple(assignment.slices.values()),
            given.steps,
            given.time,
        )
        results = []
        for name in self.wanted:
            rows = self._kept(buffers, ("carried", name))
            end = last[self.carried.index(name)][None]
            results.append(
                rows if given.padding is None else keras.ops.where(given.was_run, rows, end)
            )
        computed_before = [
            values["value", ref.name] for ref in self.adjoint.sequences(self.program)
        ]
        return [*results, *last], [*buffers, *computed_before]

    def _backward(
        self, tensors: Sequence[Tensor], kept: Sequence[Tensor], upstream: Sequence[Tensor]
    ) -> list[Tensor | None]:
        given, back = Given.of(self, tensors), self.adjoint
        emitter = self.emitter(given)
        if self.is_singular and given.steps is not None:
            emitter = replace(
                emitter, run_steps=given.was_run if given.padding is None else given.padding > 0
            )
        emitter.prepare((*self.program.once, *back.fixed), (*back.loop, *back.after, *back.once))
        count = len(self.forward_buffers.buffers)
        now = self._readable(given, kept[:count], kept[count:])
        buffers, first = self._backward_loop(given, emitter, kept[:count], now, upstream)
        return self._adjoints(given, emitter, now, buffers, first)

    def _readable(
        self, given: Given, buffers: Sequence[Tensor], computed: Sequence[Tensor]
    ) -> Values:
        """What the backward pass may read, all steps of each: it lies in buffers or is a sequence
        of its own.
        """
        slices = self.forward_buffers.slices
        held = {key: self._kept(buffers, key) for key in slices}
        return {
            # the buffer of a state has a row more, ahead of the others: what the state begins with
            **{
                ("previous", name): buffers[slices["carried", name].buffer][:-1]
                for name in self.states
            },
            **dict(zip(named(self.adjoint.sequences(self.program)), computed)),
            **held,
            **{key: held["carried", name] for key, name in self.aliases.items()},
            **given.sequences(),
        }

    def _backward_loop(
        self,
        given: Given,
        emitter: Emitter,
        buffers: Sequence[Tensor],
        now: Values,
        upstream: Sequence[Tensor],
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run the steps back: the buffers afterwards, which the loop may write over, and the
        adjoints of the first states.
        """
        above = dict(zip(self.wanted, upstream))
        carried = list(upstream[len(self.wanted) :])
        if given.padding is not None:  # rows after the last real step repeat it
            for number, name in enumerate(self.carried):
                if name in above:
                    carried[number] += keras.ops.sum(
                        keras.ops.where(given.was_run, 0, above[name]), axis=0
                    )
        outside = [*named(self.adjoint.sequences(self.program)), *given.sequences()]
        first_above = len(buffers) + len(outside)
        sequences = [*buffers, *(now[key] for key in outside), *above.values()]
        sequences += [] if given.padding is None else [given.padding]
        read = [key for key in dict.fromkeys(named(reads(self.adjoint.loop))) if key in now]

        def step(t: Tensor, carried: scan.Rows, row: scan.Row) -> tuple[list[Tensor], list[Tensor]]:
            values: Values = {TIME: given.clock(t)}
            for key in read:
                values[key] = (
                    row(len(buffers) + outside.index(key))
                    if key in outside
                    else self._row(key, row)
                )
            from_above = {name: row(first_above + number) for number, name in enumerate(above)}
            arriving = self.arriving(carried, from_above)
            is_real = None if given.padding is None else row(len(sequences) - 1) > 0
            return self.step_back(emitter, values, t, arriving, is_real, carried[0])

        emitting = self.backward_buffers
        return scan.loop(
            step, sequences, carried, emitting.buffers, tuple(emitting.slices.values()),
            given.steps, given.time, backwards=True,
        )  # fmt: skip

    def _adjoints(
        self,
        given: Given,
        emitter: Emitter,
        now: Values,
        buffers: Sequence[Tensor],
        first: Sequence[Tensor],
    ) -> list[Tensor | None]:
        """What comes after the backward loop: the adjoint of each argument, None for those that
        have none.
        """
        emitting = self.backward_buffers
        emitted = {key: _sliced(buffers, own) for key, own in emitting.slices.items()}
        # columns of a buffer are summed slower than all of it
        for key, own in emitting.slices.items():
            emitter.sums[key] = total(emitter.finite(buffers[own.buffer]))[own.first : own.end]
        return self.after_steps(given, emitter, {**now, **emitted}, first)

    def _kept(self, buffers: Sequence[Tensor], key: Named) -> Tensor:
        """What the forward loop kept, (time, batch, size)."""
        own = self.forward_buffers.slices[key]
        rows = _sliced(buffers, own)
        return rows if self.forward_buffers.buffers[own.buffer].carries is None else rows[1:]

    def _row(self, key: Named, row: scan.Row) -> Tensor:
        """What the forward loop kept of a step: `previous` is what was carried before it."""
        kind, name = key
        carried = (
            ("carried", name) if kind == "previous" else ("carried", self.aliases.get(key, ""))
        )
        slices = self.forward_buffers.slices
        own = slices[key if key in slices else carried]
        on = (
            0
            if self.forward_buffers.buffers[own.buffer].carries is None or kind == "previous"
            else 1
        )
        return row(own.buffer, on)[..., own.first : own.end]


_shared: dict[tuple[Any, ...], Engine] = {}


def shared(engine: Engine) -> Engine:
    """The engine that was made first of those that compute the same.

    TensorFlow keeps what it compiled until the process ends, 6 MB a layer: equal layers share it,
    those that are gone too.
    """
    return first_of_equal(engine, _shared)


def _sliced(buffers: Sequence[Tensor], own: Slice) -> Tensor:
    """A value at every step, out of the buffer where it lies."""
    rows = buffers[own.buffer]
    return rows if own.width == rows.shape[-1] else rows[..., own.first : own.end]
