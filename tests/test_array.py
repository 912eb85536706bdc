"""The array of Slurm in the docs: valid, and each job runs its own shard in its own folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rnnzoo.spec import settings

SCRIPT = Path(__file__).parents[1] / "docs" / "array.sh"
# what stands for `rnnzoo` and `srun`: the folder and the arguments of each call, in a file
RECORD = """#!/bin/sh
printf '%s' "$PWD" >> "$CALLS"; printf ' %s' "$@" >> "$CALLS"; echo >> "$CALLS"
"""
RUN = """#!/bin/sh
exec "$@"
"""

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


def test_the_array_is_valid_for_bash() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)


def test_a_job_runs_its_shard_in_a_folder_of_its_own_and_exports_it(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("rnnzoo", RECORD), ("srun", RUN)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "gates.yaml").touch()
    calls = tmp_path / "calls"
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "CALLS": str(calls)}
    for task in ("2", "8"):
        job = {**environment, "SLURM_ARRAY_TASK_ID": task, "SLURM_CPUS_PER_TASK": "4"}
        subprocess.run(["bash", str(SCRIPT)], cwd=tmp_path, env=job, check=True)
    spec = tmp_path / "gates.yaml"
    options = "--workers 4 --hours 7.5 --grace 100"
    assert calls.read_text().splitlines() == [
        line
        for task in ("2", "8")
        for line in (
            f"{tmp_path}/parts/{task} sweep {spec} --shard {task}/8 {options}",
            f"{tmp_path}/parts/{task} export {spec} ../../results/{task}.csv --force",
        )
    ]
    assert settings.read(tmp_path / "parts" / "2" / "mlflow.yml").launcher.name == "local"
    assert (tmp_path / "results").is_dir()
