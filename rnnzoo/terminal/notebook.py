"""A sweep as it runs, in the cell of a notebook.

In: what the loop tells, as for the display of a terminal.  Out: HTML that IPython puts beneath the
cell, drawn again when there is news.  IPython is not needed: where it is not imported already,
nobody has a notebook.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any, Protocol

from rich.console import Console, RenderableType

from rnnzoo.confirm.stand import Stand
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.trial import Outcome, Progress, Trial
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.tally import Tally
from rnnzoo.terminal.console import PlainConsole
from rnnzoo.terminal.display import Display

WIDTH = 100  # characters
EVERY = 0.25  # seconds between two drawings, as on a terminal
# the font is said: in pages that are made of notebooks `pre` has letters of any width
FORM = '<pre style="font-family: monospace; line-height: 1.3; overflow-x: auto">{code}</pre>'


class Handle(Protocol):
    """HTML beneath a cell."""

    def update(self, text: str) -> None: ...


class Cell:
    """The output of a notebook's cell, in which the latest drawing stands.

    Args:
        drawn: what is shown, as rich prints it.
        show: puts HTML beneath the cell, and returns the handle whose `update` replaces it.
    """

    def __init__(self, drawn: RenderableType, show: Callable[[str], Handle]) -> None:
        self.drawn, self.show = drawn, show
        self._handle: Handle | None = None
        self._drawn_at = 0.0

    def start(self) -> None:
        if self._handle is None:
            self._drawn_at = time.monotonic()
            self._handle = self.show(html(self.drawn))

    def refresh(self) -> None:
        """Draw what is new, unless the last drawing is recent."""
        if time.monotonic() - self._drawn_at >= EVERY:
            self.stop()

    def stop(self) -> None:
        """Draw what is new; that drawing stays until the next one."""
        if self._handle is not None:
            self._drawn_at = time.monotonic()
            self._handle.update(html(self.drawn))


class NotebookDisplay(Display):
    """Observer of a sweep; use it as a context."""

    def __init__(
        self, console: Console, tally: Tally, show: Callable[[str], Handle] | None = None
    ) -> None:
        super().__init__(console, tally, live=False)
        self.live = self._cell = Cell(self, show or _Shown)

    def started(self, study: Study, trial: Trial) -> None:
        super().started(study, trial)
        self._cell.refresh()

    def progress(self, study: Study, trial: Trial, progress: Progress) -> None:
        super().progress(study, trial, progress)
        self._cell.refresh()

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        super().ended(study, trial, outcome)
        self._cell.refresh()

    def stands(self, now: Stand, experiment: Experiment) -> None:
        super().stands(now, experiment)
        self._cell.refresh()


def html(drawn: RenderableType) -> str:
    """What rich would print, as HTML without a background, so that it suits every notebook."""
    console = PlainConsole(file=io.StringIO(), record=True, width=WIDTH, force_terminal=True)
    console.print(drawn)
    return console.export_html(inline_styles=True, code_format=FORM)


class _Shown:
    """HTML that IPython has put beneath the cell that runs."""

    def __init__(self, text: str) -> None:
        from IPython import display

        untyped: Any = display
        self._html, self._handle = untyped.HTML, untyped.DisplayHandle()
        self._handle.display(self._html(text))

    def update(self, text: str) -> None:
        self._handle.update(self._html(text))
