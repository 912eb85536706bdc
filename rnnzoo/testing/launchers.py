"""What every launcher promises."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from rnnzoo.launchers import Event, Launcher, Setup
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.testing import work

LONG = 60.0  # seconds for what takes moments: a machine may be busy


class LauncherContract:
    """Tests of a launcher with two workers.

    Attributes:
        isolated: a trial is a process, so that a crash and a limit end it and nothing else.
            Launchers of sweeps that train should be: TensorFlow keeps memory, and may crash.
    """

    isolated: ClassVar[bool] = True

    def make(self, setup: Setup) -> Launcher:
        """Your launcher."""
        raise NotImplementedError

    @pytest.fixture
    def launcher(self, tmp_path: Path) -> Iterator[Launcher]:
        environment = {work.VARIABLE: "7"}
        made = self.make(
            Setup(work.behave, 2, log=tmp_path / "launcher.log", environment=environment)
        )
        yield made
        made.close()

    def test_it_runs_as_many_trials_at_once_as_there_are_workers(self, launcher: Launcher) -> None:
        assert launcher.capacity() == 2

    def test_outcomes_belong_to_their_trials(self, launcher: Launcher) -> None:
        ended: dict[int, float] = {}
        expected: dict[int, float] = {}
        for first in range(0, 6, 2):
            expected |= {
                launcher.submit(trial("complete", index)): float(index)
                for index in (first, first + 1)
            }
            for _ in range(2):
                event = next_event(launcher)
                assert isinstance(event.news, Outcome)
                ended[event.ticket] = event.news.scores["validation"]
        assert ended == expected
        assert len(ended) == 6

    def test_waiting_ends_in_time_where_nothing_happens(self, launcher: Launcher) -> None:
        began = time.monotonic()
        assert launcher.wait(0.05) is None
        assert time.monotonic() - began < LONG

    def test_progress_comes_in_order_and_a_trial_waits_for_each_answer(
        self, launcher: Launcher
    ) -> None:
        ticket = launcher.submit(trial("reporting"))
        for step in range(1, work.STEPS + 1):
            event = next_event(launcher)
            assert isinstance(event.news, Progress)
            assert (event.ticket, event.news.step) == (ticket, step)
            assert launcher.wait(0.05) is None
            launcher.answer(ticket, True)
        assert outcome(launcher).kind is Kind.COMPLETE

    def test_a_trial_stops_when_it_is_told_to(self, launcher: Launcher) -> None:
        ticket = launcher.submit(trial("reporting"))
        for go_on in (True, False):
            assert isinstance(next_event(launcher).news, Progress)
            launcher.answer(ticket, go_on)
        ended = outcome(launcher)
        assert (ended.kind, ended.message) == (Kind.PRUNED, "stopped after 2")

    def test_an_exception_ends_one_trial_and_nothing_else(self, launcher: Launcher) -> None:
        for behaviour, kind in (
            ("raising", Kind.FAILED),
            ("exhausting", Kind.OUT_OF_MEMORY),
            ("complete", Kind.COMPLETE),
        ):
            launcher.submit(trial(behaviour))
            ended = outcome(launcher)
            assert ended.kind is kind, behaviour
            assert ("something broke" in ended.message) == (behaviour == "raising")

    def test_trials_have_the_environment(self, launcher: Launcher) -> None:
        launcher.submit(trial("environment"))
        assert outcome(launcher).scores == {"validation": 7.0}

    def test_a_crash_ends_one_trial_and_nothing_else(self, launcher: Launcher) -> None:
        self.needs_isolation()
        for behaviour, kind in (("exiting", Kind.FAILED), ("complete", Kind.COMPLETE)):
            launcher.submit(trial(behaviour))
            assert outcome(launcher).kind is kind, behaviour

    def test_a_trial_that_takes_too_long_is_ended(self, tmp_path: Path) -> None:
        self.needs_isolation()
        launcher = self.make(Setup(work.behave, 1, minutes=1 / 60))
        try:
            launcher.submit(trial("endless"))
            assert isinstance(next_event(launcher).news, Progress)
            assert outcome(launcher).kind is Kind.TIMED_OUT
        finally:
            launcher.close()

    def test_closing_ends_what_runs(self, launcher: Launcher) -> None:
        self.needs_isolation()
        launcher.submit(trial("endless"))
        begun = next_event(launcher).news
        assert isinstance(begun, Progress)
        launcher.close()
        with pytest.raises(ProcessLookupError):
            os.kill(int(begun.value), 0)

    def needs_isolation(self) -> None:
        if not self.isolated:
            pytest.skip("its trials are no processes")


def trial(behaviour: str, index: int = 0, folder: str = "") -> Trial:
    """A trial that behaves so."""
    return Trial("testing", behaviour, "", "adding", index, {"units": 4}, seed=1, folder=folder)


def next_event(launcher: Launcher) -> Event:
    """What happens next."""
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        event = launcher.wait(0.2)
        if event is not None:
            return event
    raise AssertionError(f"nothing happened within {LONG:g} seconds")


def outcome(launcher: Launcher) -> Outcome:
    """How the one trial that runs ends."""
    event = next_event(launcher)
    assert isinstance(event.news, Outcome)
    return event.news
