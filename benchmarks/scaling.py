"""`python -m benchmarks.scaling [TRIALS]`: trials a minute on a cluster of 1, 2 and 4 workers, on
loopback.

Trials that wait for 0.4 s and compute nothing say what the cluster itself allows, also on a machine
with fewer cores than workers; the ideal is a worker that does nothing but wait.  Trainings say what
these cores allow; the ideal is as many times the rate of one worker as there are workers, though no
more than cores.  All trainings must have the same outcomes, to the bit, on 1, 2 and 4 workers.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rnnzoo.api import root
from rnnzoo.launchers import Launcher, Setup
from rnnzoo.spec import points
from rnnzoo.spec.settings import Chosen
from rnnzoo.spec.trial import Outcome, Trial
from rnnzoo.sweep import machine
from rnnzoo.sweep import open as door
from rnnzoo.sweep.open import Opened
from rnnzoo.testing.launchers import trial
from tests.launchers import work
from tests.launchers.clusters import Cluster, until
from tests.results import result_of

WORKERS = (1, 2, 4)
NAP = 0.4  # seconds of a trial that waits, `work.napping`
TRAININGS = 12
SPEC = f"""\
experiment: scaling
task: {{name: adding, length: 50, train: 1000, valid: 200, test: 200}}
variants: [lstm]
training: {{epochs: 3}}
search:
  trials: {TRAININGS}
  space: {{units: 32, learning_rate: {{float: [0.001, 0.1], log: true}}}}
"""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    for workers in WORKERS:
        tell("that wait", workers, napped(workers, count), workers * 60 / NAP)
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        trained(door.opened(written(Path(folder))))
        os.chdir(before)


def written(folder: Path) -> Path:
    """The experiment whose trainings are run."""
    (folder / "mlflow.yml").write_text("{}\n")
    spec = folder / "scaling.yaml"
    spec.write_text(SPEC)
    return spec


def tell(what: str, workers: int, rate: float, ideal: float) -> None:
    share = f"{rate / ideal:4.0%} of {ideal:.0f}"
    print(f"{workers} workers, trials {what:<10}: {rate:6.1f} a minute, {share}", flush=True)


def napped(workers: int, count: int) -> float:
    """Trials a minute that wait."""
    with Cluster() as cluster:
        cluster.add(workers)
        launcher = cluster.launcher(Setup(work.behave, workers), capacity=workers)
        run(launcher, [trial("napping", index) for index in range(workers)])
        rate, _ = run(launcher, [trial("napping", index) for index in range(count)])
        launcher.close()
    return rate


def trained(opened: Opened) -> None:
    """Trainings a minute.

    Raises:
        AssertionError: outcomes differ.
    """
    expected: Mapping[int, Outcome] = {}
    rate_of_one = 0.0
    for workers in WORKERS:
        with on_cluster(workers, opened) as launcher:
            # each worker imports Keras and compiles, which is not counted
            run(launcher, list(trials(opened))[:workers])
            rate, outcomes = run(launcher, list(trials(opened)))
        expected, rate_of_one = expected or outcomes, rate_of_one or rate
        tell("that train", workers, rate, rate_of_one * min(workers, machine.cores()))
        for index, outcome in outcomes.items():
            assert result_of(outcome) == result_of(expected[index]), (
                f"trial {index} on {workers} workers"
            )
    print(f"{len(expected)} trainings have the same outcomes to the bit on {WORKERS} workers")


@contextmanager
def on_cluster(workers: int, opened: Opened) -> Iterator[Launcher]:
    """A launcher of trainings on so many workers."""
    backend = opened.experiment.training.backend
    with Cluster() as cluster:
        cluster.add(workers)
        chosen = Chosen("dask", {"address": cluster.address})
        with root.launched(workers, opened.runs, backend, chosen=chosen, answers=False) as launcher:
            until(lambda: launcher.wait(0.05) is None and launcher.capacity() == workers, "too few")
            yield launcher


def trials(opened: Opened) -> Iterator[Trial]:
    """The trainings, of which each worker takes the next."""
    search, (study,) = opened.experiment.search, opened.studies
    variant, task = study.variant, study.task
    for index in range(opened.trials):
        point = points.point(search, variant.space, variant.label, task.label, index, ())
        assert point is not None
        yield study.trial(index, point)


def run(launcher: Launcher, planned: Sequence[Trial]) -> tuple[float, dict[int, Outcome]]:
    """Trials a minute, and outcomes by index."""
    waiting, running, outcomes = list(reversed(planned)), {}, {}
    began = time.perf_counter()
    while waiting or running:
        while waiting and len(running) < launcher.capacity():
            begun = waiting.pop()
            running[launcher.submit(begun)] = begun.index
        event = launcher.wait(1.0)
        if event is not None and isinstance(event.news, Outcome):
            outcomes[running.pop(event.ticket)] = event.news
    return 60 * len(planned) / (time.perf_counter() - began), outcomes


if __name__ == "__main__":
    main()
