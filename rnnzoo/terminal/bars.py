"""Bars of preparations that take long, as loading data does.

In: what `tasks.Report` is told.  Out: a bar for each thing that is being done, gone when all is
done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars

from rnnzoo.tasks import Report


@contextmanager
def bars(console: Console, lines: bool = False) -> Iterator[Report]:
    """A bar for each long preparation, where the console is a terminal.

    Args:
        lines: elsewhere, print a line as each of them begins.
    """
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        known: dict[str, Any] = {}

        def tell(label: str, done: int, of: int) -> None:
            if label not in known and lines and not console.is_terminal:
                console.print(f"{label} ...")
            if label not in known:
                known[label] = shown.add_task(label, total=of)
            shown.update(known[label], completed=done)

        yield tell
