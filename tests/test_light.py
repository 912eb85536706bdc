"""Environments that train nothing: what a dependency group of pyproject.toml installs suffices for
its commands.

Every other package is hidden from a process of its own; a slow test installs the group for real.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# each command in a list of its own; prints their exit codes.  SciPy takes a name of `sys.modules`
# for a package that is there, so that it is the finder that does not find what is hidden
PROGRAM = """\
import json, sys
from importlib.machinery import PathFinder
hidden, commands = map(json.loads, sys.argv[1:])
class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        is_hidden = name.partition(".")[0] in hidden
        return None if is_hidden else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
from rnnzoo.cli import main
print(json.dumps([main(command) for command in commands]))
"""
# what Windows lacks, by what rnnzoo uses elsewhere
ON_WINDOWS = """\
import mmap, os, signal, sys
sys.modules.update(dict.fromkeys(("fcntl", "resource")))
del signal.SIGHUP, signal.SIGKILL, mmap.MADV_DONTNEED, os.fork
"""
CELLS = (
    ("list", "cells"),
    ("list", "tasks"),
    ("list", "operations"),
    ("show", "lstm"),
    ("show", "gru", "--svg", "gru.svg"),
    ("show", "gru", "--html", "gru.html"),
    ("show", "lstm", "--torch"),
    ("new", "cell", "mine"),
    ("skill",),
    ("demo", "--no-browser", "--out", "demo"),
    ("check", "experiments/cells/mine.yaml", "gates.yaml"),
)


@cache
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def group(name: str) -> set[str]:
    """The distributions of a dependency group."""
    names = set()
    for entry in project()["dependency-groups"][name]:
        if isinstance(entry, dict):
            names |= group(entry["include-group"])
        else:
            names.add(canonicalize_name(Requirement(entry).name))
    return names


def installed_with(names: set[str]) -> set[str]:
    """Distributions, and all that they need."""
    found, waiting = set(), {*names}
    while waiting:
        name = waiting.pop()
        found.add(name)
        try:
            needed = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:  # of another platform
            continue
        wanted = (each for each in needed if not each.marker or each.marker.evaluate({"extra": ""}))
        waiting |= {canonicalize_name(each.name) for each in wanted} - found
    return found


def hidden_from(name: str) -> list[str]:
    """Every package that can be imported here, and could not with a group alone."""
    there = {*installed_with(group(name)), "rnnzoo"}
    return [
        package
        for package, distributions in packages_distributions().items()
        if not there & {canonicalize_name(each) for each in distributions}
    ]


def run(
    name: str, *commands: tuple[str, ...], cwd: Path, before: str = ""
) -> subprocess.CompletedProcess[str]:
    """Commands in a process that finds the packages of a group only, all packages where it is
    empty; first it does what stands in `before`.
    """
    arguments = [json.dumps(hidden_from(name) if name else []), json.dumps(commands)]
    return subprocess.run(
        [sys.executable, "-c", before + PROGRAM, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["cells", "reports"])
def test_a_group_names_dependencies_and_nothing_else(name: str) -> None:
    dependencies = {
        canonicalize_name(Requirement(text).name) for text in project()["project"]["dependencies"]
    }
    assert group(name) < dependencies


def test_what_a_group_leaves_out_is_hidden() -> None:
    assert {"tensorflow", "keras", "jax", "mlflow", "optuna", "scipy", "pandas"} <= {
        *hidden_from("cells")
    }
    assert not {"numpy", "yaml", "rich", "markupsafe", "rnnzoo"} & {*hidden_from("cells")}


def test_cells_are_checked_listed_drawn_and_begun_with_their_group_alone(tmp_path: Path) -> None:
    shutil.copy(ROOT / "experiments/gates.yaml", tmp_path)
    done = run("cells", *CELLS, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    codes = json.loads(done.stdout.splitlines()[-1])
    assert dict(zip(CELLS, codes)) == dict.fromkeys(CELLS, 0), done.stderr
    assert "cell 'mine' is right" in done.stdout
    assert "experiment 'gates' is right" in done.stdout
    assert "not checked: what its claims can decide; that needs scipy" in done.stdout
    assert "</svg>" in (tmp_path / "gru.html").read_text()


def test_a_command_that_needs_more_says_what_is_missing(tmp_path: Path) -> None:
    shutil.copy(ROOT / "experiments/first.yaml", tmp_path)
    done = run("cells", ("sweep", "first.yaml"), cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[1]"  # behind what is asked
    assert done.stderr == (
        "`rnnzoo sweep` needs optuna, which is not installed here\n"
        "  fix: install rnnzoo with all that it needs (docs/installing.md): pip install rnnzoo\n"
    )


def test_a_table_is_reported_where_what_was_run_cannot_be_read(tmp_path: Path) -> None:
    folder = ROOT / "rnnzoo/demo"
    shutil.copy(folder / "gates.yaml", tmp_path)
    (tmp_path / "results").mkdir()
    shutil.copy(folder / "gates.csv", tmp_path / "results")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/optuna.db").touch()
    done = run("reports", ("report", "gates.yaml"), cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[0]", done.stdout + done.stderr
    assert done.stdout.splitlines()[:2] == [
        "trials that were run here are not read: optuna is not installed",
        "from results/gates.csv: 101 trials",
    ]
    assert (tmp_path / "runs/gates/report/report.html").is_file()


def test_cells_are_checked_listed_and_drawn_without_what_windows_lacks(tmp_path: Path) -> None:
    shutil.copy(ROOT / "experiments/gates.yaml", tmp_path)
    commands = (("list", "tasks"), ("show", "lstm"), ("check", "gates.yaml"))
    done = run("cells", *commands, cwd=tmp_path, before=ON_WINDOWS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "[0, 0, 0]", done.stderr


@pytest.mark.slow
def test_without_what_windows_lacks_results_are_read_and_nothing_is_trained(tmp_path: Path) -> None:
    shutil.copy(ROOT / "experiments/first.yaml", tmp_path)
    commands = (
        ("demo", "--no-browser", "--out", "demo"),
        ("report", "demo/gates.yaml", "--from", "demo/gates.csv"),
        ("check", "first.yaml"),
        ("plan", "first.yaml", "--no-measure"),
        ("plan", "first.yaml"),
        ("sweep", "first.yaml"),
    )
    done = run("", *commands, cwd=tmp_path, before=ON_WINDOWS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "[0, 0, 0, 0, 1, 1]", done.stderr
    lacking = (
        "trainings run in processes of a kind that Windows lacks\n"
        "  fix: work in WSL (docs/installing.md); `rnnzoo plan SPEC --no-measure` trains nothing\n"
    )
    assert done.stderr == 2 * lacking  # of plan, and of sweep


def test_no_index_is_named_for_a_module_of_python_itself() -> None:
    from rnnzoo.errors import lacking

    assert "pip install rnnzoo" in str(lacking("`rnnzoo plan`", "optuna"))
    said = str(lacking("`rnnzoo status`", "sqlite3"))
    assert "needs sqlite3, which this Python lacks" in said
    assert "pip" not in said


def test_a_module_of_ours_that_is_missing_is_a_bug_of_ours() -> None:
    from rnnzoo.errors import absent_package

    assert absent_package(ModuleNotFoundError("", name="rnnzoo.nothing")) == ""
    assert absent_package(ModuleNotFoundError("", name="numpy.nothing")) == ""
    assert absent_package(ModuleNotFoundError("")) == ""
    assert absent_package(ModuleNotFoundError("", name="not_a_package.part")) == "not_a_package"
