"""Where commands print.  What is printed is text: nothing in it is read as rich's markup, as `[red]` in a path or a title."""

from __future__ import annotations

from rich.console import Console


def plain_console(stderr: bool = False) -> Console:
    return Console(stderr=stderr, markup=False, highlight=False)
