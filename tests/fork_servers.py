"""Fork servers that the sweeps of tests share, so that each imports what it preloads once and not
once a sweep.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock

from rnnzoo.launchers import local

_start = local._start_server
_servers: dict[object, _Lasting] = {}


class _Lasting(local._Server):
    """A fork server that serves one sweep after another."""

    def close(self) -> None: ...


@contextlib.contextmanager
def shared() -> Iterator[None]:
    """All sweeps that begin in the block share fork servers with those of other such blocks."""

    def lasting(
        preload: tuple[str, ...],
        log: Path | None,
        environment: Mapping[str, str],
        home: Path | None = None,
    ) -> local._Server:
        key = (preload, tuple(sorted(environment.items())), home)
        if key not in _servers or not _servers[key].alive:
            server = _start(preload, log, environment, home)
            _servers[key] = _Lasting(server.process, server.control)
        return _servers[key]

    with mock.patch.object(local, "_start_server", lasting):
        yield


def end() -> None:
    """End them all."""
    for server in _servers.values():
        local._Server.close(server)
    _servers.clear()
