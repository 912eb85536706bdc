"""A tracker whose store may go away: a sweep goes on without it, and what it missed is written when it is back.

In: how to make the tracker, and whom to tell.  Out: the same contract, without errors of the store.  Nothing is lost by it:
the truth is Optuna's storage, and `rnnzoo sync` brings the tracker level at any time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rnnzoo.errors import StoreError
from rnnzoo.spec.trial import Result
from rnnzoo.trackers import Tracker

PAUSE = 120.0  # seconds between two attempts to reach a store that went away
T = TypeVar("T")


@dataclass(slots=True)
class Patient:
    """Writes while the store can be reached, and remembers what it could not write.

    Attributes:
        make: opens the store; raises a StoreError where it cannot be reached.
        note: told when the store goes away and when it is back.
        missed: results that were not written.
    """

    make: Callable[[], Tracker]
    note: Callable[[str], None]
    missed: list[tuple[Result, Sequence[Path]]] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic
    _inner: Tracker | None = None
    _opened: tuple[str, str, Mapping[str, str]] | None = None
    _tried: float = -PAUSE
    _lost: bool = False

    def open(self, experiment: str, about: str, artifacts: Mapping[str, str]) -> None:
        self._opened = (experiment, about, artifacts)
        self._reach()

    def record(self, result: Result, artifacts: Sequence[Path] = ()) -> None:
        self.missed.append((result, artifacts))
        self._do(lambda inner: None)  # which writes what was missed, this one too

    def recorded(self, experiment: str) -> set[tuple[str, int]]:
        return self._do(lambda inner: inner.recorded(experiment)) or set()

    def results(self, experiment: str) -> Sequence[Result]:
        return self._do(lambda inner: inner.results(experiment)) or ()

    def best(self, result: Result, files: Sequence[Path], texts: Mapping[str, str]) -> None:
        self._do(lambda inner: inner.best(result, files, texts))

    def report(self, experiment: str, files: Sequence[Path], numbers: Mapping[str, float]) -> None:
        self._do(lambda inner: inner.report(experiment, files, numbers))

    def where(self) -> str:
        return self._inner.where() if self._inner is not None else "nowhere: the store cannot be reached"

    def close(self) -> None:
        if self._inner is not None:
            self._inner.close()

    # -- the store

    def _do(self, action: Callable[[Tracker], T]) -> T | None:
        """The result of an action on the store, everything missed being written first; None where it cannot be reached."""
        inner = self._reach()
        if inner is None:
            return None
        try:
            while self.missed:
                inner.record(*self.missed[0])
                del self.missed[0]
            return action(inner)
        except StoreError as error:
            self._give_up(error)
            return None

    def _reach(self) -> Tracker | None:
        """The store, reached anew where it was lost a while ago."""
        if self._inner is not None or self._opened is None or self.clock() < self._tried + PAUSE:
            return self._inner
        try:
            found = self.make()
            found.open(*self._opened)
        except StoreError as error:
            self._give_up(error)
            return None
        self._inner = found
        if self._lost:
            self.note("the tracker can be reached again")
            self._lost = False
        return found

    def _give_up(self, error: StoreError) -> None:
        self._inner, self._tried = None, self.clock()
        if not self._lost:
            reason = str(error).partition("\n")[0]
            self.note(f"{reason}; the sweep goes on, its results are in the storage")
            self._lost = True
