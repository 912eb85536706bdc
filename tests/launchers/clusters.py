"""A scheduler of Dask and workers on loopback, each a process, for tests; they end by themselves
where a test cannot end them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnzoo.launchers import Setup, dask

ROOT = Path(__file__).parents[2]
LOOPBACK = "127.0.0.1"
LONGEST = "600 seconds"  # that a scheduler nobody uses lives on


class Cluster:
    """
    Attributes:
        security: options of certificates for all of them, as `--tls-ca-file`, or none.
        settings: of the scheduler, as variables of its environment.
    """

    def __init__(
        self,
        security: Mapping[str, Sequence[str]] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.security, self.settings = security or {}, settings or {}
        self.folder = Path(tempfile.mkdtemp(prefix="rnnzoo-cluster-"))
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.scheduled()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers, self.scheduler):
            kill(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def scheduled(self, port: int = 0) -> subprocess.Popen[bytes]:
        """Start the scheduler."""
        file = self.folder / "scheduler.json"
        file.unlink(missing_ok=True)
        options = [
            *("--host", LOOPBACK, "--port", str(port), "--dashboard-address", f"{LOOPBACK}:0"),
            *("--scheduler-file", str(file), "--idle-timeout", LONGEST),
            *(("--protocol", "tls") if self.security else ()),
        ]
        process = self._start("scheduler", options, self.settings)
        until(file.is_file, "the scheduler did not start")
        until(file.read_text, "the scheduler did not start")
        self.address: str = json.loads(file.read_text())["address"]
        return process

    def add(self, count: int = 1, slots: int = 1, nanny: bool = False) -> None:
        """Start workers; they are not waited for."""
        for _ in range(count):
            self.workers.append(self.worker(slots, nanny))

    def launcher(self, setup: Setup, capacity: int = 0, **options: Any) -> dask.DaskLauncher:
        """A launcher of this cluster, once its workers have room for so many trials."""
        given = {**dask.OPTIONS, "address": self.address, **options}
        made = dask.launcher(replace(setup, options=given))

        def is_ready() -> bool:
            assert made.wait(0.05) is None
            return made.capacity() >= capacity

        until(is_ready, "the workers did not come")
        return made

    def worker(
        self, slots: int = 1, nanny: bool = False, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        options = [
            self.address,
            *("--host", LOOPBACK, "--nthreads", str(slots), "--memory-limit", "0"),
            *("--resources", f"trial={slots}", "--dashboard-address", f"{LOOPBACK}:0"),
            *("--local-directory", str(self.folder), "--death-timeout", "30"),
            "--nanny" if nanny else "--no-nanny",
        ]
        return self._start("worker", options, environment)

    def _start(
        self, what: str, options: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", what, *options, *self.security.get(what, ())]
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            )  # fmt: skip


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(condition: Any, otherwise: str, seconds: float = 60.0) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: it does not become so.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)
