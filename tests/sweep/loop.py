"""A sweep whose trials do not train, for tests of the loop and of what can go wrong in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rnnzoo.launchers import Setup, Work
from rnnzoo.launchers.local import LocalLauncher
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Outcome, Result, Trial
from rnnzoo.sweep.observer import Observer
from rnnzoo.sweep.plan import Study, studies
from rnnzoo.sweep.run import Sweep
from rnnzoo.sweep.search import Store
from rnnzoo.trackers import Tracker
from rnnzoo.trackers.memory import MemoryTracker
from tests.sweep.work import pretend

SPEC = """\
experiment: loop
task: adding
variants: [rnn, gru]
search:
  sampler: {sampler}
  trials: 4
  seed: 2
  space:
    units: {{choice: [4, 8, 16]}}
    learning_rate: {{float: [0.01, 0.03], step: 0.01}}
    optimizer: {{choice: [adam, sgd]}}
    momentum: {{choice: [0.0, 0.9], when: {{optimizer: sgd}}}}
training: {{epochs: 4}}
"""
RANDOM = SPEC.format(sampler="random")


@dataclass
class Quiet(Observer):
    """An observer that remembers, and can stop the sweep as Ctrl-C does."""

    stop_after: int = 10**9
    notes: list[str] = field(default_factory=list)
    ends: list[Trial] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def begin(
        self, studies: Sequence[Study], done: Mapping[str, int], best: Mapping[str, float]
    ) -> None:
        self.done = dict(done)

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        if outcome.final:
            self.ends.append(trial)
        if len(self.ends) == self.stop_after and outcome.final:
            raise KeyboardInterrupt


def sweep(
    folder: Path,
    spec: str,
    workers: int,
    observer: Quiet,
    tracker: Tracker | None = None,
    work: Work = pretend,
    storage: str = "",
) -> Sweep:
    experiment = parse_experiment(spec, str(folder / "loop.yaml"), folder)
    tracker = tracker or MemoryTracker()
    planned = studies(experiment, {"adding": "digest"}, {"adding": 2})
    launcher = LocalLauncher(Setup(work, workers, (work.__module__,)))
    store = Store(storage or f"sqlite:///{folder}/optuna.db")
    runs = folder / "runs" / "loop"
    return Sweep(
        experiment, planned, experiment.search.trials, store, tracker, launcher, observer, runs
    )


def by_key(results: Sequence[Result]) -> dict[tuple[str, int], tuple[str, Outcome]]:
    return {
        (result.trial.variant, result.trial.index): (result.trial.key, result.outcome)
        for result in results
    }
