"""Where commands print.  What is printed is text: nothing in it is read as rich's markup, as `[red]` in a path or a title."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


def plain_console(stderr: bool = False) -> Console:
    return Console(stderr=stderr, markup=False, highlight=False)


@contextmanager
def without_greetings() -> Iterator[None]:
    """Without what native libraries write to stderr while they are loaded; Python's own errors come later, and are seen."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
