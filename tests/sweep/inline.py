"""A launcher without processes: a trial runs when its end is waited for, in the order of
submission.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from rnnzoo.launchers import Event, Work
from rnnzoo.spec.trial import Progress, Trial


@dataclass
class InlineLauncher:
    work: Work
    submitted: deque[tuple[int, Trial]] = field(default_factory=deque)
    tickets: int = 0

    def capacity(self) -> int:
        return 2

    def submit(self, trial: Trial) -> int:
        self.tickets += 1
        self.submitted.append((self.tickets, trial))
        return self.tickets

    def wait(self, timeout: float | None = None) -> Event | None:
        ticket, trial = self.submitted.popleft()
        return Event(ticket, self.work(trial, self._go_on))

    def _go_on(self, progress: Progress) -> bool:
        return True

    def answer(self, ticket: int, go_on: bool) -> None:
        raise AssertionError("nobody asks")

    def close(self) -> None:
        self.submitted.clear()
