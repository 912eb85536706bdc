"""A sweep whose trials do not train, to be killed: `main(FOLDER, STORAGE)`, in a process of its
own.

Everything but the training is real: a fork server, Optuna's storage, MLflow.  Not to be run by
`-m`: a child finds the work function by the name of its module.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from rnnzoo.launchers import Launcher, Setup, Tell, dask
from rnnzoo.launchers.local import LocalLauncher
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.sweep.observer import Observer
from rnnzoo.sweep.plan import Study, studies
from rnnzoo.sweep.run import Sweep
from rnnzoo.sweep.search import Store
from rnnzoo.trackers.mlflow import MlflowTracker

NAME = "killed"
TRIALS = 8
EPOCHS = 6  # of a spec with rungs
SPEC = f"""\
experiment: {NAME}
task: adding
variants: [rnn, gru]
search: {{trials: {TRIALS}, seed: 7, space: {{units: {{int: [4, 64]}}}}}}
select: {{keep: 3, replicates: 1}}
resources: {{retry: {{failed: 50}}}}
"""


# on rungs, with a second stage
BOTH = """\
experiment: killed
task: adding
variants: [rnn, gru]
search: {trials: 8, seed: 7, rungs: {epochs: [2, 4], keep: 60%},
  space: {units: {int: [4, 64]}, learning_rate: {float: [0.001, 0.1], log: true}}}
training: {epochs: 6}
margin: 2
confirm: {budget: 40, first: 3, most: 6, region: 10%, pilot: 1}
resources: {retry: {failed: 50}}
claims: [gru same as rnn]
"""


def work(trial: Trial, tell: Tell) -> Outcome:
    """Some steps, each a moment long, and a score that is a function of the trial."""
    score = trial.units / 7 + trial.seed % 100
    for step in range(1, 4):
        time.sleep(0.05)
        tell(Progress(step, 3, score / step, score / step))
    if trial.training.epochs == EPOCHS:
        return in_parts(trial)
    curve = tuple(
        {"epoch": n, "train": score / n, "validation": score / n, "seconds": 0.05}
        for n in range(1, 4)
    )
    return Outcome(
        Kind.COMPLETE,
        dict.fromkeys(("train", "validation", "test"), score),
        curve,
        {"recurrent": 1},
        3,
    )


def in_parts(trial: Trial) -> Outcome:
    """What a trial yields that may have to wait at a rung."""
    end = trial.units / 64 + trial.seed % 100 / 1000
    run = min(trial.until or EPOCHS, EPOCHS)
    curve = tuple(
        {"epoch": n, "train": 1.0, "validation": end + 1 / n, "seconds": 0.05}
        for n in range(1, run + 1)
    )
    if run < EPOCHS:
        return Outcome(Kind.PRUNED, curve=curve, waits=True, message="waits")
    scores = dict.fromkeys(("train", "validation", "test"), end)
    return Outcome(Kind.COMPLETE, scores, curve, {"recurrent": 1}, EPOCHS)


def say(text: str) -> None:
    print(text, flush=True)


class Silent(Observer):
    """An observer that prints a line for each trial that ended."""

    def note(self, text: str) -> None:
        say(text)

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        print(f"{study.label} {trial.index} {outcome.kind}", flush=True)


def stores(folder: Path, storage: str = "") -> tuple[Store, MlflowTracker]:
    """Both, in a folder; the storage may be at a URL instead."""
    tracker = MlflowTracker(f"sqlite:///{folder}/mlflow.db", str(folder / "artifacts"))
    return Store(storage or f"sqlite:///{folder}/optuna.db"), tracker


def main(folder: Path, storage: str = "", spec: str = SPEC, cluster: str = "") -> None:
    """
    Args:
        cluster: address of a scheduler; empty: trials run on this machine.
    """
    experiment = parse_experiment(spec, str(folder / "killed.yaml"), folder)
    store, tracker = stores(folder, storage)
    setup = Setup(work, 2, (__name__,), folder / "workers.log")
    launcher: Launcher = LocalLauncher(setup)
    if cluster:
        options = {**dask.OPTIONS, "address": cluster}
        launcher = dask.launcher(replace(setup, workers=99, options=options, note=say))
    planned = studies(experiment, {"adding": "digest"}, {"adding": 2})
    trials = experiment.search.trials
    Sweep(experiment, planned, trials, store, tracker, launcher, Silent(), folder / NAME).run()
