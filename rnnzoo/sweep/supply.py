"""Which trial is begun next, while a sweep may be told otherwise.

In: trials in their order, and what the sweep was told.  Out: the next one that may begin.  Those of
stopped variants, and those beyond the planned number, stay here, for a sweep may be told again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.steering import Told

Pair = tuple[Study, int]  # a trial, by its study and index


@dataclass(slots=True)
class Supply:
    """Trials that a loop is to begin.

    Attributes:
        source: these, in order; those of a search never end.
        is_search: those are begun whose index is below the number of planned trials.
        kept: of variants that are stopped, or were, by label.
    """

    source: Iterator[Pair]
    is_search: bool = False
    kept: dict[str, deque[Pair]] = field(default_factory=dict)
    _ahead: Pair | None = None  # taken from the source, and not begun

    def next(self, told: Told) -> Pair | None:
        """The trial that begins next, which is not handed out again; None where none may."""
        pair = self.peek(told)
        if pair is None:
            return None
        if pair is self._ahead:
            self._ahead = None
        else:
            self.kept[pair[0].variant.label].popleft()
        return pair

    def peek(self, told: Told) -> Pair | None:
        """The same, which is still here then."""
        for label, pairs in self.kept.items():
            # its variant was stopped, and goes on: these are older than what the source has
            if pairs and label not in told.stopped and self._is_planned(pairs[0], told):
                return pairs[0]
        return self._look_ahead(told)

    def _look_ahead(self, told: Told) -> Pair | None:
        while True:
            if self._ahead is None:
                self._ahead = next(self.source, None)
            # one that is not planned stays ahead: the sweep may be told of more trials
            if self._ahead is None or not self._is_planned(self._ahead, told):
                return None
            if self._ahead[0].variant.label not in told.stopped:
                return self._ahead
            self.kept.setdefault(self._ahead[0].variant.label, deque()).append(self._ahead)
            self._ahead = None

    def _is_planned(self, pair: Pair, told: Told) -> bool:
        return not self.is_search or pair[1] < told.trials

    def put_back(self, pair: Pair) -> None:
        """Take back a trial whose variant was stopped."""
        self.kept.setdefault(pair[0].variant.label, deque()).appendleft(pair)

    def begun(self, told: Told) -> int:
        """Below which index all trials have begun, but those of stopped variants."""
        self._look_ahead(told)
        return self._ahead[1] if self._ahead is not None else told.trials

    def leaves_out(self, told: Told) -> list[str]:
        """Labels of stopped variants that have trials to begin here."""
        kept = {label: self.kept.get(label, ()) for label in told.stopped}
        return [
            label
            for label, pairs in kept.items()
            if any(self._is_planned(pair, told) for pair in pairs)
        ]
