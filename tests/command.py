"""rnnzoo's commands as a user types them, run in this process: an import of TensorFlow and MLflow
costs ten seconds.

What is about a process (signals, exit, what is imported) starts one of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from rnnzoo.cli import INTERRUPTED, main
from rnnzoo.launchers.local import LocalLauncher
from rnnzoo.sweep import work as running
from tests import fork_servers


def rnnzoo(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with variables beside those of the environment, on a terminal of
    80 columns.
    """
    done = _run(*arguments, cwd=cwd, **environment)
    if done.returncode == INTERRUPTED:
        raise KeyboardInterrupt  # which was meant for the tests
    return done


def before_a_trial(*arguments: str, cwd: Path) -> str:
    """What a sweep prints that is interrupted as it begins its first trial."""
    return _interrupted("submit", *arguments, cwd=cwd)


def during_a_trial(*arguments: str, cwd: Path) -> str:
    """What a sweep prints that is interrupted while its first trials run."""
    return _interrupted("wait", *arguments, cwd=cwd)


def _interrupted(at: str, *arguments: str, cwd: Path) -> str:
    """What is printed when the end is asked for as this method of the launcher is called."""
    with mock.patch.object(LocalLauncher, at, side_effect=KeyboardInterrupt):
        done = _run(*arguments, cwd=cwd)
    assert done.returncode == INTERRUPTED, done.stdout + done.stderr
    return done.stdout


def _run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
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
        fork_servers.shared(),
        mock.patch.object(running, "work", _Within(running.work, cwd)),
    ):
        code = _exit_code(arguments)
    printed, told = (stream.buffer.getvalue().decode(encoding) for stream in (out, error))  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(["rnnzoo", *arguments], code, printed, told)


def _exit_code(arguments: tuple[str, ...]) -> int:
    try:
        return main(arguments)
    except SystemExit as left:
        return int(left.code or 0)


class _Within:
    """A function that finds itself in a folder when it has come to another process: that of its
    sweep, not its server's.
    """

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self.function, self.folder = function, folder

    def __reduce__(self) -> tuple[Any, ...]:
        return _within, (
            self.function.__module__,
            self.function.__name__,
            str(self.folder.resolve()),
        )


def _within(module: str, name: str, folder: str) -> Any:
    os.chdir(folder)
    return getattr(importlib.import_module(module), name)
