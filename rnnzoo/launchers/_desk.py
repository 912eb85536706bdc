"""The process of a population: it trains many trials at once, and talks to the sweep over one pipe.

In: trials, and answers to what is told of their epochs.  Out: which trials were taken, what is told
of their epochs, and how each of them ended.  What the function of a population sees of all this is
a `Desk`.  The process ends itself when its pipe closes, so that it does not go on computing for a
sweep that has ended.

It is a process of its own and no child of the fork server: a context of CUDA does not live through
a fork, what XLA reads of the environment it reads once, and one process trains all trials, so that
there is no import to spare.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from rnnzoo.launchers import Many
from rnnzoo.launchers._child import flush, log_error
from rnnzoo.launchers._server import import_all, leave_signals_to_the_sweep
from rnnzoo.spec.ended import outcome_of
from rnnzoo.spec.trial import Outcome, Progress, Trial

SHOWN = 0.5  # seconds between two epochs of a trial that are told of where nobody answers


@dataclass(frozen=True, slots=True)
class Begin:
    """The first message to the process.

    Attributes:
        asks: whether a trial waits for the answer to each of its epochs.
    """

    many: Many
    size: int
    asks: bool


@dataclass(frozen=True, slots=True)
class Submitted:
    """A trial to train."""

    ticket: int
    trial: Trial


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a trial goes on after the epoch that it has told of."""

    ticket: int
    go_on: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """These trials may end the process from now on."""

    tickets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class News:
    """An epoch of each of these trials is over."""

    epochs: Mapping[int, Progress]


@dataclass(frozen=True, slots=True)
class Ended:
    """A trial has come to an end of its own."""

    ticket: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Broken:
    """The function has raised an error, and the process ends; an `outcome` says which."""

    outcome: Outcome


@dataclass(slots=True)
class PipeDesk:
    """A desk at the end of a pipe.

    Attributes:
        asks: whether a trial waits for the answer to each of its epochs.
    """

    pipe: Connection
    asks: bool
    # what the thread that listens has heard
    _heard: threading.Condition = field(default_factory=threading.Condition)
    _submitted: list[tuple[int, Trial]] = field(default_factory=list)
    _answers: dict[int, bool] = field(default_factory=dict)
    _shown: dict[int, float] = field(default_factory=dict)  # when a trial was last told of

    def take(self, wait: bool) -> Sequence[tuple[int, Trial]]:
        with self._heard:
            if wait:
                # without an end: when no more will come, the pipe closes, and this process ends
                self._heard.wait_for(lambda: bool(self._submitted))
            taken, self._submitted = self._submitted, []
        if taken:
            self.pipe.send(Taken(tuple(ticket for ticket, _ in taken)))
        return taken

    def tell(self, news: Mapping[int, Progress]) -> frozenset[int]:
        if self.asks:
            self.pipe.send(News(news))
            with self._heard:
                self._heard.wait_for(lambda: self._answers.keys() >= news.keys())
                return frozenset(ticket for ticket in news if self._answers.pop(ticket))
        shown = {ticket: progress for ticket, progress in news.items() if self._is_due(ticket)}
        if shown:
            self.pipe.send(News(shown))
        with self._heard:  # answers come only to trials that are to stop, and some epochs later
            stopped = {ticket for ticket, go_on in self._answers.items() if not go_on}
        ending = {ticket for ticket, progress in news.items() if progress.step >= progress.of}
        return frozenset(news.keys() - (stopped - ending))

    def _is_due(self, ticket: int) -> bool:
        """Whether somebody who watches would see that a trial has gone on."""
        now = time.monotonic()
        if now < self._shown.get(ticket, 0.0) + SHOWN:
            return False
        self._shown[ticket] = now
        return True

    def finish(self, ticket: int, outcome: Outcome) -> None:
        self._shown.pop(ticket, None)
        with self._heard:
            self._answers.pop(ticket, None)
        self.pipe.send(Ended(ticket, outcome))

    def listen(self) -> None:
        """Hear what the sweep says; end this process when the sweep has ended."""
        while True:
            try:
                message: Submitted | Answer = self.pipe.recv()
            except (EOFError, OSError):
                os._exit(1)
            with self._heard:
                if isinstance(message, Submitted):
                    self._submitted.append((message.ticket, message.trial))
                else:
                    self._answers[message.ticket] = message.go_on
                self._heard.notify_all()


def main(descriptor: int, preload: Sequence[str]) -> None:
    """Train what comes through the pipe until it closes; the signals of `GROUP_SIGNALS` are blocked
    at first.
    """
    leave_signals_to_the_sweep()
    faulthandler.enable(2)  # a crash leaves its traceback in the log
    pipe = Connection(descriptor)
    try:
        begin: Begin = pipe.recv()
        import_all(preload)
        desk = PipeDesk(pipe, begin.asks)
        threading.Thread(target=desk.listen, daemon=True).start()
        begin.many(desk, begin.size)
    except EOFError:  # the sweep has ended
        os._exit(1)
    except BaseException as error:
        log_error()
        with contextlib.suppress(OSError):
            pipe.send(Broken(outcome_of(error)))
    flush((sys.stdout, sys.stderr))
    os._exit(1)  # there is nothing to clean up
