"""Launchers without processes: a trial runs when its end is waited for."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from rnnzoo.launchers import Event, Work
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial


@dataclass
class InlineLauncher:
    """Runs trials one after another, in the order of submission, and answers them itself."""

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


@dataclass
class EpochLauncher:
    """Runs trials epoch by epoch, in turn; one that is told to stop goes on from there when it
    comes again.

    Attributes:
        states: epochs that each trial has run, by its key: what checkpoints are otherwise.
        epochs: how many were run in all.
    """

    states: dict[str, int] = field(default_factory=dict)
    running: dict[int, tuple[Trial, int]] = field(default_factory=dict)
    stopped: set[int] = field(default_factory=set)
    tickets: int = 0
    epochs: int = 0

    def capacity(self) -> int:
        return 2

    def submit(self, trial: Trial) -> int:
        self.tickets += 1
        self.running[self.tickets] = (trial, self.states.get(trial.key, 0))
        return self.tickets

    def wait(self, timeout: float | None = None) -> Event | None:
        ticket = next(iter(self.running))
        trial, epoch = self.running.pop(ticket)
        waits = 0 < trial.until <= epoch < trial.training.epochs
        if ticket in self.stopped or waits:
            self.states[trial.key] = epoch
            outcome = Outcome(Kind.PRUNED, curve=self._curve(trial, epoch), waits=waits)
            return Event(ticket, outcome)
        if epoch == trial.training.epochs:
            scores = dict.fromkeys(("train", "validation", "test"), self._score(trial, epoch))
            return Event(ticket, Outcome(Kind.COMPLETE, scores, self._curve(trial, epoch)))
        self.epochs += 1
        self.running[ticket] = (trial, epoch + 1)
        score = self._score(trial, epoch + 1)
        return Event(ticket, Progress(epoch + 1, trial.training.epochs, score, score))

    def _score(self, trial: Trial, epoch: int) -> float:
        return float(trial.hyperparameters["learning_rate"]) / epoch + trial.seed % 7

    def _curve(self, trial: Trial, epoch: int) -> tuple[dict[str, float], ...]:
        return tuple(
            {"epoch": number, "validation": self._score(trial, number)}
            for number in range(1, epoch + 1)
        )

    def answer(self, ticket: int, go_on: bool) -> None:
        if not go_on:
            self.stopped.add(ticket)

    def close(self) -> None:
        self.running.clear()
