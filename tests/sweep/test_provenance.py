"""What is remembered of where trials were run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rnnzoo.spec.hyperparameters import Training
from rnnzoo.sweep import provenance


@pytest.mark.parametrize(
    ("backend", "libraries"),
    [("tensorflow", {"tensorflow", "keras"}), ("jax", {"jax", "jaxlib", "keras"})],
)
def test_it_names_versions_and_the_machine_and_outside_a_repository_no_commit(
    backend: str, libraries: set[str], tmp_path: Path
) -> None:
    versions = provenance.here(tmp_path, Training(backend=backend))
    assert {*versions} == {
        "Python", "rnnzoo", "numpy", "optuna", "system", "processor", "loops", *libraries,
    }  # fmt: skip
    assert all(versions.values())


def test_the_commit_is_that_of_the_folder_and_says_whether_something_changed_since(
    tmp_path: Path,
) -> None:
    def git(*words: str) -> str:
        identity = ("-c", "user.name=n", "-c", "user.email=e@example.org")
        done = subprocess.run(
            ["git", *identity, *words], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "-q")
    (tmp_path / "spec.yaml").write_text("a: 1\n")
    git("add", "spec.yaml")
    git("commit", "-qm", "first")
    commit = git("rev-parse", "HEAD")
    assert provenance.here(tmp_path, Training())["commit"] == commit
    (tmp_path / "untracked").write_text("runs")
    assert provenance.here(tmp_path, Training())["commit"] == commit
    (tmp_path / "spec.yaml").write_text("a: 2\n")
    assert provenance.here(tmp_path, Training())["commit"] == commit + "+"
