"""`python -m benchmarks.data [FILE.npz]`: what a trial's data cost it, in seconds and memory, read
from a user's file and mapped out of the cache; and the same of data that do not fit into memory.

Each row is a process of its own.  Without a file, piano rolls of MuseData's size are drawn: 783
sequences of 2 to 4,273 steps, 501 on average, of 88 keys.  Larger than memory are steps of 256
numbers, 4 GB in all, which a task of one's own maps: sequences of 50 to 950 steps.

Columns: seconds; of them, those that a training waits for its data; memory in MB, at its peak,
beyond what the libraries take once they are imported; and at their peaks, the process's own memory
(anonymous) and what is mapped of files, the libraries included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

SEQUENCES, LONGEST, MEAN, KEYS = 783, 4273, 501, 88
GB, INPUTS, SHORTEST, LONG = 4.0, 256, 50, 950
ROWS = {
    "load": "the file is read",
    "prepare": "the file is read, and written to the cache",
    "again": "a sweep begins once more",
    "map": "a trial maps it",
    "trial from the file": "a trial of one epoch, rnn of 8 units",
    "trial mapped": "the same, mapped",
}
LARGE_ROWS = {
    "prepare": "checked, and written to the cache",
    "trial mapped": "a trial of one epoch, rnn of 8 units",
    "trial by length": "the same, batches by length",
}
LARGE = """
from pathlib import Path
import numpy as np
from rnnzoo.tasks import PackedSplit, Task

OPTIONS = {"file": ""}
ABOUT = "Steps end to end in files that are larger than memory"

def load(options, seed, folder, progress):
    where = Path(options["file"])
    x = np.load(where / "x.npy", mmap_mode="r")
    lengths, y = np.load(where / "lengths.npy"), np.load(where / "y.npy")
    ends, splits, first = np.cumsum([0, *lengths]), {}, 0
    for name, share in (("train", 0.8), ("validation", 0.9), ("test", 1.0)):
        last = int(share * len(lengths))
        steps = x[ends[first] : ends[last]]
        splits[name] = PackedSplit(steps, y[first:last], lengths[first:last], per_step=False)
        first = last
    return Task(
        "large", splits, "categorical", "sequence", 2, "error", "share", baselines={"most": 0.5}
    )
"""


def drawn(path: Path) -> None:
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.exponential(MEAN, SEQUENCES), 2, LONGEST).astype(int)
    lengths[0] = LONGEST
    x = np.zeros((SEQUENCES, LONGEST, KEYS), np.uint8)
    for sequence, length in zip(x, lengths):
        sequence[:length] = rng.random((length, KEYS)) < 0.04
    np.savez_compressed(path, x=x, lengths=lengths)


def drawn_large(folder: Path, gigabytes: float) -> None:
    """Files of steps end to end, and the task that maps them."""
    rng = np.random.default_rng(0)
    steps = int(gigabytes * 1e9 / (4 * INPUTS))
    lengths = rng.integers(SHORTEST, LONG, 2 * steps // (SHORTEST + LONG)).astype(np.int32)
    shape = (int(lengths.sum()), INPUTS)
    x = np.lib.format.open_memmap(folder / "x.npy", mode="w+", dtype=np.float32, shape=shape)
    for start in range(0, len(x), 2**14):
        x[start : start + 2**14] = rng.random(x[start : start + 2**14].shape, np.float32) - 0.5
    x.flush()
    np.save(folder / "lengths.npy", lengths)
    np.save(folder / "y.npy", rng.integers(0, 2, len(lengths)).astype(np.int32))
    (folder / "large.py").write_text(LARGE)


class Memory(threading.Thread):
    """The peaks of the two kinds of a process's memory, in MB; 0 where only a total is known."""

    KINDS: ClassVar[dict[str, str]] = {"RssAnon": "anonymous", "RssFile": "mapped"}

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peaks = dict.fromkeys(self.KINDS.values(), 0.0)

    def run(self) -> None:
        status = Path("/proc/self/status")
        while status.exists():
            for line in status.read_text().splitlines():
                kind, _, value = line.partition(":")
                if kind in self.KINDS:
                    name = self.KINDS[kind]
                    self.peaks[name] = max(self.peaks[name], int(value.split()[0]) * 1024 / 1e6)
            time.sleep(0.02)


def measured(row: str, file: str, digest: str) -> dict:
    """What one row took, in this process."""
    memory = Memory()
    memory.start()
    return {**_measured(row, file, digest), **memory.peaks}


def _measured(row: str, file: str, digest: str) -> dict:
    from rnnzoo import tasks

    name, options = "arrays", {"file": file, "kind": "next_step"}
    if Path(file).is_dir():
        name, options = str(Path(file) / "large.py"), {"file": file}
    functions: dict[str, Callable[[], object]] = {
        "load": lambda: tasks.load(name, options),
        "prepare": lambda: tasks.prepare(name, options),
        "again": lambda: tasks.prepare(name, options),
        "map": lambda: tasks.prepared(name, options, digest),
    }
    if row.startswith("trial"):
        by_length = row == "trial by length"
        return trained(name, options, "" if row == "trial from the file" else digest, by_length)
    tasks.module(name)
    before, began = _peak(), time.perf_counter()
    made = functions[row]()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "MB": _peak() - before, "digest": getattr(made, "digest", "")}


def trained(name: str, options: dict, digest: str, by_length: bool) -> dict:
    """A training's seconds, of them its data's, and the memory that it took beyond its imports."""
    from rnnzoo import lang
    from rnnzoo.lang.text import cell_text
    from rnnzoo.nn.train import train
    from rnnzoo.spec.hyperparameters import Training
    from rnnzoo.spec.trial import Trial

    trial = Trial(
        experiment="", variant="rnn", cell=cell_text(lang.load("rnn")), task=name, index=0,
        hyperparameters={"units": 8, "learning_rate": 0.01}, seed=0, task_options=options,
        training=Training(epochs=1, batch=8, group_by_length=by_length), data=digest,
    )  # fmt: skip
    before = _peak()
    outcome = train(trial, lambda progress: True)
    seconds, data = outcome.seconds["total"], outcome.seconds["data"]
    return {
        "seconds": seconds,
        "data": data,
        "MB": _peak() - before,
        "test": outcome.scores["test"],
    }


def _peak() -> float:
    """The peak of this process's memory, in MB.  Not `ru_maxrss` where there is better: under Linux
    that begins with what the process held that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", help="of `arrays`, to predict the next step")
    parser.add_argument("--no-trials", action="store_true", help="leave out all trainings")
    parser.add_argument("--large", type=float, default=GB, metavar="GB", help="0 leaves them out")
    parser.add_argument("--one", nargs=2, metavar=("ROW", "DIGEST"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        with open(os.dup(1), "w") as out:  # a training prints its epochs
            os.dup2(2, 1)
            json.dump(measured(args.one[0], args.file, args.one[1]), out)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = args.file or str(Path(folder) / "rolls.npz")
        if not args.file:
            drawn(Path(file))
        print(f"{'':46} {'seconds':>8} {'data':>8} {'MB':>6} {'anonymous':>10} {'mapped':>7}")
        _rows(ROWS, str(Path(file).resolve()), folder, args.no_trials)
        if args.large:
            drawn_large(Path(folder), args.large)
            print(f"\n{args.large:g} GB")
            _rows(LARGE_ROWS, folder, folder, args.no_trials)


def _rows(rows: Mapping[str, str], file: str, folder: str, no_trials: bool) -> None:
    """Measure and print each, with the cache in this folder."""
    environment = {**os.environ, "XDG_CACHE_HOME": folder, "OMP_NUM_THREADS": "1"}
    digest = ""
    for row, words in rows.items():
        if no_trials and row.startswith("trial"):
            continue
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.data", file, "--one", row, digest],
            env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        told = json.loads(done.stdout)
        digest = told.get("digest") or digest
        data = f"{told['data']:8.3f}" if "data" in told else " " * 8
        memory = f"{told['MB']:6.0f} {told['anonymous']:10.0f} {told['mapped']:7.0f}"
        score = f"  test {told['test']!r}" if "test" in told else ""
        print(f"{words:46} {told['seconds']:8.3f} {data} {memory}{score}", flush=True)


if __name__ == "__main__":
    main()
