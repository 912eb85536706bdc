"""Many trials at once in one process: they train together, as a population.

In: trials.  Out: events.  On a GPU, a single small net waits for launches, and hundreds of them
take little longer than one.  `Setup.many` trains up to `size` trials at once in a process of its
own (`_desk`); there is a process for each GPU, or one on the processor.

What a process does ends all of its trials.  So when it ends, none of several is blamed: they are
interrupted and begun again, half of them at a time, until the one that ends it is alone
(`_halving`).  Limits are the process's: its memory is that of all its trials.  `minutes` count for
each trial from its first epoch on, and for a process from the last thing that it said.

    launcher: {name: population, size: 64}
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from rnnzoo.errors import StoreError, UsageError, number_of
from rnnzoo.launchers import Event, Many, Setup
from rnnzoo.launchers._child import check_system, too_much_memory
from rnnzoo.launchers._desk import Answer, Begin, Broken, Ended, News, Submitted, Taken
from rnnzoo.launchers._halving import Suspects
from rnnzoo.launchers.local import (
    ATTEMPTS,
    CHECK_INTERVAL,
    GRACE,
    KEEP_MEMORY,
    ONE_THREAD,
    RERUN,
    STOPPING,
    outcome_of_exit,
    peak,
    started,
)
from rnnzoo.spec.cards import VISIBLE, cards
from rnnzoo.spec.hyperparameters import MOST_LANES, PRECISIONS
from rnnzoo.spec.plugins import Wrong
from rnnzoo.spec.settings import POPULATION_SIZE
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial

OPTIONS: Mapping[str, Any] = {
    "size": POPULATION_SIZE,  # trials that a process trains at once; part of a study's identity
    "precision": "float32",  # of products on a GPU; or tf32.  Part of it, too
    "processes": 0,  # 0: one for each GPU, or one where there is none
}
AWAY = 10.0  # seconds between two looks at limits, from which on the sweep was busy elsewhere
PAGE = "docs/experiments.md, `mlflow.yml`, says what there is"


@dataclass(slots=True)
class _Process:
    """A process, and the trials that were sent to it.

    Attributes:
        number: which of the launcher's it is, from 0.
        sent: trials by ticket, in the order in which they were sent.
        taken: tickets of those that train; the others wait in the process.
        heard_at: on the monotonic clock: when it last said something, or was given something to do.
        verdict: why the launcher or the process itself has ended it.
    """

    number: int
    process: subprocess.Popen[bytes]
    pipe: Connection
    heard_at: float
    sent: dict[int, Trial] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    has_taken: bool = False
    verdict: Outcome | None = None

    def send(self, message: Submitted | Answer | Begin) -> None:
        with contextlib.suppress(OSError):  # it has just ended, which is heard next
            self.pipe.send(message)

    def stop(self, seconds: float) -> None:
        """Close the pipe, at which the process ends itself; kill it if that takes too long."""
        self.pipe.close()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(slots=True)
class PopulationLauncher:
    """Has `setup.workers` trials at once in its processes.

    Attributes:
        many: what trains.
        size: lanes of a program; a process has one for each shape of trial.
        cards: names of GPUs, one for each process; an empty one leaves the choice.
    """

    setup: Setup
    many: Many
    size: int
    cards: tuple[str, ...] = ("",)
    suspects: Suspects = field(default_factory=Suspects)
    waiting: dict[int, Trial] = field(default_factory=dict)  # for a process, by ticket
    stopped: set[int] = field(default_factory=set)  # tickets of trials that were told to stop
    begun: dict[int, float] = field(default_factory=dict)  # when a trial's first epoch was over
    late: set[int] = field(default_factory=set)  # tickets of trials that took too long
    _next: int = 0
    _processes: list[_Process] = field(default_factory=list)
    _events: deque[Event] = field(default_factory=deque)
    _failures: int = 0  # processes in a row that ended before they took a trial
    _checked: float = -math.inf

    def capacity(self) -> int:
        return self.setup.workers

    def resize(self, workers: int) -> None:
        """Have so many trials in processes from now on; there, those train that have a lane."""
        self.setup = replace(self.setup, workers=workers)

    def place(self, trial: Trial) -> str:
        """Where a trial trains: see `rnnzoo.launchers.place`."""
        for process in self._processes:
            if any(sent is trial for sent in process.sent.values()):
                card = self.cards[process.number]
                return f"process {process.process.pid}" + (f", GPU {card}" if card else "")
        return ""

    def submit(self, trial: Trial) -> int:
        if "__main__" in (self.setup.work.__module__, self.many.__module__):
            raise ValueError(
                "no process imports the main module: move the function into a module of its own"
            )
        self._next += 1
        self.waiting[self._next] = trial
        self._distribute()
        return self._next

    def wait(self, timeout: float | None = None) -> Event | None:
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            if self._events:
                return self._events.popleft()
            self._enforce_limits()
            self._distribute()
            if not self._events:
                self._listen(end - time.monotonic())
            if not self._events and time.monotonic() >= end:
                return None

    def answer(self, ticket: int, go_on: bool) -> None:
        process = self._of(ticket)
        if process is None:  # it has ended in the meantime; `wait` reports that next
            return
        if not go_on:
            self.stopped.add(ticket)
        # where trials do not wait for answers, only those that are to stop need one
        if self.setup.answers or not go_on:
            process.send(Answer(ticket, go_on and ticket not in self.late))

    def close(self) -> None:
        for process in self._processes:
            process.pipe.close()
        for process in self._processes:
            process.stop(STOPPING)
        self._processes.clear()
        self.waiting.clear()

    # -- who trains where

    def _of(self, ticket: int) -> _Process | None:
        """The process to which a trial was sent."""
        return next((process for process in self._processes if ticket in process.sent), None)

    def _distribute(self) -> None:
        """Send trials that wait to processes with room for them.

        Raises:
            StoreError: no process stays alive.
        """
        # those that are not suspected come last
        in_turn = sorted(self.waiting.items(), key=lambda pair: not self._group(pair[1]))
        for ticket, trial in in_turn:
            number = self._room_for(trial)
            if number is not None:
                del self.waiting[ticket]
                process = self._numbered(number)
                if not process.sent:
                    process.heard_at = time.monotonic()
                process.sent[ticket] = trial
                process.send(Submitted(ticket, trial))

    def _room_for(self, trial: Trial) -> int | None:
        """The number of the process with the most room, of those whose trials may have this
        one beside them.
        """
        group = self._group(trial)
        if not group and any(map(self._group, self.waiting.values())):
            return None  # suspected ones first: others would keep them waiting for ever
        room = math.ceil(self.setup.workers / len(self.cards))
        sent: dict[int, Mapping[int, Trial]] = {number: {} for number in range(len(self.cards))}
        sent |= {process.number: process.sent for process in self._processes}

        def fits(trials: Mapping[int, Trial]) -> bool:
            return len(trials) < room and all(
                self._group(beside) == group for beside in trials.values()
            )

        fitting = [number for number, trials in sent.items() if fits(trials)]
        return min(fitting, key=lambda number: len(sent[number]), default=None)

    def _group(self, trial: Trial) -> frozenset[str]:
        """The suspected trials of which this is one; empty where it is not suspected."""
        return self.suspects.group(trial.key) if self.suspects.groups else frozenset()

    def _numbered(self, number: int) -> _Process:
        """The process of a number; a new one if there is none.

        Raises:
            StoreError: each of the last ones has ended before it took a trial.
        """
        known = [process for process in self._processes if process.number == number]
        if known:
            return known[0]
        if self._failures >= ATTEMPTS:
            where = f": see {self.setup.log}" if self.setup.log else ""
            raise StoreError(
                f"the process of the population ends before it has taken a trial{where}", RERUN
            )
        process = self._start(number)
        self._processes.append(process)
        return process

    def _start(self, number: int) -> _Process:
        own_end, other_end = multiprocessing.Pipe()
        card = self.cards[number]
        environment = {
            **ONE_THREAD,
            **KEEP_MEMORY,
            **self.setup.environment,
            **({VISIBLE: card} if card else {}),
        }
        try:
            with other_end:
                process = started(
                    "_desk", other_end.fileno(), self.setup.preload, self.setup.log, environment,
                    self.setup.home,
                )  # fmt: skip
        except BaseException:
            own_end.close()
            raise
        made = _Process(number, process, own_end, time.monotonic())
        made.send(Begin(self.many, self.size, self.setup.answers))
        return made

    # -- what processes say

    def _listen(self, patience: float) -> None:
        """Wait for messages, and turn them into events."""
        if min(self.setup.minutes, self.setup.memory) < math.inf:
            patience = min(patience, CHECK_INTERVAL)
        pipes = {process.pipe: process for process in self._processes}
        if not pipes:
            time.sleep(min(max(patience, 0.0), CHECK_INTERVAL))
            return
        for pipe in wait(list(pipes), None if patience == math.inf else max(patience, 0.0)):
            process = pipes[pipe]  # type: ignore[index]  # `wait` hands back what it was given
            try:
                message = process.pipe.recv()
            except (EOFError, OSError):
                self._bury(process)
                continue
            process.heard_at = time.monotonic()
            self._read(process, message)

    def _read(self, process: _Process, message: Taken | News | Ended | Broken) -> None:
        match message:
            case Taken(tickets):
                process.has_taken, self._failures = True, 0
                process.taken.update(tickets)
            case News(epochs):
                for ticket, progress in epochs.items():
                    self._tell(ticket, progress)
            case Ended(ticket, outcome):
                self._end(process, ticket, outcome)
            case Broken(outcome):
                process.verdict = outcome

    def _tell(self, ticket: int, progress: Progress) -> None:
        """Tell of an epoch; of a trial that was told to stop, later ones are no news."""
        self.begun.setdefault(ticket, time.monotonic())
        if ticket not in self.stopped:
            self._events.append(Event(ticket, progress))

    def _end(self, process: _Process, ticket: int, outcome: Outcome) -> None:
        """A trial has come to an end of its own."""
        trial = process.sent.pop(ticket)
        process.taken.discard(ticket)
        self.suspects.clear([trial.key])
        if ticket in self.late and outcome.kind is Kind.PRUNED:
            outcome = _too_late(self.setup.minutes)
        self._hand_back(ticket, outcome)

    def _hand_back(self, ticket: int, outcome: Outcome) -> None:
        self.begun.pop(ticket, None)
        self.stopped.discard(ticket)
        self.late.discard(ticket)
        self._events.append(Event(ticket, outcome))

    # -- ends of processes

    def _enforce_limits(self) -> None:
        """End what exceeds its limit: a trial after its epoch, a process at once."""
        limits = (self.setup.minutes, self.setup.memory)
        now = time.monotonic()
        if min(limits) == math.inf or now < self._checked + CHECK_INTERVAL:
            return
        self._forgive(now - self._checked)
        self._checked = now
        for process in list(self._processes):
            verdict = self._limit(process)
            if verdict is not None and not process.pipe.poll():
                process.verdict = verdict
                process.process.kill()
                self._bury(process)
        for ticket in self._overdue():
            self.late.add(ticket)
            trains_it = self._of(ticket)
            if trains_it is not None and not self.setup.answers:
                trains_it.send(Answer(ticket, False))

    def _forgive(self, passed: float) -> None:
        """Take no time for a trial's in which nobody listened, as where the sweep waited for its
        storage: trials may have waited for answers.
        """
        if not AWAY < passed < math.inf:
            return
        for process in self._processes:
            process.heard_at += passed
        self.begun = {ticket: begun + passed for ticket, begun in self.begun.items()}

    def _overdue(self) -> list[int]:
        """Tickets of trials that have just taken too long."""
        latest = time.monotonic() - 60 * self.setup.minutes
        return [
            ticket for ticket, begun in self.begun.items()
            if begun < latest and ticket not in self.late
        ]  # fmt: skip

    def _limit(self, process: _Process) -> Outcome | None:
        """The outcome of what a process trains that exceeds a limit; None where it does not."""
        if process.sent and time.monotonic() > process.heard_at + 60 * self.setup.minutes:
            return _too_late(self.setup.minutes)
        if self.setup.memory < math.inf and peak(process.process.pid) > self.setup.memory:
            return too_much_memory(self.setup.memory)
        return None

    def _bury(self, process: _Process) -> None:
        """A process has ended: its trials go to another one, or one of them ended it.

        Raises:
            StoreError: it is no matter of its trials.
        """
        process.stop(GRACE)
        self._processes.remove(process)
        verdict = process.verdict or outcome_of_exit(process.process.returncode)
        self._failures += not process.has_taken
        if verdict.kind is Kind.INTERRUPTED or (process.verdict and not process.has_taken):
            raise StoreError(verdict.message)
        waited = {t: trial for t, trial in process.sent.items() if t not in process.taken}
        self.waiting = {**waited, **self.waiting}
        trained = {t: trial for t, trial in process.sent.items() if t in process.taken}
        if not trained:
            return
        if self.suspects.accuse([trial.key for trial in trained.values()]):
            (ticket,) = trained
            self._hand_back(ticket, verdict)
            return
        problem = f"the process that trained {number_of(len(trained), 'trial')} ended"
        self.setup.note(f"{problem} ({verdict.message}): they begin again, half of them at a time")
        for ticket in trained:
            message = f"{problem}: {verdict.message}"
            self._hand_back(ticket, Outcome(Kind.INTERRUPTED, message=message, retried=True))


def _too_late(minutes: float) -> Outcome:
    return Outcome(Kind.TIMED_OUT, message=f"it took longer than {minutes:g} minutes")


def wrong(options: Mapping[str, Any]) -> Iterator[Wrong]:
    """What is wrong with options whose types are right."""
    if options["size"] > MOST_LANES:
        problem = f"`size` is at most {MOST_LANES}, not {options['size']}"
        yield Wrong(
            "size", problem, f"a program has so many lanes; the default is {OPTIONS['size']}"
        )
    if options["precision"] not in PRECISIONS:
        known = " or ".join(PRECISIONS)
        yield Wrong("precision", f"`precision` is {known}, not {options['precision']!r}", PAGE)


def checked(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The GPUs of the processes that these options ask for; an empty name leaves the choice.

    Raises:
        UsageError: these are more than there are.
    """
    known_cards, asked = cards(), options["processes"]
    if asked == 0:
        return known_cards or ("",)
    if known_cards and asked > len(known_cards):
        problem = (
            f"`processes` is {asked}, and this machine has {number_of(len(known_cards), 'GPU')}"
        )
        raise UsageError(problem, "a process has a GPU of its own: leave `processes` out")
    return known_cards[:asked] or ("",) * asked


def launcher(setup: Setup) -> PopulationLauncher:
    """What `launcher: population` makes.

    Raises:
        UsageError: an option is wrong, or nothing trains many at once.
        RnnzooError: this system has no such processes.
    """
    check_system()
    of_processes = checked(setup.options)
    if setup.many is None:
        raise UsageError(
            "nothing here trains many trials at once", "leave `launcher: population` out"
        )
    return PopulationLauncher(setup, setup.many, setup.options["size"], of_processes)
