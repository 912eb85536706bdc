"""A training step with native loops against those of XLA, under JAX and under TensorFlow.

`python -m benchmarks.loops [--cells CELL ...] [--shapes BxTxDxH ...] [--seconds S]`: the steps of
`make bench`, each peer in a process of its own on one core, taking turns.  Printed are medians in
milliseconds, and the first step's seconds, which are those of tracing and compiling it; what native
loops took to be compiled once is among them where the cache has them not.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.__main__ import Worker

CELLS = ("lstm", "gru", "peephole", "rnn", "clockwork", "mgu", "lru")
SHAPES = ("32x100x32x64", "16x60x88x32", "1x60x88x64")
PEERS = {
    "native": ("benchmarks.jax_worker", "native"),
    "scan": ("benchmarks.jax_worker", "scan"),
    "tensorflow": ("benchmarks.tensorflow_worker", ""),
}
HEAD = (
    "| cell | B x T x D x H | JAX, native loops | JAX, scan | TensorFlow | scan / native |"
    " TensorFlow / native | first step, seconds |\n|" + " --- |" * 8
)


def started(name: str, core: int) -> Worker:
    """A worker whose loops are those of a peer."""
    module, loops = PEERS[name]
    os.environ["RNNZOO_LOOPS"] = loops
    return Worker.start(Path(sys.executable), module, core)


def row(cell: str, shape: str, workers: dict[str, Worker], seconds: float) -> str:
    """A line of the table."""
    sizes = [int(size) for size in shape.split("x")]
    what = {"make": ["ours", cell, *sizes]}
    first = {name: worker.ask(what)["first_ms"] / 1e3 for name, worker in workers.items()}
    times: dict[str, list[float]] = {name: [] for name in workers}
    began = time.perf_counter()
    while time.perf_counter() - began < seconds or len(times["native"]) < 6:
        for name, worker in workers.items():
            # the first meets the caches as another process left them
            times[name] += worker.ask({"steps": 4})["ms"][1:]
    ms = {name: statistics.median(steps) for name, steps in times.items()}
    ratios = [f"{ms[name] / ms['native']:.2f}" for name in ("scan", "tensorflow")]
    medians = [f"{ms[name]:.2f}" for name in PEERS]
    firsts = ", ".join(f"{first[name]:.1f}" for name in PEERS)
    return " | ".join([f"| {cell}", shape, *medians, *ratios, f"{firsts} |"])


def main(arguments: Sequence[str]) -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.loops", description=__doc__)
    asked.add_argument("--cells", nargs="+", default=CELLS, metavar="CELL")
    asked.add_argument("--shapes", nargs="+", default=SHAPES, metavar="BxTxDxH")
    asked.add_argument("--seconds", type=float, default=3.0, help="for each line")
    asked.add_argument("--core", type=int, default=(os.cpu_count() or 1) - 1)
    given = asked.parse_args(arguments)
    workers = {name: started(name, given.core) for name in PEERS}
    print(HEAD)
    try:
        for shape in given.shapes:
            for cell in given.cells:
                print(row(cell, shape, workers, given.seconds), flush=True)
    finally:
        for worker in workers.values():
            worker.end()


if __name__ == "__main__":
    main(sys.argv[1:])
