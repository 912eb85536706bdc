"""What must hold whenever a spec is read, whatever it holds: the property of the fuzzer, and the
watch over what is touched.

In: the path of a file and its kind.  Out: nothing, or an exception that says what is wrong: a file
is read, or it is refused with mistakes that have a place.  Nothing else may be raised, no file
outside the project opened, nothing executed.
"""

from __future__ import annotations

import codecs
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnnzoo import lang
from rnnzoo.errors import MAX_MISTAKES, SpecError, UsageError
from rnnzoo.lang import ir, latex, listing
from rnnzoo.lang.view import CellView
from rnnzoo.report.html import mathml
from rnnzoo.spec import read_experiment, settings
from rnnzoo.spec.cell import ZOO
from rnnzoo.spec.document import yaml_text

TASKS = ZOO.resolve().parent / "tasks"  # whose modules are listed, and were imported before
LONGEST = 10  # seconds after which reading is cut off; what is asked for is one
INPUTS, UNITS = 3, 24
WIDEST = 3000  # characters of one mistake, with its line and its fix


def read_cell(path: Path) -> None:
    look_at(lang.load(str(path)))


def look_at(cell: ir.Cell) -> None:
    """A cell in every way that there is to look at it."""
    view = CellView(cell)
    assert lang.parse_text(view.text) == cell
    assert str(view)
    assert view.latex()
    assert listing.listing(cell)
    for line in (*latex.constants(cell), *latex.equations(cell), *latex.first_layer(cell)):
        assert mathml(line)
    try:
        view.to_dict(INPUTS, UNITS)
    except UsageError as error:  # the sizes do not fit the cell, which no line of the file says
        assert "fix:" in str(error)


def read_whole_experiment(path: Path) -> None:
    """Read with its claims and cells, and where it is right once more from what it says with every
    default filled in.
    """
    experiment = read_experiment.read(path)
    for variant in experiment.variants:
        lang.check(variant.cell)
    again = read_experiment.parse_experiment(
        yaml_text(read_experiment.resolved(experiment)), experiment.file, path.parent
    )
    assert again == experiment


def read_settings(path: Path) -> None:
    settings.read(path)


READERS: Mapping[str, Callable[[Path], None]] = {
    "cell": read_cell,
    "experiment": read_whole_experiment,
    "settings": read_settings,
}


def reads_or_says_where(path: Path, kind: str) -> bool:
    """Whether the file is right; mistakes have a place in a file that there is, and can be
    shown.
    """
    try:
        READERS[kind](path)
    except SpecError as error:
        assert 1 <= len(error.mistakes) <= MAX_MISTAKES
        for mistake in error.mistakes:
            has_a_place(mistake.span, path)
            assert mistake.problem
            text = str(mistake)
            assert len(text) <= WIDEST, text
            assert all(char.isprintable() or char in "\n\t" for char in text), repr(text)
        return False
    return True


def has_a_place(span: Any, path: Path) -> None:
    """The line is that of the file, and the column within it or right behind."""
    assert span.file
    if span.file == str(path):
        text = path.read_bytes().removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
        lines = [line.rstrip("\r") for line in text.split("\n")]
        assert 1 <= span.line <= len(lines) + 1
        shown = lines[span.line - 1] if span.line <= len(lines) else ""
        assert span.text.rstrip("\r") in ("", shown)  # none of a file that is too large
    assert 1 <= span.column <= len(span.text) + 1
    assert span.length >= 1


class TooSlowError(BaseException):
    """Not an `Exception`, so that nothing on its way takes it for an error of its own."""


@contextmanager
def cut_off(seconds: int = LONGEST) -> Iterator[None]:
    """Stop what takes longer on a core, whatever else the machine does."""

    def stop(*_: object) -> None:
        raise TooSlowError(f"not read after {seconds} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


class Memory:
    """How much a process held at most, above what it held at the start; 0 where the system does not
    tell.
    """

    FORGET, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")

    def __init__(self) -> None:
        self.known = self.FORGET.exists()
        if self.known:
            self.FORGET.write_text("5")  # the peak is what is held now
        self.began = self.held("VmRSS")

    def growth(self) -> int:
        return self.held("VmHWM") - self.began

    def held(self, name: str) -> int:
        """Bytes, from a line such as `VmRSS:  1234 kB`."""
        lines = self.STATUS.read_text().splitlines() if self.known else []
        return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


class Watch:
    """Notes what Python's audit events tell of files and of execution while it is on.

    A hook stays for as long as the process lives, so there is one watch, which is off but for the
    moments of reading.
    """

    NEVER = (
        "os.",
        "subprocess.",
        "socket.",
        "shutil.",
        "ctypes.",
        "pickle.",
        "marshal.",
        "tempfile.",
        "urllib.",
        "sqlite3.",
    )
    LISTED = ("os.listdir", "os.scandir")

    def __init__(self) -> None:
        self.roots: tuple[Path, ...] | None = None
        self.found: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        if self.roots is None:
            return
        roots, self.roots = self.roots, None  # what is asked here is not heard
        try:
            if event == "open" and (args[1] not in ("r", "rb", None) or not inside(args[0], roots)):
                self.found.append(f"opened {args[0]!r} {args[1]!r}")
            elif event in self.LISTED:
                if not inside(args[0], roots):
                    self.found.append(f"listed {args[0]!r}")
            elif event in ("exec", "import") or event.startswith(self.NEVER):
                self.found.append(f"{event} {args[:2]!r}"[:200])
        finally:
            self.roots = roots

    @contextmanager
    def over(self, project: Path) -> Iterator[None]:
        """Raise where anything but files of the project and the zoo was opened, or anything was
        executed.
        """
        self.found, self.roots = [], (project.resolve(), ZOO.resolve(), TASKS)
        try:
            yield
        finally:
            self.roots = None
        assert not self.found, self.found


def inside(path: Any, roots: tuple[Path, ...]) -> bool:
    return not isinstance(path, int) and any(
        Path(os.path.realpath(os.fsdecode(path))).is_relative_to(root) for root in roots
    )
