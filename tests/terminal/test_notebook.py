"""A sweep beneath the cell of a notebook: what it shows, and that it can be interrupted."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import rnnzoo
from rnnzoo.spec.trial import Kind, Outcome, Progress
from rnnzoo.sweep import work as running
from rnnzoo.sweep.observer import Several
from rnnzoo.sweep.tally import Tally
from rnnzoo.terminal import console, notebook
from rnnzoo.terminal.console import PlainConsole
from rnnzoo.terminal.display import STARTING
from tests.sweep.work import pretend
from tests.terminal.test_display import SPEC, only_study

COMPLETE = Outcome(Kind.COMPLETE, {"train": 0.5, "validation": 0.25, "test": 0.5})


class Beneath:
    """What stands beneath a cell, drawing by drawing.

    Args:
        interrupt_at: words; the kernel is interrupted when they are first drawn.
    """

    def __init__(self, interrupt_at: str = "") -> None:
        self.drawings: list[str] = []
        self.interrupt_at = interrupt_at

    def show(self, text: str) -> Beneath:
        self.update(text)
        return self

    def update(self, text: str) -> None:
        self.drawings.append(text)
        if self.interrupt_at and self.interrupt_at in text:
            self.interrupt_at = ""
            os.kill(os.getpid(), signal.SIGINT)  # as a notebook's button does


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C is heard, also where these tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_beneath_a_cell_stands_how_far_the_sweep_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "EVERY", 0)
    study, beneath, tally = only_study(), Beneath(), Tally(3)
    display = notebook.NotebookDisplay(PlainConsole(file=io.StringIO()), tally, beneath.show)
    told, trial = Several(tally, display), study.trial(0, {"units": 4})
    with display:
        told.begin([study], {}, {})
        told.started(study, trial)
        told.progress(study, trial, Progress(1, 2, 0.5, 0.5))
        told.ended(study, trial, COMPLETE)
    begun, started, progress, ended, last = beneath.drawings
    assert STARTING in begun
    assert "compiling rnn, 4 units" in started
    assert "epoch 1/2, 0.5000" in progress
    assert "1 of 3 trials, 0 running" in ended
    assert last == ended


def test_what_comes_at_once_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "EVERY", 3600)
    beneath = Beneath()
    cell = notebook.Cell("text", beneath.show)
    cell.refresh()
    assert beneath.drawings == []  # nothing is shown before the start
    cell.start()
    for _ in range(9):
        cell.refresh()
    assert len(beneath.drawings) == 1
    cell.stop()
    assert len(beneath.drawings) == 2


def test_what_is_drawn_is_text() -> None:
    assert "&lt;script&gt;" in notebook.html("<script>")
    assert "<script" not in notebook.html("<script>")


def test_outside_a_kernel_there_is_no_notebook() -> None:
    assert not console.in_notebook()


def test_a_kernel_that_asks_for_colours_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(console, "in_notebook", lambda: True)
    assert not console.plain_console().is_terminal


@pytest.mark.usefixtures("heard", "shared_fork_servers")
def test_a_kernel_that_is_interrupted_ends_the_sweep_and_the_same_call_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "work", pretend)
    monkeypatch.setattr(notebook, "EVERY", 0)
    monkeypatch.setattr(console, "in_notebook", lambda: True)
    beneath = Beneath(interrupt_at="1 of 3 trials")
    monkeypatch.setattr(notebook, "_Shown", beneath.show)
    Path("e.yaml").write_text(SPEC.replace("units: 4", "units: {int: [4, 64]}"))
    with pytest.raises(KeyboardInterrupt):
        rnnzoo.run("e.yaml", workers=1, progress=True)
    assert len(rnnzoo.results("e.yaml")) == 1
    assert len(rnnzoo.run("e.yaml", workers=1, progress=True)) == 3
    assert "3 of 3 trials, 0 running" in beneath.drawings[-1]
