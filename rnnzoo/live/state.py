"""What a sweep has told so far, as plain values: what the file of a page holds.

In: what happens, as an observer is told.  Out: a snapshot.  Its size depends on how many studies
there are and how many trials run at once, and not on how many have ended: those are in the storage.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rnnzoo.confirm import told
from rnnzoo.confirm.questions import CERTAIN, Question, Standing
from rnnzoo.confirm.stand import Stand, at_most, question
from rnnzoo.spec.experiment import Claim, Experiment
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.sweep.parts import WHOLE, Part
from rnnzoo.sweep.status import planned

if TYPE_CHECKING:
    from rnnzoo.sweep.plan import Study
    from rnnzoo.sweep.steering import Told

FORMAT = 1  # of a snapshot
POINTS = 60  # of a curve; one that has twice as many is thinned
ENDED = 12  # trials that are shown after their end, the last ones
NOTES = 20  # sentences, the last ones
LONGEST = 400  # characters of a message
MEASURABLE = 2  # trials that end before there is a pace

TrialKey = tuple[str, int]


@dataclass(slots=True)
class _Row:
    """How far one study is."""

    study: Study
    done: int = 0
    not_complete: int = 0
    waiting: set[int] = field(default_factory=set)  # trials at rungs
    best: float = math.inf
    best_trial: Trial | None = None  # where it was run by this sweep


@dataclass(slots=True)
class _Running:
    study: Study
    trial: Trial
    began: float
    place: str = ""
    progress: Progress | None = None
    curve: list[tuple[int, float | None]] = field(default_factory=list)

    def add(self, progress: Progress) -> None:
        self.progress = progress
        value = float(f"{progress.value:.5g}")  # as a picture needs it
        self.curve.append((progress.step, _finite(value)))
        if len(self.curve) >= 2 * POINTS:
            del self.curve[1:-1:2]


@dataclass(slots=True)
class State:
    """What is known.

    Attributes:
        about: what does not change while the sweep runs.
        trials: of each search.
        place: where a trial runs, in words; empty while that is not known.
        clock: seconds since 1970.
    """

    about: Mapping[str, Any]
    trials: int
    clock: Callable[[], float]
    part: Part = WHOLE
    place: Callable[[Trial], str] = lambda trial: ""
    began: float = 0.0
    rows: dict[str, _Row] = field(default_factory=dict)  # by identity of the study
    running: dict[TrialKey, _Running] = field(default_factory=dict)
    second: dict[str, dict[str, Any]] = field(default_factory=dict)  # by task
    stood: list[Stand] = field(default_factory=list)  # the last on each task, in their order
    ended_last: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=ENDED))
    notes: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=NOTES))
    ended_here: int = 0
    told: dict[str, Any] | None = None  # by `rnnzoo ctl`, as far as it is in force
    ended: dict[str, Any] | None = None

    # -- what the loop tells

    def note(self, text: str) -> None:
        self.notes.append((self.clock(), text[:LONGEST]))

    def begin(
        self, studies: Sequence[Study], done: Mapping[str, int], best: Mapping[str, float]
    ) -> None:
        self.began = self.began or self.clock()
        for study in studies:
            name = study.identity
            self.rows[name] = _Row(study, done.get(name, 0), best=best.get(name, math.inf))

    def started(self, study: Study, trial: Trial) -> None:
        key = study.identity, trial.index
        self.running[key] = _Running(study, trial, self.clock(), self.place(trial))
        row = self.rows.get(study.identity)
        if row is not None:
            row.waiting.discard(trial.index)

    def progress(self, study: Study, trial: Trial, progress: Progress) -> None:
        running = self.running.get((study.identity, trial.index))
        if running is not None:
            running.add(progress)
            running.place = running.place or self.place(trial)

    def finish(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        name = study.identity
        running = self.running.pop((name, trial.index), None)
        row = self.rows.get(name) or _Row(study)
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
        self.stood = [*before, now]
        done = now.trainings - now.searched
        most = at_most(experiment, now.task, self.trials, now, before)
        about = {claim.text: claim for claim in experiment.claims}
        claims = [
            _claim(about[text], question(about[text], experiment), now) for text in now.standings
        ]
        self.second[now.task] = {
            **told.plain(now), "claims": claims, "done": done, "next": len(now.next),
            "planned": done + len(now.next), "at_most": most,
            "lines": list(told.standing_lines(now, experiment)),
        }  # fmt: skip

    def steered(self, told: Told) -> None:
        self.told, self.trials = told.to_dict(), told.trials

    def close(self, how: str, text: str = "") -> None:
        """The sweep is over: `done`, `stopped` or `failed`."""
        self.running.clear()
        self.ended = {"how": how, "text": text[:LONGEST], "time": self.clock()}

    # -- what is shown

    def snapshot(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        second = self.second.values()
        done = sum(row.done for row in self.rows.values()) + sum(now["done"] for now in second)
        total = sum(map(self._planned, self.rows.values())) + sum(now["planned"] for now in second)
        return {
            "format": FORMAT,
            **self.about,
            "part": str(self.part),
            "whole": self.part.whole,
            "began": self.began,
            "written": self.clock(),
            "ended": self.ended,
            "told": self.told,
            "done": done,
            "planned": total,
            "left": self._left(total - done),
            "studies": [self._study(row) for row in self.rows.values()],
            "running": [self._run(running) for running in self.running.values()],
            "ended_last": list(self.ended_last),
            "second_stage": dict(self.second),
            "notes": [{"time": time, "text": text} for time, text in self.notes],
        }

    def _planned(self, row: _Row) -> int:
        return planned(row.study, self.trials, self.part)

    def _left(self, trials: int) -> float | None:
        """Seconds, from the pace so far of this run; None while there is none, and at the end."""
        if self.ended or self.ended_here < MEASURABLE:
            return None
        return (self.clock() - self.began) / self.ended_here * max(0, trials)

    def _study(self, row: _Row) -> dict[str, Any]:
        best = row.best_trial
        return {
            **_named(row.study),
            "hash": row.study.key.digest,
            "planned": self._planned(row),
            "done": row.done,
            "not_complete": row.not_complete,
            "waiting": len(row.waiting),
            "best": _finite(row.best),
            "trial": best.index if best else None,
            "setting": _setting(best) if best else {},
        }

    def _run(self, running: _Running) -> dict[str, Any]:
        progress, epochs = running.progress, running.trial.training.epochs
        value = best = None
        if progress is not None:
            value, best = _finite(progress.value), _finite(progress.best)
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
            "score": None if score is None else _finite(score),
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
        "mean": _finite(standing.mean),
        "low": _finite(standing.low),
        "high": _finite(standing.high),
    }


def _finite(number: float) -> float | None:
    """JSON has no other numbers."""
    return number if math.isfinite(number) else None
