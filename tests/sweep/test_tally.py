"""What is known of a sweep by what it told, and that this does not grow with the sweep."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest

from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.sweep import steering
from rnnzoo.sweep.observer import Several
from rnnzoo.sweep.steering import Told
from rnnzoo.sweep.tally import ENDED, POINTS, Tally
from tests.sweep import test_steering
from tests.sweep.test_hours import RUNGS
from tests.sweep.told import Clock, Recorded, Teller, counting, snapshot


@pytest.fixture
def tally() -> Tally:
    return counting(Clock())


def test_trials_that_were_done_before_count(tally: Tally) -> None:
    teller = Teller(tally).begin()
    teller.end(teller.start(3), 0.25)
    shown = tally.snapshot()
    assert (shown["done"], shown["planned"]) == (4, 80)
    lstm, rnn = shown["studies"]
    assert (lstm["done"], lstm["best"], lstm["trial"], lstm["setting"]["units"]) == (4, 0.25, 3, 8)
    assert (rnn["done"], rnn["best"], rnn["setting"]) == (0, None, {})


def test_a_trial_runs_until_it_ends_and_begins_again_where_it_is_retried(tally: Tally) -> None:
    teller = Teller(tally).begin()
    trial = teller.start(0, epochs=2)
    (running,) = tally.snapshot()["running"]
    assert (running["epoch"], running["curve"]) == (2, [(1, 1.0), (2, 0.5)])
    teller.end(trial, Outcome(Kind.FAILED, retried=True))
    shown = tally.snapshot()
    assert (shown["running"], shown["ended_last"], shown["studies"][0]["done"]) == ([], [], 3)
    teller.end(teller.start(0), Outcome(Kind.FAILED, message="no\nand why"))
    shown = tally.snapshot()
    assert shown["studies"][0]["not_complete"] == 1
    assert shown["ended_last"][0]["message"] == "no"


def test_a_trial_that_waits_at_a_rung_is_counted_until_it_goes_on(tally: Tally) -> None:
    teller = Teller(tally).begin()
    teller.end(teller.start(0), Outcome(Kind.PRUNED, waits=True))
    assert tally.snapshot()["studies"][0]["waiting"] == 1
    teller.start(0)
    assert tally.snapshot()["studies"][0]["waiting"] == 0


def test_time_left_follows_from_the_pace() -> None:
    clock = Clock()
    teller = Teller(tally := counting(clock)).begin()
    for index in range(3, 5):
        clock.now += 10
        teller.end(teller.start(index), 0.5)
        assert (tally.snapshot()["left"] is None) == (index == 3)
    assert tally.snapshot()["left"] == 10 * (80 - 5)


def test_a_long_sweep_takes_no_more_room_than_a_short_one() -> None:
    few, many = (snapshot(Clock(), ends=count) for count in (ENDED, 30 * ENDED))
    assert len(json.dumps(many)) < 1.1 * len(json.dumps(few))


def test_a_long_curve_is_thinned_and_keeps_its_ends(tally: Tally) -> None:
    Teller(tally).begin().start(0, epochs=600)
    (running,) = tally.snapshot()["running"]
    epochs = [epoch for epoch, _ in running["curve"]]
    assert POINTS <= len(epochs) < 2 * POINTS
    assert (epochs[0], epochs[-1]) == (1, 600)


def test_json_has_no_number_that_is_none(tally: Tally) -> None:
    teller = Teller(tally).begin()
    trial = teller.start(0)
    tally.progress(teller.studies[0], trial, Progress(1, 600, float("nan"), float("inf")))
    shown = tally.snapshot()
    json.dumps(shown, allow_nan=False)
    assert shown["running"][0]["curve"] == [(1, None)]


def test_a_pause_is_no_part_of_the_pace_and_stopped_variants_none_of_the_time_left() -> None:
    clock = Clock()
    teller = Teller(tally := counting(clock)).begin()
    for index in range(3, 5):
        clock.now += 10
        teller.end(teller.start(index), 0.5)
    when = datetime.now().astimezone()
    for told, trials in ((Told(40, when), 75), (Told(40, when, ("rnn",)), 35), (Told(40), 75)):
        tally.steered(told)
        assert tally.snapshot()["left"] == 10 * trials
        clock.now += 3600 if told.paused else 0


# ------------------------------------------------------------------ by what a sweep told


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Sequence[tuple[str, tuple[Any, ...]]]:
    """What a sweep with rungs and replicates told, of which a variant was stopped for a while."""
    spec = RUNGS + "select: {keep: 3, replicates: 1}\n"
    folder = tmp_path_factory.mktemp("told")
    made = test_steering.prepared(folder, spec, after={3: "stop gru", 5: "resume gru", 6: "pause"})
    teller, recorded = made.observer, Recorded()

    def idle() -> Iterator[object]:
        yield teller.tell("resume")
        yield

    made.launcher.idle, made.observer = idle(), Several(teller, recorded)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steering, "EVERY", 0.0)
        made.run()
    return recorded.events


def waiting(events: Sequence[tuple[str, tuple[Any, ...]]], study: str) -> set[int]:
    """The trials of a study of which a sweep told last that they wait."""
    last: dict[int, bool] = {}
    for name, args in events:
        if name in ("started", "ended") and args[0].identity == study:
            last[args[1].index] = name == "ended" and args[2].waits
    return {index for index, waits in last.items() if waits}


def finals(
    events: Sequence[tuple[str, tuple[Any, ...]]], study: str
) -> list[tuple[Trial, Outcome]]:
    ends = [args for name, args in events if name == "ended" and args[0].identity == study]
    return [(trial, outcome) for _, trial, outcome in ends if outcome.final]


def test_after_each_event_the_counts_are_those_of_all_events_so_far(
    told: Sequence[tuple[str, tuple[Any, ...]]],
) -> None:
    tally, waited = counting(Clock()), 0
    for number, (name, args) in enumerate(told, start=1):
        getattr(tally, name)(*args)
        so_far = told[:number]
        for study, row in tally.rows.items():
            ends = finals(so_far, study)
            assert row.done == len(ends)
            assert row.waiting == waiting(so_far, study)
            scores = [outcome.scores.get("validation", math.inf) for _, outcome in ends]
            assert row.best == min(scores, default=math.inf)
            assert row.not_complete == 0
            waited = max(waited, len(row.waiting))
        assert tally.done == sum(len(finals(so_far, study)) for study in tally.rows)
    assert {name for name, _ in told} == {
        "note",
        "begin",
        "started",
        "progress",
        "ended",
        "steered",
    }
    assert len(tally.rows) == 4  # searches and replicates of two variants
    assert waited == 4
    assert tally.running == {}
    # those that end at a rung were not run to their end
    trained = [args for name, args in told if name == "ended" and args[2].kind is Kind.COMPLETE]
    assert tally.ended_here == len(trained) < tally.done == tally.planned == 14
