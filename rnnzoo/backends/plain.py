"""A layer's step as a loop over plain operations of `keras.ops`, for a backend without an engine.

In: the program of a step.  Out: a `CompiledStep` that compiles nothing and leaves derivatives to
the library below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from rnnzoo.backends.contract import Named, Results
from rnnzoo.backends.emit import Values
from rnnzoo.backends.step import TIME, Given, ProgramStep

Tensor = Any


@dataclass(frozen=True)
class PlainStep(ProgramStep):
    """A layer's step, ready to run."""

    def run(self, given: Mapping[Named, Tensor], plain: bool) -> Results:
        """Compute a layer over whole sequences."""
        differentiable = self.without_zeros(given)
        tensors = Given.of(self, [differentiable[argument] for argument in self.arguments])
        emitter = self.emitter(tensors)
        emitter.prepare(self.program.once, ())
        values = emitter.run(self.program.before, tensors.sequences(), tensors.x)
        read = {(ref.kind, ref.name): ref for ref in self.program.sequences}
        still: Values = {key: values[key] for key in read if key not in self.rows}
        numbers = keras.ops.arange(tensors.time, dtype="int32")
        sequences = [numbers, *(values[key] for key in self.rows)]
        if tensors.padding is not None:
            sequences.append(tensors.padding > 0)

        def step(carried: Sequence[Tensor], row: Sequence[Tensor]) -> tuple[Any, Any]:
            t, *rows = row
            now: Values = {
                **still,
                **dict(zip(self.rows, rows)),
                **{("previous", name): value for name, value in zip(self.states, carried)},
                TIME: tensors.clock(t),
            }
            new, _ = self.forward_step(emitter, now, carried[0])
            if tensors.padding is not None:
                new = [keras.ops.where(rows[-1], value, old) for value, old in zip(new, carried)]
            return new, new

        shown = [
            keras.ops.zeros((tensors.batch, self.width(name)), self.dtype) for name in self.shown
        ]
        last, history = keras.ops.scan(step, [*tensors.start, *shown], sequences)
        after = dict(zip(self.carried, history))
        return Results({name: after[name] for name in self.wanted}, dict(zip(self.carried, last)))
