"""Where everything is printed: text, in which nothing is read as rich's markup, as `[red]` in a
path or a title.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from rnnzoo.folding import fold

_UNBOUNDED = 10_000  # characters, more than any cell has


class PlainConsole(Console):
    """A console whose reader may leave, as `| head` does, or a terminal that closes: the work goes
    on without it.

    Args:
        unread: what is said on stderr when that happens.
    """

    def __init__(self, unread: str = "", **options: Any) -> None:
        # a notebook, too, shows what is printed as text
        super().__init__(markup=False, highlight=False, emoji=False, force_jupyter=False, **options)
        self.unread = unread
        self._is_width_given = "width" in options or os.environ.get("COLUMNS", "").isdigit()

    def on_broken_pipe(self) -> None:
        self.quiet = True
        # or the last flush would fail too
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())
        if self.unread:
            with suppress(OSError):
                print(self.unread, file=sys.stderr, flush=True)

    def print(self, *objects: Any, **options: Any) -> None:
        if any(isinstance(renderable, Table) for renderable in objects):
            objects = tuple(map(self._whole, objects))
            # a line that is longer than the terminal goes on in the next, as of any text
            options = {"crop": False, **options}
        try:
            super().print(*objects, **options)
        except OSError as error:
            if error.errno != errno.EIO:  # which is how a terminal that is gone answers
                raise
            self.on_broken_pipe()

    def _whole(self, shown: Any) -> Any:
        """A table as it is printed.

        In a pipe its lines stay whole, for programs that look for a row, unless a width is given.
        """
        if not isinstance(shown, Table):
            return shown
        return _Whole(shown, self.is_terminal or self._is_width_given)


@dataclass(frozen=True, slots=True)
class _Whole:
    """A table of which nothing is cut off: where the terminal is narrower than its words, each row
    is a block of lines.

    Attributes:
        may_stack: whether it is; else it is wider than the terminal.
    """

    grid: Table
    may_stack: bool

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        unbounded, spare = options.update_width(_UNBOUNDED), 0
        for column in self.grid.columns:
            least = _least(column, console, unbounded)
            if column.overflow == "fold":  # words, too, go on in the next line
                spare += least - 1
            else:
                column.min_width = least
        needed = Measurement.get(console, unbounded, self.grid).minimum - spare
        if needed > options.max_width and self.may_stack:
            yield from _stacked(self.grid, options.max_width)
            return
        yield from console.render(self.grid, options.update_width(max(options.max_width, needed)))


def _stacked(grid: Table, width: int) -> Iterator[Text]:
    """Each row as lines: its first cell behind the title, and beneath it, set in, the others."""
    columns = [(_text(column.header), [*map(_text, column.cells)]) for column in grid.columns]
    for number, row in enumerate(grid.rows):
        for place, (title, cells) in enumerate(columns):
            said, cell = title.plain.strip().removesuffix(":"), cells[number]
            indent = "  " * (place > 0)
            before = indent + f"{said}: " * bool(said and grid.show_header)
            if cell.plain.strip():
                folded = fold(cell.plain.strip(), width, before, f"{indent}  ")
                style = cell.style or row.style or ""
                yield Text(folded, style=style, no_wrap=True, overflow="ignore")


def _text(cell: Any) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))


def _least(column: Column, console: Console, options: ConsoleOptions) -> int:
    """The width in which no cell of a column is cut off, and where cells may wrap, no word."""
    cells = (column.header, *column.cells)
    sizes = [Measurement.get(console, options, cell) for cell in cells]
    if column.no_wrap:
        return max(size.maximum for size in sizes)
    return max(size.minimum for size in sizes)


def told(console: Console, text: str, **options: Any) -> None:
    """Print a text whose lines may be long: on a terminal they break between words, and go on
    beneath their beginnings.

    Elsewhere they stay whole, for programs that look for a line.
    """
    lines = [text]
    if console.is_terminal:
        lines = [_folded(line, console.width) for line in text.split("\n")]
    plain: dict[str, Any] = {"markup": False, "highlight": False, "emoji": False, "soft_wrap": True}
    console.print("\n".join(lines), **plain, **options)


def _folded(line: str, width: int) -> str:
    indent = " " * (len(line) - len(line.lstrip()))
    return fold(line, width, rest=f"{indent}  ")


def in_notebook() -> bool:
    """Whether a kernel of IPython runs this, whose output is a page."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


def plain_console(stderr: bool = False, unread: str = "") -> Console:
    # a kernel asks for colours, by which rich takes its output for a terminal
    is_terminal = False if in_notebook() else None
    return PlainConsole(unread, stderr=stderr, force_terminal=is_terminal)
