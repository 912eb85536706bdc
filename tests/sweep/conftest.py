"""A sweep that tests of the loop begin with: it takes half a second."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests import fork_servers
from tests.sweep.loop import RANDOM, Quiet, sweep


@pytest.fixture(scope="session")
def ran_before(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Puts into a folder the storage of a sweep of `RANDOM` that is done."""
    made = tmp_path_factory.mktemp("ran_before")
    with fork_servers.shared():
        sweep(made, RANDOM, 2, Quiet()).run()

    def copy(folder: Path) -> None:
        with (
            closing(sqlite3.connect(made / "optuna.db")) as source,
            closing(sqlite3.connect(folder / "optuna.db")) as storage,
        ):
            source.backup(storage)

    return copy
