"""A tracker that goes away in the middle of a sweep, and comes back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rnnzoo.errors import StoreError
from rnnzoo.spec.trial import Kind, Outcome, Result, Trial
from rnnzoo.trackers import Tracker
from rnnzoo.trackers._buffered import FINISH, PAUSE, QUICK, REST, BufferedTracker
from rnnzoo.trackers.memory import MemoryTracker


def result(index: int) -> Result:
    return Result(
        Trial("e", "a", "", "adding", index, {"units": 4}, seed=0),
        Outcome(Kind.COMPLETE),
        "e/a/adding/1",
    )


@dataclass
class Weather:
    """A store that can be reached or not, and a clock."""

    up: bool = True
    now: float = 1000.0
    store: MemoryTracker = field(default_factory=MemoryTracker)
    notes: list[str] = field(default_factory=list)
    attempts: int = 0
    slow: float = 0.0  # seconds that an answer takes

    def make(self) -> Tracker:
        self.attempts += 1
        weather = self

        class Exposed(MemoryTracker):
            def record(self, result: Result, artifacts: tuple[Path, ...] = ()) -> None:  # type: ignore[override]
                weather.need()
                weather.store.record(result, artifacts)

        self.need()
        self.store.open("e", "", {})
        return Exposed(kept=self.store.kept)

    def need(self) -> None:
        self.now += self.slow
        if not self.up:
            raise StoreError("the store at x cannot be used: refused\n  fix: see mlflow.yml")

    def tracker(self) -> BufferedTracker:
        made = BufferedTracker(self.make, self.notes.append, clock=lambda: self.now)
        made.open("e", "", {})
        return made

    def recorded(self) -> list[int]:
        return sorted(index for _, index in self.store.recorded("e"))


def test_while_the_store_is_there_nothing_is_different() -> None:
    weather = Weather()
    tracker = weather.tracker()
    for index in range(3):
        tracker.record(result(index))
    assert weather.recorded() == [0, 1, 2]
    assert tracker.recorded("e") == weather.store.recorded("e")
    assert not weather.notes
    assert not tracker.missed


def test_what_was_missed_is_written_when_the_store_is_back_and_it_is_told_twice_only() -> None:
    weather = Weather()
    tracker = weather.tracker()
    tracker.record(result(0))
    weather.up = False
    for index in (1, 2, 3):
        tracker.record(result(index))
    assert weather.recorded() == [0]
    assert [result.trial.index for result, _ in tracker.missed] == [1, 2, 3]
    weather.up = True
    tracker.record(result(4))
    assert weather.recorded() == [0]  # it was tried a moment ago
    weather.now += PAUSE
    tracker.record(result(5))
    assert weather.recorded() == [0, 1, 2, 3, 4, 5]
    assert not tracker.missed
    assert weather.notes == [
        "the store at x cannot be used: refused; the sweep goes on, its results are in the storage",
        "the tracker can be reached again",
    ]


def test_a_store_that_is_not_there_at_the_start_is_asked_again_now_and_then() -> None:
    weather = Weather(up=False)
    tracker = weather.tracker()
    for index in range(50):
        weather.now += PAUSE / 10
        tracker.record(result(index))
    assert weather.attempts == 6
    assert len(weather.notes) == 1
    assert tracker.recorded("e") == {}
    assert tracker.results("e") == ()
    tracker.best(result(0), [], {})
    tracker.report("e", [], {})
    tracker.close()
    weather.up, weather.now = True, weather.now + PAUSE
    tracker.report("e", [], {})
    assert weather.recorded() == list(range(50))


@pytest.mark.parametrize("slow", [0.5, 6.0, 30.0, 300.0])
def test_a_slow_store_holds_a_sweep_up_for_a_tenth_of_its_time_and_catches_up_at_its_end(
    slow: float,
) -> None:
    weather = Weather(slow=slow)
    tracker = weather.tracker()
    held, began = 0.0, weather.now
    for index in range(100):
        weather.now += 10.0  # a trial ends
        before = weather.now
        tracker.record(result(index))
        held += weather.now - before
    assert held <= (weather.now - began) / 10 + slow
    assert not weather.notes
    assert bool(tracker.missed) == (slow > QUICK)
    before, lacking = weather.now, len(tracker.missed)
    tracker.catch_up()
    tracker.report("e", [], {})
    assert weather.now - before <= FINISH + slow
    assert len(tracker.missed) == lacking - min(lacking, math.ceil(FINISH / slow))
    assert tracker.behind == bool(tracker.missed)
    weather.slow, weather.now = 0.0, weather.now + REST * slow
    tracker.catch_up()
    assert (tracker.missed, tracker.behind) == ([], False)
    assert weather.recorded() == list(range(100))
