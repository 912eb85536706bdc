"""One recurrent layer as a function of tensors with a backward pass of its own.

In: the program of a step and its adjoint.  Out: a function from sequences, initial states and weights to sequences and last
states.  Forward: what does not depend on the step before is computed for all steps at once, then the loop.  Backward: the
loop over the adjoint's lines, then every gradient of a weight as one product or one reduction over (time x batch).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.adjoint import Adjoint, adjoint
from rnnzoo.lang.program import Program, reads
from rnnzoo.lang.widen import compile_step
from rnnzoo.nn import scan
from rnnzoo.nn.emit import Emitter, Values, total
from rnnzoo.nn.rooms import Place, Plan, Room, plan

Tensor = Any
Named = tuple[str, str]  # (kind, name) of an `ir.Ref`


@dataclass(frozen=True)
class Engine:
    """A layer's step, ready to run.

    Attributes:
        states: names of the carried states; `shown` of other values that are wanted, carried so that padding repeats them.
        wanted: whose values at every step are results.
        below, drops, weights: names of what the step reads: of the layer below, masks of recurrent dropout, weights.
        masked: whether some steps are padding.
        counted: whether the number of steps is given, and what lies behind them is not run.
    """

    step: ir.Step
    size: ir.Sizes
    dtype: str
    constants: Mapping[str, np.ndarray]
    states: tuple[str, ...]
    shown: tuple[str, ...]
    wanted: tuple[str, ...]
    below: tuple[str, ...]
    drops: int
    weights: tuple[str, ...]
    masked: bool
    clocked: bool = False  # whether each sequence's steps are counted from a number that is given
    counted: bool = False

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for engines that compute the same: what is compiled for the one serves the other."""
        size = self.size.units, self.size.inputs, tuple(sorted(self.size.options.items()))
        constants = tuple((name, one.shape, one.tobytes()) for name, one in sorted(self.constants.items()))
        names = self.states, self.shown, self.wanted, self.below, self.weights
        flags = self.drops, self.masked, self.clocked, self.counted
        return type(self), self.step.equations, size, self.dtype, constants, names, flags

    @cached_property
    def program(self) -> Program:
        return compile_step(self.step, self.carried, drops=self.drops > 0)

    @cached_property
    def adjoint(self) -> Adjoint:
        return adjoint(self.program, self.states)

    def ticks(self, x: Tensor) -> tuple[tuple[int, int, int], ...]:
        """Blocks of units that are due at multiples of a period only; none here."""
        return ()

    @property
    def carried(self) -> tuple[str, ...]:
        return (*self.states, *self.shown)

    @property
    def aliases(self) -> dict[Named, str]:
        """Under which names the lines read what is carried."""
        fixed = {one.name for one in self.program.once}
        found = ((name, self.program.results[name]) for name in self.carried)
        return {  # what is one number for all units is computed again, and what is the same at every step is there anyway
            (atom.kind, atom.name): name
            for name, atom in found
            if isinstance(atom, ir.Ref) and atom.kind == "value" and atom.shape and atom.name not in fixed
        }

    @cached_property
    def rows(self) -> tuple[Named, ...]:
        """What the forward loop reads row by row; a mask of dropout is one for all steps."""
        moving: set[Named] = {("input", "x"), *(("below", name) for name in self.below)}
        for one in self.program.before:
            if any(key in moving for key in _named(reads([one]))):
                moving.add(("value", one.name))
        return tuple(key for key in _named(self.program.sequences) if key in moving)

    @cached_property
    def kept(self) -> Plan[Named]:
        """Where the forward loop keeps what it carries, and what the backward pass reads beside that."""
        later = {*_named(self.adjoint.sequences(self.program)), *_named(self.program.results.values())}
        free = {at: key for at, key in enumerate(self.rows) if key[0] == "value" and key not in later}
        sizes = {("value", one.name): self.size.of(one.shape[0]) for one in self.program.before if one.shape}
        saved = {(ref.kind, ref.name): self.size.of(ref.shape[0]) for ref in self.adjoint.saved}
        shown = {("carried", name): self.width(name) for name in self.shown}
        found = plan(saved | shown, {at: sizes[key] for at, key in free.items()})
        for at, name in enumerate(self.states):
            found = found.added(("carried", name), Room(self.width(name), before=at))
        return found

    @cached_property
    def handed(self) -> Plan[Named]:
        """Where the backward loop keeps what the lines after it read: in rooms of the forward loop that they do not."""
        back = self.adjoint
        later = {*_named(reads((*back.after, *back.once))), *_named((*back.inputs.values(), *back.weights.values()))}
        later |= {("carried", name) for key, name in self.aliases.items() if key in later}
        later |= {("carried", name) for name in self.wanted}
        free = {
            at: room.width
            for at, room in enumerate(self.kept.rooms)
            if room.before is None and not any(key in later for key in self.kept.inside(at))
        }
        return plan({(ref.kind, ref.name): self.size.of(ref.shape[0]) for ref in back.emitted}, free)

    @cached_property
    def divides(self) -> bool:
        """Whether an adjoint may be infinite in steps that are padding, whose states may still be 0."""
        instructions = (*self.program.before, *self.adjoint.loop, *self.adjoint.after)
        return any(instruction.primitive.singular for instruction in instructions)

    @cached_property
    def compiled(self) -> tuple[scan.Compiled, scan.Compiled]:
        """The forward and the backward pass, each compiled once for a shape."""
        return scan.Compiled(self._forward, "rnnzoo_forward"), scan.Compiled(self._backward, "rnnzoo_backward")

    @cached_property
    def function(self) -> Callable[..., list[Tensor]]:
        """(x, below..., initial states..., masks of dropout..., weights..., [keep], [clock], [count]) -> results.

        Sequences are (time, batch, size), and `keep` is (time, batch, 1): where it is 0, the step is padding.  The results
        are the wanted sequences, then what is carried at the end.  `clock` is (batch, 1) of int32: how many steps each
        sequence has behind it.
        """
        return scan.differentiable(self._forward, self._backward, self._plain, self.compiled)

    def plain(self, *arguments: Tensor) -> list[Tensor]:
        """The same function as plain operations, which any runtime of TensorFlow's has and TensorFlow differentiates."""
        return self._plain(arguments)

    def width(self, name: str) -> int:
        return self.size.of(self.step.equation(name).size)

    def found(self, rooms: Sequence[Tensor], key: Named) -> Tensor:
        """What the forward loop kept, (time, batch, size)."""
        place = self.kept.places[key]
        room = _taken(rooms, place)
        return room if self.kept.rooms[place.room].before is None else room[1:]

    def row(self, key: Named, row: scan.Row) -> Tensor:
        """What the forward loop kept of a step: `previous` is what was carried before it."""
        kind, name = key
        carried = ("carried", name) if kind == "previous" else ("carried", self.aliases.get(key, ""))
        place = self.kept.places[key if key in self.kept.places else carried]
        on = 0 if self.kept.rooms[place.room].before is None or kind == "previous" else 1
        return row(place.room, on)[..., place.first : place.end]

    def ahead(self, emitter: Emitter, now: Values, t: Tensor, old: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """One step: what is carried, and what is kept beside it."""
        emitter.run(self.program.loop, now, old)
        new = [
            emitter.spread(self.program.results[name], self.step.equation(name).size, now, old) for name in self.carried
        ]
        return new, [emitter.spread(ref, ref.shape[0], now, old) for ref in self.adjoint.saved]

    def back(self, emitter: Emitter, now: Values, t: Tensor, like: Tensor) -> tuple[dict[str, Tensor], list[Tensor]]:
        """One step back: the adjoints of the states before it, and what is emitted."""
        back = self.adjoint
        emitter.run(back.loop, now, like)
        found = {
            name: emitter.spread(atom, self.step.equation(name).size, now, like) for name, atom in back.previous.items()
        }
        return found, [emitter.spread(ref, ref.shape[0], now, like) for ref in back.emitted]

    def _stepping(self, given: _Arguments) -> tuple[Values, list[Tensor], list[Tensor], scan.Step]:
        """What is computed before the loop; what it reads row by row; what it begins with; its step."""
        program, emitter = self.program, given.emitter(self)
        emitter.prepare(program.once, ())
        values = emitter.run(program.before, given.sequences(), given.x)
        there: Values = {(ref.kind, ref.name): values[ref.kind, ref.name] for ref in program.sequences}
        flat = {key: value for key, value in there.items() if key not in self.rows}

        def step(t: Tensor, carried: scan.Rows, row: scan.Row) -> tuple[list[Tensor], list[Tensor]]:
            now: Values = {
                **flat,
                **{key: row(at) for at, key in enumerate(self.rows)},
                **{("previous", name): value for name, value in zip(self.states, carried)},
                ("time", "t"): given.clock(t),
            }
            new, beside = self.ahead(emitter, now, t, carried[0])
            if given.keep is not None:
                kept = row(len(self.rows)) > 0
                new = [keras.ops.where(kept, value, old) for value, old in zip(new, carried)]
            return new, beside

        sequences = [there[key] for key in self.rows] + ([] if given.keep is None else [given.keep])
        start = [
            *given.start,
            *(keras.ops.zeros((given.batch, self.width(name)), self.dtype) for name in self.shown),
        ]
        return values, sequences, start, step

    def _plain(self, arguments: Sequence[Tensor]) -> list[Tensor]:
        given = _Arguments.of(self, arguments)
        if given.keep is None and given.count is not None:
            real = keras.ops.arange(given.time, dtype="int32") < given.count
            given = replace(given, keep=keras.ops.cast(keras.ops.reshape(real, (-1, 1, 1)), self.dtype))
        _, sequences, start, step = self._stepping(given)
        wanted = [self.carried.index(name) for name in self.wanted]

        def shown(t: Tensor, carried: scan.Rows, row: scan.Row) -> tuple[list[Tensor], list[Tensor]]:
            new, _ = step(t, carried, row)
            return list(new), [new[number] for number in wanted]

        widths = [self.width(name) for name in self.wanted]
        kept, last = scan.plain_loop(shown, sequences, start, widths, given.time)
        return [*kept, *last]

    def _forward(self, arguments: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        given = _Arguments.of(self, arguments)
        values, sequences, start, ahead = self._stepping(given)

        def step(t: Tensor, carried: scan.Rows, row: scan.Row) -> tuple[list[Tensor], list[Tensor]]:
            new, beside = ahead(t, carried, row)
            return list(new), [*beside, *new[len(self.states) :], *new[: len(self.states)]]

        rooms, last = scan.loop(
            step, sequences, start, self.kept.rooms, tuple(self.kept.places.values()), given.steps, given.time
        )
        results = []
        for name in self.wanted:
            found = self.found(rooms, ("carried", name))
            end = last[self.carried.index(name)][None]
            results.append(found if given.keep is None else keras.ops.where(given.run, found, end))
        again = [values["value", ref.name] for ref in self.adjoint.sequences(self.program)]
        return [*results, *last], [*rooms, *again]

    def _backward(
        self, arguments: Sequence[Tensor], kept: Sequence[Tensor], upstream: Sequence[Tensor]
    ) -> list[Tensor | None]:
        given = _Arguments.of(self, arguments)
        program, back, emitter = self.program, self.adjoint, given.emitter(self)
        if self.divides and given.steps is not None:
            emitter = replace(emitter, run_steps=given.run if given.keep is None else given.keep > 0)
        emitter.prepare((*program.once, *back.fixed), (*back.loop, *back.after, *back.once))
        rooms = kept[: len(self.kept.rooms)]
        again = dict(zip(_named(back.sequences(program)), kept[len(rooms) :]))
        held = {key: self.found(rooms, key) for key in self.kept.places}
        before = {("previous", name): rooms[self.kept.places["carried", name].room][:-1] for name in self.states}
        above = dict(zip(self.wanted, upstream))
        carried = list(upstream[len(self.wanted) :])
        if given.keep is not None:  # rows after the last real step repeat it
            for at, name in enumerate(self.carried):
                if name in above:
                    carried[at] += keras.ops.sum(keras.ops.where(given.run, 0, above[name]), axis=0)

        # what the lines read lies in rooms, which the loop may write over, or is a sequence of its own
        now: Values = {
            **before,
            **again,
            **held,
            **{key: held["carried", name] for key, name in self.aliases.items()},
            **given.sequences(),
        }
        outside = [*again, *given.sequences()]
        above_at = len(rooms) + len(outside)
        sequences = [*rooms, *(now[key] for key in outside), *above.values()]
        sequences += [] if given.keep is None else [given.keep]
        read = [key for key in dict.fromkeys(_named(reads(back.loop))) if key in now]

        def step(t: Tensor, carried: scan.Rows, row: scan.Row) -> tuple[list[Tensor], list[Tensor]]:
            values: Values = {("time", "t"): given.clock(t)}
            for key in read:
                values[key] = row(len(rooms) + outside.index(key)) if key in outside else self.row(key, row)
            handed = {name: row(above_at + at) for at, name in enumerate(above)}
            whole = [one + handed[name] if name in above else one for name, one in zip(self.carried, carried)]
            waiting = [keras.ops.zeros_like(one) for one in whole]
            if given.keep is not None:
                real = row(len(sequences) - 1) > 0
                waiting = [keras.ops.where(real, 0, one) for one in whole]
                whole = [keras.ops.where(real, one, 0) for one in whole]
            values |= {("adjoint", name): one for name, one in zip(self.carried, whole)}
            found, emitted = self.back(emitter, values, t, carried[0])
            if given.keep is not None and self.divides:
                found = {name: keras.ops.where(real, one, 0) for name, one in found.items()}
            new = [
                one if name not in found else found[name] if given.keep is None else found[name] + one
                for name, one in zip(self.carried, waiting)
            ]
            return new, emitted

        rooms_after, first = scan.loop(
            step, sequences, carried, self.handed.rooms, tuple(self.handed.places.values()), given.steps, given.time,
            backwards=True,
        )  # fmt: skip
        after: Values = {
            **now,
            **{key: _taken(rooms_after, place) for key, place in self.handed.places.items()},
            ("time", "t"): given.clock(keras.ops.reshape(keras.ops.arange(given.time, dtype="int32"), (-1, 1, 1))),
        }
        for key, place in self.handed.places.items():  # columns of a room are summed slower than all of it
            emitter.sums[key] = total(emitter.finite(rooms_after[place.room]))[place.first : place.end]
        emitter.run(back.after, after, given.x)
        emitter.run(back.once, after, None)

        def gradient(found: Mapping[str, Any], name: str, like: Tensor) -> Tensor:
            if name not in found:
                return keras.ops.zeros_like(like)
            value = emitter.value(found[name], after)
            value = emitter.finite(value) if len(like.shape) == 3 else value
            return keras.ops.reshape(value, like.shape) if len(value.shape) > len(like.shape) else value

        return [
            *(gradient(back.inputs, name, value) for name, value in (("x", given.x), *given.below.items())),
            *first[: len(self.states)],
            *(None for _ in given.drops),
            *(gradient(back.weights, name, value) for name, value in given.weights.items()),
            *([] if given.keep is None else [None]),
            *([] if given.began is None else [None]),
            *([] if given.count is None else [None]),
        ]


MOST = 64
_shared: dict[tuple[Any, ...], Engine] = {}  # the one that was asked for last at the end


def shared(engine: Engine) -> Engine:
    """The engine that was made first of those that compute the same.

    TensorFlow keeps what it compiled until the process ends, 6 MB a layer: equal layers share it, those that are gone too.
    """
    first = _shared.pop(engine.identity, engine)
    _shared[engine.identity] = first
    if len(_shared) > MOST:
        del _shared[next(iter(_shared))]
    return first


def _named(atoms: Iterable[ir.Expr]) -> Iterator[Named]:
    return ((one.kind, one.name) for one in atoms if isinstance(one, ir.Ref))


def _taken(rooms: Sequence[Tensor], place: Place) -> Tensor:
    """A value at every step, out of the room where it lies."""
    room = rooms[place.room]
    return room if place.width == room.shape[-1] else room[..., place.first : place.end]


@dataclass(frozen=True, eq=False)
class _Arguments:
    """The arguments of an engine's function by name."""

    x: Tensor
    below: Mapping[str, Tensor]
    start: Sequence[Tensor]
    drops: Sequence[Tensor]
    weights: Mapping[str, Tensor]
    keep: Tensor | None
    began: Tensor | None
    count: Tensor | None

    @staticmethod
    def of(engine: Engine, arguments: Sequence[Tensor]) -> _Arguments:
        rest = list(arguments)
        return _Arguments(
            x=rest.pop(0),
            below={name: rest.pop(0) for name in engine.below},
            start=[rest.pop(0) for _ in engine.states],
            drops=[rest.pop(0) for _ in range(engine.drops)],
            weights={name: rest.pop(0) for name in engine.weights},
            keep=rest.pop(0) if engine.masked else None,
            began=rest.pop(0) if engine.clocked else None,
            count=rest.pop(0) if engine.counted else None,
        )

    def clock(self, t: Tensor) -> Tensor:
        """The number of a step, of int32: one for all sequences, or (batch, 1)."""
        return t if self.began is None else t + self.began

    @property
    def time(self) -> Tensor:
        return keras.ops.shape(self.x)[0]

    @property
    def batch(self) -> Tensor:
        return keras.ops.shape(self.x)[1]

    @cached_property
    def steps(self) -> Tensor | None:
        """How many steps to run: up to the last one that is real in any sequence; None for all."""
        if self.keep is None:
            return self.count
        real = keras.ops.any(self.keep > 0, axis=(1, 2))
        return keras.ops.max(keras.ops.where(real, keras.ops.arange(1, self.time + 1, dtype="int32"), 0))

    @property
    def run(self) -> Tensor:
        """(time, 1, 1) of bool: whether a step was run."""
        return keras.ops.reshape(keras.ops.arange(self.time, dtype="int32") < self.steps, (-1, 1, 1))

    def sequences(self) -> Values:
        return {("input", "x"): self.x, **{("below", name): value for name, value in self.below.items()}}

    def emitter(self, engine: Engine) -> Emitter:
        fixed: Values = {
            **{("weight", name): value for name, value in self.weights.items()},
            **{("constant", name): keras.ops.cast(value, engine.dtype) for name, value in engine.constants.items()},
            **{("drop", str(at)): value for at, value in enumerate(self.drops)},
        }
        constants = engine.constants if engine.step.reads_time else None
        return Emitter(engine.size, engine.dtype, fixed, ticks=engine.ticks(self.x), constants=constants)
