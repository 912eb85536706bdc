"""Thousands of trials that do not train, through the whole loop: `main(FOLDER, TRIALS)`, in a
process of its own.

In: an empty folder, which becomes the current one.  Out: clock.json: the seconds at which each
trial of each study ended, and this process's resident memory at the same moments.

Not to be run by `-m`: every child would import the main module once more, which costs more than all
else of a trial.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from rnnzoo.launchers import Setup, Tell
from rnnzoo.launchers.local import LocalLauncher
from rnnzoo.spec import settings as config
from rnnzoo.spec.trial import Kind, Outcome, Trial
from rnnzoo.sweep import open as door
from rnnzoo.sweep.observer import Observer
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.run import Sweep
from rnnzoo.trackers.mlflow import MlflowTracker

VARIANTS = 10
SPEC = """\
experiment: thousands
task: {{name: adding, length: 10, train: 4, valid: 4, test: 4}}
variants: [{variants}]
search:
  trials: {trials}
  space: {{units: {{int: [4, 64]}}, learning_rate: {{float: [1e-4, 1e-1], log: true}}}}
select: {{keep: 0.1}}
claims: [v1 worse than v0, importance of units above 10%]
"""


def work(trial: Trial, tell: Tell) -> Outcome:
    """Nothing is trained: a score that is a function of the trial, and a curve of ten epochs."""
    score = 1.0 + trial.units / 64 + trial.seed % 1000 / 1e4
    curve = tuple(
        {"epoch": n, "train": score, "validation": score + 1 / n, "seconds": 0.1}
        for n in range(1, 11)
    )
    scores = dict.fromkeys(("train", "validation", "test"), score)
    return Outcome(
        Kind.COMPLETE,
        scores,
        curve,
        {"recurrent": 100, "model": 110},
        10,
        {"total": 0.1, "step": 0.01},
    )


class Clock(Observer):
    """An observer that notes when each trial ended, and how large this process was then."""

    def __init__(self) -> None:
        self.ended_at: list[tuple[float, float]] = []

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        self.ended_at.append((time.monotonic(), resident()))


def resident() -> float:
    """MiB of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(folder: Path, trials: int) -> None:
    os.chdir(folder)
    variants = ", ".join(f"{{name: v{n}, cell: rnn}}" for n in range(VARIANTS))
    Path("thousands.yaml").write_text(SPEC.format(variants=variants, trials=trials))
    settings = config.read()
    opened = door.opened(Path("thousands.yaml"))
    store = door.store(settings, opened.experiment)
    tracker = MlflowTracker(settings.tracking, settings.artifacts)
    clock = Clock()
    launcher = LocalLauncher(Setup(work, 2, preload=(__name__,), log=opened.runs / "workers.log"))
    try:
        Sweep(
            opened.experiment,
            opened.studies,
            opened.trials,
            store,
            tracker,
            launcher,
            clock,
            opened.runs,
        ).run()
    finally:
        launcher.close()
    Path("clock.json").write_text(json.dumps(clock.ended_at))
