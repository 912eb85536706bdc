"""Cells of clocks: a step computes the units that are due, and nothing of the others.

In: a step of the form `h = where(t % T == 0, E, h[t-1])` (`lang.passes.ticked`) whose periods divide one another and grow
with the units, so that those that are due are always the first so many: Koutnik et al. 2014.  Out: an engine with one branch
for each such number.  The projections of x and the gradients of the weights are computed for due steps only, too.

The dense engine, which computes everything and throws most of it away, is the oracle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from rnnzoo.lang.passes import ticked
from rnnzoo.nn import scan
from rnnzoo.nn.emit import Emitter, Values
from rnnzoo.nn.engine import Engine

Tensor = Any
Block = tuple[int, int, int]  # period, first unit, the unit after the last


@dataclass(frozen=True)
class TickedEngine(Engine):
    """An engine that computes due units only.

    Attributes:
        blocks: units of one period, the fastest first.
        dense: the engine that computes all units, for plain operations.
    """

    blocks: tuple[Block, ...] = ()
    dense: Engine | None = None

    @property
    def identity(self) -> tuple[Any, ...]:
        return (*super().identity, self.blocks)

    def ticks(self, x: Tensor) -> tuple[Block, ...]:
        return self.blocks if x.shape[0] is not None else ()

    def ahead(self, emitter: Emitter, now: Values, t: Tensor, old: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        def due(units: int) -> list[Tensor]:
            if not units:
                return [old, *(keras.ops.zeros_like(old) for _ in self.adjoint.saved)]
            (new,), beside = super(TickedEngine, self).ahead(emitter.first(units), dict(now), t, old[:, :units])
            rest = old[:, units:]
            zeros = keras.ops.zeros_like(rest)
            return [_joined(new, rest), *(_joined(one, zeros) for one in beside)]

        new, *beside = self._switch(t, due)
        return [new], list(beside)

    def back(self, emitter: Emitter, now: Values, t: Tensor, like: Tensor) -> tuple[dict[str, Tensor], list[Tensor]]:
        (state,) = self.states
        total = now["adjoint", state]

        def due(units: int) -> list[Tensor]:
            if not units:
                return [total, *(keras.ops.zeros_like(total) for _ in self.adjoint.emitted)]
            found, emitted = super(TickedEngine, self).back(emitter.first(units), dict(now), t, like[:, :units])
            zeros = keras.ops.zeros_like(total)
            kept = _joined(zeros[:, :units], total[:, units:])  # what is not due hands its adjoint on
            return [found[state] + kept, *(_joined(one, zeros[:, units:]) for one in emitted)]

        before, *emitted = self._switch(t, due)
        return {state: before}, list(emitted)

    def _plain(self, arguments: Sequence[Tensor]) -> list[Tensor]:
        assert self.dense is not None
        return self.dense.plain(*arguments)

    def _switch(self, t: Tensor, due: Any) -> Any:
        counts = [0, *(last for _, _, last in self.blocks)]
        periods = keras.ops.convert_to_tensor([period for period, _, _ in self.blocks], "int32")
        case = keras.ops.sum(keras.ops.cast(keras.ops.equal(keras.ops.mod(t, periods), 0), "int32"))
        return scan.switch(case, [partial(due, units) for units in counts])


def _joined(first: Tensor, rest: Tensor) -> Tensor:
    return keras.ops.concatenate([first, rest], axis=-1) if rest.shape[-1] else first


def engine(dense: Engine) -> Engine:
    """The engine that skips what is not due, where the step is one of clocks; else the one that is given."""
    found = ticked(dense.step)
    if found is None or dense.clocked or dense.drops or dense.states != (found.state,) or dense.shown:
        return dense
    blocks = blocks_of(dense.constants[found.period])
    if len(blocks) < 2:
        return dense
    given = {name: getattr(dense, name) for name in Engine.__dataclass_fields__}
    return TickedEngine(**{**given, "step": found.step}, blocks=blocks, dense=dense)


def blocks_of(periods: np.ndarray) -> tuple[Block, ...]:
    """Units of one period, if the units that are due are the first so many at every step; else nothing."""
    values, starts = np.unique(periods, return_index=True)
    whole = (values == np.round(values)).all() and values[0] >= 1 and values[-1] < 2**31
    if periods.ndim != 1 or not whole or (np.diff(periods) < 0).any() or (values[1:] % values[:-1]).any():
        return ()
    ends = [*starts[1:], len(periods)]
    return tuple((int(value), int(first), int(last)) for value, first, last in zip(values, starts, ends))
