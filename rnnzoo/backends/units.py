"""Which units a step computes: all of them, or those of a clockwork cell that are due.

In: a step of the form `h = where(t % T == 0, E, h[t-1])` (`lang.passes.periodic_update`) whose
periods divide one another and grow with the units, so that those that are due are always the first
so many: Koutnik et al. 2014.  Out: a step with one branch for each such number.  The projections of
x and the gradients of the weights are computed for due steps only, too.

The step that computes all units, and throws most of it away, is the oracle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import keras
import numpy as np

from rnnzoo.backends.emit import Emitter, Values
from rnnzoo.lang.passes import periodic_update

if TYPE_CHECKING:
    from rnnzoo.backends.step import ProgramStep

Tensor = Any
Step = TypeVar("Step", bound="ProgramStep")
Block = tuple[int, int, int]  # period, first unit, the unit after the last
# (number of a branch, branches) -> what that branch yields, chosen at run time
Switch = Callable[[Tensor, Sequence[Callable[[], Any]]], Any]


class Units(Protocol):
    """Which units a step computes."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Blocks of units that are due at multiples of a period only; none where all units are
        always due.
        """

    def forward_step(
        self, whole: ProgramStep, emitter: Emitter, now: Values, t: Tensor, old: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """One step: what is carried, and what is saved beside it."""

    def backward_step(
        self, whole: ProgramStep, emitter: Emitter, now: Values, t: Tensor, like: Tensor
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        """One step back: the adjoints of the states before it, and what is emitted."""

    def all_of(self, own: Step) -> Step:
        """What computes the same with all units."""


@dataclass(frozen=True, slots=True)
class AllUnits:
    """Every unit at every step."""

    blocks: tuple[Block, ...] = ()

    def forward_step(
        self, whole: ProgramStep, emitter: Emitter, now: Values, t: Tensor, old: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        return whole.forward_step(emitter, now, old)

    def backward_step(
        self, whole: ProgramStep, emitter: Emitter, now: Values, t: Tensor, like: Tensor
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        return whole.backward_step(emitter, now, like)

    def all_of(self, own: Step) -> Step:
        return own


ALL_UNITS = AllUnits()


@dataclass(frozen=True, slots=True)
class DueUnits:
    """The units that are due, which are the first so many at every step.

    Attributes:
        blocks: units of one period, the fastest first.
        dense: the step that computes all units, for plain operations.
        switch: how the backend chooses a branch.
    """

    blocks: tuple[Block, ...]
    dense: ProgramStep
    switch: Switch

    def forward_step(
        self, whole: ProgramStep, emitter: Emitter, now: Values, t: Tensor, old: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        def of_first(units: int) -> list[Tensor]:
            if not units:
                # nothing is due: as many results, of the same shapes, as the other branches have
                return [old, *(keras.ops.zeros_like(old) for _ in whole.adjoint.saved)]
            (new,), saved = whole.forward_step(emitter.first(units), dict(now), old[:, :units])
            rest = old[:, units:]
            zeros = keras.ops.zeros_like(rest)
            return [_joined(new, rest), *(_joined(value, zeros) for value in saved)]

        new, *saved = self._switch(t, of_first)
        return [new], list(saved)

    def backward_step(
        self, whole: ProgramStep, emitter: Emitter, now: Values, t: Tensor, like: Tensor
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        (state,) = whole.states
        total = now["adjoint", state]

        def of_first(units: int) -> list[Tensor]:
            if not units:
                return [total, *(keras.ops.zeros_like(total) for _ in whole.adjoint.emitted)]
            previous, emitted = whole.backward_step(
                emitter.first(units), dict(now), like[:, :units]
            )
            zeros = keras.ops.zeros_like(total)
            # the adjoint of what is not due
            handed_on = _joined(zeros[:, :units], total[:, units:])
            return [
                previous[state] + handed_on,
                *(_joined(value, zeros[:, units:]) for value in emitted),
            ]

        before, *emitted = self._switch(t, of_first)
        return {state: before}, list(emitted)

    def all_of(self, own: Step) -> Step:
        assert isinstance(self.dense, type(own))
        return self.dense

    def _switch(self, t: Tensor, of_first: Callable[[int], list[Tensor]]) -> Any:
        """What `of_first` yields for the number of units that are due at step t."""
        counts = [0, *(last for _, _, last in self.blocks)]
        periods = keras.ops.convert_to_tensor([period for period, _, _ in self.blocks], "int32")
        case = keras.ops.sum(keras.ops.cast(keras.ops.equal(keras.ops.mod(t, periods), 0), "int32"))
        return self.switch(case, [partial(of_first, units) for units in counts])


def _joined(first: Tensor, rest: Tensor) -> Tensor:
    return keras.ops.concatenate([first, rest], axis=-1) if rest.shape[-1] else first


def of_due_units(dense: Step, switch: Switch) -> Step:
    """The step that skips what is not due, where it is one of clocks; else the given one."""
    update = periodic_update(dense.step)
    if (
        update is None
        or dense.clocked
        or dense.drops
        or dense.states != (update.state,)
        or dense.shown
    ):
        return dense
    blocks = blocks_of(dense.constants[update.period])
    if len(blocks) < 2:
        return dense
    return replace(dense, step=update.step, units=DueUnits(blocks, dense, switch))


def blocks_of(periods: Sequence[float] | np.ndarray) -> tuple[Block, ...]:
    """Units of one period, if the units that are due are the first so many at every step; else
    nothing.
    """
    periods = np.asarray(periods)
    values, starts = np.unique(periods, return_index=True)
    # `DueUnits` has periods as int32
    whole = (values == np.round(values)).all() and values[0] >= 1 and values[-1] < 2**31
    # where each period divides the next, no slow unit is due without the faster ones
    if (
        periods.ndim != 1
        or not whole
        or (np.diff(periods) < 0).any()
        or (values[1:] % values[:-1]).any()
    ):
        return ()
    ends = [*starts[1:], len(periods)]
    return tuple(
        (int(value), int(first), int(last)) for value, first, last in zip(values, starts, ends)
    )
