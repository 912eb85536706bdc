"""A training step of this checkout against one of another, such as a worktree at an earlier commit.

`python -m benchmarks.commits FOLDER [--cells CELL ...] [--shapes BxTxDxH ...] [--rounds N]
[--peers PEER ...]`: the steps of `make bench`, each checkout in a process of its own on one core,
taking turns.  Printed are medians in milliseconds on the core, the ratio, and between which ratios
the middle half of the rounds lies: a difference within that is noise.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Sequence

from benchmarks.__main__ import ROOT, Worker
from benchmarks.keras_cells import CELLS
from benchmarks.protocol import PEERS

SHAPES = ("16x60x88x32",)
HEAD = "| cell | B x T x D x H | {} before | now | now / before | middle half |\n|" + " --- |" * 6
STEPS = 6  # of one checkout before the other has its turn
# the workers are this checkout's, whatever the other one has; the package is that of FOLDER
AT = (
    "import runpy, sys; sys.path.insert(0, {root!r}); import benchmarks;"
    " sys.path[0] = {folder!r}; runpy.run_module({module!r}, run_name='__main__')"
)


def started(peer: str, folder: str, core: int) -> Worker:
    """A worker that has the package of a folder."""
    module, os.environ["RNNZOO_LOOPS"] = PEERS[peer]
    return Worker.start_program(
        [sys.executable, "-c", AT.format(root=str(ROOT), folder=folder, module=module)], core
    )


def row(cell: str, shape: str, workers: Sequence[Worker], rounds: int) -> str:
    """A line of the table."""
    sizes = [int(size) for size in shape.split("x")]
    for worker in workers:
        worker.ask({"make": ["ours", cell, *sizes]})
    of_rounds: list[list[float]] = [[], []]
    for number in range(rounds):
        order = (0, 1) if number % 2 else (1, 0)
        for which in order:
            # the first meets the caches as another process left them
            steps = workers[which].ask({"steps": STEPS})["cpu_ms"][1:]
            of_rounds[which].append(statistics.median(steps))
    before, now = map(statistics.median, of_rounds)
    ratios = [new / old for old, new in zip(*of_rounds, strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4)
    numbers = (
        f"{before:.3f} | {now:.3f} | {statistics.median(ratios):.3f} | {low:.3f} to {high:.3f}"
    )
    return f"| {cell} | {shape} | {numbers} |"


def main(arguments: Sequence[str]) -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.commits", description=__doc__)
    asked.add_argument("folder", metavar="FOLDER", help="the other checkout")
    asked.add_argument("--cells", nargs="+", default=sorted(CELLS), metavar="CELL")
    asked.add_argument("--shapes", nargs="+", default=SHAPES, metavar="BxTxDxH")
    asked.add_argument("--peers", nargs="+", default=("tensorflow", "jax-scan"), choices=PEERS)
    asked.add_argument("--rounds", type=int, default=15)
    asked.add_argument("--core", type=int, default=(os.cpu_count() or 1) - 1)
    given = asked.parse_args(arguments)
    for peer in given.peers:
        print("\n" + HEAD.format(peer))
        workers = [started(peer, folder, given.core) for folder in (given.folder, str(ROOT))]
        try:
            for shape in given.shapes:
                for cell in given.cells:
                    print(row(cell, shape, workers, given.rounds), flush=True)
        finally:
            for worker in workers:
                worker.end()


if __name__ == "__main__":
    main(sys.argv[1:])
