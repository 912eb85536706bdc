"""How a kernel is spread over a card, and whether it fits.

In: what a kernel uses.  Out: a `Layout`, or why there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Protocol

from rnnzoo.backends.native.plan import Unprintable

WARP = 32  # threads that run in step; a block consists of whole warps


@dataclass(frozen=True, slots=True)
class Card:
    """What a multiprocessor has.

    Attributes:
        shared: bytes of shared memory that a block may have.
        registers: of all threads together; `most` of one thread.
        cluster: blocks that work together.
    """

    name: str
    architecture: str
    shared: int
    registers: int
    most: int
    threads: int
    cluster: int


# CUDA C++ Programming Guide 13.0, table of compute capability 9.0
H100 = Card("an H100", "sm_90", 227 * 1024, 64 * 1024, 255, 512, 8)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a kernel is spread.

    Attributes:
        cluster: blocks over which units are spread.
        slices: threads that share the product of a unit.
        rows: sequences that a block may take; chosen at each call.
        buffers: of a memory that threads share; with two, fewer barriers.
        holds: whether weights of units lie in registers, not in shared memory.
    """

    cluster: int
    slices: int
    rows: tuple[int, ...] = (1,)
    buffers: int = 2
    holds: bool = True

    def own(self, units: int) -> int:
        """How many units a block has."""
        return -(-units // self.cluster)

    def threads(self, units: int) -> int:
        return -(-self.own(units) * self.slices // WARP) * WARP


class TooLarge(Unprintable):
    """A kernel that does not fit a card; says why."""


class Uses(Protocol):
    """What a kernel uses."""

    @property
    def weights(self) -> int:
        """Registers of a thread for weights."""

    @property
    def registers(self) -> int:
        """Registers of a thread."""

    def shared(self, rows: int) -> int:
        """Bytes of shared memory of a block."""


# Measured on an H100: shares up to here are worth more blocks in a cluster (64 units in one block
# with 64 weights a thread, 128 in four with 64, 200 in eight with 100).
SHARE, THREADS = 112, 256
ROWS = (1, 2, 4, 8)  # sequences of a block: a library has a kernel for each, and chooses


def fits(uses: Callable[[Layout], Uses], units: int, card: Card = H100) -> Layout:
    """The first layout that fits.

    Raises:
        TooLarge: none does.
    """
    for layout, share, threads in _candidates(card):
        if layout.threads(units) > threads or layout.cluster > units:
            continue
        used = uses(layout)
        most = min(card.most, card.registers // layout.threads(units))
        if used.weights > share or used.registers > most or used.shared(1) > card.shared:
            continue
        rows = [
            count for count in ROWS if count <= layout.slices and used.shared(count) <= card.shared
        ]
        return replace(layout, rows=tuple(rows))
    raise TooLarge(
        f"{units} units do not fit {card.cluster} of the multiprocessors of {card.name}, with "
        f"{card.registers * 4 // 1024} KB of registers and {card.shared // 1024} KB of shared "
        "memory each"
    )


def _candidates(card: Card) -> Iterator[tuple[Layout, int, int]]:
    """Layouts, those that should be fastest first, with how many weights and threads each may
    have.
    """
    clusters = [size for size in (1, 2, 4, 8) if size <= card.cluster]
    for buffers in (2, 1):
        for cluster, slices in product(clusters, (4, 8)):
            yield Layout(cluster, slices, buffers=buffers), SHARE, THREADS
        for cluster, slices in product(clusters, (4, 8, 16)):
            yield Layout(cluster, slices, buffers=buffers), card.most, card.threads
        for cluster, slices in product(clusters, (4, 8)):
            yield Layout(cluster, slices, buffers=buffers, holds=False), card.most, card.threads
