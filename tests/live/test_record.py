"""What a sweep tells reaches its file, and no file holds a sweep up."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from rnnzoo.api.sweeping import _left
from rnnzoo.live import record
from rnnzoo.live.record import file_of, recording
from rnnzoo.sweep.observer import Several
from rnnzoo.sweep.parts import WHOLE, Part
from rnnzoo.sweep.tally import Tally
from tests.sweep.told import ABOUT, Teller


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is written without a pause."""
    monkeypatch.setattr(record, "PAUSE", 0.0)


def content(runs: Path) -> dict:
    return json.loads(file_of(runs, WHOLE).read_text())


def raising(runs: Path, error: BaseException, begins: bool = True) -> None:
    """A sweep that ends so, once its studies are begun or before."""
    with recording(runs, ABOUT, tally := Tally(40), print) as recorder:
        told = Several(tally, recorder)
        told.note("before")
        if begins:
            Teller(told).begin()
        raise error


def test_the_file_has_what_was_told(tmp_path: Path) -> None:
    with recording(tmp_path, ABOUT, tally := Tally(40), print) as recorder:
        told = Several(tally, recorder)
        told.note("before")
        teller = Teller(told).begin()
        teller.end(teller.start(0), 0.5)
    assert content(tmp_path)["ended"]["how"] == "done"
    assert content(tmp_path)["studies"][0]["done"] == 4
    assert [note["text"] for note in content(tmp_path)["notes"]] == ["before"]
    assert [path.name for path in (tmp_path / "live").iterdir()] == ["sweep.json"]


@pytest.mark.parametrize(
    ("error", "how"), [(KeyboardInterrupt(), "stopped"), (OSError("no room"), "failed")]
)
def test_the_file_says_how_a_sweep_ended(tmp_path: Path, error: BaseException, how: str) -> None:
    with pytest.raises(type(error)):
        raising(tmp_path, error)
    assert content(tmp_path)["ended"]["how"] == how
    assert content(tmp_path)["ended"]["text"] in ("", "no room")


def test_the_file_says_what_a_sweep_leaves_whose_hours_are_over(tmp_path: Path) -> None:
    with recording(tmp_path, ABOUT, tally := Tally(40), print) as recorder:
        Teller(Several(tally, recorder)).begin()
        recorder.left = _left(True, (), 4)
    ended = content(tmp_path)["ended"]
    assert (ended["how"], ended["text"]) == ("done", "its hours are over; 4 trials are left")


@pytest.mark.parametrize(("ran_out", "stopped", "trials", "said"), [
    (False, (), 0, ""),
    (False, ("gru",), 0, ""),
    (False, ("gru",), 1, "gru was stopped; 1 trial is left"),
    (False, ("gru", "rnn"), 3, "gru and rnn were stopped; 3 trials are left"),
    (True, ("gru",), 3, "its hours are over; 3 trials are left"),
    (True, (), 0, "its hours are over; the search is done, and not the rest"),
])  # fmt: skip
def test_what_is_left_is_told_with_its_reason(
    ran_out: bool, stopped: tuple[str, ...], trials: int, said: str
) -> None:
    assert _left(ran_out, stopped, trials) == said


def test_a_sweep_that_is_refused_leaves_the_file_of_the_one_that_runs(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        raising(tmp_path, RuntimeError("another sweep is running"), begins=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_said_once_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "live").write_text("a file where the folder would be")
    said: list[str] = []
    with recording(tmp_path, ABOUT, tally := Tally(40), said.append) as recorder:
        teller = Teller(Several(tally, recorder)).begin()
        end = time.monotonic() + 5
        while not said and time.monotonic() < end:
            teller.end(teller.start(0, epochs=3), 0.5)
        teller.end(teller.start(1), 0.5)
    assert len(said) == 1
    assert "cannot be written" in said[0]
    assert "the sweep goes on" in said[0]


def test_parts_that_run_at_once_have_files_of_their_own(tmp_path: Path) -> None:
    parts = (WHOLE, Part((), 1, 2), Part((), 2, 2), Part(("lstm",)))
    assert len({file_of(tmp_path, part) for part in parts}) == 4
