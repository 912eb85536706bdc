"""Tables on a terminal, without lines: of `data`, `predictions`, `inspect` and `gradients`."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from rnnzoo.errors import printable

WIDEST = 24  # characters of a name


def grid(*columns: str) -> Table:
    """A table; `>` begins the titles of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in columns:
        numbers = title.startswith(">")
        table.add_column(title.removeprefix(">"), justify="right" if numbers else "left")
    return table


def add(table: Table, *cells: str) -> None:
    """A row, as it stands: nothing in it is markup."""
    table.add_row(*map(Text, cells))


def cut(name: str, widest: int = WIDEST) -> str:
    """A name that is not too wide for a column."""
    text = printable(name)
    return text if len(text) <= widest else f"{text[: widest - 3]}..."
