"""`make bench`: every cell that somebody has written by hand, at every shape, in one run.

Each peer is a process of its own, pinned to one core with one thread, with the allocator's settings
that trials have. They take turns, a few steps each, many rounds, so that whatever else the machine
does meets all of them alike; what is reported are medians of milliseconds on the core, for ours
with the middle half of the steps, and their ratios. The last two columns are of the faster one of
our two backends. Two cells that are one computation show how far figures can be trusted: where
these differ by more than a tenth, both are measured again with more rounds.

Out: a table on the screen, `runs/bench/results.json`, and, with --docs, the table of
docs/engine.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from benchmarks.keras_cells import CELLS
from benchmarks.protocol import PEERS as PACKAGES
from rnnzoo.launchers.local import KEEP_MEMORY

SHAPES = (
    (32, 100, 32, 64),
    (32, 100, 128, 128),
    (32, 60, 88, 200),
    (64, 200, 256, 256),
    (1, 60, 88, 64),
    (1, 60, 88, 200),
)
BUILT_IN = ("lstm", "gru", "gru_reset_after", "rnn")
EQUAL = ("lstm", "np")  # one computation under two names
AGREE = 0.1
FUSED = ("lstm", "gru", "gru_reset_after", "rnn")  # PyTorch's GRU is the one that resets after
ROOT = Path(__file__).parent.parent
PEERS = ROOT / ".bench"
OUT = ROOT / "runs" / "bench" / "results.json"
DOCS = ROOT / "docs" / "engine.md"
OURS = {"ours": "tensorflow", "native": "jax-native"}  # column -> peer
COLUMNS = (
    *OURS,
    "cell",
    "cell-jit",
    "keras",
    "keras-jit",
    "torch",
    "torch-cell",
    "jax",
    "ceiling",
)


@dataclass(slots=True)
class Worker:
    """A process that times one peer at a time."""

    process: subprocess.Popen

    @staticmethod
    def start(python: Path, module: str, core: int) -> Worker:
        flags = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"} if "peer" in module else {}
        return Worker.start_program([str(python), "-m", module], core, flags)

    @staticmethod
    def start_program(
        program: Sequence[str], core: int, variables: Mapping[str, str] = MappingProxyType({})
    ) -> Worker:
        """A program that answers, on one core with one thread."""
        pin = ["taskset", "-c", str(core)] if sys.platform == "linux" else []
        one_thread = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
        )
        process = subprocess.Popen(
            [*pin, *program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
            env={**os.environ, **one_thread, **KEEP_MEMORY, **variables},
        )  # fmt: skip
        return Worker(process)

    def ask(self, request: dict) -> dict:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker ended with {self.process.wait()}")
        return dict(json.loads(line))

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def started(name: str, peers: Path, core: int) -> Worker:
    """The worker of a column.

    Args:
        peers: the Python that has torch and jax.
    """
    if name in ("torch", "torch-cell", "jax"):
        return Worker.start(peers, "benchmarks.peer_worker", core)
    module, os.environ["RNNZOO_LOOPS"] = PACKAGES[OURS.get(name, "tensorflow")]
    return Worker.start(Path(sys.executable), module, core)


def peers_of(cell: str, peers: bool) -> Iterator[str]:
    yield from (*OURS, "cell", "cell-jit", "ceiling")
    if cell in BUILT_IN:
        yield from ("keras", "keras-jit")
    if peers and cell in FUSED:
        yield "torch"
    if peers and cell in ("lstm", "gru", "rnn"):
        yield "jax"
    if peers and cell == "lstm":
        yield "torch-cell"


def measure(
    cell: str, shape: Sequence[int], workers: dict[str, Worker], rounds: int, peers: bool
) -> dict:
    """Medians in milliseconds, and how long the first step took."""
    names = list(peers_of(cell, peers))
    made = {name: workers[name].ask({"make": [name, cell, *shape]}) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    slow = workers["ours"].ask({"steps": 1})["ms"][0] > 300
    for _ in range(3 if slow else rounds):
        for name in names:
            # on the core: a shared machine gives it to others too
            steps = workers[name].ask({"steps": 2 if slow else 4})["cpu_ms"]
            times[name] += steps[1:]  # the first meets the caches as another process left them
    return {
        "cell": cell,
        "shape": list(shape),
        "ms": {name: round(statistics.median(steps), 4) for name, steps in times.items()},
        "middle_half": {name: _middle_half(times[name]) for name in OURS},
        "first_ms": {name: round(peer["first_ms"]) for name, peer in made.items()},
    }


def _middle_half(steps: list[float]) -> list[float]:
    """The first and the third quartile."""
    first, _, third = statistics.quantiles(steps, n=4)
    return [round(first, 4), round(third, 4)]


def row(result: dict) -> str:
    """A line of the table: milliseconds of a step, and what they mean."""
    ms = result["ms"]
    cell = min(ms["cell"], ms["cell-jit"])
    built_in = min((ms[name] for name in ("keras", "keras-jit") if name in ms), default=None)
    others = [f"{ms[name]:.2f}" if name in ms else "" for name in ("torch", "torch-cell", "jax")]
    ours = [_with_middle_half(result, name) for name in OURS]
    return " | ".join(
        [
            f"| {result['cell']}", "x".join(map(str, result["shape"])), *ours,
            f"{cell:.2f}", f"{built_in:.2f}" if built_in else "", *others,
            f"{_by_hand(result):.2f}", f"{_ceiling(result):.0%} |",
        ]
    )  # fmt: skip


def _with_middle_half(result: dict, name: str) -> str:
    """Milliseconds of one of ours with the middle half of its steps; the faster one in bold."""
    ms = result["ms"][name]
    first, third = result["middle_half"][name]
    shown = f"**{ms:.2f}**" if ms == _ours(result) else f"{ms:.2f}"
    return f"{shown} ({first:.2f}-{third:.2f})"


HEAD = (
    "| cell | B x T x D x H | ours, TensorFlow | ours, JAX | Keras, cell by hand | Keras, built in"
    " | torch fused | torch cell | jax scan | cell by hand / ours | of the ceiling |\n"
    "|"
) + " --- |" * 11


def targets(results: Sequence[dict]) -> list[str]:
    """Which of the targets are reached, in words."""
    fast = [result for result in results if _by_hand(result) >= 1.8 or _ceiling(result) >= 0.7]
    large = [
        result
        for result in results
        if result["shape"][3] >= 128
        and result["shape"][0] >= 32
        and result["cell"] in ("lstm", "gru")
    ]
    lines = [
        (
            f"1.8 times the cell by hand, or 70 % of the ceiling: {len(fast)} of {len(results)}"
            " cells and shapes"
        )
    ]
    if large:
        lines.append(
            "70 % of the ceiling for lstm and gru at 128 units and more: lowest"
            f" {min(map(_ceiling, large)):.0%}"
        )
    for shape in dict.fromkeys(tuple(result["shape"]) for result in results):
        if apart := disagreement(results, shape):
            written = "x".join(map(str, shape))
            lines.append(f"{' and '.join(EQUAL)}, one computation, {written}: {apart:.0%} apart")
    for result in results:
        if "torch" in result["ms"] and result["cell"] in ("lstm", "gru_reset_after"):
            ratio = result["ms"]["torch"] / _ours(result)
            shape = "x".join(map(str, result["shape"]))
            lines.append(f"{result['cell']} {shape}: torch takes {ratio:.2f} of our time")
    return lines


def disagreement(results: Sequence[dict], shape: Sequence[int]) -> float:
    """By what share our figures of the two equal cells differ at a shape; 0 without both."""
    equal = [
        result["ms"]
        for result in results
        if result["cell"] in EQUAL and result["shape"] == list(shape)
    ]
    if len(equal) < len(EQUAL):
        return 0.0
    return max(max(ms[name] for ms in equal) / min(ms[name] for ms in equal) - 1 for name in OURS)


def agreed(results: list[dict], shape: Sequence[int], again: Callable[[str, int], dict]) -> None:
    """Measure the two equal cells again until their figures agree, with more rounds each time.

    Args:
        again: the result of a cell, given how many times as many rounds as usual.
    """
    for times in (2, 4):
        if disagreement(results, shape) <= AGREE:
            return
        for place, result in enumerate(results):
            if result["cell"] in EQUAL and result["shape"] == list(shape):
                results[place] = again(result["cell"], times)


def _ours(result: dict) -> float:
    """Of the faster one of our two."""
    return float(min(result["ms"][name] for name in OURS))


def _by_hand(result: dict) -> float:
    return float(min(result["ms"]["cell"], result["ms"]["cell-jit"]) / _ours(result))


def _ceiling(result: dict) -> float:
    return float(result["ms"]["ceiling"] / _ours(result))


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    asked.add_argument("--cells", nargs="+", choices=CELLS, default=sorted(CELLS), metavar="CELL")
    asked.add_argument(
        "--shapes",
        nargs="+",
        type=int,
        default=list(range(len(SHAPES))),
        help="numbers of shapes, from 0",
    )
    asked.add_argument("--rounds", type=int, default=7)
    asked.add_argument("--core", type=int, default=(os.cpu_count() or 1) - 1)
    asked.add_argument(
        "--peers", type=Path, default=PEERS / "bin" / "python", help="a Python with torch and jax"
    )
    asked.add_argument("--docs", action="store_true", help="write the table into docs/engine.md")
    given = asked.parse_args()
    peers = given.peers.exists()
    if not peers:
        print(f"no peers in {PEERS.name}/: PyTorch and JAX are left out")
    names = [name for name in COLUMNS if peers or name not in ("torch", "torch-cell", "jax")]
    workers = {name: started(name, given.peers, given.core) for name in names}
    results, began = [], time.time()
    print(HEAD)
    try:
        for shape in (SHAPES[number] for number in given.shapes):

            def measured(cell: str, times: int = 1, shape: tuple[int, ...] = shape) -> dict:
                result = measure(cell, shape, workers, given.rounds * times, peers)
                print(row(result), flush=True)
                return result

            for cell in given.cells:
                results.append(measured(cell))
                write(results, time.time() - began)
            agreed(results, shape, measured)
            write(results, time.time() - began)
    finally:
        for worker in workers.values():
            worker.end()
    print("\n".join(targets(results)))
    if given.docs:
        document(results)


def write(results: list[dict], seconds: float) -> None:
    OUT.parent.mkdir(parents=True, exist_ok=True)
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    OUT.write_text(
        json.dumps({"machine": machine, "seconds": round(seconds), "results": results}, indent=1)
    )


def document(results: Sequence[dict]) -> None:
    """Put the table between the marks in docs/engine.md."""
    table = "\n".join([HEAD, *map(row, results)])
    text = DOCS.read_text()
    marks = re.compile(r"(<!-- bench -->\n).*?(<!-- /bench -->)", re.DOTALL)
    DOCS.write_text(marks.sub(lambda match: f"{match[1]}{table}\n{match[2]}", text))


if __name__ == "__main__":
    main()
