"""`python -m benchmarks.saturation [TRIALS]`: how many workers one sweep keeps busy.

A worker that has trained waits until its outcome is written and it has another trial.  All workers
wait for the same few parts: the process of the sweep, which writes, the scheduler, the storage's
server.  What a trial costs each part is measured here (`benchmarks.costs`); what N workers then do,
for N that no machine here has, is computed: the mean value analysis of Reiser and Lavenberg, 1980,
of a closed network in which workers are served first come, first served, exact where all times are
exponential.  Times that vary less do better: never better than the slowest part alone allows.
`tests/test_saturation.py` holds it against a simulation.

Out: what a trial costs each part, in milliseconds, and after how many trials a second it is
saturated; and how long trials must be for so many workers to train 95 % of the time.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

BUSY = 0.95  # the share of their time in which workers are to train
WORKERS = (10, 30, 100, 300, 1000)
SHARDS = (1, 8, 32)  # sweeps of a part each


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds that a trial keeps a part busy.

    Attributes:
        loop: the sweep's process: the sweep itself.
        client: the same process: its end of the cluster.
        sqlite, mlflow: it waits for its storage; for MLflow with SQLite.
        postgresql: it waits for its storage, where that is PostgreSQL.
        server: the processors of PostgreSQL's server.
        scheduler: the scheduler's processor.
        worker: of a worker, beside what it trains.
    """

    loop: float
    client: float
    sqlite: float
    mlflow: float
    postgresql: float
    server: float
    scheduler: float
    worker: float

    def alone(self) -> list[float]:
        """The parts that all workers of one sweep wait for: its process, and the scheduler."""
        return [self.loop + self.client + self.sqlite + self.mlflow, self.scheduler]

    def shards(self, count: int) -> list[float]:
        """The parts of so many sweeps with a scheduler each and one PostgreSQL, as seconds of each
        trial of all of them.  Shards of one storage write nothing to MLflow.
        """
        own = [(self.loop + self.client + self.postgresql) / count, self.scheduler / count]
        return [*own * count, self.server]


def throughput(workers: int, seconds: float, parts: Sequence[float]) -> float:
    """Trials a second of so many workers.

    Args:
        seconds: that a trial takes on its worker.
        parts: seconds that it keeps each part busy, in which nobody else is served there.
    """
    queues = [0.0] * len(parts)  # how many trials are at each part
    rate = 0.0
    for count in range(1, workers + 1):
        # who comes sees the parts as they are without it
        waits = [part * (1 + queue) for part, queue in zip(parts, queues, strict=True)]
        rate = count / (seconds + sum(waits))
        queues = [rate * wait for wait in waits]
    return rate


def busy(workers: int, seconds: float, worker: float, parts: Sequence[float]) -> float:
    """The share of their time in which workers train.

    Args:
        seconds: that a training takes.
        worker: that a worker needs beside it.
    """
    return throughput(workers, seconds + worker, parts) * seconds / workers


def shortest(workers: int, worker: float, parts: Sequence[float], share: float = BUSY) -> float:
    """The shortest training, in seconds, with which workers train for a share of their time."""
    low, high = 0.0, 1.0
    while busy(workers, high, worker, parts) < share:
        low, high = high, 2 * high
    while high - low > 1e-3 * high:
        middle = (low + high) / 2
        if busy(workers, middle, worker, parts) < share:
            low = middle
        else:
            high = middle
    return high


def table(costs: Costs) -> list[str]:
    """What is printed."""
    return [*_parts(costs), "", *_lengths(costs)]


def _parts(costs: Costs) -> list[str]:
    sweep, _ = costs.alone()
    rows = (
        ("the sweep's process, storage in SQLite", sweep),
        ("  the sweep itself", costs.loop),
        ("  its end of the cluster", costs.client),
        ("  Optuna's storage in SQLite", costs.sqlite),
        ("  MLflow in SQLite", costs.mlflow),
        ("a shard's process, storage in PostgreSQL", costs.shards(1)[0]),
        ("  of it PostgreSQL", costs.postgresql),
        ("PostgreSQL's server, if it has one processor", costs.server),
        ("the scheduler", costs.scheduler),
        ("a worker, beside its trainings", costs.worker),
    )
    lines = [f"{'a trial costs':<44} {'ms':>7} {'at most a second':>17}"]
    for name, seconds in rows:
        most = f"{1 / seconds:.0f}" if seconds else ""
        lines.append(f"{name:<44} {1000 * seconds:7.1f} {most:>17}")
    return lines


def _lengths(costs: Costs) -> list[str]:
    named = {"one sweep, SQLite and MLflow": costs.alone()}
    for count in SHARDS:
        named[f"{count} {'shard' if count == 1 else 'shards'}, one PostgreSQL"] = costs.shards(
            count
        )
    heads = "".join(f" {name:>29}" for name in named)
    lines = [f"workers train {BUSY:.0%} of the time if a training takes", f"{'workers':>7}{heads}"]
    for workers in WORKERS:
        cells = [
            f" {_time(shortest(workers, costs.worker, parts)):>29}" for parts in named.values()
        ]
        lines.append(f"{workers:>7}{''.join(cells)}")
    return lines


def _time(seconds: float) -> str:
    """A time with two digits."""
    digits = max(0, 1 - math.floor(math.log10(seconds)))
    return f"{seconds:.{digits}f} s"


def main() -> None:
    from benchmarks.costs import measured

    for line in table(measured(int(sys.argv[1]) if len(sys.argv) > 1 else 300)):
        print(line)


if __name__ == "__main__":
    main()
