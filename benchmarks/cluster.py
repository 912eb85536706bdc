"""`python -m benchmarks.cluster [TRIALS]`: what a cluster of Dask adds to a trial, on loopback.

Trials do nothing, so that a row is all that a trial costs beside its training: on this machine
alone, and on a cluster of one worker and of two.  Columns: milliseconds a trial, and of them what
this process computes, and what the scheduler does; then what an answer to a trial takes there and
back.

`python -m benchmarks.cluster --endurance 10000`: so many on two workers.  After each tenth:
milliseconds a trial since the last one, and MiB of this process and of the scheduler.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import time
from collections.abc import Iterator

import psutil

from rnnzoo.launchers import Launcher, Setup
from rnnzoo.launchers.local import LocalLauncher
from rnnzoo.spec.trial import Outcome
from rnnzoo.testing import work
from rnnzoo.testing.launchers import next_event, trial
from tests.launchers.clusters import Cluster

FIRST = 4  # trials that are not counted: they start processes
PARTS = 10  # of an endurance


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[2])
    parser.add_argument("trials", nargs="?", type=int, default=60)
    parser.add_argument("--endurance", type=int, metavar="TRIALS")
    args = parser.parse_args()
    if args.endurance:
        endure(args.endurance)
    else:
        compare(args.trials)


def compare(count: int) -> None:
    """This machine beside a cluster."""
    for workers in (1, 2):
        launcher = LocalLauncher(Setup(work.behave, workers))
        wall, own, _ = timed(launcher, count)
        launcher.close()
        tell("this machine", workers, wall, f"{1000 * own:4.1f} of them here")
    for workers in (1, 2):
        with on_cluster(workers) as (clustered, scheduler):
            wall, own, there = timed(clustered, count, scheduler)
            parts = f"{1000 * own:4.1f} of them here, {1000 * there:3.1f} in the scheduler"
            tell("cluster", workers, wall, parts)
            if workers == 2:
                print(f"an answer, there and back: {1000 * round_trip(clustered):.1f} ms")


def tell(where: str, workers: int, wall: float, parts: str) -> None:
    print(f"{where:>12}, {workers} at a time: {1000 * wall:5.1f} ms, {parts}", flush=True)


def endure(count: int) -> None:
    """Many trials on two workers."""
    with on_cluster(2) as (launcher, scheduler):
        run(launcher, FIRST)
        print(f"{'trials':>8} {'ms a trial':>11} {'MiB here':>9} {'of the scheduler':>17}")
        for part in range(1, PARTS + 1):
            wall, _, _ = timed(launcher, count // PARTS, first=0)
            sizes = f"{resident():9.1f} {resident(scheduler):17.1f}"
            print(f"{part * (count // PARTS):>8} {1000 * wall:11.1f} {sizes}", flush=True)


@contextlib.contextmanager
def on_cluster(workers: int) -> Iterator[tuple[Launcher, int]]:
    """A launcher of a cluster that has so many workers, and the scheduler's process."""
    with Cluster() as cluster:
        cluster.add(workers)
        launcher = cluster.launcher(Setup(work.behave, workers), capacity=workers)
        yield launcher, cluster.scheduler.pid
        launcher.close()


def timed(
    launcher: Launcher, count: int, scheduler: int | None = None, first: int = FIRST
) -> tuple[float, float, float]:
    """Seconds a trial, and of them those that this process computes and that a scheduler does."""
    run(launcher, first)
    began = (time.perf_counter(), time.process_time(), computed(scheduler))
    run(launcher, count)
    ended = (time.perf_counter(), time.process_time(), computed(scheduler))
    wall, own, there = (
        (after - before) / count for before, after in zip(began, ended, strict=True)
    )
    return wall, own, there


def run(launcher: Launcher, count: int) -> None:
    """Run so many trials, as many at once as the launcher can."""
    sent = ended = 0
    while ended < count:
        while sent < count and sent - ended < launcher.capacity():
            launcher.submit(trial("complete", sent))
            sent += 1
        ended += isinstance(next_event(launcher).news, Outcome)


def round_trip(launcher: Launcher) -> float:
    """Seconds from an answer to the next progress of a trial that does nothing between."""
    ticket, moments = launcher.submit(trial("reporting")), []
    while not isinstance(next_event(launcher).news, Outcome):
        moments.append(time.perf_counter())
        launcher.answer(ticket, True)
    return min(later - earlier for earlier, later in itertools.pairwise(moments))


def resident(pid: int | None = None) -> float:
    """MiB of a process, or of this one, that are in memory."""
    return float(psutil.Process(pid).memory_info().rss) / 2**20


def computed(pid: int | None) -> float:
    """Seconds that a process and its children have computed, those that have ended among them; 0
    without a process.
    """
    if pid is None:
        return 0.0
    process = psutil.Process(pid)
    times = [member.cpu_times() for member in (process, *process.children(recursive=True))]
    return float(
        sum(
            spent.user + spent.system + spent.children_user + spent.children_system
            for spent in times
        )
    )


if __name__ == "__main__":
    main()
