"""Which state a page shows, by nothing but the files of sweeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rnnzoo.live.look import Watcher, chosen, together
from rnnzoo.live.record import file_of
from rnnzoo.sweep.lock import WATCHED
from rnnzoo.sweep.parts import WHOLE, Part
from tests.sweep.told import SPEC, Clock, snapshot

HALVES = (Part((), 1, 2), Part((), 2, 2))


def write(runs: Path, shown: dict[str, Any], part: Part = WHOLE) -> None:
    path = file_of(runs, part)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(shown))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def watcher(runs: Path, clock: Clock, ahead: float = 0.0) -> Watcher:
    """Args: ahead: seconds by which our clock is ahead of the sweep's."""
    return Watcher(runs, "told", clock, lambda: clock() + ahead)


def test_a_page_may_be_opened_before_the_sweep(tmp_path: Path, clock: Clock) -> None:
    page = watcher(tmp_path / "missing", clock)
    assert page.look()["state"] == "not begun"
    write(tmp_path / "missing", snapshot(clock))
    assert page.look()["state"] == "running"


def test_a_sweep_that_was_killed_is_silent_until_it_goes_on(tmp_path: Path, clock: Clock) -> None:
    page = watcher(tmp_path, clock)
    write(tmp_path, snapshot(clock))
    assert page.look()["state"] == "running"
    assert len(page.look()["running"]) == 1
    clock.now += WATCHED + 1
    assert page.look()["state"] == "silent"
    assert page.look()["running"] == []
    write(tmp_path, snapshot(clock))
    assert page.look()["state"] == "running"


def test_a_file_of_last_week_is_not_taken_for_a_sweep_that_runs(
    tmp_path: Path, clock: Clock
) -> None:
    write(tmp_path, snapshot(Clock(clock.now - 7 * 86400)))
    assert watcher(tmp_path, clock).look()["state"] == "silent"


@pytest.mark.parametrize("ahead", [3600.0, -3600.0])
def test_clocks_of_two_machines_may_differ(tmp_path: Path, clock: Clock, ahead: float) -> None:
    page = watcher(tmp_path, clock, ahead)
    write(tmp_path, snapshot(clock))
    page.look()
    clock.now += 5
    write(tmp_path, snapshot(clock))
    assert page.look()["state"] == "running"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"written": 1}', "\x00"])
def test_what_cannot_be_read_leaves_what_was_read_before(
    tmp_path: Path, clock: Clock, text: str
) -> None:
    page = watcher(tmp_path, clock)
    write(tmp_path, snapshot(clock))
    page.look()
    file_of(tmp_path, WHOLE).write_text(text)
    assert page.look()["state"] == "running"
    assert watcher(tmp_path, clock).look()["state"] == "not begun"


def test_shards_that_run_at_once_are_shown_as_one(tmp_path: Path, clock: Clock) -> None:
    for part, ends in zip(HALVES, (2, 3)):
        write(tmp_path, snapshot(clock, part, ends), part)
    shown = watcher(tmp_path, clock).look()
    assert (shown["done"], shown["planned"]) == (3 + 2 + 3 + 3, 80)
    assert [part["part"] for part in shown["parts"]] == ["shard 1/2", "shard 2/2"]
    lstm = shown["studies"][0]
    assert (lstm["done"], lstm["planned"], lstm["best"]) == (11, 40, 0.5)
    assert len(shown["running"]) == 2
    assert len(shown["ended_last"]) == 3  # as many as one of them has at most


def test_a_part_that_is_killed_beside_one_that_runs_is_told(tmp_path: Path, clock: Clock) -> None:
    page = watcher(tmp_path, clock)
    for part in HALVES:
        write(tmp_path, snapshot(clock, part), part)
    page.look()
    clock.now += WATCHED + 1
    write(tmp_path, snapshot(clock, HALVES[1]), HALVES[1])
    shown = page.look()
    assert shown["state"] == "running"
    assert sorted(part["state"] for part in shown["parts"]) == ["running", "silent"]
    assert len(shown["running"]) == 1


def test_what_is_said_of_parts_is_of_those_in_the_state_that_is_shown() -> None:
    done, failed = ({"how": how, "text": how, "time": 1.0} for how in ("done", "failed"))

    def shown(*each: tuple[str, dict[str, Any] | None, float]) -> tuple[Any, ...]:
        parts = [
            {**snapshot(Clock(), part), "state": state, "ended": ended, "silent": silent}
            for part, (state, ended, silent) in zip(HALVES, each)
        ]
        both = together(parts)
        return both["state"], both["ended"], both["silent"]

    assert shown(("ended", done, 5.0), ("failed", failed, 9.0)) == ("failed", failed, 9.0)
    assert shown(("ended", done, 5.0), ("silent", None, 900.0)) == ("silent", None, 900.0)
    assert shown(("failed", failed, 9.0), ("running", None, 1.0)) == ("running", None, 1.0)


def test_the_whole_sweep_replaces_parts_and_parts_the_whole(clock: Clock) -> None:
    parts = [snapshot(clock, part) for part in HALVES]
    clock.now += 60
    whole = snapshot(clock)
    clock.now += 60
    later = snapshot(clock, Part(("lstm",)))
    assert chosen([*parts, whole]) == [whole]
    assert chosen([*parts, whole, later]) == [later]


def test_parts_of_another_division_are_left_out(clock: Clock) -> None:
    """They have trials in common, which would count twice."""
    quarters = [snapshot(clock, Part((), shard, 4)) for shard in (1, 2)]
    clock.now += 60
    second = snapshot(clock, HALVES[1])
    assert chosen([*quarters, second]) == [second, quarters[0]]
    assert chosen([*quarters, {**second, "trials_of": Part(("lstm",)).to_dict()}])[1:] == []


def test_what_parts_were_told_is_told_of_all() -> None:
    def told(**each: Any) -> dict[str, Any]:
        base = {"trials": 40, "paused": None, "stopped": [], "workers": None, "budget": None}
        return {**base, **each}

    def shown(*each: dict[str, Any] | None) -> dict[str, Any] | None:
        parts = [
            {**snapshot(Clock(), part), "state": "running", "silent": 0.0, "told": of_part}
            for part, of_part in zip(HALVES, each)
        ]
        return together(parts)["told"]

    assert shown(None, None) is None
    assert shown(told(stopped=["gru"], workers=2), told(stopped=["rnn"], workers=2)) == told(
        stopped=["gru", "rnn"], workers=2
    )
    assert shown(told(paused="2026-11-28T08:00:00+00:00", workers=2), told(workers=3)) == told()
    both = (f"2026-11-28T0{hour}:00:00+00:00" for hour in (8, 9))
    assert shown(*(told(paused=when) for when in both)) == told(paused="2026-11-28T09:00:00+00:00")


def test_parts_of_an_earlier_edition_are_left_out(clock: Clock) -> None:
    old = snapshot(clock, HALVES[0], spec=SPEC.replace("0.01}", "0.02}"))
    clock.now += 60
    new = snapshot(clock, HALVES[1])
    assert chosen([old, new]) == [new]
