"""Trials on this machine: each in a child of a fork server that has imported Keras once.

In: trials.  Out: events.  A child costs 0.2 s instead of a 6 s import, and takes its memory with it when it ends.  Whatever
happens in a child (an exception, a crash, a kill, a limit) ends that child and nothing else.  A child ends itself when its
pipe closes, so that none goes on computing for a sweep that was killed.
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import math
import multiprocessing
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from rnnzoo.launchers import Event, Work
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial

FULL = (errno.ENOSPC, errno.EDQUOT)
GRACE = 5.0  # seconds between asking a child to end and ending it
LOOK = 1.0  # seconds between looks at limits
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# glibc hands large pieces back to the system at once and gets them anew, page by page, at every training step
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**32)}


@dataclass(slots=True)
class _Child:
    process: BaseProcess
    pipe: Connection
    trial: Trial
    deadline: float  # on the monotonic clock
    sentinel: int | None  # ready when the fork server says that the child has ended, or has ended itself


@dataclass(slots=True)
class LocalLauncher:
    """Runs up to `workers` trials at once.

    Attributes:
        work: what a child runs; found again by its name, so a function of a module.
        preload: modules that the fork server imports before its first child.
        log: where the fork server's own messages go; each trial has a `log.txt` of its own.
        environment: variables that children have beside ours.
        minutes: a trial that takes longer is ended as timed out; infinite by default.
        memory: a trial that holds more bytes of resident memory is ended as out of memory; infinite by default.
            (Watched from outside: a limit on the address space, as `ulimit -v` sets it, breaks TensorFlow.)
    """

    work: Work
    workers: int
    preload: tuple[str, ...] = ()
    log: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    minutes: float = math.inf
    memory: float = math.inf
    children: dict[int, _Child] = field(default_factory=dict)  # the one that was heard longest ago first
    _next: int = 0
    _looked: float = -math.inf
    _context: Any = None

    def capacity(self) -> int:
        return self.workers

    def submit(self, trial: Trial) -> int:
        ours, theirs = multiprocessing.Pipe()
        with _starting(self.log, {**ONE_THREAD, **KEEP_MEMORY, **self.environment}):
            process = self._start(trial, theirs)
        theirs.close()  # the child has its own; ours must see the end of the file when the child ends
        self._next += 1
        deadline = time.monotonic() + 60 * self.minutes
        self.children[self._next] = _Child(process, ours, trial, deadline, process.sentinel)
        return self._next

    def _start(self, trial: Trial, pipe: Connection) -> BaseProcess:
        for last in (False, True):
            if self._context is None:
                self._context = multiprocessing.get_context("forkserver")
                self._context.set_forkserver_preload(list(self.preload))
            process: BaseProcess = self._context.Process(target=_child, args=(self.work, trial, pipe), daemon=True)
            try:
                process.start()
                return process
            except (OSError, EOFError):  # the fork server died; the next start makes another
                if last:
                    raise
        raise AssertionError("unreachable")

    def wait(self, timeout: float | None = None) -> Event | None:
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            event = self._beyond_limits() or self._next_message(end - time.monotonic())
            if event is not None or time.monotonic() >= end:
                return event

    def _next_message(self, patience: float) -> Event | None:
        """A message of the child that was heard longest ago, so that a talkative one does not drown the others."""
        if min(self.minutes, self.memory) < math.inf:
            patience = min(patience, LOOK)
        watched = [one for child in self.children.values() for one in (child.pipe, child.sentinel) if one is not None]
        ready = wait(watched, None if patience == math.inf else max(patience, 0.0))
        for ticket, child in self.children.items():
            if child.pipe in ready:
                return self._receive(ticket)
            if child.sentinel in ready and not child.pipe.poll():  # what it started may hold its pipe open
                if child.process.exitcode == 255 and _runs(child.process.pid):
                    child.sentinel = None  # the fork server ended, not the child: its pipe will tell
                    return None
                return self._conclude(ticket, _died(child))
        return None

    def _receive(self, ticket: int) -> Event:
        child = self.children[ticket]
        try:
            message: Progress | Outcome = child.pipe.recv()
        except (EOFError, OSError):
            message = _died(child)
        if isinstance(message, Outcome):
            return self._conclude(ticket, message)
        self.children[ticket] = self.children.pop(ticket)
        return Event(ticket, message)

    def _conclude(self, ticket: int, outcome: Outcome) -> Event:
        self._end(ticket)
        return Event(ticket, outcome)

    def _beyond_limits(self) -> Event | None:
        """End a trial that has had its time, or holds too much memory; one that has just ended is left alone."""
        if min(self.minutes, self.memory) == math.inf or time.monotonic() < self._looked + LOOK:
            return None
        for ticket, child in self.children.items():
            outcome = self._limit(child)
            if outcome is not None and not child.pipe.poll():
                child.process.kill()
                return self._conclude(ticket, outcome)
        self._looked = time.monotonic()
        return None

    def _limit(self, child: _Child) -> Outcome | None:
        """The outcome of a child that is beyond a limit."""
        if time.monotonic() > child.deadline:
            return Outcome(Kind.TIMED_OUT, message=f"it took longer than {self.minutes:g} minutes")
        if self.memory < math.inf and _resident(child.process.pid) > self.memory:
            return Outcome(Kind.OUT_OF_MEMORY, message=f"it held more than {self.memory / 2**20:.0f} MiB of memory")
        return None

    def answer(self, ticket: int, go_on: bool) -> None:
        with contextlib.suppress(OSError):  # it died in between: `wait` says so next
            self.children[ticket].pipe.send(go_on)

    def _end(self, ticket: int) -> None:
        child = self.children.pop(ticket)
        child.pipe.close()
        child.process.join(GRACE)
        if child.process.is_alive():
            child.process.kill()
            child.process.join()

    def close(self) -> None:
        for child in self.children.values():
            child.process.terminate()
        for ticket in list(self.children):
            self._end(ticket)


def _died(child: _Child) -> Outcome:
    """The outcome of a child that ended without one."""
    child.process.join(GRACE)
    code = child.process.exitcode
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
        hint = ": perhaps the machine ran out of memory" if name == "SIGKILL" else ""
        return Outcome(Kind.FAILED, message=f"its process was ended by {name}{hint}")
    return Outcome(Kind.FAILED, message=f"its process ended with exit code {code}")


def _runs(pid: int | None) -> bool:
    """Whether a process of ours has not ended."""
    try:
        os.kill(pid or 0, 0)
    except ProcessLookupError:
        return False
    return True


def _resident(pid: int | None) -> int:
    """Bytes of resident memory of a process; 0 where it has ended."""
    try:
        if Path("/proc/self/statm").exists():
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        found = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
        return int(found.stdout) * 1024
    except (OSError, ValueError, subprocess.CalledProcessError):
        return 0


@contextlib.contextmanager
def _starting(log: Path | None, environment: Mapping[str, str]) -> Iterator[None]:
    """What the fork server inherits: one thread, its messages in a log, and no Ctrl-C, which is for the sweep to decide."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        with stderr_to(log):
            yield
    finally:
        _restore(before)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextlib.contextmanager
def stderr_to(log: Path | None) -> Iterator[None]:
    """Send file descriptor 2 to a log for a while: TensorFlow writes to it when it is imported."""
    if log is None:
        yield
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    kept = os.dup(2)
    with log.open("ab") as stream:
        os.dup2(stream.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


# ---------------------------------------------------------------------------------------------- in the child


def _child(work: Work, trial: Trial, pipe: Connection) -> None:
    """The whole life of a child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, answers), daemon=True).start()

    def tell(progress: Progress) -> bool:
        pipe.send(progress)
        return answers.get()

    try:
        _log_to(Path(trial.folder) / "log.txt" if trial.folder else Path(os.devnull))
        outcome = work(trial, tell)
    except MemoryError:
        _log_error()
        outcome = Outcome(Kind.OUT_OF_MEMORY, message="there was not enough memory")
    except BaseException as error:
        _log_error()
        outcome = Outcome(Kind.INTERRUPTED if _disk_is_full(error) else Kind.FAILED, message=_last_line(error))
    _flush((sys.stdout, sys.stderr))
    pipe.send(outcome)
    os._exit(0)  # nothing to tidy up, and TensorFlow's own tidying takes half a second


def _listen(pipe: Connection, answers: queue.SimpleQueue[bool]) -> None:
    """Take answers; when the sweep is gone, so is the trial."""
    while True:
        try:
            answers.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(1)


def _log_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    faulthandler.enable(2)  # a crash, too, says in the log where it was


def _log_error() -> None:
    with contextlib.suppress(OSError):  # the log's disk may be full
        traceback.print_exc()


def _disk_is_full(error: BaseException) -> bool:
    """For which no trial is to blame.  HDF5 and TensorFlow say it in words only."""
    return getattr(error, "errno", None) in FULL or os.strerror(errno.ENOSPC) in str(error)


def _last_line(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1][:500]


def _flush(streams: Sequence[Any]) -> None:
    for stream in streams:
        with contextlib.suppress(Exception):
            stream.flush()
