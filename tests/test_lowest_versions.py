"""The lowest versions that pyproject.toml allows: a sweep runs with them, and cells equal the
reference.

Makes an environment of its own, of 3 GB, once a session; without a network it is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
NO_NETWORK = ("Failed to fetch", "error sending request", "network was disabled")
WANTED = ("hypothesis", "pytest")  # beside what a user has
CELLS = "lstm or gru or clockwork or mut1"
SPEC = """\
experiment: lowest
task: {name: adding, length: 8, train: 32, valid: 16, test: 16}
variants: [rnn, lstm]
search:
  trials: 3
  seed: 1
  space: {units: {choice: [4, 8]}, learning_rate: {float: [1e-3, 1e-2], log: true}}
training: {epochs: 2}
claims: [rnn worse than lstm]
"""
pytestmark = pytest.mark.slow


def uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(UV), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the lowest versions.

    `RNNZOO_LOWEST` names one that is there already.
    """
    folder = Path(os.environ.get("RNNZOO_LOWEST") or tmp_path_factory.mktemp("lowest") / "venv")
    python = folder / "bin" / "python"
    if python.exists():
        return python
    dev = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"][
        "dev"
    ]
    tests = [requirement for requirement in dev if requirement.startswith(WANTED)]
    assert uv("venv", "--python", sys.executable, str(folder)).returncode == 0
    arguments = ("pip", "install", "--resolution", "lowest-direct", "--python", str(python))
    made = uv(*arguments, str(ROOT), *tests)
    if made.returncode and any(word in made.stderr for word in NO_NETWORK):
        pytest.skip("no network")
    assert made.returncode == 0, made.stderr
    return python


def run(python: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(python), *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def lowest() -> dict[str, str]:
    """The lowest version of each dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bounds = (
        requirement.partition(",")[0].partition(">=") for requirement in project["dependencies"]
    )
    return {name: version for name, _, version in bounds}


def test_the_environment_has_the_lowest_versions(python: Path, tmp_path: Path) -> None:
    listed = json.loads(uv("pip", "list", "--format", "json", "--python", str(python)).stdout)
    versions = {package["name"]: package["version"] for package in listed}
    for name, version in lowest().items():
        parts, least = versions[name].split("."), version.split(".")
        assert parts[: len(least)] == least, name
    assert run(python, "-m", "rnnzoo", "doctor", cwd=tmp_path).returncode in (0, 1)


def test_a_sweep_runs_from_its_spec_to_its_report(python: Path, tmp_path: Path) -> None:
    (tmp_path / "lowest.yaml").write_text(SPEC)
    ran = run(python, "-m", "rnnzoo", "sweep", "lowest.yaml", "--workers", "2", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "runs" / "lowest" / "report" / "report.html").is_file()
    exported = run(python, "-m", "rnnzoo", "export", "lowest.yaml", "trials.parquet", cwd=tmp_path)
    assert exported.returncode == 0, exported.stdout + exported.stderr
    again = run(
        python, "-m", "rnnzoo", "report", "lowest.yaml", "--from", "trials.parquet", cwd=tmp_path
    )
    assert again.returncode == 0, again.stdout + again.stderr


def test_cells_equal_the_reference(python: Path) -> None:
    arguments = (
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/conformance/test_every_cell.py",
        "-k",
        CELLS,
    )
    ran = run(python, *arguments, cwd=ROOT)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
