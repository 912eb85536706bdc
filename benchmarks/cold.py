"""What a trial under JAX costs before its first usual epoch, in CPU seconds.

`python -m benchmarks.cold [ROUNDS] [FOLDER ...]`: the trial of `benchmarks.beside`, each time in a
process of its own, with an empty cache of compiled code and with a full one; medians over the
rounds.  Folders are checkouts of other versions, which take turns with this one: what else the
machine does changes figures by more than most changes to the code.  Loops of C++ are compiled
before.

    build   make the model
    epoch   what the first epoch takes more than the others
    eval    what the first evaluation takes more than the others
    usual   an epoch
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parent.parent
EPOCHS = 4
STATES = ("cold", "cached")
PARTS = ("build", "epoch", "eval", "usual")


def main(rounds: int, versions: list[Path]) -> None:
    """Print the medians of all versions."""
    seconds: dict[tuple[Path, str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as cache:
        for turn, version in product(range(rounds + 1), versions):
            with tempfile.TemporaryDirectory() as compiled:
                for state in STATES:
                    for part, value in _alone(version, cache, compiled).items():
                        if turn:  # the first one also compiles the loops, and loads the data
                            seconds[version, state, part].append(value)
    for version, state in product(versions, STATES):
        medians = (statistics.median(seconds[version, state, part]) for part in PARTS)
        row = (f"{part} {value:.3f}" for part, value in zip(PARTS, medians, strict=True))
        print(f"{version.name:12} {state:7}", *row)


def _alone(version: Path, cache: str, compiled: str) -> dict[str, float]:
    """The figures of a trial in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "trial"],
        cwd=version,
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "PYTHONPATH": str(version),
            "XDG_CACHE_HOME": cache,
            "JAX_COMPILATION_CACHE_DIR": compiled,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def trial() -> None:
    """Train, and print figures as a line of JSON."""
    from rnnzoo import backends

    os.environ |= backends.processes("jax").environment()
    import rnnzoo.sweep.preload  # noqa: F401  # as the fork server does
    from rnnzoo import lang, tasks
    from rnnzoo.lang.text import cell_text
    from rnnzoo.nn.train import Model
    from rnnzoo.spec.hyperparameters import Training
    from rnnzoo.spec.trial import Trial

    asked = Trial(
        experiment="cold", variant="peephole", cell=cell_text(lang.load("peephole")),
        task="chorales", index=1, hyperparameters={"units": 32, "learning_rate": 0.01}, seed=1,
        training=Training(epochs=EPOCHS, patience=0, clip=1.0, backend="jax"), folder="",
    )  # fmt: skip
    task = tasks.load("chorales", {})
    spent = defaultdict(list)
    began = _cpu()
    model = Model(asked, task)
    build = _cpu() - began
    for _ in range(EPOCHS):
        began = _cpu()
        model.epoch()
        trained = _cpu()
        model.evaluate("validation")
        spent["epoch"].append(trained - began)
        spent["eval"].append(_cpu() - trained)
    usual = {part: statistics.median(values[1:]) for part, values in spent.items()}
    first = {part: values[0] - usual[part] for part, values in spent.items()}
    print(json.dumps({"build": build, **first, "usual": usual["epoch"]}))


def _cpu() -> float:
    """CPU seconds of this process, all its threads and what it has compiled with."""
    others = os.times()
    return time.process_time() + others.children_user + others.children_system


if __name__ == "__main__":
    if sys.argv[1:] == ["trial"]:
        trial()
    else:
        asked = sys.argv[1:] or ["3"]
        main(int(asked[0]), [ROOT, *map(Path, asked[1:])])
