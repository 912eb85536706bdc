"""What a sweep tells reaches its file, and no file holds a sweep up."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

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
