"""What a sweep has told so far, counted once for all who show it: the terminal and the live page.

In: what happens, as an observer is told.  Out: how far each study is, what runs, and the pace; as
plain values, a snapshot.  Its size depends on how many studies there are and how many trials run at
once, and not on how many have ended: those are in the storage.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rnnzoo.confirm import told
from rnnzoo.confirm.questions import CERTAIN, Question, Standing
from rnnzoo.confirm.stand import Stand, at_most, question
from rnnzoo.spec.experiment import Claim, Experiment
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.sweep import status
from rnnzoo.sweep.observer import Observer
from rnnzoo.sweep.parts import WHOLE, Part

if TYPE_CHECKING:
    from rnnzoo.sweep.plan import Study
    from rnnzoo.sweep.steering import Told

POINTS = 60  # of a curve; one that has twice as many is thinned
ENDED = 12  # trials that are shown after their end, the last ones
NOTES = 20  # sentences, the last ones
LONGEST = 400  # characters of a message
MEASURABLE = 2  # trials that end before there is a pace

TrialKey = tuple[str, int]


@dataclass(slots=True)
class Row:
    """How far one study is.

    Attributes:
        done: trials that have ended, before this sweep too.
        not_complete: of those that ended in this sweep, how many neither completed nor were pruned.
        waiting: indices of trials at rungs.
        best_trial: None where an earlier sweep ran it.
    """

    study: Study
    done: int = 0
    not_complete: int = 0
    waiting: set[int] = field(default_factory=set)
    best: float = math.inf
    best_trial: Trial | None = None


@dataclass(slots=True)
class Running:
    """A trial that runs.

    Attributes:
        began: seconds since 1970.
        place: where, in words; empty while that is not known.
        progress: None before its first epoch is over.
        curve: epoch and score, not every one of a long training.
    """

    study: Study
    trial: Trial
    began: float
    place: str = ""
    progress: Progress | None = None
    curve: list[tuple[int, float | None]] = field(default_factory=list)

    def add(self, progress: Progress) -> None:
        self.progress = progress
        value = float(f"{progress.value:.5g}")  # as a picture needs it
        self.curve.append((progress.step, told.finite(value)))
        if len(self.curve) >= 2 * POINTS:
            del self.curve[1:-1:2]


@dataclass
class Tally(Observer):
    """What is known.  The loop tells it first, and threads that show it hold its lock.

    Attributes:
        trials: of each search.
        clock: seconds since 1970.
        timer: seconds, which nobody sets back: for the pace.
        place: where a trial runs, in words; empty while that is not known.
        rows: by identity of the study, in the order in which they were begun; those of the second
            stage are not among them.
        second: by task.
        stood: the last stand on each task, in their order.
        ended_here: trials that were run to their end by this sweep.
        told: by `rnnzoo ctl`, as far as it is in force; None: nothing was.
        end: how the sweep ended; None while it runs.
    """

    trials: int
    part: Part = WHOLE
    clock: Callable[[], float] = time.time
    timer: Callable[[], float] = time.monotonic
    place: Callable[[Trial], str] = lambda trial: ""
    began: float = 0.0
    rows: dict[str, Row] = field(default_factory=dict)
    running: dict[TrialKey, Running] = field(default_factory=dict)
    second: dict[str, dict[str, Any]] = field(default_factory=dict)
    stood: list[Stand] = field(default_factory=list)
    ended_last: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=ENDED))
    notes: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=NOTES))
    ended_here: int = 0
    told: Told | None = None
    end: dict[str, Any] | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    _timed_from: float = 0.0  # on the timer, when the sweep began; later by each pause
    _paused_from: float | None = None  # on the timer

    # -- what the loop tells

    def note(self, text: str) -> None:
        with self.lock:
            self.notes.append((self.clock(), text[:LONGEST]))

    def begin(
        self, studies: Sequence[Study], done: Mapping[str, int], best: Mapping[str, float]
    ) -> None:
        with self.lock:
            if not self.began:
                self.began, self._timed_from = self.clock(), self.timer()
            for study in studies:
                name = study.identity
                self.rows[name] = Row(study, done.get(name, 0), best=best.get(name, math.inf))

    def started(self, study: Study, trial: Trial) -> None:
        with self.lock:
            key = study.identity, trial.index
            self.running[key] = Running(study, trial, self.clock(), self.place(trial))
            row = self.rows.get(study.identity)
            if row is not None:
                row.waiting.discard(trial.index)

    def progress(self, study: Study, trial: Trial, progress: Progress) -> None:
        with self.lock:
            running = self.running.get((study.identity, trial.index))
            if running is not None:
                running.add(progress)
                running.place = running.place or self.place(trial)

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        with self.lock:
            name = study.identity
            running = self.running.pop((name, trial.index), None)
            row = self.rows.get(name) or Row(study)
            if outcome.waits:
                row.waiting.add(trial.index)
            if not outcome.final:
                return
            row.waiting.discard(trial.index)
            row.done += 1
            if running is not None:  # what ends at a rung takes no time
                self.ended_here += 1
            if study.stage and study.task.label in self.second:
                self.second[study.task.label]["done"] += 1
            if outcome.kind is Kind.COMPLETE:
                score = outcome.scores[study.experiment.select.on]
                if score < row.best:
                    row.best, row.best_trial = score, trial
            elif outcome.kind is not Kind.PRUNED:
                row.not_complete += 1
            place = running.place if running else ""
            self.ended_last.appendleft(self._ended(study, trial, outcome, place))

    def stands(self, now: Stand, experiment: Experiment) -> None:
        before = [stand for stand in self.stood if stand.task != now.task]
        done = now.trainings - now.searched
        most = at_most(experiment, now.task, self.trials, now, before)
        about = {claim.text: claim for claim in experiment.claims}
        claims = [
            _claim(about[text], question(about[text], experiment), now) for text in now.standings
        ]
        with self.lock:
            self.stood = [*before, now]
            self.second[now.task] = {
                **told.plain(now), "claims": claims, "done": done, "next": len(now.next),
                "planned": done + len(now.next), "at_most": most,
                "lines": list(told.standing_lines(now, experiment)),
            }  # fmt: skip

    def steered(self, told: Told) -> None:
        with self.lock:
            self.told, self.trials = told, told.trials
            if self.is_paused and self._paused_from is None:
                self._paused_from = self.timer()
            elif not self.is_paused and self._paused_from is not None:
                self._timed_from += self.timer() - self._paused_from
                self._paused_from = None

    def close(self, how: str, text: str = "") -> None:
        """The sweep is over: `done`, `stopped` or `failed`."""
        with self.lock:
            self.running.clear()
            self.end = {"how": how, "text": text[:LONGEST], "time": self.clock()}

    # -- what follows from it

    @property
    def is_paused(self) -> bool:
        return self.told is not None and self.told.paused is not None

    @property
    def stopped(self) -> tuple[str, ...]:
        """Labels of variants of which no more trials begin."""
        return self.told.stopped if self.told else ()

    @property
    def done(self) -> int:
        """Trials that have ended, those of the second stage too."""
        second = sum(now["done"] for now in self.second.values())
        return int(sum(row.done for row in self.rows.values()) + second)

    @property
    def planned(self) -> int:
        """Trials in all; of a second stage as far as it is planned."""
        second = sum(now["planned"] for now in self.second.values())
        return int(sum(map(self.planned_of, self.rows.values())) + second)

    def planned_of(self, row: Row) -> int:
        """Trials of a study that are to be run here."""
        return status.planned(row.study, self.trials, self.part)

    def left(self) -> float | None:
        """Seconds, from the pace so far of this run, for all but stopped variants; None while there
        is no pace, and at the end.
        """
        if self.end or self.ended_here < MEASURABLE:
            return None
        now = self.timer() if self._paused_from is None else self._paused_from
        left_out = sum(
            self.planned_of(row) - row.done
            for row in self.rows.values()
            if row.study.variant.label in self.stopped
        )
        trials = self.planned - self.done - left_out
        return (now - self._timed_from) / self.ended_here * max(0, trials)

    # -- what is shown

    def snapshot(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        with self.lock:
            return {
                "part": str(self.part),
                "whole": self.part.whole,
                "trials_of": self.part.to_dict(),
                "began": self.began,
                "written": self.clock(),
                "ended": self.end,
                "told": self.told.to_dict() if self.told else None,
                "done": self.done,
                "planned": self.planned,
                "left": self.left(),
                "studies": [self._study(row) for row in self.rows.values()],
                "running": [self._run(running) for running in self.running.values()],
                "ended_last": list(self.ended_last),
                "second_stage": dict(self.second),
                "notes": [{"time": then, "text": text} for then, text in self.notes],
            }

    def _study(self, row: Row) -> dict[str, Any]:
        best = row.best_trial
        return {
            **_named(row.study),
            "hash": row.study.key.digest,
            "planned": self.planned_of(row),
            "done": row.done,
            "not_complete": row.not_complete,
            "waiting": len(row.waiting),
            "best": told.finite(row.best),
            "trial": best.index if best else None,
            "setting": _setting(best) if best else {},
        }

    def _run(self, running: Running) -> dict[str, Any]:
        progress, epochs = running.progress, running.trial.training.epochs
        value = best = None
        if progress is not None:
            value, best = told.finite(progress.value), told.finite(progress.best)
        return {
            **_named(running.study),
            "index": running.trial.index,
            "place": running.place,
            "began": running.began,
            "epoch": progress.step if progress else 0,
            "epochs": progress.of if progress else epochs,
            "value": value,
            "best": best,
            "setting": _setting(running.trial),
            "curve": list(running.curve),
        }

    def _ended(self, study: Study, trial: Trial, outcome: Outcome, place: str) -> dict[str, Any]:
        score = outcome.scores.get(study.experiment.select.on)
        return {
            **_named(study),
            "index": trial.index,
            "place": place,
            "time": self.clock(),
            "kind": str(outcome.kind),
            "score": None if score is None else told.finite(score),
            "epochs": len(outcome.curve),
            "seconds": outcome.seconds.get("total"),
            "message": outcome.message.partition("\n")[0][:LONGEST],
            "setting": _setting(trial),
        }


def _named(study: Study) -> dict[str, Any]:
    return {
        "variant": study.variant.label,
        "task": study.task.label,
        "stage": study.stage,
        "replicate": study.replicate,
    }


def _setting(trial: Trial) -> dict[str, Any]:
    return dict(trial.hyperparameters)


def _claim(claim: Claim, asked: Question, now: Stand) -> dict[str, Any]:
    """A claim, the bounds by which it is decided, and where it stood after each of its rounds."""
    after_round = {standing.rounds: standing for standing in now.history.get(claim.text, ())}
    return {
        "claim": claim.text,
        "a": claim.a,
        "b": claim.b,
        "floor": asked.floor,
        "inside": CERTAIN * asked.margin,
        "margin": asked.margin,
        **_standing(now.standings[claim.text]),
        "history": [_standing(standing) for standing in after_round.values()],
    }


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        "answer": str(standing.answer),
        "rounds": standing.rounds,
        "mean": told.finite(standing.mean),
        "low": told.finite(standing.low),
        "high": told.finite(standing.high),
    }
