"""Trials on this machine: each in a child of a fork server that has imported Keras once.

In: trials.  Out: events.  A child starts in 0.2 s instead of the 6 s of an import, and frees its
memory when it ends.  Any failure in a child (an exception, a crash, a kill, a limit) ends this
child and nothing else.  A child ends itself when its pipe closes, so that no child goes on
computing for a sweep that was killed.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path

from rnnzoo.errors import StoreError, worded
from rnnzoo.launchers import Event, Setup
from rnnzoo.launchers._child import Job, check_system, too_much_memory
from rnnzoo.launchers._server import MADE, NOT_MADE, RECORD
from rnnzoo.signals import GROUP_SIGNALS
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial

GRACE = 5.0  # seconds for a child to end after it has sent its outcome
STOPPING = 1.0  # seconds for a child to end after its pipe is closed
CHECK_INTERVAL = 1.0  # seconds between checks of limits
ATTEMPTS = 3  # to start a fork server, if each ends before it has made a child
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# else glibc returns large blocks to the system at once and requests them again, page by page, at
# every training step
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**32)}
RERUN = "give the same command again"


@dataclass(slots=True)
class _Child:
    pipe: Connection
    trial: Trial
    server: _Server
    pid: int = 0  # 0 until the fork server has made it
    status: int | None = None  # of `waitpid`, once it has ended
    deadline: float = math.inf  # on the monotonic clock


@dataclass(slots=True)
class _Server:
    """A handle of a fork server."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    # children that are not made yet, in order
    requested: deque[_Child] = field(default_factory=deque)
    made: dict[int, _Child] = field(default_factory=dict)  # children that run, by process id
    alive: bool = True
    errno: int = 0  # the reason why the last child could not be made
    has_made_child: bool = False
    _partial: bytes = b""  # the beginning of a record whose rest has not arrived

    def request(self, child: _Child, pipe: Connection) -> None:
        """Request a child with this end of a pipe.

        Raises:
            OSError: the server has ended.
        """
        socket.send_fds(self.control, [b"1"], [pipe.fileno()])
        self.requested.append(child)

    def process_messages(self, timeout: float, minutes: float) -> None:
        """Process the server's messages; wait up to `timeout` seconds for them.

        Args:
            minutes: the time limit of a child, from the moment it is made.
        """
        if not (self.alive and wait([self.control], max(timeout, 0.0))):
            return
        try:
            received = self.control.recv(RECORD.size * 64)
        except OSError:
            received = b""
        self.alive = bool(received)
        buffer = self._partial + received
        end = len(buffer) - len(buffer) % RECORD.size
        self._partial = buffer[end:]
        for pid, status in RECORD.iter_unpack(buffer[:end]):
            if status == MADE:
                child = self.requested.popleft()
                child.pid, child.deadline = pid, time.monotonic() + 60 * minutes
                self.made[pid], self.has_made_child = child, True
            elif status == NOT_MADE:
                self.errno = pid
                self.requested.popleft().status = NOT_MADE
            elif pid in self.made:
                self.made.pop(pid).status = status

    def close(self) -> None:
        self.control.close()
        self.process.kill()  # it may still be importing; it has no state to lose
        self.process.wait()


@dataclass(slots=True)
class LocalLauncher:
    """Runs up to `setup.workers` trials at once.

    The work is pickled by name, so it cannot be in the main module.  Resident memory is watched
    from outside: a limit on the address space, as of `ulimit -v`, breaks TensorFlow.  A peak
    between two checks is known at the end.
    """

    setup: Setup
    children: dict[int, _Child] = field(default_factory=dict)  # least recently heard first
    _next: int = 0
    _checked: float = -math.inf
    _server: _Server | None = None  # which takes requests
    _failures: int = 0  # fork servers in a row that ended before they made a child

    def capacity(self) -> int:
        return self.setup.workers

    def resize(self, workers: int) -> None:
        """Run so many trials at once from now on; those that run end as they would."""
        self.setup = replace(self.setup, workers=workers)

    def place(self, trial: Trial) -> str:
        """Where a trial runs: see `rnnzoo.launchers.place`."""
        pids = [child.pid for child in self.children.values() if child.trial is trial]
        return f"process {pids[0]}" if any(pids) else ""

    def submit(self, trial: Trial) -> int:
        if self.setup.work.__module__ == "__main__":
            raise ValueError(
                "no child imports the main module: move the work function into a module of its own"
            )
        self._next += 1
        self.children[self._next] = self._start(trial)
        return self._next

    def _start(self, trial: Trial) -> _Child:
        """Request a child for a trial.

        Raises:
            StoreError: no fork server stays alive.
        """
        while True:
            parent_end, child_end = multiprocessing.Pipe()
            server = self._live_server()
            child = _Child(parent_end, trial, server)
            try:
                server.request(child, child_end)
                parent_end.send(Job(self.setup.work, trial, self.setup.memory))
                return child
            except OSError:  # the server has just ended
                server.alive = False
                parent_end.close()
            finally:
                # the child has a copy; with this one open, its end would not close the pipe
                child_end.close()

    def _live_server(self) -> _Server:
        """The fork server; a new one if the last has ended."""
        if self._server is not None and self._server.alive:
            return self._server
        if self._server is not None:
            self._server.close()
            self._failures = 0 if self._server.has_made_child else self._failures + 1
        if self._failures >= ATTEMPTS:
            where = f": see {self.setup.log}" if self.setup.log else ""
            raise StoreError(
                f"the process that starts trials ends before it has started one{where}", RERUN
            )
        self._server = _start_server(
            self.setup.preload,
            self.setup.log,
            {**ONE_THREAD, **KEEP_MEMORY, **self.setup.environment},
            self.setup.home,
        )
        return self._server

    def wait(self, timeout: float | None = None) -> Event | None:
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            event = self._enforce_limits() or self._next_event(end - time.monotonic())
            if event is not None or time.monotonic() >= end:
                return event

    def _next_event(self, patience: float) -> Event | None:
        """The next message or end of a child.

        Round-robin over children, so that one that reports often cannot starve the others.
        """
        if min(self.setup.minutes, self.setup.memory) < math.inf:
            patience = min(patience, CHECK_INTERVAL)
        serving = [self._server] if self._server is not None and self._server.alive else []
        watched: list[Connection | socket.socket] = [child.pipe for child in self.children.values()]
        watched += [server.control for server in serving]
        ready = wait(watched, None if patience == math.inf else max(patience, 0.0))
        for server in serving:
            server.process_messages(0.0, self.setup.minutes)
        for ticket, child in self.children.items():
            if child.pipe in ready:
                return self._receive(ticket)
            # its own children may hold the pipe open
            if child.status is not None and not child.pipe.poll():
                return self._finish(ticket, self._outcome_of_death(child))
        return None

    def _receive(self, ticket: int) -> Event | None:
        child = self.children[ticket]
        try:
            message: Progress | Outcome = child.pipe.recv()
        except (EOFError, OSError):
            self._await_end(child, GRACE)
            if child.pid or child.status is not None:
                return self._finish(ticket, self._outcome_of_death(child))
            child.pipe.close()  # the fork server ended before it made this child
            self.children[ticket] = self._start(child.trial)
            return None
        if isinstance(message, Outcome):
            return self._finish(ticket, message)
        self.children[ticket] = self.children.pop(ticket)
        return Event(ticket, message)

    def _finish(self, ticket: int, outcome: Outcome) -> Event:
        self._end(ticket, GRACE)
        return Event(ticket, outcome)

    def _enforce_limits(self) -> Event | None:
        """End a trial that exceeds its time or memory limit, unless it has just ended by itself."""
        if (
            min(self.setup.minutes, self.setup.memory) == math.inf
            or time.monotonic() < self._checked + CHECK_INTERVAL
        ):
            return None
        for ticket, child in self.children.items():
            outcome = self._limit(child)
            if outcome is not None and not child.pipe.poll():
                _kill(child)
                return self._finish(ticket, outcome)
        self._checked = time.monotonic()
        return None

    def _limit(self, child: _Child) -> Outcome | None:
        """The outcome of a child that exceeds a limit; None if it does not."""
        if time.monotonic() > child.deadline:
            return Outcome(
                Kind.TIMED_OUT, message=f"it took longer than {self.setup.minutes:g} minutes"
            )
        if self.setup.memory < math.inf and peak(child.pid) > self.setup.memory:
            return too_much_memory(self.setup.memory)
        return None

    def answer(self, ticket: int, go_on: bool) -> None:
        with contextlib.suppress(OSError):  # it has ended in the meantime; `wait` reports that next
            self.children[ticket].pipe.send(go_on)

    def _await_end(self, child: _Child, seconds: float) -> None:
        """Wait until a child has ended, as long as the fork server can report it."""
        end = time.monotonic() + seconds
        while child.status is None and child.server.alive and time.monotonic() < end:
            child.server.process_messages(end - time.monotonic(), self.setup.minutes)

    def _end(self, ticket: int, seconds: float) -> None:
        """Close a child's pipe and wait for its end; kill it if that takes too long."""
        child = self.children.pop(ticket)
        child.pipe.close()
        if not child.pid:
            return  # it is not made yet; it will find its pipe closed
        self._await_end(child, seconds)
        if child.status is None:
            _kill(child)
            self._await_end(child, seconds)

    def stop(self, ticket: int) -> None:
        """End one trial; there is no event of it."""
        if ticket in self.children:
            self._end(ticket, STOPPING)

    def close(self) -> None:
        for child in self.children.values():
            child.pipe.close()
        for ticket in list(self.children):
            self._end(ticket, STOPPING)
        if self._server is not None:
            self._server.close()
            self._server = None

    def _outcome_of_death(self, child: _Child) -> Outcome:
        """The outcome of a child that ended without sending one."""
        if child.status == NOT_MADE:
            reason = os.strerror(child.server.errno)
            return Outcome(
                Kind.INTERRUPTED, message=worded(f"no process can be started: {reason}", RERUN)
            )
        if child.status is None:
            return Outcome(
                Kind.INTERRUPTED,
                message=worded("its process ended with the one that starts trials", RERUN),
            )
        return outcome_of_exit(os.waitstatus_to_exitcode(child.status))


def launcher(setup: Setup) -> LocalLauncher:
    """What `launcher: local` makes.

    Raises:
        RnnzooError: this system has no such processes.
    """
    check_system()
    return LocalLauncher(setup)


def outcome_of_exit(code: int) -> Outcome:
    """The outcome of a trial whose process ended with this exit code, or, where it is negative, by
    this signal.
    """
    if code >= 0:
        return Outcome(Kind.FAILED, message=f"its process ended with exit code {code}")
    name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
    if -code in GROUP_SIGNALS:
        return Outcome(Kind.INTERRUPTED, message=worded(f"its process was ended by {name}", RERUN))
    hint = ": perhaps the machine ran out of memory" if name == "SIGKILL" else ""
    return Outcome(Kind.FAILED, message=f"its process was ended by {name}{hint}")


def _start_server(
    preload: tuple[str, ...],
    log: Path | None,
    environment: Mapping[str, str],
    home: Path | None = None,
) -> _Server:
    """A new fork server."""
    parent_end, server_end = socket.socketpair()
    try:
        with server_end:
            process = started("_server", server_end.fileno(), preload, log, environment, home)
    except BaseException:
        parent_end.close()
        raise
    return _Server(process, parent_end)


def started(
    module: str,
    descriptor: int,
    preload: tuple[str, ...],
    log: Path | None,
    environment: Mapping[str, str],
    home: Path | None,
) -> subprocess.Popen[bytes]:
    """A new process that runs `main(descriptor, preload)` of a module of this package.

    It starts with the group's signals blocked, so that none arrives before it ignores them.
    """
    program = f"import sys; sys.path[:] = {sys.path!r}; from rnnzoo.launchers.{module} import main"
    command = [sys.executable, "-c", f"{program}; main({descriptor}, {preload!r})"]
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
    try:
        with stderr_to(log):
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=2, pass_fds=[descriptor],
                env={**os.environ, **environment}, cwd=home,
            )  # fmt: skip
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _kill(child: _Child) -> None:
    with contextlib.suppress(ProcessLookupError):
        if child.pid:
            os.kill(child.pid, signal.SIGKILL)


def peak(pid: int) -> int:
    """The peak resident memory of a process in bytes; the current one where the peak is unknown; 0
    if it has ended.
    """
    try:
        if Path("/proc/self/status").exists():
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            return next(
                (int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0
            )
        listed = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
        )
        return int(listed.stdout) * 1024
    except (OSError, ValueError, subprocess.CalledProcessError):
        return 0


@contextlib.contextmanager
def stderr_to(log: Path | None) -> Iterator[None]:
    """Redirect file descriptor 2 to a log: TensorFlow writes to it when it is imported."""
    if log is None:
        yield
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    saved = os.dup(2)
    with log.open("ab") as stream:
        os.dup2(stream.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
