"""The loop of a sweep: submit -> wait -> tell -> record, until nothing is left to begin.

In: a supply of trials, a launcher that runs them, open studies that choose their points and keep
their outcomes.  Out: every trial ended, or, where the end was asked for, saved.  The loop decides
neither which trials there are nor what follows from them.
"""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnnzoo.errors import StoreError, listed
from rnnzoo.launchers import Event, Launcher
from rnnzoo.signals import Interrupts
from rnnzoo.spec import points
from rnnzoo.spec.experiment import Resources, Search
from rnnzoo.spec.hyperparameters import Value
from rnnzoo.spec.trial import Ending, Kind, Outcome, Progress, Result, Trial
from rnnzoo.sweep import edited, tracked
from rnnzoo.sweep.editions import OpenStudies
from rnnzoo.sweep.longer import Longer
from rnnzoo.sweep.observer import Observer
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.steering import Steering
from rnnzoo.sweep.supply import Supply
from rnnzoo.sweep.takeover import KnownTrial
from rnnzoo.trackers import Tracker

POLL = 0.5  # seconds until Ctrl-C, or a command, is noticed, at most
EARLY = 3  # trials after which a variant that only fails is reported
AGAIN = (
    "put back what was there; or give the same command again, which begins anew with what is there"
    " now"
)
# Seconds that trials may take to save their state of training after SIGTERM: Slurm kills 30 after
# it, unless it is set up otherwise.
GRACE = 20.0


class TimeIsOver(Exception):
    """The time of the sweep is over, and something is left to be run."""


@dataclass(slots=True)
class Running:
    """A trial that has been submitted; `number` is that of the storage."""

    study: Study
    number: int
    trial: Trial
    has_told: bool = False  # of an epoch
    is_to_save: bool = False  # its state of training, and end


@dataclass(slots=True)
class Loop:
    """Runs trials.

    Attributes:
        search: its sampler and known points; how many trials it has is not looked at.
        steering: what the sweep is told meanwhile.
        still_alone: called before each trial; they raise where another sweep of the experiment has
            begun.
        interrupted: whether the end was asked for, and in a way that lets trials be saved.
        package: the package's files as trials import them first.
        ends_at: on the monotonic clock; then trials that run save their state of training after
            their epoch, and none begins any more.
        grace: seconds that they have for that after SIGTERM.
        until: the epoch after which trials wait, while those of a rung run; 0: none.
        saved_trials: how many go on from there in a later sweep.
    """

    search: Search
    resources: Resources
    opened: OpenStudies
    launcher: Launcher
    tracker: Tracker
    observer: Observer
    longer: Longer
    runs: Path
    steering: Steering
    still_alone: Sequence[Callable[[], None]]
    interrupted: Interrupts
    package: edited.Stamps
    ends_at: float = math.inf
    grace: float = GRACE
    supply: Supply = field(default_factory=lambda: Supply(iter(())))  # what begins at present
    retries: deque[tuple[Study, int]] = field(default_factory=deque)  # trials to begin once more
    running: dict[int, Running] = field(default_factory=dict)  # by ticket
    known_points: dict[tuple[str, int], Mapping[str, Value]] = field(default_factory=dict)
    until: int = 0
    saved_trials: int = 0

    def run(self, supply: Supply) -> None:
        """Run these trials, and those that are tried again, as many at once as may run.

        Raises:
            TimeIsOver: it was over before they were.
            KeyboardInterrupt: the end was asked for.
            StoreError: the machine cannot go on.
        """
        self.supply = supply
        while self.has_more():
            if self.interrupted():
                self._save_running()
                raise KeyboardInterrupt
            if self.is_over():
                self._await_saved()
                return
            self.steering.look()
            while self._has_room() and (planned := self._next()) is not None:
                self._submit(*planned)
            if self.has_more():  # that runs, or has no room yet
                self.handle_next()

    def run_known(self, wanted: Sequence[KnownTrial]) -> None:
        """Run trials whose points are known."""
        for known in wanted:
            self.known_points[known.study.identity, known.index] = known.point
        self.run(Supply(iter([(known.study, known.index) for known in wanted])))

    # -- which trial begins, and when

    def has_more(self) -> bool:
        """Whether the loop goes on; one that is paused does, for it may be told of more trials."""
        if self.running or self.retries or self.steering.told.paused is not None:
            return True
        return self.supply.peek(self.steering.told) is not None

    def _has_room(self) -> bool:
        """Whether a trial may begin."""
        return self.steering.told.paused is None and len(self.running) < self.at_once()

    def at_once(self) -> int:
        """How many trials may run at once."""
        return min(self.launcher.capacity(), self.steering.told.workers or sys.maxsize)

    def _next(self) -> tuple[Study, int] | None:
        """The trial that begins next, those that are tried again first."""
        while self.retries:
            study, index = self.retries.popleft()
            if study.variant.label not in self.steering.told.stopped:
                return study, index
            self.supply.put_back((study, index))
        return self.supply.next(self.steering.told)

    def left_out(self) -> list[str]:
        """Labels of stopped variants that have trials to begin."""
        return self.supply.leaves_out(self.steering.told)

    def is_over(self) -> bool:
        """Whether the sweep's time is over."""
        return time.monotonic() >= self.ends_at

    def await_going_on(self) -> None:
        """Wait while the sweep is paused.

        Raises:
            TimeIsOver: it is.
            KeyboardInterrupt: the end was asked for.
        """
        while True:
            self.steering.look()
            if self.is_over():
                raise TimeIsOver
            if self.interrupted():
                raise KeyboardInterrupt
            if self.steering.told.paused is None:
                return
            self.handle_next()

    # -- beginning a trial

    def _submit(self, study: Study, index: int) -> None:
        """Start a trial; one whose point the grid lacks is passed over."""
        for check in self.still_alone:
            check()
        # None: not ours, Optuna chooses; or the grid is used up before the budget
        point = self._point(study, index)
        if point is None and not self._optuna_chooses(study):
            return
        # what a known point gives is in `point` where that is drawn here
        known = self.search.known(index) if point is None else {}
        opened = self.opened[study.identity]
        number, chosen = opened.ask(index, point, study.variant.space, known)
        trial = replace(study.trial(index, chosen, self.runs), until=self.until)
        trial = self.longer.begun(study, trial)
        ticket = self.launcher.submit(trial)
        self.running[ticket] = Running(study, number, trial)
        self.observer.started(study, trial)

    def _point(self, study: Study, index: int) -> Mapping[str, Value] | None:
        """The point of an index: of a replicate, a pilot or a round, or of a sampler of ours.

        None where Optuna's sampler chooses it, and where the grid is used up.
        """
        if self._optuna_chooses(study):
            return None
        if study.points_are_known:
            return self.known_points[study.identity, index]
        return study.point(index)

    def _optuna_chooses(self, study: Study) -> bool:
        """Whether a sampler of Optuna's chooses a study's points; those of replicates, pilots and
        rounds are known.
        """
        return not study.points_are_known and not points.ours(self.search.sampler.name)

    def saves(self, study: Study) -> bool:
        """Whether a trial of a study that is cut off goes on where it was; one of a sampler of
        Optuna's would begin anew, at another point.
        """
        return not self._optuna_chooses(study)

    # -- what happens to it

    def handle_next(self, saving: bool = False) -> None:
        """Handle what happens next to a trial, if anything happens soon.

        Args:
            saving: a trial that tells of an epoch is to save its state of training, and end.
        """
        event = self.launcher.wait(POLL)
        if event is not None:
            self._handle(event, saving)

    def _handle(self, event: Event, saving: bool) -> None:
        """Answer progress; tell and record an outcome."""
        running = self.running[event.ticket]
        is_stopped = running.study.variant.label in self.steering.told.stopped
        if isinstance(event.news, Progress):
            saving = saving or (is_stopped and self.saves(running.study))
            self._answer(event.ticket, event.news, saving)
            return
        del self.running[event.ticket]
        if running.is_to_save and event.news.kind is Kind.PRUNED:
            self.finish(running, self._saved(running, event.news))
            if is_stopped:
                self.supply.put_back((running.study, running.trial.index))
            return
        outcome = self._unless_edited(running.study, event.news)
        self.finish(running, outcome)
        if outcome.kind is Kind.INTERRUPTED and not outcome.retried:
            # its cause (changed data, a full disk, no process) would end all others too; a
            # StoreError blames the machine
            raise StoreError(outcome.message)

    def _answer(self, ticket: int, progress: Progress, saving: bool) -> None:
        """Answer a trial that has told of an epoch: it goes on, or stops."""
        running = self.running[ticket]
        opened = self.opened[running.study.identity]
        go_on = opened.report(running.number, progress.step, progress.value)
        running.has_told = True
        # after its last epoch it ends anyway; of a pruner's end it needs no state
        running.is_to_save = saving and go_on and progress.step < progress.of
        self.launcher.answer(ticket, go_on and not running.is_to_save)
        self.observer.progress(running.study, running.trial, progress)

    def _unless_edited(self, study: Study, outcome: Outcome) -> Outcome:
        """The outcome of a trial; where code that it runs was edited since the sweep began, that is
        the cause, and no variant is to blame.
        """
        if outcome.kind not in (Kind.FAILED, Kind.INTERRUPTED):
            return outcome
        files = sorted(self.opened.edited_since(study))
        cause = edited.cause(files, AGAIN) if files else edited.said(self.package)
        return Outcome(Kind.INTERRUPTED, message=cause) if cause else outcome

    def finish(self, running: Running, outcome: Outcome) -> None:
        """Tell the storage, the tracker and the observer how a trial ended, or queue it once more.

        The storage first: what the tracker misses is brought level from it.
        """
        identity, index = running.study.identity, running.trial.index
        attempts = self.opened.attempts[identity]
        if outcome.retried:  # the launcher lost it with a machine, which is no attempt of its own
            self.retries.append((running.study, index))
        elif attempts[index] < self.resources.retry.get(outcome.kind, 0):
            outcome = replace(outcome, retried=True)
            attempts[index] += 1
            self.retries.append((running.study, index))
        # it is the same, whether it waited or not
        trial = replace(running.trial, until=0, keeps_state=False)
        if outcome.final:  # before the storage knows of the end: no kill leaves the file behind
            trial.checkpoint.unlink(missing_ok=True)
        if outcome.loops:  # likewise
            instead = {**self.opened.provenance, "loops": outcome.loops}
            self.opened.add_provenance(running.study, [instead])
        self.opened[identity].tell(running.number, trial, outcome)
        if outcome.final:
            self.longer.ended(running.study, running.trial, outcome)
            tracked.record(Result(trial, outcome, identity, time.time()), self.tracker)
            self._warn(running.study, outcome)
        self.observer.ended(running.study, trial, outcome)

    def _warn(self, study: Study, outcome: Outcome) -> None:
        """Say it early when a variant goes wrong from the start."""
        kinds = self.opened.ended_kinds[study.identity]
        kinds[outcome.kind] += 1
        if kinds.total() == EARLY and not kinds[Kind.COMPLETE] and not kinds[Kind.PRUNED]:
            ends = listed(sorted(kind.words for kind in kinds))
            reason = f": {outcome.message}" if outcome.message else ""
            self.observer.note(
                f"{study.label}: its first {EARLY} trials all ended as {ends}{reason}"
            )

    # -- the end

    def _await_saved(self) -> None:
        """Let trials that run end, or save their state of training after their epoch.

        Raises:
            TimeIsOver: something is left to be run.
            KeyboardInterrupt: the end was asked for meanwhile.
        """
        while self.running:
            if self.interrupted():
                self._save_running()
                raise KeyboardInterrupt
            self.steering.look()
            self.handle_next(saving=True)
        if self.saved_trials or self.retries or self.supply.peek(self.steering.told) is not None:
            raise TimeIsOver

    def _save_running(self) -> None:
        """Let trials that run save their state of training after their epoch, where there is time
        for it; those that are in their first have nothing to save.
        """
        end = time.monotonic() + (self.grace if self.interrupted.leaves_time else 0.0)
        while time.monotonic() < end and any(trial.has_told for trial in self.running.values()):
            self.handle_next(saving=True)

    def _saved(self, running: Running, outcome: Outcome) -> Outcome:
        """The outcome of a trial that was told to save its state of training: it goes on from there
        when it runs again.
        """
        self.saved_trials += 1
        message = f"saved after epoch {len(outcome.curve)}"
        self.observer.note(f"{running.study.label} {running.trial.index}: {message}")
        return replace(outcome, kind=Kind.INTERRUPTED, ending=Ending.UNKNOWN, message=message)

    def stop(self) -> None:
        """End what still runs, and say so in the storage; its index runs again next time."""
        self.launcher.close()
        for ticket in list(self.running):
            self.finish(
                self.running.pop(ticket), Outcome(Kind.INTERRUPTED, message="the sweep was stopped")
            )
