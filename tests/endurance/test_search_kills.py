"""A search over cells whose process is killed at random: the same history, to the bit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rnnzoo.evolve.history import History
from rnnzoo.sweep.recorded import rows_of

SPEC = """\
experiment: small
task: parity
variants: [gru, lstm]
search_cells:
  filter:
    task: {name: memorisation, items: 2, symbols: 4, train: 200, valid: 50, test: 50}
    space: {units: 16, learning_rate: {choice: [0.01, 0.03]}}
    training: {epochs: 6}
  generation: 4
  candidates: 12
  settings: 0
"""
KILLS = 5


def begun(folder: Path, workers: int) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    (folder / "small.yaml").write_text(SPEC)
    words = ["evolve", "small.yaml", "--workers", str(workers)]
    return subprocess.Popen(
        [sys.executable, "-m", "rnnzoo", *words], cwd=folder, stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip


def results(folder: Path) -> list[dict[str, object]]:
    (history,) = (folder / "runs/small/cells").glob("*.jsonl")
    return History.of(rows_of(history)).results()


@pytest.mark.slow
def test_a_search_killed_five_times_has_the_history_of_one_that_was_not(tmp_path: Path) -> None:
    assert begun(tmp_path / "whole", 1).wait() == 0
    whole = results(tmp_path / "whole")
    luck = random.Random(2015)
    for _ in range(KILLS):
        process = begun(tmp_path / "killed", 2)
        time.sleep(luck.uniform(2.0, 8.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert begun(tmp_path / "killed", 2).wait() == 0
    assert results(tmp_path / "killed") == whole
