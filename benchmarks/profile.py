"""Where the time of a training step goes: `python -m benchmarks.profile lstm 32 100 32 64`.

Runs steps under TensorFlow's profiler and adds up the kernels that XLA made of them: products and
the rest, in the loops (run once a time step) and outside.  Each kernel pays some tenths of a
microsecond for being watched, so that the shares of small ones are too large: read them as what
there is to gain, not as a clock.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from benchmarks.tensorflow_worker import make

STEPS = 5
WHOLE = "CpuExecutable::ExecuteAsyncOnStream"  # what XLA runs, as one event
CONTAINERS = ("while", "call", "conditional", "end: ", "ThunkExecutor", "BlockUntilReady")


def events(folder: Path) -> Iterator[tuple[str, float]]:
    """Name and milliseconds of everything that the profiler saw on this machine's processors."""
    for file in folder.rglob("*.xplane.pb"):
        space = xplane_pb2.XSpace()
        space.ParseFromString(file.read_bytes())
        for plane in space.planes:
            for line in plane.lines:
                for event in line.events:
                    yield plane.event_metadata[event.metadata_id].name, event.duration_ps / 1e9


def profile(
    contestant: str, cell: str, shape: tuple[int, int, int, int]
) -> tuple[Counter[str], Counter[str]]:
    """Milliseconds and calls of each kernel, a training step."""
    step = make(contestant, cell, *shape)
    for _ in range(3):
        step()
    ms, calls = Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        options = tf.profiler.experimental.ProfilerOptions(
            host_tracer_level=3, python_tracer_level=0
        )
        tf.profiler.experimental.start(name, options)
        for _ in range(STEPS):
            step()
        tf.profiler.experimental.stop()
        for kernel, took in events(Path(name)):
            ms[kernel] += took / STEPS
            calls[kernel] += 1
    return ms, Counter({kernel: round(count / STEPS) for kernel, count in calls.items()})


def kinds(ms: Counter[str], calls: Counter[str], time: int) -> dict[str, tuple[float, int]]:
    """Milliseconds and kernels of each kind; a kernel of a loop is counted once, however many steps
    it runs.
    """
    inside = set(ms) - {name for name in ms if not _is_kernel(name)}
    totals: dict[str, tuple[float, int]] = {}
    for kernel in inside:
        kind = "products" if kernel.startswith(("MatMul", "dot")) else "everything else"
        where = "in the loops" if calls[kernel] >= time else "outside"
        so_far, count = totals.get(f"{kind} {where}", (0.0, 0))
        totals[f"{kind} {where}"] = so_far + ms[kernel], count + 1
    totals["between kernels"] = ms[WHOLE] - sum(took for took, _ in totals.values()), 0
    return dict(sorted(totals.items(), key=lambda item: -item[1][0]))


def _is_kernel(name: str) -> bool:
    made_by_xla = (
        name.partition(".")[0].replace("_", "").replace("-", "").isalnum() and "::" not in name
    )
    return made_by_xla and not name.startswith(CONTAINERS) and any(mark in name for mark in MARKS)


MARKS = (
    "fusion",
    "MatMul",
    "dot",
    "copy",
    "concat",
    "wrapped_",
    "reduce",
    "broadcast",
    "slice",
    "transpose",
)


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    asked.add_argument("cell")
    asked.add_argument("shape", nargs=4, type=int, metavar=("BATCH", "TIME", "INPUTS", "UNITS"))  # type: ignore[arg-type]
    asked.add_argument("--what", default="ours", choices=("ours", "cell-jit", "keras-jit"))
    asked.add_argument("--kernels", type=int, default=0, help="list so many of the longest")
    given = asked.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    ms, calls = profile(given.what, given.cell, tuple(given.shape))
    print("| | ms | share | kernels |\n| --- | --- | --- | --- |")
    for kind, (took, count) in kinds(ms, calls, given.shape[1]).items():
        print(f"| {kind} | {took:.2f} | {took / ms[WHOLE]:.0%} | {count or ''} |")
    longest = [(took, name) for name, took in ms.items() if _is_kernel(name)]
    for took, name in sorted(longest, reverse=True)[: given.kernels]:
        print(f"{took:8.3f} ms {calls[name]:6d} x  {name}")


if __name__ == "__main__":
    main()
