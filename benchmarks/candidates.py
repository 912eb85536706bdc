"""How many candidates of a search over cells the filter takes a minute, and where their time goes.

`python -m benchmarks.candidates [COUNT] [WORKERS]`: so many descendants of LSTM and GRU (100),
trained on the filter by so many processes at once (2), with an empty
cache of compiled code.  Then the CPU seconds of each part, by candidate, in one process:

    draw      a child that keeps the rules
    check     its fingerprint, and why it cannot be trained
    build     read it, its program and adjoint, and the loops as C++
    compile   the compiler
    train     until it has passed, cannot pass or has used up its epochs
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest import mock

import numpy as np

from rnnzoo import lang, launchers, tasks
from rnnzoo.bare import filter as filtering
from rnnzoo.bare.model import Model
from rnnzoo.bare.train import Course, cell_of, run_epochs
from rnnzoo.lang import counts, ir
from rnnzoo.lang.behaviour import fingerprint, why_not
from rnnzoo.lang.rewriting import child
from rnnzoo.lang.text import cell_text
from rnnzoo.launchers import local
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Ending, Outcome, Trial
from rnnzoo.stats.threads import one_thread
from rnnzoo.tasks import Task

TASK = "memorisation"
RATES = (0.003, 0.01, 0.03)
WEIGHTS = 25_000  # of each candidate: those of the paper's LSTM
TRAINING = Training(epochs=8, batch=50, clip=1.0, patience=0)
NEW = 0.5  # share of children whose parents are LSTM and GRU; of the others any candidate so far


@one_thread()
def main(many: int, workers: int) -> None:
    """Print candidates a minute, what became of them, and seconds by part."""
    seconds: dict[str, list[float]] = defaultdict(list)
    with _empty_cache():
        task = tasks.prepare(TASK)
        candidates = enumerate(_candidates(many, seconds))
        trials = [_trial(cell, task, index) for index, cell in candidates]
        began = time.monotonic()
        outcomes = _launched(trials, workers)
        minutes = (time.monotonic() - began) / 60
    passed = sum(outcome.ending is Ending.SOLVED for outcome in outcomes)
    kinds = Counter(str(outcome.kind) for outcome in outcomes)
    print(f"{many / minutes:.0f} candidates a minute by {workers} processes")
    print(f"{passed} of {many} passed;", *(f"{kind} {count}" for kind, count in kinds.items()))
    with _empty_cache():
        for trial in trials:
            _profile(trial, task, seconds)
    for part, values in seconds.items():
        mean, median = statistics.mean(values), statistics.median(values)
        print(f"{part:8} mean {mean:.3f} s, median {median:.3f} s, most {max(values):.2f} s")


@contextmanager
def _empty_cache() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, XDG_CACHE_HOME=cache):
        yield


def _candidates(many: int, seconds: dict[str, list[float]]) -> list[ir.Cell]:
    """Distinct descendants of LSTM and GRU that can be trained."""
    rng = np.random.default_rng(0)
    first = [lang.load("lstm"), lang.load("gru")]
    pool, known = list(first), set(map(fingerprint, first))
    while len(pool) < len(first) + many:
        began = time.process_time()
        parents = first if rng.random() < NEW else pool
        cell = child(parents, rng, name=f"candidate_{len(pool)}").cell
        drawn = time.process_time()
        behaviour, reason = fingerprint(cell), why_not(cell)
        seconds["draw"].append(drawn - began)
        seconds["check"].append(time.process_time() - drawn)
        if behaviour not in known and not reason:
            pool.append(cell)
        known.add(behaviour)
    return pool[len(first) :]


def _trial(cell: ir.Cell, task: Task, index: int) -> Trial:
    units = counts.units_for(cell, task.inputs, WEIGHTS)
    point = {"units": units, "learning_rate": RATES[index % len(RATES)]}
    return Trial(
        "candidates", cell.name, cell_text(cell), TASK, index, point, seed=index, training=TRAINING,
        data=task.digest,
    )  # fmt: skip


def _launched(trials: Sequence[Trial], workers: int) -> list[Outcome]:
    """Train all of them in processes of their own."""
    setup = launchers.Setup(filtering.work, workers, ("rnnzoo.bare.filter",))
    launcher = local.launcher(setup)
    waiting, running, outcomes = [*reversed(trials)], 0, list[Outcome]()
    try:
        while waiting or running:
            while waiting and running < workers:
                launcher.submit(waiting.pop())
                running += 1
            event = launcher.wait()
            if event is not None and isinstance(event.news, Outcome):
                outcomes.append(event.news)
                running -= 1
            elif event is not None:
                launcher.answer(event.ticket, go_on=True)
    finally:
        launcher.close()
    return outcomes


def _profile(trial: Trial, task: Task, seconds: dict[str, list[float]]) -> None:
    """Train a candidate in this process."""
    began, before = time.process_time(), _of_compilers()
    model = Model(trial, task, cell_of(trial, task))
    built = time.process_time()
    run_epochs(model, lambda progress: True, Course(), filtering.rule)
    seconds["build"].append(built - began)
    seconds["compile"].append(_of_compilers() - before)
    seconds["train"].append(time.process_time() - built)


def _of_compilers() -> float:
    """CPU seconds of the processes that this one has run."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    main(*(numbers + [100, 2][len(numbers) :]))
