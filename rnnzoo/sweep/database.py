"""The database of a storage: where it is, how it is connected to, and how a new one is made.

In: a URL.  Out: Optuna's storage, or in words why there is none.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from rnnzoo.errors import StoreError, store_error, without_password
from rnnzoo.spec.atomic import staged
from rnnzoo.spec.settings import SQLITE, sqlite_file, sqlite_url
from rnnzoo.sweep._retry import plain

LOCKED = 5.0  # seconds that SQLite waits for a lock before it says so
_LIBPQ = ("postgresql://", "postgresql+psycopg")


def is_foreign(url: str) -> bool:
    """Whether a SQLite file is another program's, or empty: opened as a storage it would be given
    tables of Optuna's.  What cannot be read at all is left to `Store`, which says why.
    """
    if not url.startswith(SQLITE):
        return False
    only_read = f"{sqlite_file(url).absolute().as_uri()}?mode=ro"
    tables = "select name from sqlite_master where type = 'table'"
    try:
        with closing(sqlite3.connect(only_read, uri=True)) as database:
            names = {name for (name,) in database.execute(tables)}
    except sqlite3.Error:
        return False
    return not {"studies", "trials"} <= names


def opened(url: str) -> Any:
    """The storage at a URL.

    One that is away is not waited for: nothing has begun that could be lost.
    """
    import optuna

    try:
        path = sqlite_file(url) if url.startswith(SQLITE) else None
        if path is not None and not path.exists():
            _make_sqlite(path)
        return optuna.storages.RDBStorage(url, engine_kwargs=_engine(url))
    except RuntimeError as error:
        raise _other_version(url, str(error)) from None
    except Exception as error:
        reason = plain(error) or (str(error) if isinstance(error, OSError | ImportError) else None)
        if reason is None:
            raise
        raise store_error("the storage", url, reason, "storage") from None


def _engine(url: str) -> dict[str, Any]:
    """How to connect: a locked file is waited for by SQLite itself a while, a server is asked
    whether it is still there.
    """
    if url.startswith(SQLITE):
        return {"connect_args": {"timeout": LOCKED}}
    # numbers of libpq's: one that answers no more is noticed within a minute
    patience = {
        "connect_timeout": 10,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    return {"pool_pre_ping": True, "connect_args": patience if url.startswith(_LIBPQ) else {}}


def _other_version(url: str, message: str) -> StoreError:
    from optuna import __version__

    which, fix = "a later", "make setup, with a later rnnzoo"
    if "storage upgrade" in message:
        which, fix = "an older", "keep a copy of it, then: optuna storage upgrade --storage URL"
    return StoreError(
        f"the storage at {without_password(url)} was written by {which} version of Optuna than"
        f" {__version__}",
        f"{fix}; or name another storage in mlflow.yml",
    )


def _make_sqlite(path: Path) -> None:
    """Make a new database, whole before it gets its name; the database of a sweep that was faster
    is kept.
    """
    import optuna

    with staged(path) as new:
        made = optuna.storages.RDBStorage(sqlite_url(new))
        made.engine.dispose()
        # `replace` would throw away what the faster one has written since
        with suppress(FileExistsError):
            os.link(new, path)
