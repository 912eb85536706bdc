"""What `rnnzoo report` costs for each study with a table in `results/`: CPU seconds of the command.

`python -m benchmarks.reports [ROUNDS] [FOLDER ...]`: each command is a process of its own, in a
folder that holds a copy of `experiments/` and `results/` and nothing else, so that reports are made
from the tables, without data, a database or TensorFlow.  Printed are medians over the rounds, the
most memory, and the size of the page.  Folders are checkouts of other versions, which take turns
with this one.  `--help` and `list cells`, which should answer at once, stand above them.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parent.parent
TABLES = sorted((ROOT / "results").glob("*.csv"))
STUDIES = [ROOT / "experiments" / "studies" / f"{table.stem}.yaml" for table in TABLES]


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one command.

    Attributes:
        seconds: of the processor, all threads.
        megabytes: of memory, at most.
    """

    seconds: float
    megabytes: float


def main(rounds: int, versions: Sequence[Path]) -> None:
    """Print a line for each command and version."""
    commands = [["--help"], ["list", "cells"]]
    commands += [["report", str(study.relative_to(ROOT))] for study in STUDIES]
    for command in commands:
        costs: dict[Path, list[Cost]] = defaultdict(list)
        pages: dict[Path, int] = {}
        # the first round compiles modules, and lets matplotlib look for fonts
        for turn, version in product(range(rounds + 1), versions):
            with tempfile.TemporaryDirectory() as project:
                cost = _alone(version, command, Path(project))
                pages[version] = sum(
                    page.stat().st_size for page in Path(project).glob("runs/*/report/report.html")
                )
            if turn:
                costs[version].append(cost)
        for version in versions:
            seconds = statistics.median(cost.seconds for cost in costs[version])
            memory = max(cost.megabytes for cost in costs[version])
            page = f"  page {pages[version] / 1e3:5.0f} kB" if pages[version] else ""
            name = Path(command[-1]).stem
            print(
                f"{name:20} {version.name:12} {seconds:6.2f} s  {memory:4.0f} MB{page}", flush=True
            )


def _alone(version: Path, command: Sequence[str], project: Path) -> Cost:
    """What a command costs in a process of its own.

    Args:
        version: the checkout whose package is run.
        project: an empty folder, in which it is run.
    """
    for folder in ("experiments", "results"):
        shutil.copytree(ROOT / folder, project / folder)
    variables = {**os.environ, "PYTHONPATH": str(version)}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "rnnzoo", *command],
        cwd=project,
        env=variables,
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    # Linux counts kilobytes, macOS bytes
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / unit)


if __name__ == "__main__":
    asked = sys.argv[1:] or ["3"]
    main(int(asked[0]), [ROOT, *map(Path, asked[1:])])
