"""The loop of a search over cells: rows that follow, trainings, outcomes, rows.

One writer: this process draws candidates, starts trainings and appends each row to the history as
it comes about.  The history is the truth; a search that was killed goes on from it, and repeats at
most what was being trained.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

from rnnzoo.errors import StoreError
from rnnzoo.evolve.advance import Course
from rnnzoo.evolve.again import Earlier
from rnnzoo.evolve.rows import Row, Trained, Training
from rnnzoo.launchers import Launcher
from rnnzoo.signals import interrupts
from rnnzoo.spec.experiment import FILTER
from rnnzoo.spec.trial import Kind, Outcome
from rnnzoo.sweep.candidates import OpenedSearch, trained
from rnnzoo.sweep.recorded import Recorder

POLL = 0.5  # seconds until Ctrl-C is noticed, at most
TRIES = 3  # of a training that the machine interrupts

# what runs trials of the filter, or of tasks
Launched = Callable[[bool], AbstractContextManager[Launcher]]


def unseen(row: Row) -> None:
    """Show a row to nobody."""


@dataclass(slots=True)
class Evolution:
    """One run of the loop.

    Attributes:
        launched: makes the launcher of the filter (True), or of tasks (False).
        observer: told each row.
        still_alone: called before each training; raises where another search has begun.
        earlier: histories that are left behind; what they have is not trained a second time.
        ends_at: on the monotonic clock; no training begins any more then.
        ran_out: whether that was so with something left.
    """

    opened: OpenedSearch
    course: Course
    recorder: Recorder
    launched: Launched
    observer: Callable[[Row], None] = unseen
    still_alone: Callable[[], None] = lambda: None
    earlier: Earlier = field(default_factory=Earlier)
    ends_at: float = math.inf
    ran_out: bool = False
    running: dict[int, Training] = field(default_factory=dict)  # by ticket
    interruptions: Counter[tuple[int, str, int]] = field(default_factory=Counter)
    _launchers: dict[bool, Launcher] = field(default_factory=dict)

    def run(self) -> None:
        """Run what is missing.

        Raises:
            KeyboardInterrupt: the end was asked for.
            StoreError: the machine cannot go on.
            OSError: likewise, its disk.
        """
        with ExitStack() as stack, interrupts() as interrupted:
            while not self.is_over() and (training := self.next_wanted(interrupted)):
                is_filter = training.stage == FILTER
                self.run_stage(self.launcher(is_filter, stack), is_filter, interrupted)
        self.ran_out = not self.course.is_done

    def is_over(self) -> bool:
        """Whether the time of the search is over."""
        return time.monotonic() >= self.ends_at

    def next_wanted(self, interrupted: Callable[[], bool]) -> Training | None:
        """The training that comes next, once the rows before it are recorded; None where the
        search is done.
        """
        for _ in self.following(interrupted):
            if training := next(self.course.wanted(), None):
                return training
        return next(self.course.wanted(), None)

    def following(self, interrupted: Callable[[], bool]) -> Iterator[Row]:
        """The rows that follow without a training, as they are recorded.

        Raises:
            KeyboardInterrupt: the end was asked for meanwhile.
        """
        for row in self.rows():
            if interrupted():
                raise KeyboardInterrupt
            self.take(row)
            yield row

    def rows(self) -> Iterator[Row]:
        """The rows that follow, each to be taken before the next is asked for: draws and fates, and
        trainings whose outcomes an earlier history has, from which more may follow.
        """
        while True:
            yield from self.course.follows()
            known = self.known()
            if not known:
                return
            yield from known

    def known(self) -> list[Trained]:
        """The outcomes of trainings that come next, as far as an earlier history has them."""
        if not self.earlier.histories:
            return []
        running = {training.key for training in self.running.values()}
        outcomes = (
            self.earlier.training(training, self.course.history.drawn[training.candidate])
            for training in self.course.wanted()
            if training.key not in running
        )
        return [outcome for outcome in outcomes if outcome is not None]

    def run_stage(
        self, launcher: Launcher, is_filter: bool, interrupted: Callable[[], bool]
    ) -> None:
        """Run trainings of the filter, or of tasks, as long as any of them come next."""
        self.submit_all(launcher, is_filter)
        if not self.running:
            self.await_room(launcher, interrupted)
        while self.running:
            self.handle_next(launcher, POLL)
            if interrupted():
                raise KeyboardInterrupt
            for _ in self.following(interrupted):  # drawing takes time, in which others train
                self.submit_all(launcher, is_filter)
                self.handle_next(launcher, 0.0)
            self.submit_all(launcher, is_filter)

    def await_room(self, launcher: Launcher, interrupted: Callable[[], bool]) -> None:
        """Wait a moment where no training may begin, as on a cluster that has lost its workers: a
        launcher sees in `wait` who comes.

        Raises:
            KeyboardInterrupt: the end was asked for meanwhile.
        """
        launcher.wait(POLL)
        if interrupted():
            raise KeyboardInterrupt

    def handle_next(self, launcher: Launcher, timeout: float) -> None:
        """Handle what happens next to a training, if anything happens soon."""
        event = launcher.wait(timeout) if self.running else None
        if event is None:
            return
        if isinstance(event.news, Outcome):
            self.end(self.running.pop(event.ticket), event.news)
        else:
            # progress: no training of a search over cells is stopped early
            launcher.answer(event.ticket, True)

    def launcher(self, is_filter: bool, stack: ExitStack) -> Launcher:
        """The launcher, made when it is first used; it stays until the search ends."""
        if is_filter not in self._launchers:
            self._launchers[is_filter] = stack.enter_context(self.launched(is_filter))
        return self._launchers[is_filter]

    def submit_all(self, launcher: Launcher, is_filter: bool) -> None:
        """Start as many trainings as may run."""
        room = launcher.capacity() - len(self.running)
        if room <= 0 or self.is_over():
            return
        keys = {training.key for training in self.running.values()}
        for training in self.course.wanted():
            if training.key in keys or (training.stage == FILTER) is not is_filter:
                continue
            self.still_alone()
            drawn = self.course.history.drawn[training.candidate]
            ticket = launcher.submit(self.opened.trial(training, drawn))
            self.running[ticket] = training
            room -= 1
            if not room:
                return

    def end(self, training: Training, outcome: Outcome) -> None:
        """Record what a training yielded; one that the machine interrupted comes next again.

        Raises:
            StoreError: it was interrupted too often.
        """
        if outcome.kind is not Kind.INTERRUPTED:
            self.take(trained(training, outcome))
            return
        if outcome.retried:  # it was lost with a worker, which the launcher itself counts
            return
        self.interruptions[training.key] += 1
        if self.interruptions[training.key] >= TRIES:
            raise StoreError(outcome.message)

    def take(self, row: Row) -> None:
        """Record a row: in the file first, so that nothing is known that is not there."""
        self.recorder.add(row)
        self.course.take(row)
        self.observer(row)
