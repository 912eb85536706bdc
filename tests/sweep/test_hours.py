"""Sweeps whose time is over: what runs is saved, nothing begins, and the same command goes on."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from rnnzoo.api import root
from rnnzoo.api.sweeping import _ends_at, _hours, _taking
from rnnzoo.errors import UsageError
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.run import Sweep
from tests.sweep.inline import EpochLauncher
from tests.sweep.loop import SPEC, Quiet, sweep
from tests.sweep.test_parts import outcomes

RANDOM = SPEC.format(sampler="random")
RUNGS = RANDOM.replace("seed: 2", "seed: 2\n  rungs: {epochs: [1, 2], keep: 75%}")
EPOCHS = 4  # of each trial


@dataclass
class Watch(Quiet):
    """Does something after so many epochs of all trials."""

    after: int = 10**9
    heard: int = 0
    made: Sweep | None = None
    number: int = 0  # of a signal

    def progress(self, study: Study, trial: Trial, progress: Progress) -> None:
        self.heard += 1
        if self.heard == self.after and self.number:
            signal.raise_signal(self.number)
        elif self.heard == self.after and self.made is not None:
            self.made.loop.ends_at = time.monotonic()


def prepared(folder: Path, spec: str, states: dict[str, int], **watched: object) -> Sweep:
    observer = Watch(**watched)  # type: ignore[arg-type]
    made = sweep(folder, spec, 2, observer)
    made.launcher, observer.made = EpochLauncher(states), made
    return made


@pytest.fixture(scope="module", params=[RANDOM, RUNGS], ids=["random", "rungs"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    made = prepared(tmp_path_factory.mktemp("whole"), request.param, {})
    made.run()
    return made


def test_a_sweep_in_several_sittings_has_the_outcomes_of_one_and_trains_no_epoch_twice(
    whole: Sweep, tmp_path: Path
) -> None:
    states: dict[str, int] = {}
    epochs, sittings, saved = 0, 0, 0
    while True:
        made = prepared(tmp_path, whole.experiment.text, states, after=5)
        made.run()
        assert not made.loop.running
        epochs, sittings = epochs + made.launcher.epochs, sittings + 1
        notes = made.observer.notes
        if "the time is over, so nothing more is begun" not in notes:
            break
        assert made.launcher.epochs <= 5 + 2  # one more of each that runs
        saved += sum("saved after epoch" in note for note in notes)
        assert not made.store.running()
    assert min(sittings, saved) > 2
    assert outcomes(made) == outcomes(whole)
    assert epochs == whole.launcher.epochs
    kinds = {result.outcome.kind for result in made.results()}
    assert kinds <= {Kind.COMPLETE, Kind.PRUNED}


def test_time_that_is_over_with_the_last_trial_changes_nothing(tmp_path: Path) -> None:
    made = prepared(tmp_path, RANDOM, {}, after=8 * EPOCHS)
    made.run()
    assert len(made.results()) == 8
    assert not made.observer.notes


def test_a_sweep_whose_time_is_over_before_its_first_trial_names_no_machine(
    tmp_path: Path,
) -> None:
    made = prepared(tmp_path, RANDOM, {})
    made.ends_at = time.monotonic()
    made.run()
    assert made.observer.notes == ["the time is over, so nothing more is begun"]
    assert not made.results()
    assert made.store.provenance(made.present()) == []


@pytest.mark.parametrize(("number", "grace", "saved"), [
    (signal.SIGTERM, 30.0, 2),
    (signal.SIGTERM, 0.0, 0),
    (signal.SIGINT, 30.0, 0),  # who presses Ctrl-C waits for no epoch
])  # fmt: skip
def test_after_sigterm_trials_save_their_state_within_the_grace(
    number: int, grace: float, saved: int, tmp_path: Path
) -> None:
    states: dict[str, int] = {}
    made = prepared(tmp_path, RANDOM, states, after=4, number=number)
    made.grace = grace
    with pytest.raises(KeyboardInterrupt):
        made.run()
    assert not made.store.running()
    notes = [note for note in made.observer.notes if "saved after epoch" in note]
    assert len(notes) == len(states) == saved
    again = prepared(tmp_path, RANDOM, states)
    again.run()
    assert len(again.results()) == 8
    assert (made.launcher.epochs + again.launcher.epochs == 8 * EPOCHS) == bool(saved)


@pytest.mark.parametrize("hours", [0.0, -1.0, float("nan"), float("inf")])
def test_hours_that_are_none_are_told(hours: float) -> None:
    with pytest.raises(UsageError, match="hours must be a number above 0"):
        _ends_at(hours)


def test_hours_are_counted_from_now() -> None:
    assert _ends_at(2.0) == pytest.approx(time.monotonic() + 7200, abs=5)
    assert _ends_at(None) == float("inf")


@pytest.mark.parametrize(("workers", "told"), [
    (2, ", about 1.5 hours with 2 at a time"),
    (root.UNLIMITED, ", about 3 hours of training"),
])  # fmt: skip
def test_the_hours_that_are_left_are_those_of_the_workers_that_are_known(
    workers: int, told: str
) -> None:
    ran = [SimpleNamespace(outcome=Outcome(Kind.COMPLETE, seconds={"total": 3600.0}))] * 2
    assert _taking(3, ran, workers) == told  # type: ignore[arg-type]


@pytest.mark.parametrize(("seconds", "told"), [
    (0.2, "1 s"), (14.0, "14 s"), (240.0, "4 min"), (360.0, "0.1 hours"), (3600.0, "1 hour"),
])  # fmt: skip
def test_less_than_a_tenth_of_an_hour_is_told_in_minutes_or_seconds(
    seconds: float, told: str
) -> None:
    assert _hours(seconds) == told
