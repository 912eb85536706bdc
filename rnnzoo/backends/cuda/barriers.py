"""Where threads must wait for each other in a loop.

In: what each part of a step reads and writes in memory that threads share.  Out: the parts ahead of
which all threads wait, the fewest that a pass from the first part to the last one finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

# (memory, which of its buffers: 0 for this step's, 1 for the next one's)
Access = tuple[str, int]
STEPS = 4  # after which buffers and parts have met in every way


class Part(Protocol):
    """What all threads do without waiting."""

    @property
    def reads(self) -> frozenset[Access]: ...

    @property
    def writes(self) -> frozenset[Access]: ...


def barriers(parts: Sequence[Part], buffers: Mapping[str, int]) -> frozenset[int]:
    """The numbers of the parts ahead of which threads wait.

    Args:
        buffers: how many each memory has, which take turns from step to step.
    """
    chosen: set[int] = set()
    while (hazard := next(_hazards(parts, buffers, chosen), None)) is not None:
        chosen.add(hazard)
    return frozenset(chosen)


def _hazards(parts: Sequence[Part], buffers: Mapping[str, int], chosen: set[int]) -> Iterator[int]:
    """Parts that touch what another thread may not have read or written yet."""
    read: set[Access] = set()
    written: set[Access] = set()
    for step in range(STEPS):
        for number, part in enumerate(parts):
            if number in chosen:
                read, written = set(), set()
            reads = {_buffer(access, step, buffers) for access in part.reads}
            writes = {_buffer(access, step, buffers) for access in part.writes}
            if reads & written or writes & (read | written):
                yield number
            read |= reads
            written |= writes


def _buffer(access: Access, step: int, buffers: Mapping[str, int]) -> Access:
    memory, ahead = access
    return memory, (step + ahead) % buffers[memory]
