"""What a running sweep is told: to pause, to leave a variant out, other numbers of trials.

In: commands of `rnnzoo ctl`, which a channel brings.  Out: what is in force (`Told`), which the
loop looks at, and an answer to each.  Which trials begin, and when, may change; what a trial yields
does not, since its point and its seed are functions of its index.  Nothing of it outlives the
sweep: one that is begun again does what its spec says.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnzoo.errors import RnnzooError, StoreError, command, moment, nearest, number_of
from rnnzoo.launchers import resize
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.sweep import channel, status
from rnnzoo.sweep.channel import Answer, Command, Inbox, Request

if TYPE_CHECKING:
    from rnnzoo.sweep.run import Sweep

EVERY = 0.5  # seconds between two looks at the channel
MOST_WORKERS = 10_000
SEARCH, SPEEDS = "search", "measuring speeds"  # the first and the last stage of a sweep
TOLD = "told"  # under which a study's provenance has what changed its trials


@dataclass(frozen=True, slots=True)
class Told:
    """What a running sweep was told, as far as it is in force.

    Attributes:
        trials: planned of each search.
        paused: since when no trial begins; None where trials begin.
        stopped: labels of variants of which no more trials begin, in the order of the experiment.
        workers: trials at once; None: as many as the launcher has room for.
        budget: of the second stage, trainings on each task; None: what the experiment says.
    """

    trials: int
    paused: datetime | None = None
    stopped: tuple[str, ...] = ()
    workers: int | None = None
    budget: int | None = None

    def to_dict(self) -> dict[str, Any]:
        paused = self.paused.isoformat(timespec="seconds") if self.paused else None
        return {
            "trials": self.trials, "paused": paused, "stopped": list(self.stopped),
            "workers": self.workers, "budget": self.budget,
        }  # fmt: skip


class Refused(RnnzooError):
    """A command that is not obeyed."""


@dataclass(slots=True)
class Steering:
    """Takes commands for a sweep, obeys them, and answers.

    Attributes:
        inbox: None where the folder cannot be written, or has no locks.
        written: the experiment as the sweep began with it.
        told: what is in force.
        log: what the sweep was told, each with the time and what followed.
        left_behind: variants that were stopped when the others came to a rung, or to the end of the
            search; what follows is decided without them, so they cannot go on in this sweep.
    """

    sweep: Sweep
    inbox: Inbox | None
    written: Experiment
    told: Told
    clock: Callable[[], float] = time.monotonic
    log: list[dict[str, str]] = field(default_factory=list)
    left_behind: set[str] = field(default_factory=set)
    _looks_at: float = 0.0  # when it looks again
    _paused_by_workers: bool = False

    def look(self) -> None:
        """Obey what came since the last look, if that was a while ago."""
        if self.inbox is None or self.clock() < self._looks_at:
            return
        self._looks_at = self.clock() + EVERY
        try:
            for request in self.inbox.take():
                self.inbox.answer(request, self.reply(request))
        except OSError:  # a folder that is away for a moment
            return

    def reply(self, request: Request) -> Answer:
        """Obey a command, where that can be done, and tell the observer."""
        note = self.sweep.observer.note
        if request.command is None:
            problem, fix = request.mistake.parts if request.mistake else ("", "")
            note(f"a file that is no command was set aside: {problem}")
            return Answer(False, problem, fix)
        given = request.command
        if given.word == "status":
            return Answer(True, "", state=self.state())
        before = self.told
        try:
            text, fix, done = self.obey(given), "", True
        except RnnzooError as error:
            (text, fix), done = error.parts, False
        told_by = f" (from {given.host})" if given.host not in ("", socket.gethostname()) else ""
        note(f"{given}{told_by}: {text}" if done else f"{given}{told_by} is refused: {text}")
        self.log.append({"time": _now().isoformat(timespec="seconds"), "command": str(given)})
        self.log[-1] |= {"answer": text, "from": given.host}
        if self.told != before:
            self.sweep.observer.steered(self.told)
        return Answer(done, text, fix, self.state())

    def obey(self, given: Command) -> str:
        """Do what a command says; what follows, in a sentence.

        Raises:
            Refused, SpecError, UsageError: it cannot be done.
        """
        match given.word:
            case "pause":
                self._paused_by_workers = False  # more workers do not end what was asked for
                return self._pause()
            case "resume":
                return self._go_on_with(given.variant) if given.variant else self._resume()
            case "stop":
                return self._stop(given.variant)
            case "trials":
                return self._plan(given.number)
            case "workers":
                return self._run_at_once(given.number)
            case "budget":
                return self._spend(given.number)
        return ""

    def state(self) -> dict[str, Any]:
        """What the sweep does, and what it was told."""
        sweep = self.sweep
        planned = {
            study.identity: status.planned(study, sweep.trials, sweep.part)
            for study in sweep.searches
        }
        ended = {name: sweep.opened.ended_kinds[name].total() for name in planned}
        running = [
            {"variant": running.study.key.marked, "task": running.study.task.label,
             "index": running.trial.index}
            for running in sweep.loop.running.values()
        ]  # fmt: skip
        return {
            "stage": sweep.stage,
            "done": sum(min(ended[name], count) for name, count in planned.items()),
            "planned": sum(planned.values()),
            "running": running,
            "workers": sweep.loop.at_once(),
            "told": self.told.to_dict(),
            "commands": self.log,
        }

    # -- the commands

    def _pause(self) -> str:
        told = self.told
        if told.paused is not None:
            return f"it is paused already, since {moment(told.paused)}"
        self.told = replace(told, paused=_now())
        count = len(self.sweep.loop.running)
        end = f"; {number_of(count, 'trial that runs ends', 'trials that run end')}"
        return "no trial begins any more" + (end if count else "")

    def _resume(self) -> str:
        if self.told.paused is None:
            return "it is not paused"
        began = moment(self.told.paused)
        self.told = replace(self.told, paused=None)
        self._paused_by_workers = False
        at_once = self.sweep.loop.at_once()
        return f"trials begin again, {at_once} at a time; it was paused since {began}"

    def _run_at_once(self, workers: int) -> str:
        if workers == 0:
            self._paused_by_workers = self._paused_by_workers or self.told.paused is None
            return self._pause()
        if workers > MOST_WORKERS:
            raise Refused(f"a sweep runs at most {MOST_WORKERS:,} trials at once")
        before, launcher = self.sweep.loop.at_once(), self.sweep.launcher
        resize(launcher, workers)
        self.told = replace(self.told, workers=workers)
        if self._paused_by_workers:
            self._resume()
        now, over = self.sweep.loop.at_once(), len(self.sweep.loop.running) - workers
        text = f"{number_of(now, 'trial')} at a time" + (f", not {before}" if now != before else "")
        if now < workers:
            text += f": the launcher has room for no more than {now}, by what its workers have"
        if over > 0:
            text += f"; {number_of(over, 'that runs ends', 'that run end')} first"
        return f"{text}, once it goes on" if self.told.paused else text

    def _stop(self, variant: str) -> str:
        told, sweep = self.told, self.sweep
        self._check_variant(variant)
        if variant in told.stopped:
            return f"{variant} was stopped already"
        labels = [known.label for known in sweep.experiment.variants]
        stopped = tuple(label for label in labels if label in (*told.stopped, variant))
        self.told = replace(told, stopped=stopped)
        studies = [study for study in sweep.searches if study.variant.label == variant]
        sweep.opened.record_told(f"stop {variant}", studies)
        sweep.opened.record_stop(studies, _now())
        running = [trial.study.variant.label for trial in sweep.loop.running.values()]
        count = running.count(variant)
        what = number_of(count, "that runs ends", "that run end")
        if studies and sweep.loop.saves(studies[0]):
            what = number_of(
                count,
                "that runs saves its state after its epoch, or ends",
                "that run save their state after their epoch, or end",
            )
        text = f"no more trials of {variant} begin" + (f"; {what}" if count else "")
        return f"{text}; the next sweep goes on with it"

    def _go_on_with(self, variant: str) -> str:
        told = self.told
        self._check_variant(variant)
        if variant not in told.stopped:
            return f"{variant} is not stopped"
        if variant in self.left_behind:
            raise Refused(
                f"the search has gone on without {variant}", "the next sweep goes on with it"
            )
        stopped = tuple(label for label in told.stopped if label != variant)
        self.told = replace(told, stopped=stopped)
        own = [study for study in self.sweep.searches if study.variant.label == variant]
        self.sweep.opened.record_stop(own, None)
        return f"trials of {variant} begin again"

    def _check_variant(self, variant: str) -> None:
        """
        Raises:
            Refused: the sweep has no trials of such a variant.
        """
        own = [study.variant.label for study in self.sweep.searches]
        labels = [known.label for known in self.sweep.experiment.variants]
        if variant not in labels:
            raise Refused(f"it has no variant '{variant}'", nearest(variant, labels))
        if variant not in own:
            raise Refused(f"{self.sweep.part} has no trials of {variant}")

    def _plan(self, trials: int) -> str:
        sweep = self.sweep
        sets = [text for text in sweep.experiment.sets if not text.startswith("search.trials=")]
        again = command("sweep", sweep.experiment.file, "--trials", trials, sets=sets)
        if sweep.experiment.search.rungs is not None:
            raise Refused(
                "which trials go on from a rung depends on how many there are, so another number of"
                " trials is another search",
                f"end this sweep, and begin that one: {again}",
            )
        if sweep.stage != SEARCH:
            raise Refused("the search has ended", f"when the sweep is done: {again}")
        # of a shard the next trial may lie far beyond the last one that has begun
        begun = sweep.part.enough_for(sweep.loop.supply.begun(self.told))
        planned, before = max(trials, begun), sweep.trials
        why = f": {begun} of each are begun" if begun > trials else ""
        if planned == before:
            return f"it stays at {number_of(before, 'trial')} of each{why}"
        sweep.replan(self._overridden("search.trials", planned), planned)
        sweep.opened.record_told(f"trials {planned}", sweep.searches)
        text = f"{number_of(planned, 'trial')} of each, not {before}{why}"
        if planned == begun:
            text += ", and no more begin" if why else ": no more begin"
        if sweep.experiment.confirm is not None:
            text += f"; `confirm:` begins with searches of {planned}"
        return f"{text}; {self._kept(f'trials: {planned}')}"

    def _spend(self, budget: int) -> str:
        sweep = self.sweep
        if sweep.experiment.confirm is None:
            raise Refused(
                "`budget` is of a second stage, and this experiment has no `confirm:`",
                "`trials N` is of the search",
            )
        if not sweep.part.whole:
            raise Refused(
                f"{sweep.part} runs no second stage, of which `budget` is",
                "tell it the whole sweep, once that runs",
            )
        if sweep.stage == SPEEDS:
            kept = [
                text for text in sweep.experiment.sets if not text.startswith("confirm.budget=")
            ]
            sets = [*kept, f"confirm.budget={budget}"]
            again = command("sweep", sweep.experiment.file, sets=sets)
            raise Refused("the second stage has ended", f"when the sweep is done: {again}")
        before = sweep.experiment.confirm.budget
        if budget == before:
            return f"it is {before} trainings on each task already"
        sweep.replan(self._overridden("confirm.budget", budget), sweep.trials)
        self.told = replace(self.told, budget=budget)
        sweep.opened.record_told(f"budget {budget}", sweep.searches)
        return (
            f"{number_of(budget, 'training')} on each task, those of the search included, not"
            f" {before}; {self._kept(f'budget: {budget}')}"
        )

    def _overridden(self, key: str, number: int) -> Experiment:
        """The experiment with another number in it, and what follows from that.

        Raises:
            SpecError, UsageError: it cannot have it.
        """
        own = self.sweep.experiment
        sets = [*own.sets, f"{key}={number}"]
        read = parse_experiment(own.text, own.file, Path(own.file).parent, sets)
        search = replace(own.search, trials=read.search.trials)
        confirm = own.confirm and read.confirm
        return replace(
            own, search=search, select=read.select, confirm=confirm, sets=tuple(read.sets)
        )

    def _kept(self, line: str) -> str:
        """What keeps a number that was told."""
        file = self.sweep.experiment.file
        return f"`{line}` in {file} keeps it for the next sweep"

    def last_words(self) -> Iterator[str]:
        """What is to be said of it when the sweep has ended."""
        now, before = self.sweep.experiment, self.written
        if now.search.trials != before.search.trials:
            yield self._told_number(f"search: {{trials: {now.search.trials}}}")
        if now.confirm and before.confirm and now.confirm.budget != before.confirm.budget:
            yield self._told_number(f"confirm: {{budget: {now.confirm.budget}}}")
        for study in self.sweep.searches:
            if study.variant.label in self.told.stopped:
                planned = status.planned(study, self.sweep.trials, self.sweep.part)
                ended = min(self.sweep.opened.ended_kinds[study.identity].total(), planned)
                if ended < planned:
                    yield (
                        f"{study.label} was stopped with {ended} of {number_of(planned, 'trial')}:"
                        " verdicts about it are incomplete, and the same command goes on with it"
                    )

    def _told_number(self, line: str) -> str:
        file = self.sweep.experiment.file
        return f"`{line}` was told while it ran: write it in {file} to keep it"


@contextmanager
def steered(sweep: Sweep) -> Iterator[Steering]:
    """A sweep that can be told something while the block runs; where its folder cannot be written,
    or has no locks, it says so, and runs all the same.
    """
    variants = dict.fromkeys(study.variant.label for study in sweep.searches)
    about = {"part": str(sweep.part), "variants": list(variants)}
    with ExitStack() as stack:
        inbox = None
        try:
            inbox = stack.enter_context(channel.opened(sweep.runs, sweep.experiment.name, about))
        except OSError as error:
            sweep.observer.note(f"`rnnzoo ctl` cannot reach this sweep: {error}")
        except StoreError as error:  # a part, which only the storage's server keeps from others
            problem, _ = error.parts
            sweep.observer.note(f"`rnnzoo ctl` cannot reach this sweep: {problem}")
        yield Steering(sweep, inbox, sweep.experiment, Told(sweep.trials))


def _now() -> datetime:
    return datetime.now().astimezone()
