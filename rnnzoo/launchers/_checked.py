"""A launcher of somebody else's, held to the contract: what it hands back is looked at before it
is used.

In: a launcher and the file that it is from.  Out: the same contract, or a `UsageError` that says
what the launcher does otherwise.
"""

from __future__ import annotations

from typing import Any

from rnnzoo.launchers import Event, Launcher, resize
from rnnzoo.spec import plugins
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial


class CheckedLauncher:
    """
    Args:
        source: what the launcher's name stands for.
    """

    def __init__(self, launcher: Launcher, source: Any) -> None:
        self.launcher, self.source = launcher, source
        self.running: set[int] = set()  # tickets of trials that have not ended

    def capacity(self) -> int:
        count = self.launcher.capacity()
        if type(count) is not int or count < 1:
            self._refuse(f"its `capacity()` returned {count!r}, not a whole number from 1 on")
        return count

    def resize(self, workers: int) -> None:
        resize(self.launcher, workers)

    def submit(self, trial: Trial) -> int:
        ticket = self.launcher.submit(trial)
        if type(ticket) is not int:
            self._refuse(f"its `submit(trial)` returned {ticket!r}, not a whole number")
        if ticket in self.running:
            self._refuse(f"its `submit(trial)` returned {ticket}, the ticket of a running trial")
        self.running.add(ticket)
        return ticket

    def wait(self, timeout: float | None = None) -> Event | None:
        event = self.launcher.wait(timeout)
        if event is None:
            return None
        wrong = _wrong(event, self.running)
        if wrong:
            self._refuse(f"its `wait(timeout)` returned {wrong}")
        if isinstance(event.news, Outcome):
            self.running.discard(event.ticket)
        return event

    def answer(self, ticket: int, go_on: bool) -> None:
        self.launcher.answer(ticket, go_on)

    def close(self) -> None:
        self.launcher.close()

    def _refuse(self, lack: str) -> None:
        """
        Raises:
            UsageError: always; it names the launcher's file.
        """
        plugins.require("launcher", self.source, [lack])


def _wrong(event: Any, running: set[int]) -> str:
    """What is wrong with what came instead of an event; empty where nothing is."""
    if not isinstance(event, Event):
        return f"{plugins.shown(event)}, not an Event or None"
    if not isinstance(event.news, Progress | Outcome):
        return f"an Event of {plugins.shown(event.news)}, not of a Progress or an Outcome"
    if isinstance(event.news, Outcome) and not isinstance(event.news.kind, Kind):
        return f"an Outcome of the kind {plugins.shown(event.news.kind)}, which is no Kind"
    if type(event.ticket) is not int or event.ticket not in running:
        return f"an Event with the ticket {plugins.shown(event.ticket)}, which no running trial has"
    return ""
