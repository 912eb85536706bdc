"""Two sweeps of one experiment exclude each other.

The lock is the operating system's, on a file: it ends with its process, however that ends, so none is ever stale on one
machine.  The file also says who holds it, for the message.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from rnnzoo.errors import StoreError


@contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """Hold the lock while the block runs.

    Raises:
        StoreError: somebody else holds it; says who, and since when.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreError(
                f"another sweep of '{what}' is running: {_holder(stream)}\n  fix: wait, or end it"
            ) from None
        stream.seek(0)
        stream.truncate()
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        json.dump({"host": socket.gethostname(), "pid": os.getpid(), "since": now}, stream)
        stream.flush()
        yield


def holder(path: Path) -> str:
    """Who holds a lock, and since when; empty where nobody does."""
    with path.open("r") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _holder(stream)
    return ""


def _holder(stream: IO[str]) -> str:
    stream.seek(0)
    try:
        holder = json.load(stream)
    except json.JSONDecodeError:
        return "it is just starting"
    return f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
