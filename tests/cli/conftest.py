"""A sweep that the tests of commands look at: its trainings take twenty seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_commands import SPEC
from tests.command import rnnzoo


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep that one worker ran without interruption."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "small.yaml").write_text(SPEC)
    done = rnnzoo("sweep", "small.yaml", "--workers", "1", cwd=folder)
    assert done.returncode == 0, done.stderr + done.stdout
    (folder / "printed.txt").write_text(done.stdout)
    return folder
