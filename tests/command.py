"""rnnzoo's commands as a user types them, run in this process: an import of TensorFlow and MLflow costs ten seconds.

What is about a process (signals, exit, what is imported) starts one of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from rnnzoo.cli import INTERRUPTED, main
from rnnzoo.launchers import local
from rnnzoo.sweep import run


def rnnzoo(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with variables beside those of the environment, on a terminal of 80 columns."""
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    out, error = (
        io.TextIOWrapper(io.BytesIO(), encoding, errors, write_through=True)
        for errors in ("strict", "backslashreplace")
    )
    with (
        mock.patch.dict(os.environ, {"COLUMNS": "80", **environment}),
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(error),
        _lasting_fork_servers(cwd),
    ):
        code = _exit_code(arguments)
    if code == INTERRUPTED:
        raise KeyboardInterrupt  # which was meant for the tests
    printed, told = (stream.buffer.getvalue().decode(encoding) for stream in (out, error))  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(["rnnzoo", *arguments], code, printed, told)


def _exit_code(arguments: tuple[str, ...]) -> int:
    try:
        return main(arguments)
    except SystemExit as left:
        return int(left.code or 0)


# ---------------------------------------------------------------------------------------------- fork servers

_servers: dict[object, _Lasting] = {}


class _Lasting(local._Server):
    """A fork server that serves one sweep after another."""

    def close(self) -> None: ...


class _Within:
    """A function that finds itself in a folder when it has come to another process: that of its sweep, not its server's."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self.function, self.folder = function, folder

    def __reduce__(self) -> tuple[Any, ...]:
        return _within, (self.function.__module__, self.function.__name__, str(self.folder.resolve()))


def _within(module: str, name: str, folder: str) -> Any:
    os.chdir(folder)
    return getattr(importlib.import_module(module), name)


@contextlib.contextmanager
def _lasting_fork_servers(folder: Path) -> Iterator[None]:
    """All sweeps of this process share a fork server: it imports TensorFlow once, not once a sweep."""
    started = local._start_server

    def lasting(preload: tuple[str, ...], log: Path | None, environment: Mapping[str, str]) -> local._Server:
        key = (preload, tuple(sorted(environment.items())))
        if key not in _servers or not _servers[key].alive:
            server = started(preload, log, environment)
            _servers[key] = _Lasting(server.process, server.control)
        return _servers[key]

    with mock.patch.object(local, "_start_server", lasting), mock.patch.object(run, "work", _Within(run.work, folder)):
        yield


def end_fork_servers() -> None:
    for server in _servers.values():
        local._Server.close(server)
    _servers.clear()
