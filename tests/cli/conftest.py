"""A sweep that the tests of commands look at: its trainings take twenty seconds."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.cli.test_commands import SPEC
from tests.command import rnnzoo
from tests.conftest import CACHES

PRINTED = "printed.txt"  # what the sweep printed; the last file to be there


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep that one worker ran without interruption.

    It is run once for all processes of the tests, each of which has a copy, whose storage names the
    copy's own file: some tests go on from there.
    """
    made = Path(os.environ[CACHES], "swept")
    made.mkdir(exist_ok=True)
    with (made / "making.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / PRINTED).exists():
            _sweep(made)
    copy = Path(shutil.copytree(made, tmp_path_factory.mktemp("swept"), dirs_exist_ok=True))
    with contextlib.closing(sqlite3.connect(copy / "runs/optuna.db")) as storage, storage:
        storage.execute(
            "update study_user_attributes set value_json = ? where key = 'file'",
            [json.dumps(str(copy / "small.yaml"))],
        )
    return copy


def _sweep(folder: Path) -> None:
    (folder / "small.yaml").write_text(SPEC)
    done = rnnzoo("sweep", "small.yaml", "--workers", "1", cwd=folder)
    assert done.returncode == 0, done.stderr + done.stdout
    (folder / PRINTED).write_text(done.stdout)
