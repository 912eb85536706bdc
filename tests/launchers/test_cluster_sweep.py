"""A sweep with code of its own on a cluster, encrypted, of which a worker is killed half-way: the
same digits as on this machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from rnnzoo.api import certificates
from rnnzoo.launchers._certificates import files_of
from rnnzoo.spec.trial import Result
from rnnzoo.sweep.search import Store
from tests.launchers.clusters import ROOT, Cluster, kill
from tests.results import result_of
from tests.test_own_code import CELL, EXAMPLES, TASK

# Rungs, so that trainings wait and go on on another worker; an operation, a task, a loss and a
# metric of the project's own
SPEC = """\
experiment: own
task: means
variants: [{cell: ./wavy.yaml, name: wavy}]
training: {epochs: 4, batch: 8}
search: {trials: 6, rungs: {epochs: [2], keep: 50%},
  space: {units: {choice: [3, 4]}, learning_rate: {float: [0.001, 0.1], log: true}}}
"""


def project(folder: Path) -> Path:
    files = {
        **EXAMPLES,
        "experiments/tasks/means.py": TASK,
        "experiments/own.yaml": SPEC,
        "experiments/wavy.yaml": CELL,
        "mlflow.yml": "{}\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def sweep(folder: Path, *options: str) -> subprocess.Popen[str]:
    """A sweep with a cache of its own."""
    command = [sys.executable, "-m", "rnnzoo", "sweep", "experiments/own.yaml", *options]
    cache = str(folder / "cache")
    return subprocess.Popen(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": cache},
    )  # fmt: skip


def results(folder: Path) -> list[Result]:
    found = Store(f"sqlite:///{folder}/runs/optuna.db").results("own")
    return sorted(found, key=lambda result: (result.study, result.trial.index))


def options(folder: Path, what: str, holder: str) -> Sequence[str]:
    certificate, key = files_of(holder)
    files = {"ca-file": "ca.pem", "cert": certificate, "key": key}
    return [f"--tls-{name}={folder / file}" for name, file in files.items()]


@pytest.mark.slow  # two sweeps of nine trainings, a minute or two
def test_a_cluster_yields_the_same_to_the_bit_and_brings_logs_and_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = project(tmp_path / "here"), project(tmp_path / "there")
    alone = sweep(here, "--workers", "1")
    assert alone.wait(600) == 0, alone.communicate()[0]
    certificates.make(there / "certificates")
    secured = {
        what: options(there / "certificates", what, what) for what in ("scheduler", "worker")
    }
    with Cluster(secured) as cluster:
        for number in range(2):
            cache = {"XDG_CACHE_HOME": str(tmp_path / f"node{number}")}
            cluster.workers.append(cluster.worker(environment=cache))
        running = sweep(there, "--cluster", cluster.address)
        assert running.stdout
        ended = 0
        for line in running.stdout:
            ended += line.startswith("[")
            if ended == 1:
                kill(cluster.workers[0])
        assert running.wait(600) == 0
    expected, got = results(here), results(there)
    assert len(expected) == 6
    assert [(result.study, result.trial.index, result.trial.key) for result in got] == [
        (result.study, result.trial.index, result.trial.key) for result in expected
    ]
    for one, other in zip(expected, got, strict=True):
        assert result_of(other.outcome) == result_of(one.outcome)
    monkeypatch.chdir(there)
    complete = [result.trial for result in got if result.outcome.scores]
    for trial in complete:
        assert "epoch 4" in trial.log.read_text()
        assert zipfile.is_zipfile(trial.model)
        assert not trial.checkpoint.exists()
    for number in range(2):
        assert list((tmp_path / f"node{number}" / "rnnzoo" / "data").glob("means-*"))
