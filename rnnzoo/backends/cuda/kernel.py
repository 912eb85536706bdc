"""A plan -> a kernel: what every thread does, part by part.

In: a `Plan`, numbers for its sizes, a `Layout`.  Out: a `Kernel`, whose text `write` prints.  A
thread belongs to a unit and to a slice of the terms of its products; the threads of a unit keep one
sequence each of those that a block takes, and all compute the operations of their unit.  Vectors
that are not as long as there are units are computed by all threads of each block, entry by entry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from rnnzoo.backends.cuda.barriers import barriers
from rnnzoo.backends.cuda.homes import Homes
from rnnzoo.backends.cuda.layout import H100, Card, Layout, fits
from rnnzoo.backends.cuda.resources import Resources, pieces
from rnnzoo.backends.cuda.step import Part, Step
from rnnzoo.backends.native.plan import Plan
from rnnzoo.backends.native.write import Layout as Rows
from rnnzoo.lang import ir


@dataclass(frozen=True)
class Kernel(Resources):
    """One loop over time."""

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What all threads do at a step."""
        return tuple(Step(self).parts())

    @cached_property
    def barriers(self) -> frozenset[int]:
        """The numbers of the parts ahead of which threads wait for each other."""
        buffers = {room.name: room.buffers for room in self.rooms.values()}
        for number in range(len(self.plan.over_units)):
            buffers |= dict.fromkeys(pieces(number), 1)
        return barriers(self.parts, buffers)


def fitted(plan: Plan, sizes: ir.Sizes, padding: Rows, card: Card = H100) -> Kernel:
    """The kernel of a loop in the first layout that fits.

    Raises:
        TooLarge: none does.
    """
    whole = Kernel(plan, Homes(plan, sizes), Layout(1, 4), padding)
    layout = fits(lambda layout: replace(whole, layout=layout), sizes.units, card)
    return replace(whole, layout=layout)
