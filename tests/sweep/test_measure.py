"""What a plan measures takes no longer than the trials that it plans."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from rnnzoo.launchers import Event
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind, Outcome, Trial
from rnnzoo.sweep import measure
from rnnzoo.sweep.plan import Study, studies

# seconds: of the first epoch beside its steps, of an epoch, of all else
COMPILE, STEP, REST = 3.0, 0.5, 1.0


def study(units: str, epochs: int) -> Study:
    text = (
        "experiment: e\n"
        "task: adding\n"
        "variants: [rnn]\n"
        f"search: {{trials: 9, space: {{units: {units}}}}}\n"
    )
    text += f"training: {{epochs: {epochs}}}\n"
    (only,) = studies(parse_experiment(text, "e.yaml", Path()), {"adding": "digest"}, {"adding": 2})
    return only


class Clock:
    """A launcher whose trainings take what is said of them, and that runs one at a time."""

    def __init__(self) -> None:
        self.trials: list[Trial] = []
        self.waiting: list[int] = []

    def capacity(self) -> int:
        return 1

    def submit(self, trial: Trial) -> int:
        self.trials.append(trial)
        self.waiting.append(len(self.trials) - 1)
        return self.waiting[-1]

    def wait(self, timeout: float | None = None) -> Event | None:
        ticket = self.waiting.pop()
        trial = self.trials[ticket]
        train = COMPILE + trial.training.epochs * STEP
        seconds = {"train": train, "compile": COMPILE, "step": STEP, "total": train + REST}
        if trial.training.epochs == 1:  # nothing tells what compiling took
            seconds |= {"compile": 0.0}
        return Event(ticket, Outcome(Kind.COMPLETE, seconds=seconds))


class Away(Clock):
    """It sees who comes only where a wait has an end, as a cluster that has lost its workers."""

    room = 0

    def capacity(self) -> int:
        return self.room

    def wait(self, timeout: float | None = None) -> Event | None:
        if self.waiting:
            return super().wait(timeout)
        assert timeout is not None, "nothing runs, so nothing ends this wait"
        self.room = 1
        return None


def measured(
    samples: Sequence[measure.Sample], clock: Clock | None = None
) -> tuple[Clock, dict[str, measure.Cost]]:
    clock = clock or Clock()
    # all that is called
    return clock, measure.measure(samples, clock, lambda done, of: None)  # type: ignore[arg-type]


@pytest.mark.parametrize("epochs", [1, 2, 3, 20])
@pytest.mark.parametrize("trials", [1, 2, 9])
@pytest.mark.parametrize("units", ["8", "{int: [4, 8]}"])
def test_no_study_is_measured_for_longer_than_its_trials_take(
    units: str, trials: int, epochs: int
) -> None:
    planned = study(units, epochs)
    clock, costs = measured([measure.sample(planned, trials)])
    assert len(clock.trials) <= trials
    assert all(trial.training.epochs <= epochs for trial in clock.trials)
    low, high = costs[planned.identity].trial
    assert low == high == pytest.approx(COMPILE + epochs * STEP + REST)
    assert (costs[planned.identity].step is None) == (epochs == 1)


def test_a_study_of_one_size_is_measured_once_and_one_of_several_at_both_ends() -> None:
    assert [trial.units for trial in measured([measure.sample(study("8", 9), 9)])[0].trials] == [8]
    assert [
        trial.units for trial in measured([measure.sample(study("{int: [4, 8]}", 9), 9)])[0].trials
    ] == [4, 8]


def test_a_study_whose_speed_is_compared_is_measured_beyond_its_first_epoch() -> None:
    planned = study("8", 1)
    _, costs = measured([measure.timed(planned)])
    assert costs[planned.identity].epoch == pytest.approx((STEP, STEP))


def test_nothing_is_waited_for_where_nothing_is_measured() -> None:
    clock, costs = measured([])
    assert (clock.trials, costs) == ([], {})


def test_a_launcher_without_room_is_waited_for_until_it_has_some() -> None:
    planned = study("8", 3)
    _, costs = measured([measure.sample(planned, 9)], Away())
    assert planned.identity in costs


class Losing(Clock):
    """It loses each training once, with its machine."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[str] = set()

    def wait(self, timeout: float | None = None) -> Event | None:
        key = self.trials[self.waiting[-1]].key
        if key in self.lost:
            return super().wait(timeout)
        self.lost.add(key)
        return Event(self.waiting.pop(), Outcome(Kind.INTERRUPTED, retried=True))


def test_a_training_that_was_lost_with_its_machine_is_measured_once_more() -> None:
    planned = study("{int: [4, 8]}", 3)
    clock, costs = measured([measure.sample(planned, 9)], Losing())
    assert len(clock.trials) == 4
    assert planned.identity in costs
