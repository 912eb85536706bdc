"""`python -m benchmarks.data [FILE.npz]`: what a trial's data cost it, in seconds and memory, read
from a user's file and mapped out of the cache.

Each row is a process of its own.  Without a file, piano rolls of MuseData's size are drawn: 783
sequences of 2 to 4,273 steps, 501 on average, of 88 keys.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SEQUENCES, LONGEST, MEAN, KEYS = 783, 4273, 501, 88
ROWS = {
    "load": "the file is read",
    "prepare": "the file is read, and written to the cache",
    "again": "a sweep begins once more",
    "map": "a trial maps it",
    "trial from the file": "a trial of one epoch, rnn of 8 units",
    "trial mapped": "the same, mapped",
}


def drawn(path: Path) -> None:
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.exponential(MEAN, SEQUENCES), 2, LONGEST).astype(int)
    lengths[0] = LONGEST
    x = np.zeros((SEQUENCES, LONGEST, KEYS), np.uint8)
    for sequence, length in zip(x, lengths):
        sequence[:length] = rng.random((length, KEYS)) < 0.04
    np.savez_compressed(path, x=x, lengths=lengths)


def measured(row: str, file: str, digest: str) -> dict:
    """What one row took, in this process."""
    from rnnzoo import tasks

    options = {"file": file, "kind": "next_step"}
    functions: dict[str, Callable[[], object]] = {
        "load": lambda: tasks.load("arrays", options),
        "prepare": lambda: tasks.prepare("arrays", options),
        "again": lambda: tasks.prepare("arrays", options),
        "map": lambda: tasks.prepared("arrays", options, digest),
    }
    if row.startswith("trial"):
        return trained(options, digest if row == "trial mapped" else "")
    tasks.module("arrays")
    before, began = _peak(), time.perf_counter()
    made = functions[row]()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "MB": _peak() - before, "digest": getattr(made, "digest", "")}


def trained(options: dict, digest: str) -> dict:
    """A training's seconds, of them its data's, and the memory that it took beyond its imports."""
    from rnnzoo import lang
    from rnnzoo.lang.text import cell_text
    from rnnzoo.nn.train import train
    from rnnzoo.spec.hyperparameters import Training
    from rnnzoo.spec.trial import Trial

    trial = Trial(
        experiment="", variant="rnn", cell=cell_text(lang.load("rnn")), task="arrays", index=0,
        hyperparameters={"units": 8, "learning_rate": 0.01}, seed=0, task_options=options,
        training=Training(epochs=1, batch=8), data=digest,
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
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", help="of `arrays`, to predict the next step")
    parser.add_argument("--no-trials", action="store_true", help="leave out the two trainings")
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
        environment = {**os.environ, "XDG_CACHE_HOME": folder, "OMP_NUM_THREADS": "1"}
        digest = ""
        print(f"{'':46} {'seconds':>8} {'data':>8} {'MB':>6}")
        for row, words in ROWS.items():
            if args.no_trials and row.startswith("trial"):
                continue
            command = [sys.executable, "-m", "benchmarks.data", str(Path(file).resolve())]
            done = subprocess.run(
                [*command, "--one", row, digest], env=environment, check=True,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip
            told = json.loads(done.stdout)
            digest = told.get("digest") or digest
            data = f"{told['data']:8.3f}" if "data" in told else " " * 8
            score = f"  test {told['test']!r}" if "test" in told else ""
            print(f"{words:46} {told['seconds']:8.3f} {data} {told['MB']:6.0f}{score}", flush=True)


if __name__ == "__main__":
    main()
