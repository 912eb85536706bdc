"""Populations that are killed at any moment: the same command goes on, and nothing but the seconds
differs from a sweep left alone, nor from trials that train one by one.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo.spec.settings import SQLITE
from rnnzoo.spec.trial import Kind, Outcome
from rnnzoo.sweep.search import Store
from tests.endurance.test_kills import ROOT, of_session

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc"),
]
DESK = "launchers._desk"  # in the command of a population
SPEC = """\
experiment: tiny
task: {name: adding, length: 12, train: 64, valid: 32, test: 32}
variants: [rnn, gru]
search: {trials: 8, seed: 3, rungs: {epochs: [2, 4], keep: 60%},
  space: {units: 6, learning_rate: {float: [1e-3, 3e-2], log: true}}}
training: {backend: jax, epochs: 8, batch: 16}
margin: 0.05
confirm: {budget: 40, first: 3, most: 4, pilot: 1, region: 10%}
claims: [gru same as rnn]
"""
KILLS = int(os.environ.get("RNNZOO_KILLS", "6"))


def begun(folder: Path, launcher: str) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    (folder / "tiny.yaml").write_text(SPEC)
    (folder / "mlflow.yml").write_text(f"launcher: {launcher}\n")
    with (folder / "out.txt").open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "rnnzoo", "sweep", "tiny.yaml"], cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip


def outcomes(folder: Path) -> dict[tuple[str, str, int], Outcome]:
    """How each trial ended, by variant, stage and index; without seconds."""
    results = Store(f"{SQLITE}{folder}/runs/optuna.db").results("tiny")
    keys = [(result.key.marked, result.key.task, result.trial.index) for result in results]
    assert len(set(keys)) == len(keys)
    return {
        key: replace(result.outcome, seconds={}, curve=tuple(map(_untimed, result.outcome.curve)))
        for key, result in zip(keys, results, strict=True)
    }


def _untimed(row: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name != "seconds"}


def test_kills_change_no_outcome_of_a_population_and_one_by_one_they_are_the_same(
    tmp_path: Path,
) -> None:
    population, rng = "{name: population, size: 4}", random.Random(4)
    began = time.monotonic()
    assert begun(tmp_path / "alone", population).wait(600) == 0
    takes = time.monotonic() - began
    for _ in range(KILLS):
        sweep = begun(tmp_path / "killed", population)
        with contextlib.suppress(subprocess.TimeoutExpired):
            sweep.wait(rng.uniform(2.0, takes))
        inner = [process.pid for process in of_session(sweep.pid) if DESK in process.command]
        for pid in rng.choice([inner, [sweep.pid], [*inner, sweep.pid]]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        sweep.wait(600)
        end = time.monotonic() + 15
        while left := of_session(sweep.pid):
            assert time.monotonic() < end, left
            time.sleep(0.05)
    assert begun(tmp_path / "killed", population).wait(600) == 0
    alone = outcomes(tmp_path / "alone")
    assert {outcome.kind for outcome in alone.values()} <= {Kind.COMPLETE, Kind.PRUNED}
    assert outcomes(tmp_path / "killed") == alone
    assert begun(tmp_path / "local", "local").wait(600) == 0
    one_by_one = outcomes(tmp_path / "local")
    assert one_by_one.keys() == alone.keys()
    for key, outcome in one_by_one.items():
        assert outcome.kind is alone[key].kind
        assert outcome.scores == pytest.approx(dict(alone[key].scores), abs=1e-6)
