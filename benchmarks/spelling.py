"""A training step of cells that are written with `W @ [h[t-1], x]` against the same cells with two
products.

`python -m benchmarks.spelling [--rounds N]`: the steps of `make bench`, both spellings in one
process on one core, taking turns.  Printed are medians in milliseconds on the core, the ratio, and
between which ratios the middle half of the rounds lies.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.protocol import PEERS, cpu_ms
from benchmarks.training import PIN, ROOT
from rnnzoo import backends

SHAPES = ("16x60x88x32", "32x100x32x64")
JOINED, TWO = "W{gate} @ [h[t-1], x]", "W{gate} @ x + R{gate} @ h[t-1]"
CELLS = {
    "rnn": ["h = tanh({} + b)"],
    "lstm": [
        "i = sigmoid({_i} + b_i)", "f = sigmoid({_f} + b_f)", "o = sigmoid({_o} + b_o)",
        "g = tanh({_g} + b_g)", "c = f * c[t-1] + i * g", "h = o * tanh(c)",
    ],
}  # fmt: skip
STEPS = 8  # of one spelling before the other has its turn


def written(cell: str, sums: str) -> str:
    """The text of a cell whose sums over inputs are written in a way."""
    lines = ["name: spelling", "title: One of two spellings", "output: h", "equations: |"]
    for equation in CELLS[cell]:
        gates = {f"_{gate}": sums.format(gate=f"_{gate}") for gate in "ifog"}
        lines.append("  " + equation.format(sums.format(gate=""), **gates))
    return "\n".join(lines) + "\n"


def timed(module: str, cell: str, shape: str, rounds: int) -> list[list[float]]:
    """The median of each round, of two products and of joined vectors."""
    make = import_module(module).make  # which sets Keras to its backend
    backends.current().one_thread()
    with TemporaryDirectory() as folder:
        steps = []
        for name, sums in (("two", TWO), ("joined", JOINED)):
            file = Path(folder) / f"{name}.yaml"
            file.write_text(written(cell, sums))
            steps.append(make("ours", str(file), *(int(size) for size in shape.split("x"))))
            steps[-1]()  # traces and compiles it
    of_rounds: list[list[float]] = [[], []]
    for number in range(rounds):
        for which in (0, 1) if number % 2 else (1, 0):
            times = []
            for _ in range(STEPS):
                began = time.process_time()
                steps[which]()
                times.append(cpu_ms(began))
            of_rounds[which].append(statistics.median(times))
    return of_rounds


def row(peer: str, cell: str, shape: str, rounds: int) -> str:
    """A line of the table, from a process of its own."""
    module, loops = PEERS[peer]
    done = subprocess.run(
        [*PIN, sys.executable, "-m", "benchmarks.spelling", "timed", module, cell, shape,
         str(rounds)],
        cwd=ROOT, env={**os.environ, "RNNZOO_LOOPS": loops}, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, check=True,
    )  # fmt: skip
    two, joined = json.loads(done.stdout.splitlines()[-1])
    ratios = [new / old for old, new in zip(two, joined, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    medians = f"{statistics.median(two):.3f} | {statistics.median(joined):.3f}"
    return f"| {cell} | {shape} | {medians} | {middle:.3f} | {low:.3f} to {high:.3f} |"


def main(arguments: Sequence[str]) -> None:
    if arguments[:1] == ["timed"]:
        module, cell, shape, rounds = arguments[1:]
        print(json.dumps(timed(module, cell, shape, int(rounds))))
        return
    asked = argparse.ArgumentParser(prog="python -m benchmarks.spelling", description=__doc__)
    asked.add_argument("--peers", nargs="+", default=PEERS, choices=PEERS)
    asked.add_argument("--rounds", type=int, default=40)
    given = asked.parse_args(arguments)
    for peer in given.peers:
        print(f"\n| {peer} | B x T x D x H | two products | joined | ratio | middle half |")
        print("|" + " --- |" * 6)
        for shape in SHAPES:
            for cell in CELLS:
                print(row(peer, cell, shape, given.rounds), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
