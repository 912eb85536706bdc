"""What is printed, when nobody reads it, and commands that can be typed as they are shown."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from rnnzoo.errors import command
from rnnzoo.terminal.console import PlainConsole, told

ROOT = Path(__file__).parents[2]


def test_work_goes_on_when_nobody_reads_any_more_and_says_so_once(
    capfd: pytest.CaptureFixture[str],
) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        console = PlainConsole(unread="the sweep goes on", file=stream)
        console.print("first")
        assert os.read(reader, 100) == b"first\n"
        os.close(reader)
        for line in ("second", "third"):
            console.print(line)
        stream.write("what Python still holds when it ends")
    assert capfd.readouterr().err == "the sweep goes on\n"


def test_a_terminal_that_is_gone_is_a_reader_that_left() -> None:
    master, terminal = os.openpty()
    with os.fdopen(terminal, "w") as stream:
        console = PlainConsole(file=stream)
        console.print("first")
        os.close(master)
        console.print("second")
        assert console.quiet


@pytest.mark.parametrize("width", [1, 20, 200])
def test_a_table_cuts_nothing_off_however_narrow_the_terminal_is(width: int) -> None:
    grid = Table(box=None)
    grid.add_column("variant", no_wrap=True)
    grid.add_column("95 % interval", no_wrap=True, justify="right")
    grid.add_column("about")
    grid.add_row("a variant of a long name", "0.164 - 0.215", "words of which each is whole")
    console = PlainConsole(file=io.StringIO(), width=width)
    console.print(grid)
    text = " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]  # a StringIO
    assert "…" not in text
    for whole in ("a variant of a long name", "95 % interval", "0.164 - 0.215", "words", "each"):
        assert whole in text


ROWS = (
    ("a variant of a long name", "0.164 - 0.215", "words of which each is whole"),
    ("lstm", "", "short"),
)


def printed(rows: tuple[tuple[str, ...], ...] = ROWS, **options: Any) -> str:
    grid = Table(box=None, padding=(0, 2, 0, 0))
    grid.add_column("variant", no_wrap=True)
    grid.add_column("95 % interval", no_wrap=True, justify="right")
    grid.add_column("about")
    for row in rows:
        grid.add_row(*row)
    console = PlainConsole(file=io.StringIO(), **options)
    console.print(grid)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]  # a StringIO


def test_a_table_in_a_narrow_terminal_is_a_block_of_lines_for_each_row() -> None:
    assert printed(width=30) == (
        "variant: a variant of a long\n"
        "  name\n"
        "  95 % interval: 0.164 - 0.215\n"
        "  about: words of which each\n"
        "    is whole\n"
        "variant: lstm\n"
        "  about: short\n"
    )


@given(st.integers(4, 100))
def test_a_table_is_as_wide_as_the_terminal_at_most_but_for_words_that_are_wider(
    width: int,
) -> None:
    lines = printed(width=width).splitlines()
    longest = len("  95 % interval: 0.164")  # a title stays with the first word behind it
    assert all(len(line.rstrip()) <= max(width, longest) for line in lines)
    words = " ".join(lines).split()
    for cell in chain.from_iterable(ROWS):
        assert set(cell.split()) <= set(words)


def test_a_table_in_a_pipe_keeps_its_rows_unless_a_width_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wide = (("v" * 60, "0.164 - 0.215", "w" * 30),)
    monkeypatch.delenv("COLUMNS", raising=False)
    assert len(printed(wide).splitlines()) == 2
    monkeypatch.setenv("COLUMNS", "80")
    assert len(printed(wide).splitlines()) == 3


LONG = (
    "  warning: two claims cannot be decided, whatever the scores\n"
    "    fix: at least experiments/with_a_long_name.yaml"
)


@pytest.mark.parametrize("terminal", [True, False])
def test_long_lines_break_between_words_on_a_terminal_and_stay_whole_elsewhere(
    terminal: bool,
) -> None:
    console = PlainConsole(file=io.StringIO(), width=40, force_terminal=terminal)
    told(console, LONG)
    text = console.file.getvalue().rstrip("\n")  # type: ignore[attr-defined]  # a StringIO
    assert text.split() == LONG.split()
    if not terminal:
        assert text == LONG
        return
    lines = text.split("\n")
    assert all(len(line) <= 40 or " " not in line.strip() for line in lines)
    assert [line for line in lines if not line.startswith("  ")] == []
    assert lines[1].startswith("    ")  # beneath the beginning of its line


def test_a_command_that_is_shown_can_be_typed() -> None:
    shown = command("sweep", Path("experiments/my spec.yaml"), "--from", "it's.csv")
    assert shlex.split(shown) == [
        "rnnzoo",
        "sweep",
        "experiments/my spec.yaml",
        "--from",
        "it's.csv",
    ]
    assert command("sweep", "experiments/gates.yaml") == "rnnzoo sweep experiments/gates.yaml"


@pytest.mark.parametrize("verb", ["sweep", "plan", "status", "report"])
def test_make_takes_a_spec_whose_name_has_a_space(verb: str) -> None:
    done = subprocess.run(
        ["make", "-n", verb, "spec=experiments/my spec.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if f"rnnzoo {verb}" in line)
    assert shlex.split(line)[1:3] == [verb, "experiments/my spec.yaml"]
