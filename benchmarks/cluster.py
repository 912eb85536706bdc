"""`python -m benchmarks.cluster [TRIALS]`: what a cluster of Dask adds to a trial, on loopback.

Trials do nothing, so that a row is all that a trial costs beside its training: on this machine
alone, and on a cluster of one worker and of two.  Columns: milliseconds a trial, and of them those
that this process computes, in which the scheduler runs too; then what an answer to a trial takes
there and back, and MiB of this process at the beginning and at the end.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rnnzoo.launchers import Launcher, Setup, dask
from rnnzoo.launchers.local import LocalLauncher
from rnnzoo.spec.trial import Outcome
from rnnzoo.testing import work
from rnnzoo.testing.launchers import next_event, trial

FIRST = 4  # trials that are not counted: they start processes


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    before = resident()
    for workers in (1, 2):
        launcher = LocalLauncher(Setup(work.behave, workers))
        tell("this machine", workers, *timed(launcher, count))
        launcher.close()
    for workers in (1, 2):
        with on_cluster(workers) as clustered:
            tell("cluster", workers, *timed(clustered, count))
            if workers == 2:
                print(f"an answer, there and back: {1000 * round_trip(clustered):.1f} ms")
    print(f"this process: {before:.0f} MiB at first, {resident():.0f} at last")


def tell(where: str, workers: int, wall: float, own: float) -> None:
    print(
        f"{where:>12}, {workers} at a time: {1000 * wall:5.1f} ms, {1000 * own:4.1f} of them here"
    )


@contextlib.contextmanager
def on_cluster(workers: int) -> Iterator[Launcher]:
    """A launcher of a cluster that has so many workers."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, resources={"trial": 1}, host="127.0.0.1",
        dashboard_address=None, memory_limit=0,
    ) as cluster:  # fmt: skip
        options = {**dask.OPTIONS, "address": cluster.scheduler_address}
        launcher = dask.launcher(Setup(work.behave, workers, options=options))
        while launcher.capacity() < workers:
            launcher.wait(0.1)
        yield launcher
        launcher.close()


def timed(launcher: Launcher, count: int) -> tuple[float, float]:
    """Seconds a trial, and of them those of this process's own computing."""
    run(launcher, FIRST)
    wall, own = time.perf_counter(), time.process_time()
    run(launcher, count)
    return (time.perf_counter() - wall) / count, (time.process_time() - own) / count


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


def resident() -> float:
    """MiB of this process that are in memory; 0 where nothing tells."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
