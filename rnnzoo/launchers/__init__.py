"""The Launcher contract: submit trials, wait for what happens next.

A launcher runs `work(trial, tell) -> Outcome` somewhere and brings messages back; it touches no store.  Whatever happens to
a trial (a crash, a kill) comes back as an Outcome of its kind.  One that was interrupted without being asked to, as by a disk
that is full, is to run again when its reason is gone.
Contains: `local` (a process a trial, children of a fork server); a cluster later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rnnzoo.spec.trial import Outcome, Progress, Trial

Tell = Callable[[Progress], bool]  # returns True to go on, False to stop (the sweep pruned the trial)
Work = Callable[[Trial, Tell], Outcome]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a submitted trial: progress, or its end."""

    ticket: int
    what: Progress | Outcome


class Launcher(Protocol):
    def capacity(self) -> int:
        """How many trials may run at once."""

    def submit(self, trial: Trial) -> int:
        """Start a trial; returns its ticket."""

    def wait(self, timeout: float | None = None) -> Event | None:
        """The next event, or None after `timeout` seconds without one."""

    def answer(self, ticket: int, go_on: bool) -> None:
        """Answer a progress message; the trial waits for it."""

    def close(self) -> None:
        """Stop all that still runs; returns when nothing does."""
