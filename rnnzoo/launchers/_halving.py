"""Which of many trials ends the process that they share: found by halving.

In: the trials of processes that ended.  Out: who may train beside whom from then on, and which
trial was alone when its process ended.  When a process ends, each of its trials is suspected and
none is blamed.  Half of them train together, then the other half; of a half whose process ends too,
a half again.  So the one of 64 that does it is found after six more ends, and what ended the
process from outside is blamed on nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Suspects:
    """Groups of trials, by key: those of a group train in a process without any others."""

    groups: list[frozenset[str]] = field(default_factory=list)

    def group(self, key: str) -> frozenset[str]:
        """The group of a trial; empty where it is not suspected."""
        return next((group for group in self.groups if key in group), frozenset())

    def accuse(self, keys: Sequence[str]) -> bool:
        """A process ended with these trials; returns whether there was one alone, which did it."""
        self.clear(keys)
        middle = (len(keys) + 1) // 2
        halves = (frozenset(keys[:middle]), frozenset(keys[middle:]))
        # a trial that ended its process alone stays alone, should it be begun once more
        self.groups[:0] = [half for half in halves if half]
        return len(keys) == 1

    def clear(self, keys: Collection[str]) -> None:
        """These trials are suspected no more: they came to an end of their own."""
        left = (group.difference(keys) for group in self.groups)
        self.groups = [group for group in left if group]
