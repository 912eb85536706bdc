"""Many trials in one process, beside a process for each trial.

`python -m benchmarks.together [TRIALS [LANES]]`: on one core, trials of the main job, peephole
LSTMs of 32 units on the chorales at learning rates of `gates.yaml`'s space, by the launcher `local`
with one worker and by `population` with so many lanes.  Each begins with an empty cache of compiled
code, and with the data prepared.  What is printed are seconds until the last outcome is there, the
start of the launcher among them; CPU seconds of all processes; and whether all outcomes are the
same to the bit.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.training import PIN, ROOT
from rnnzoo import backends, lang, launchers, tasks
from rnnzoo.api.root import PRELOAD
from rnnzoo.lang.text import cell_text
from rnnzoo.launchers import Desk, Setup
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.settings import LOCAL, POPULATION, Chosen
from rnnzoo.spec.trial import Outcome, Trial
from rnnzoo.sweep.work import work

TRIALS, LANES = 64, 16
BACKEND = "jax"
TRAINING = Training(optimizer="adam", clip=1.0, epochs=60, patience=10, backend=BACKEND)
RATES = (1e-2, 1e-1)


def main(trials: int, lanes: int) -> None:
    """Print what both take."""
    outcomes = {}
    for name in (LOCAL.name, POPULATION):
        before = _cpu()
        seconds, outcomes[name] = _alone(name, trials, lanes)
        print(f"{name:12}{seconds:8.1f} s {_cpu() - before:8.1f} CPU s", flush=True)
    same = outcomes[LOCAL.name] == outcomes[POPULATION]
    print(f"outcomes of {trials} trials are {'the same' if same else 'not the same'} to the bit")


def _cpu() -> float:
    """CPU seconds of all processes that this one has started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _alone(name: str, trials: int, lanes: int) -> tuple[float, Any]:
    """Seconds and outcomes of a launcher in a process of its own, with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [*PIN, sys.executable, "-m", "benchmarks.together", name, str(trials), str(lanes)],
            cwd=ROOT,
            env={**os.environ, "XDG_CACHE_HOME": cache},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    took, outcomes = json.loads(done.stdout.splitlines()[-1])
    return took, outcomes


def timed(
    name: str, trials: int, lanes: int, precision: str = ""
) -> tuple[float, list[dict[str, Any]]]:
    """Run trials by a launcher; with a precision of products, on a GPU where there is one."""
    task = tasks.prepare("chorales")
    rates = np.exp(np.random.default_rng(1).uniform(*np.log(RATES), trials))
    asked = [_trial(number, float(rate), task.digest) for number, rate in enumerate(rates)]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        chosen = Chosen(name, {"size": lanes}) if name == POPULATION else LOCAL
        environment = backends.processes(BACKEND).environment(precision)
        setup = Setup(work, 1, PRELOAD, Path(folder) / "log", environment, many=together)
        outcomes = _outcomes(launchers.make(chosen, setup), asked)
    return time.perf_counter() - began, [_content(outcome) for outcome in outcomes]


def together(desk: Desk, size: int) -> None:
    """What trains many trials; Keras is imported only where that is."""
    from rnnzoo.nn.population import work as train

    train(desk, size)


def _trial(number: int, rate: float, digest: str) -> Trial:
    return Trial(
        experiment="together", variant="peephole", cell=cell_text(lang.load("peephole")),
        task="chorales", index=number, hyperparameters={"units": 32, "learning_rate": rate},
        seed=number, training=TRAINING, data=digest,
    )  # fmt: skip


def _outcomes(launcher: launchers.Launcher, trials: Sequence[Trial]) -> list[Outcome]:
    """All outcomes, in the order of the trials; as many run at once as the launcher takes."""
    waiting, numbers, outcomes = list(enumerate(trials))[::-1], dict[int, int](), {}
    while len(outcomes) < len(trials):
        while waiting and len(numbers) < launcher.capacity():
            number, trial = waiting.pop()
            numbers[launcher.submit(trial)] = number
        event = launcher.wait()
        if event is not None and isinstance(event.news, Outcome):
            outcomes[numbers.pop(event.ticket)] = event.news
        elif event is not None:
            launcher.answer(event.ticket, True)
    launcher.close()
    return [outcomes[number] for number in range(len(trials))]


def _content(outcome: Outcome) -> Mapping[str, Any]:
    return {
        "kind": outcome.kind,
        "scores": outcome.scores,
        "curve": [[row["train"], row["validation"]] for row in outcome.curve],
        "best": outcome.best_epoch,
        "message": outcome.message,
    }


def command(arguments: Sequence[str]) -> None:
    """What the command line asks for."""
    match arguments:
        case [("local" | "population") as name, trials, lanes, *precision]:
            print(json.dumps(timed(name, int(trials), int(lanes), *precision)))
        case [*numbers]:
            main(*(int(number) for number in [*numbers, TRIALS, LANES][: len(numbers) or 2]))


if __name__ == "__main__":
    # under its own name, by which the processes of launchers know `together`
    from benchmarks import together as this  # noqa: PLW0406

    this.command(sys.argv[1:])
