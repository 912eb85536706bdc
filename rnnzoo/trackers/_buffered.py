"""A tracker that buffers results while its store is slow or cannot be reached, so that a sweep goes
on without it.

In: a function that makes the tracker, and one that shows notes.  Out: the same contract, without
errors of the store.  Nothing is lost: Optuna's storage is the source of truth, and `rnnzoo sync`
uploads missing results at any time.
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

PAUSE = 120.0  # seconds between attempts to reconnect to a lost store
# seconds that an action on a store may take; after a slower one the store rests `REST` times as
# long
QUICK = 2.0
REST = 10
FINISH = 60.0  # seconds for a slow store to catch up after the last trial
T = TypeVar("T")


@dataclass(slots=True)
class BufferedTracker:
    """Writes while the store can be reached, and keeps the results that it could not write.

    Attributes:
        make: opens the store; raises a StoreError if it cannot be reached.
        note: called with a message when the store is lost and when it is back.
        missed: results that are not written yet, with their artifacts.
        behind: whether anything is missing in the store: results, a model or the report.
    """

    make: Callable[[], Tracker]
    note: Callable[[str], None]
    missed: list[tuple[Result, Sequence[Path]]] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic
    behind: bool = False
    _tracker: Tracker | None = None
    _opened: tuple[str, str, Mapping[str, str]] | None = None
    _unreachable_until: float = -math.inf  # no attempt to reconnect before this time
    _rest_until: float = -math.inf  # no action on a slow store before this time
    _no_rest_until: float = -math.inf  # a slow store gets no rest before this time
    _lost: bool = False

    def open(self, experiment: str, about: str, artifacts: Mapping[str, str]) -> None:
        self._opened = (experiment, about, artifacts)
        self._try(lambda tracker: None)

    def record(self, result: Result, artifacts: Sequence[Path] = ()) -> None:
        self.missed.append((result, artifacts))
        self._try(lambda tracker: None)  # writes all missed results, including this one

    def recorded(self, experiment: str) -> Mapping[tuple[str, int], Kind]:
        return self._try(lambda tracker: tracker.recorded(experiment)) or {}

    def results(self, experiment: str) -> Sequence[Result]:
        return self._try(lambda tracker: tracker.results(experiment)) or ()

    def best(self, result: Result, files: Sequence[Path], texts: Mapping[str, str]) -> None:
        self._try(lambda tracker: tracker.best(result, files, texts))

    def report(self, experiment: str, files: Sequence[Path], numbers: Mapping[str, float]) -> None:
        self._try(lambda tracker: tracker.report(experiment, files, numbers))

    def where(self) -> str:
        if self._tracker is not None:
            return self._tracker.where()
        return "nowhere: the store cannot be reached"

    def close(self) -> None:
        if self._tracker is not None:
            self._tracker.close()

    def catch_up(self) -> None:
        """Write all missed results without rests, for a minute at most: no trial is waiting any
        more.
        """
        self._no_rest_until = self.clock() + FINISH
        self._try(lambda tracker: None)

    # -- the store

    def _try(self, action: Callable[[Tracker], T]) -> T | None:
        """The result of an action on the store, after all missed results are written; None if that
        is not possible now.
        """
        try:
            while (tracker := self._connected()) is not None:
                with self._timed():
                    if not self.missed:
                        self.behind = False
                        return action(tracker)
                    tracker.record(*self.missed[0])
                    del self.missed[0]
        except StoreError as error:
            self._lose(error)
        self.behind = True
        return None

    def _connected(self) -> Tracker | None:
        """The tracker, reconnected if its store was lost; None while the store rests.

        Raises:
            StoreError: the store cannot be reached.
        """
        resting = self._no_rest_until <= self.clock() < self._rest_until
        if self._opened is None or resting or self.clock() < self._unreachable_until:
            return None
        if self._tracker is None:
            tracker = self._make()
            with self._timed():
                tracker.open(*self._opened)
            self._tracker = tracker
            if self._lost:
                self.note("the tracker can be reached again")
                self._lost = False
        return self._tracker

    def _make(self) -> Tracker:
        """A new tracker.  Only a failure counts as slow: the first success imports libraries and
        may make a database.
        """
        began = self.clock()
        try:
            return self.make()
        except StoreError:
            self._rest_until = self.clock() + REST * (self.clock() - began)
            raise

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Time an action: a slow store rests ten times as long, so that it delays a sweep by a
        tenth at most.
        """
        began = self.clock()
        try:
            yield
        finally:
            duration = self.clock() - began
            if duration > QUICK:
                self._rest_until = self.clock() + REST * duration

    def _lose(self, error: StoreError) -> None:
        self._tracker = None
        self._unreachable_until = max(self.clock() + PAUSE, self._rest_until)
        if not self._lost:
            reason = str(error).partition("\n")[0]
            self.note(f"{reason}; the sweep goes on, its results are in the storage")
            self._lost = True
