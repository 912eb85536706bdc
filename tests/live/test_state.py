"""What a page is told of a sweep, and that it does not grow with the sweep."""

from __future__ import annotations

import json

import pytest

from rnnzoo.live.state import ENDED, POINTS
from rnnzoo.spec.trial import Kind, Outcome, Progress
from tests.live.told import Clock, Kept, Teller, snapshot


@pytest.fixture
def kept() -> Kept:
    return Kept(Clock())


def test_trials_that_were_done_before_count(kept: Kept) -> None:
    teller = Teller(kept).begin()
    teller.end(teller.start(3), 0.25)
    shown = kept.state.snapshot()
    assert (shown["done"], shown["planned"]) == (4, 80)
    lstm, rnn = shown["studies"]
    assert (lstm["done"], lstm["best"], lstm["trial"], lstm["setting"]["units"]) == (4, 0.25, 3, 8)
    assert (rnn["done"], rnn["best"], rnn["setting"]) == (0, None, {})


def test_a_trial_runs_until_it_ends_and_begins_again_where_it_is_retried(kept: Kept) -> None:
    teller = Teller(kept).begin()
    trial = teller.start(0, epochs=2)
    (running,) = kept.state.snapshot()["running"]
    assert (running["epoch"], running["curve"]) == (2, [(1, 1.0), (2, 0.5)])
    teller.end(trial, Outcome(Kind.FAILED, retried=True))
    shown = kept.state.snapshot()
    assert (shown["running"], shown["ended_last"], shown["studies"][0]["done"]) == ([], [], 3)
    teller.end(teller.start(0), Outcome(Kind.FAILED, message="no\nand why"))
    shown = kept.state.snapshot()
    assert shown["studies"][0]["not_complete"] == 1
    assert shown["ended_last"][0]["message"] == "no"


def test_a_trial_that_waits_at_a_rung_is_counted_until_it_goes_on(kept: Kept) -> None:
    teller = Teller(kept).begin()
    teller.end(teller.start(0), Outcome(Kind.PRUNED, waits=True))
    assert kept.state.snapshot()["studies"][0]["waiting"] == 1
    teller.start(0)
    assert kept.state.snapshot()["studies"][0]["waiting"] == 0


def test_time_left_follows_from_the_pace() -> None:
    clock = Clock()
    teller = Teller(kept := Kept(clock)).begin()
    for index in range(3, 5):
        clock.now += 10
        teller.end(teller.start(index), 0.5)
        assert (kept.state.snapshot()["left"] is None) == (index == 3)
    assert kept.state.snapshot()["left"] == 10 * (80 - 5)


def test_a_long_sweep_takes_no_more_room_than_a_short_one() -> None:
    few, many = (snapshot(Clock(), ends=count) for count in (ENDED, 30 * ENDED))
    assert len(json.dumps(many)) < 1.1 * len(json.dumps(few))


def test_a_long_curve_is_thinned_and_keeps_its_ends(kept: Kept) -> None:
    Teller(kept).begin().start(0, epochs=600)
    (running,) = kept.state.snapshot()["running"]
    epochs = [epoch for epoch, _ in running["curve"]]
    assert POINTS <= len(epochs) < 2 * POINTS
    assert (epochs[0], epochs[-1]) == (1, 600)


def test_json_has_no_number_that_is_none(kept: Kept) -> None:
    teller = Teller(kept).begin()
    trial = teller.start(0)
    kept.progress(teller.studies[0], trial, Progress(1, 600, float("nan"), float("inf")))
    shown = kept.state.snapshot()
    json.dumps(shown, allow_nan=False)
    assert shown["running"][0]["curve"] == [(1, None)]
