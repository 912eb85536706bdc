"""One recurrent layer as a function of tensors with a backward pass of its own.

In: the program of a step and its adjoint.  Out: a function from sequences, initial states and weights to sequences and last
states.  Forward: what does not depend on the step before is computed for all steps at once, then the loop.  Backward: the
loop over the adjoint's lines, then every gradient of a weight as one product or one reduction over (time x batch).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.adjoint import Adjoint, adjoint
from rnnzoo.lang.program import Program
from rnnzoo.lang.widen import compile_step
from rnnzoo.nn import scan
from rnnzoo.nn.emit import Emitter, Values

Tensor = Any


@dataclass(frozen=True)
class Engine:
    """A layer's step, ready to run.

    Attributes:
        states: names of the carried states; `shown` of other values that are wanted, carried so that padding repeats them.
        wanted: whose values at every step are results.
        below, drops, weights: names of what the step reads: of the layer below, masks of recurrent dropout, weights.
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
    clocked: bool = False  # whether steps are counted from a given number, as a stateful layer does

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
    def places(self) -> list[tuple[str, ir.Ref]]:
        """What is carried, and under which name the lines read it."""
        found = ((name, self.program.results[name]) for name in self.carried)
        return [(name, atom) for name, atom in found if isinstance(atom, ir.Ref) and atom.kind == "value"]

    @cached_property
    def function(self) -> Callable[..., list[Tensor]]:
        """(x, below..., initial states..., masks of dropout..., weights..., [keep], [clock]) -> (wanted..., last carried...).

        Sequences are (time, batch, size), and `keep` is (time, batch, 1): where it is 0, the step is padding.
        """
        return scan.differentiable(self._forward, self._backward)

    def widths(self, names: Sequence[str]) -> list[int]:
        return [self.size.of(self.step.equation(name).size) for name in names]

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

    def _forward(self, arguments: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        given = _Arguments.of(self, arguments)
        program, emitter = self.program, given.emitter(self)
        emitter.prepare(program.once, ())
        values = emitter.run(program.before, given.sequences(), given.x)
        there: Values = {(ref.kind, ref.name): values[ref.kind, ref.name] for ref in program.sequences}
        read = [key for key, value in there.items() if len(value.shape) == len(given.x.shape)]
        flat = {key: value for key, value in there.items() if key not in read}
        saved = self.adjoint.saved

        def step(
            t: Tensor, carried: scan.Rows, row: Callable[[int, Tensor], Tensor]
        ) -> tuple[list[Tensor], list[Tensor]]:
            now: Values = {
                **flat,
                **{key: row(at, t) for at, key in enumerate(read)},
                **{("previous", name): value for name, value in zip(self.states, carried)},
                ("time", "t"): given.clock(t, self.dtype),
            }
            new, beside = self.ahead(emitter, now, t, carried[0])
            if given.keep is not None:
                kept = row(len(read), t) > 0
                new = [keras.ops.where(kept, value, old) for value, old in zip(new, carried)]
            return new, [*new, *beside]

        widths = [*self.widths(self.carried), *(self.size.of(ref.shape[0]) for ref in saved)]
        sequences = [there[key] for key in read] + ([] if given.keep is None else [given.keep])
        start = [
            *given.start,
            *(keras.ops.zeros((given.batch, width), self.dtype) for width in self.widths(self.shown)),
        ]
        kept, last = scan.loop(step, sequences, start, widths, given.steps, given.time)
        rows = dict(zip(self.carried, kept))
        results = [
            rows[name]
            if given.keep is None
            else keras.ops.where(given.run, rows[name], last[self.carried.index(name)][None])
            for name in self.wanted
        ]
        again = [values["value", ref.name] for ref in self.adjoint.sequences(program)]
        return [*results, *last], [*kept, *again]

    def _backward(
        self, arguments: Sequence[Tensor], kept: Sequence[Tensor], upstream: Sequence[Tensor]
    ) -> list[Tensor | None]:
        given = _Arguments.of(self, arguments)
        program, back, emitter = self.program, self.adjoint, given.emitter(self)
        emitter.prepare(program.once, (*back.loop, *back.after))
        rows = dict(zip(self.carried, kept))
        saved = dict(zip(back.saved, kept[len(rows) :]))
        again = dict(zip(back.sequences(program), kept[len(rows) + len(saved) :]))
        before = {
            name: keras.ops.concatenate([first[None], rows[name][:-1]]) for name, first in zip(self.states, given.start)
        }
        above = dict(zip(self.wanted, upstream))
        carried = list(upstream[len(self.wanted) :])
        if given.keep is not None:  # rows after the last real step repeat it
            for at, name in enumerate(self.carried):
                if name in above:
                    carried[at] += keras.ops.sum(keras.ops.where(given.run, 0, above[name]), axis=0)

        # every tensor that a step reads, by what it is called there
        now = {
            **{("previous", name): value for name, value in before.items()},
            **{("value", ref.name): value for ref, value in (saved | again).items()},
            **{("value", atom.name): rows[name] for name, atom in self.places},
            **given.sequences(),
        }
        read = _read(back.loop, now)
        widths = [self.size.of(ref.shape[0]) for ref in back.emitted]
        names = list(read) + [("above", name) for name in above] + ([("keep", "")] if given.keep is not None else [])
        sequences = [*(now[key] for key in read), *above.values(), *([] if given.keep is None else [given.keep])]

        def step(
            t: Tensor, carried: scan.Rows, row: Callable[[int, Tensor], Tensor]
        ) -> tuple[list[Tensor], list[Tensor]]:
            at = {key: row(which, t) for which, key in enumerate(names)}
            values: Values = {key: at[key] for key in read} | {("time", "t"): given.clock(t, self.dtype)}
            total = [one + at["above", name] if name in above else one for name, one in zip(self.carried, carried)]
            held = [keras.ops.zeros_like(one) for one in total]
            if given.keep is not None:
                real = at["keep", ""] > 0
                held = [keras.ops.where(real, 0, one) for one in total]
                total = [keras.ops.where(real, one, 0) for one in total]
            values |= {("adjoint", name): one for name, one in zip(self.carried, total)}
            found, emitted = self.back(emitter, values, t, carried[0])
            new = [
                one if name not in found else found[name] if given.keep is None else found[name] + one
                for name, one in zip(self.carried, held)
            ]
            return new, emitted

        emitted, first = scan.loop(step, sequences, carried, widths, given.steps, given.time, backwards=True)
        after: Values = {
            **now,
            **{(ref.kind, ref.name): value for ref, value in zip(back.emitted, emitted)},
            ("time", "t"): keras.ops.reshape(given.clock(keras.ops.arange(given.time), self.dtype), (-1, 1, 1)),
        }
        emitter.run(back.after, after, given.x)
        emitter.run(back.once, after, None)

        def gradient(found: Mapping[str, Any], name: str, like: Tensor) -> Tensor:
            if name not in found:
                return keras.ops.zeros_like(like)
            value = emitter.value(found[name], after)
            return keras.ops.reshape(value, like.shape) if len(value.shape) > len(like.shape) else value

        return [
            *(gradient(back.inputs, name, value) for name, value in (("x", given.x), *given.below.items())),
            *first[: len(self.states)],
            *(None for _ in given.drops),
            *(gradient(back.weights, name, value) for name, value in given.weights.items()),
            *([] if given.keep is None else [None]),
            *([] if given.began is None else [None]),
        ]


def _read(lines: Sequence[ir.Equation], there: Mapping[tuple[str, str], Tensor]) -> list[tuple[str, str]]:
    """What the lines read of what is there, and do not compute themselves."""
    made = {("value", one.name) for one in lines}
    found = [(ref.kind, ref.name) for one in lines for ref in ir.walk(one.expr) if isinstance(ref, ir.Ref)]
    return [key for key in dict.fromkeys(found) if key in there and key not in made]


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
        )

    def clock(self, t: Tensor, dtype: str) -> Tensor:
        """The number of a step."""
        now = keras.ops.cast(t, dtype)
        return now if self.began is None else now + self.began

    @property
    def time(self) -> Tensor:
        return keras.ops.shape(self.x)[0]

    @property
    def batch(self) -> Tensor:
        return keras.ops.shape(self.x)[1]

    @cached_property
    def steps(self) -> Tensor:
        """How many steps to run: up to the last one that is real in any sequence."""
        if self.keep is None:
            return keras.ops.convert_to_tensor(self.time, "int32")
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
        return Emitter(engine.size, engine.dtype, fixed, ticks=engine.ticks(self.x))
