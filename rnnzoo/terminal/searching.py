"""A search over cells as it runs: one line that is redrawn on a terminal, a line a minute without
one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.text import Text

from rnnzoo.evolve.rows import Fate, Row
from rnnzoo.evolve.tally import Tally

EVERY = 60.0  # seconds between lines
LEAST = 20.0  # seconds, before which a pace says nothing


class SearchDisplay:
    """Told each row of a search; use it as a context.

    Args:
        tally: what is known of the search; it counts the rows.
        planned: candidates in all.
    """

    def __init__(
        self,
        console: Console,
        tally: Tally,
        planned: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.console, self.tally, self.planned, self.clock = console, tally, planned, clock
        self.began, self.ended = clock(), 0  # of this run
        self.printed = self.began
        live = Live(console=console, refresh_per_second=2, transient=True, get_renderable=self.line)
        self.live = live if console.is_terminal else None

    def __enter__(self) -> SearchDisplay:
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def __call__(self, row: Row) -> None:
        """Count a row."""
        before = self.tally.ended
        self.tally.take(row)
        self.ended += self.tally.ended - before
        if self.live is None and self.clock() >= self.printed + EVERY:
            self.printed = self.clock()
            self.console.print(self.line(), soft_wrap=True)

    @property
    def pace(self) -> float | None:
        """Candidates a minute, of this run; None where it is too young to tell."""
        seconds = self.clock() - self.began
        return 60 * self.ended / seconds if seconds >= LEAST else None

    def line(self) -> Text:
        """How far the search is, and how fast."""
        return Text(progress_line(self.tally, self.planned) + _paced(self.pace))


def _paced(pace: float | None) -> str:
    if pace is None:
        return ""
    digits = 0 if pace >= 10.0 else 1  # on tasks, a candidate may take minutes
    return f", {pace:.{digits}f} a minute"


def progress_line(tally: Tally, planned: int) -> str:
    """How far a search is, in a line."""
    parts = [
        f"{tally.ended:,} of {planned:,} candidates",
        f"generation {tally.generation}",
        f"{tally.candidates[Fate.PASSED]:,} passed",
    ]
    if tally.candidates[Fate.FAILED]:
        parts.append(f"{tally.candidates[Fate.FAILED]:,} failed")
    if tally.best is not None and tally.best.fitness is not None:
        parts.append(f"best {tally.best.fitness:.3f} (candidate_{tally.best.number})")
    return ", ".join(parts)
