"""The operating system's lock on an open file, which ends with the process that holds it.

Windows has none of the kind: there data are read and nothing is trained.  Some disks have none.
"""

from __future__ import annotations

import errno
import os
from typing import IO

try:
    import fcntl
except ModuleNotFoundError:
    _IS_THERE = False
else:
    _IS_THERE = True


def take(file: int | IO[str] | IO[bytes]) -> None:
    """Hold a file that nobody else holds, until it is closed.

    Raises:
        BlockingIOError: somebody does.
        OSError: there are no locks.
    """
    _check_there()
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def share(file: int | IO[str] | IO[bytes], waits: bool = False) -> None:
    """Hold a file with others who share it, until it is closed.

    Args:
        waits: until nobody holds it alone.

    Raises:
        BlockingIOError: somebody holds it alone.
        OSError: there are no locks.
    """
    _check_there()
    fcntl.flock(file, fcntl.LOCK_SH if waits else fcntl.LOCK_SH | fcntl.LOCK_NB)


def _check_there() -> None:
    if not _IS_THERE:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
