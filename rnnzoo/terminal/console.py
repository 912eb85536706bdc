"""Where everything is printed: text, in which nothing is read as rich's markup, as `[red]` in a path or a title."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import Any

from rich.console import Console


class Plain(Console):
    """A console whose reader may leave, as `| head` does, or a terminal that closes: the work goes on without it.

    Args:
        unread: what is said on stderr when that happens.
    """

    def __init__(self, unread: str = "", **options: Any) -> None:
        super().__init__(markup=False, highlight=False, **options)
        self.unread = unread

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())  # or the last flush would fail too
        if self.unread:
            with suppress(OSError):
                print(self.unread, file=sys.stderr, flush=True)

    def print(self, *objects: Any, **options: Any) -> None:
        try:
            super().print(*objects, **options)
        except OSError as error:
            if error.errno != errno.EIO:  # which is how a terminal that is gone answers
                raise
            self.on_broken_pipe()


def plain_console(stderr: bool = False, unread: str = "") -> Console:
    return Plain(unread, stderr=stderr)
