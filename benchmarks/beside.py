"""What a trial costs beside its training, by backend: import, start, data, building, compiling,
saving, storage and tracker.

`python -m benchmarks.beside [ROUNDS]`: one core, one worker.  The trial is one of the main job's: a
peephole LSTM of 32 units on the chorales, batches of 16.  Backends take turns; each round begins
with an empty cache of compiled code, and what is printed are medians over the rounds, in seconds.

    import    the fork server, until it can start a trial
    start     a child of it, its messages and its end
    data      load the task
    build     make the model
    compile   what the first epoch takes more than the others: tracing, compiling or its cache
    save      write the model
    record    the sweep's own process, for Optuna's storage and MLflow: its seconds on a core for
              each trial of a sweep whose trials do nothing
    beside    all but import, together: what each trial takes beside its epochs
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import rnnzoo
from benchmarks.training import PIN, ROOT
from rnnzoo import backends, lang, launchers, tasks
from rnnzoo.api.root import PRELOAD
from rnnzoo.lang.text import cell_text
from rnnzoo.launchers import Launcher, Setup, Tell
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.settings import BACKENDS, LOCAL, is_installed
from rnnzoo.spec.trial import Kind, Outcome, Trial
from rnnzoo.sweep import work as running
from rnnzoo.sweep.observer import Observer
from rnnzoo.sweep.plan import Study

EPOCHS = 10
STATES = ("cold", "cached")
PARTS = ("start", "data", "build", "compile", "save")
NOTHING = 0  # index of a trial that does nothing
RECORDED = 25  # trials of a sweep
SPEC = """
experiment: beside
task: adding
variants: [rnn]
search: {trials: %d, space: {units: 4, learning_rate: {float: [1e-3, 1e-2]}}}
"""


def main(rounds: int) -> None:
    """Print the table of all backends."""
    installed = [name for name in BACKENDS if is_installed(name)]
    seconds: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    recorded = []
    for _ in range(rounds):
        for backend in installed:
            for line in _alone("trials", backend):
                for part, value in line["seconds"].items():
                    seconds[backend, line["state"], part].append(value)
        recorded += [line["record"] for line in _alone("record")]
    record = statistics.median(recorded)
    print(f"{'':19}", *(f"{part:>8}" for part in ("import", *PARTS, "record", "beside")))
    for backend, state in product(installed, STATES):
        medians = {part: statistics.median(seconds[backend, state, part]) for part in PARTS}
        imported = statistics.median(seconds[backend, "cold", "import"])
        beside = sum(medians.values()) + record
        row = (imported, *medians.values(), record, beside)
        print(f"{f'{backend}, {state}':19}", *(f"{value:8.2f}" for value in row))


def _alone(*arguments: str) -> Iterator[dict[str, Any]]:
    """What a process of its own prints, on one core and with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [*PIN, sys.executable, "-m", "benchmarks.beside", *arguments],
            cwd=ROOT,
            env={**os.environ, "XDG_CACHE_HOME": cache},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def trials(backend: str) -> None:
    """A trial with an empty cache, and then twice with what it compiled: a line of JSON for
    each.
    """
    task = tasks.prepare("chorales", {})  # as a sweep does before its first trial
    with tempfile.TemporaryDirectory() as folder:
        environment = backends.processes(backend).environment()
        setup = Setup(work, 1, PRELOAD, Path(folder) / "log", environment)
        launcher = launchers.make(LOCAL, setup)
        trial = Trial(
            experiment="beside", variant="peephole", cell=cell_text(lang.load("peephole")),
            task="chorales", index=NOTHING, hyperparameters={"units": 32, "learning_rate": 0.01},
            seed=1, training=Training(epochs=EPOCHS, patience=0, clip=1.0, backend=backend),
            data=task.digest, folder=folder,
        )  # fmt: skip
        imported, _ = _timed(launcher, trial)
        print(json.dumps({"state": "cold", "seconds": {"import": imported}}))
        for state in (STATES[0], STATES[1], STATES[1]):
            whole, outcome = _timed(launcher, replace(trial, index=1))
            spent = {"start": whole - outcome.seconds["work"], **outcome.seconds}
            parts = {part: spent[part] for part in PARTS}
            print(json.dumps({"state": state, "seconds": parts}))
        launcher.close()


def _timed(launcher: Launcher, trial: Trial) -> tuple[float, Outcome]:
    began = time.perf_counter()
    launcher.submit(trial)
    while True:
        event = launcher.wait()
        if event is not None and isinstance(event.news, Outcome):
            assert event.news.kind is Kind.COMPLETE, event.news.message
            return time.perf_counter() - began, event.news
        if event is not None:
            launcher.answer(event.ticket, True)


def work(trial: Trial, tell: Tell) -> Outcome:
    """Train, and time the whole and the saving; in the child of a fork server."""
    if trial.index == NOTHING:
        return Outcome(Kind.COMPLETE)
    from rnnzoo.nn import train

    began, save, seconds = time.perf_counter(), train.Model.save, dict[str, float]()

    def timed(model: Any, path: Path, trial: Trial) -> None:
        saving = time.perf_counter()
        save(model, path, trial)
        seconds["save"] = time.perf_counter() - saving

    train.Model.save = timed
    outcome = train.train(trial, tell)
    seconds["work"] = time.perf_counter() - began
    return replace(outcome, seconds={**outcome.seconds, **seconds})


def nothing(trial: Trial, tell: Tell) -> Outcome:
    """An outcome without a training."""
    scores = {"train": 0.1, "validation": 0.1, "test": 0.1}
    return Outcome(Kind.COMPLETE, scores=scores, best_epoch=1)


class _Clock(Observer):
    """Notes what this process had a core for until each trial had ended."""

    def __init__(self) -> None:
        self.used: list[float] = []

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        self.used.append(time.process_time())


def record() -> None:
    """What a trial costs the process of a sweep whose trials do nothing: a line of JSON.

    From the end of the first trial on: before it, the sweep imports what all need.
    """
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(running, "work", nothing):
        os.chdir(folder)
        spec = Path("beside.yaml")
        spec.write_text(SPEC % RECORDED)
        rnnzoo.run(spec, workers=1, progress=clock)
    first, *_, last = clock.used
    print(json.dumps({"record": (last - first) / (len(clock.used) - 1)}))


def command(arguments: Sequence[str]) -> None:
    """What the command line asks for."""
    match arguments:
        case ["trials", backend]:
            trials(backend)
        case ["record"]:
            record()
        case _:
            main(int(arguments[0]) if arguments else 3)


if __name__ == "__main__":
    # under its own name, by which the children of a fork server know `work`
    from benchmarks import beside  # noqa: PLW0406

    beside.command(sys.argv[1:])
