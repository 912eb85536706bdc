"""A tracker whose store may go away or be slow: a sweep goes on without it, and what it missed is written later.

In: how to make the tracker, and whom to tell.  Out: the same contract, without errors of the store.  Nothing is lost by it:
the truth is Optuna's storage, and `rnnzoo sync` brings the tracker level at any time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rnnzoo.errors import StoreError
from rnnzoo.spec.trial import Kind, Result
from rnnzoo.trackers import Tracker

PAUSE = 120.0  # seconds between two attempts to reach a store that went away
QUICK = 2.0  # seconds that one action on a store may take; after a longer one it is left alone `REST` times as long
REST = 10
FINISH = 60.0  # seconds that are given to a slow store when the trials have ended
T = TypeVar("T")


@dataclass(slots=True)
class Patient:
    """Writes while the store can be reached, and remembers what it could not write.

    Attributes:
        make: opens the store; raises a StoreError where it cannot be reached.
        note: told when the store goes away and when it is back.
        missed: results that were not written.
        behind: something was not written, be it results, a model or the report.
    """

    make: Callable[[], Tracker]
    note: Callable[[str], None]
    missed: list[tuple[Result, Sequence[Path]]] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic
    behind: bool = False
    _inner: Tracker | None = None
    _opened: tuple[str, str, Mapping[str, str]] | None = None
    _away_until: float = -math.inf  # not before then is the store tried again
    _rest_until: float = -math.inf  # likewise, where it is only slow
    _rush_until: float = -math.inf  # until then it may be slow
    _lost: bool = False

    def open(self, experiment: str, about: str, artifacts: Mapping[str, str]) -> None:
        self._opened = (experiment, about, artifacts)
        self._do(lambda inner: None)

    def record(self, result: Result, artifacts: Sequence[Path] = ()) -> None:
        self.missed.append((result, artifacts))
        self._do(lambda inner: None)  # which writes what was missed, this one too

    def recorded(self, experiment: str) -> Mapping[tuple[str, int], Kind]:
        return self._do(lambda inner: inner.recorded(experiment)) or {}

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

    def catch_up(self) -> None:
        """No trial waits any more: write what was missed, and what comes, for a minute at most."""
        self._rush_until = self.clock() + FINISH
        self._do(lambda inner: None)

    # -- the store

    def _do(self, action: Callable[[Tracker], T]) -> T | None:
        """The result of an action on the store, everything missed being written first; None where it cannot be had now."""
        try:
            while (inner := self._reach()) is not None:
                with self._clocked():
                    if not self.missed:
                        self.behind = False
                        return action(inner)
                    inner.record(*self.missed[0])
                    del self.missed[0]
        except StoreError as error:
            self._give_up(error)
        self.behind = True
        return None

    def _reach(self) -> Tracker | None:
        """The store, reached anew where it was lost a while ago; None where it is left alone for now.

        Raises:
            StoreError: it cannot be reached.
        """
        resting = self._rush_until <= self.clock() < self._rest_until
        if self._opened is None or resting or self.clock() < self._away_until:
            return None
        if self._inner is None:
            found = self._made()
            with self._clocked():
                found.open(*self._opened)
            self._inner = found
            if self._lost:
                self.note("the tracker can be reached again")
                self._lost = False
        return self._inner

    def _made(self) -> Tracker:
        """A new one.  Only in vain is its time the store's: at first there are libraries to import, and a database to make."""
        began = self.clock()
        try:
            return self.make()
        except StoreError:
            self._rest_until = self.clock() + REST * (self.clock() - began)
            raise

    @contextmanager
    def _clocked(self) -> Iterator[None]:
        """A slow store is left alone ten times as long as it took, so that it holds a sweep up for a tenth of its time."""
        began = self.clock()
        try:
            yield
        finally:
            took = self.clock() - began
            if took > QUICK:
                self._rest_until = self.clock() + REST * took

    def _give_up(self, error: StoreError) -> None:
        self._inner = None
        self._away_until = max(self.clock() + PAUSE, self._rest_until)
        if not self._lost:
            reason = str(error).partition("\n")[0]
            self.note(f"{reason}; the sweep goes on, its results are in the storage")
            self._lost = True
