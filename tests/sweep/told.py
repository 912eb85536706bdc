"""A sweep that tells of trials which nobody trains, and what one has told, to be told again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnzoo.live.record import FORMAT
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.sweep.observer import Observer
from rnnzoo.sweep.parts import WHOLE, Part
from rnnzoo.sweep.plan import Study, studies
from rnnzoo.sweep.tally import Tally

HOSTILE = '<script>alert(1)</script> & "it\'s"'
SPEC = """\
experiment: told
task: adding
variants: [lstm, rnn]
search: {trials: 40, space: {units: {choice: [4, 8]}, learning_rate: 0.01}}
training: {epochs: 600}
margin: 0.1
confirm: {}
claims: [rnn worse than lstm]
"""
ABOUT: dict[str, Any] = {
    "experiment": "told",
    "about": HOSTILE,
    "report": "runs/told/report/report.html",
    "workers": 2,
    "select": "validation",
    "metrics": {"adding": {"metric": "MSE", "unit": "squared error"}},
    "claims": ["rnn worse than lstm"],
    "confirm": True,
    "host": "crunch",
    "pid": 12,
}


@dataclass
class Clock:
    """It stands still until it is moved."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def planned(spec: str = SPEC) -> tuple[Study, ...]:
    experiment = parse_experiment(spec, "told.yaml", Path())
    return studies(experiment, {"adding": "digest"}, {"adding": 2})


@dataclass
class Teller:
    """Tells an observer of trials."""

    observer: Observer
    studies: tuple[Study, ...] = field(default_factory=planned)

    def begin(self) -> Teller:
        self.observer.begin(self.studies, {self.studies[0].identity: 3}, {})
        return self

    def start(self, index: int, epochs: int = 0, of: int = 0) -> Trial:
        study = self.studies[of]
        trial = study.trial(index, {"units": 8, "learning_rate": 0.01})
        self.observer.started(study, trial)
        for epoch in range(1, epochs + 1):
            self.observer.progress(study, trial, Progress(epoch, 600, 1 / epoch, 1 / epoch))
        return trial

    def end(self, trial: Trial, outcome: Outcome | float) -> None:
        study = next(study for study in self.studies if study.variant.label == trial.variant)
        if isinstance(outcome, float):
            scores = {"train": outcome, "validation": outcome, "test": outcome}
            outcome = Outcome(Kind.COMPLETE, scores, seconds={"total": 4.0})
        self.observer.ended(study, trial, outcome)


@dataclass
class Recorded(Observer):
    """Keeps what a sweep tells, in order, to be told again.

    Attributes:
        events: the name of each event, and what came with it.
    """

    events: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    def __getattribute__(self, name: str) -> Any:
        if name not in EVENTS:
            return super().__getattribute__(name)
        return lambda *told: self.events.append((name, told))


EVENTS = tuple(name for name in vars(Observer) if not name.startswith("_"))


def counting(clock: Clock, part: Part = WHOLE) -> Tally:
    """A tally of which both clocks stand still until they are moved."""
    return Tally(40, part, clock, clock)


def snapshot(clock: Clock, part: Part = WHOLE, ends: int = 1, spec: str = SPEC) -> dict[str, Any]:
    """What a sweep of a part has told: so many trials of the LSTM have ended, and one runs."""
    tally = counting(clock, part)
    teller = Teller(tally, planned(spec)).begin()
    for index in range(ends):
        teller.end(teller.start(index), 0.5 + index)
    teller.start(ends, epochs=5, of=1)
    return {"format": FORMAT, **ABOUT, **tally.snapshot()}
