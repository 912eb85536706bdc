"""Trials on this machine: each in a child of a fork server that has imported Keras once.

In: trials.  Out: events.  A child costs 0.2 s instead of a 6 s import, and takes its memory with it when it ends.  Whatever
happens in a child (an exception, a crash, a kill, a limit) ends that child and nothing else.  A child ends itself when its
pipe closes, so that none goes on computing for a sweep that was killed.
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
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path

from rnnzoo.errors import StoreError
from rnnzoo.launchers import Event, Setup, Work
from rnnzoo.launchers._child import Job, too_much_memory
from rnnzoo.launchers._server import MADE, NOT_MADE, RECORD
from rnnzoo.signals import GROUP_SIGNALS
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial

GRACE = 5.0  # seconds that a child has to end once it has told its outcome
STOPPING = 1.0  # seconds that a child has to end once nobody listens to it
LOOK = 1.0  # seconds between looks at limits
ATTEMPTS = 3  # to start a fork server that ends before it has made a child
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# glibc hands large pieces back to the system at once and gets them anew, page by page, at every training step
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**32)}
AGAIN = "\n  fix: give the same command again"


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
    """A fork server as its owner sees it."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    asked: deque[_Child] = field(default_factory=deque)  # children that are not made yet, in the order of asking
    made: dict[int, _Child] = field(default_factory=dict)  # children that run, by process id
    alive: bool = True
    errno: int = 0  # why the last child could not be made
    fruitful: bool = False  # it has made a child
    _left: bytes = b""  # of a record that has not come whole

    def ask(self, child: _Child, pipe: Connection) -> None:
        """Ask for a child that has this end of a pipe.

        Raises:
            OSError: the server has ended.
        """
        socket.send_fds(self.control, [b"1"], [pipe.fileno()])
        self.asked.append(child)

    def heed(self, timeout: float, minutes: float) -> None:
        """Take in what it has told, waiting for it so long; `minutes` is what a child has from the moment it is made."""
        if not (self.alive and wait([self.control], max(timeout, 0.0))):
            return
        try:
            news = self.control.recv(RECORD.size * 64)
        except OSError:
            news = b""
        self.alive = bool(news)
        whole = self._left + news
        end = len(whole) - len(whole) % RECORD.size
        self._left = whole[end:]
        for pid, status in RECORD.iter_unpack(whole[:end]):
            if status == MADE:
                child = self.asked.popleft()
                child.pid, child.deadline = pid, time.monotonic() + 60 * minutes
                self.made[pid], self.fruitful = child, True
            elif status == NOT_MADE:
                self.errno = pid
                self.asked.popleft().status = NOT_MADE
            elif pid in self.made:
                self.made.pop(pid).status = status

    def close(self) -> None:
        self.control.close()
        self.process.kill()  # it may be importing still; it holds nothing that could be lost
        self.process.wait()


@dataclass(slots=True)
class LocalLauncher:
    """Runs up to `workers` trials at once.

    Attributes:
        work: what a child runs; found again by its name, so a function of a module other than the main one.
        preload: modules that the fork server imports before its first child.
        log: where the fork server's own messages go; each trial has a `log.txt` of its own.
        environment: variables that children have beside ours.
        minutes: a trial that takes longer is ended as timed out; infinite by default.
        memory: a trial that holds more bytes of resident memory is ended as out of memory; infinite by default.
            (Watched from outside: a limit on the address space, as `ulimit -v` sets it, breaks TensorFlow.  What it held
            between two looks is known at its end.)
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
    _server: _Server | None = None  # which takes requests
    _vain: int = 0  # fork servers in a row that ended before they made a child

    def capacity(self) -> int:
        return self.workers

    def submit(self, trial: Trial) -> int:
        if self.work.__module__ == "__main__":
            raise ValueError("no child imports the main module: move the work function into a module of its own")
        self._next += 1
        self.children[self._next] = self._begin(trial)
        return self._next

    def _begin(self, trial: Trial) -> _Child:
        """Ask for a child for a trial.

        Raises:
            StoreError: no fork server stays alive.
        """
        while True:
            ours, theirs = multiprocessing.Pipe()
            server = self._serving()
            child = _Child(ours, trial, server)
            try:
                server.ask(child, theirs)
                ours.send(Job(self.work, trial, self.memory))
                return child
            except OSError:  # it has just ended
                server.alive = False
                ours.close()
            finally:
                theirs.close()  # the child has its own; ours must see the end of the file when the child ends

    def _serving(self) -> _Server:
        """The fork server, a new one where the last has ended."""
        if self._server is not None and self._server.alive:
            return self._server
        if self._server is not None:
            self._server.close()
            self._vain = 0 if self._server.fruitful else self._vain + 1
        if self._vain >= ATTEMPTS:
            where = f": see {self.log}" if self.log else ""
            raise StoreError(f"the process that starts trials ends before it has started one{where}{AGAIN}")
        self._server = _started(self.preload, self.log, {**ONE_THREAD, **KEEP_MEMORY, **self.environment})
        return self._server

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
        serving = [self._server] if self._server is not None and self._server.alive else []
        watched: list[Connection | socket.socket] = [child.pipe for child in self.children.values()]
        watched += [server.control for server in serving]
        ready = wait(watched, None if patience == math.inf else max(patience, 0.0))
        for server in serving:
            server.heed(0.0, self.minutes)
        for ticket, child in self.children.items():
            if child.pipe in ready:
                return self._receive(ticket)
            if child.status is not None and not child.pipe.poll():  # what it started may hold its pipe open
                return self._conclude(ticket, self._died(child))
        return None

    def _receive(self, ticket: int) -> Event | None:
        child = self.children[ticket]
        try:
            message: Progress | Outcome = child.pipe.recv()
        except (EOFError, OSError):
            self._await_end(child, GRACE)
            if child.pid or child.status is not None:
                return self._conclude(ticket, self._died(child))
            child.pipe.close()  # the fork server ended before it made this child
            self.children[ticket] = self._begin(child.trial)
            return None
        if isinstance(message, Outcome):
            return self._conclude(ticket, message)
        self.children[ticket] = self.children.pop(ticket)
        return Event(ticket, message)

    def _conclude(self, ticket: int, outcome: Outcome) -> Event:
        self._end(ticket, GRACE)
        return Event(ticket, outcome)

    def _beyond_limits(self) -> Event | None:
        """End a trial that has had its time, or holds too much memory; one that has just ended is left alone."""
        if min(self.minutes, self.memory) == math.inf or time.monotonic() < self._looked + LOOK:
            return None
        for ticket, child in self.children.items():
            outcome = self._limit(child)
            if outcome is not None and not child.pipe.poll():
                _kill(child)
                return self._conclude(ticket, outcome)
        self._looked = time.monotonic()
        return None

    def _limit(self, child: _Child) -> Outcome | None:
        """The outcome of a child that is beyond a limit."""
        if time.monotonic() > child.deadline:
            return Outcome(Kind.TIMED_OUT, message=f"it took longer than {self.minutes:g} minutes")
        if self.memory < math.inf and _peak(child.pid) > self.memory:
            return too_much_memory(self.memory)
        return None

    def answer(self, ticket: int, go_on: bool) -> None:
        with contextlib.suppress(OSError):  # it died in between: `wait` says so next
            self.children[ticket].pipe.send(go_on)

    def _await_end(self, child: _Child, seconds: float) -> None:
        """Wait until a child has ended, where the fork server can tell."""
        end = time.monotonic() + seconds
        while child.status is None and child.server.alive and time.monotonic() < end:
            child.server.heed(end - time.monotonic(), self.minutes)

    def _end(self, ticket: int, seconds: float) -> None:
        """Let a child go: nobody hears it any more, and what has not ended in time is ended."""
        child = self.children.pop(ticket)
        child.pipe.close()
        if not child.pid:
            return  # it is not made yet, and will find its pipe closed
        self._await_end(child, seconds)
        if child.status is None:
            _kill(child)
            self._await_end(child, seconds)

    def close(self) -> None:
        for child in self.children.values():
            child.pipe.close()
        for ticket in list(self.children):
            self._end(ticket, STOPPING)
        if self._server is not None:
            self._server.close()
            self._server = None

    def _died(self, child: _Child) -> Outcome:
        """The outcome of a child that ended without one."""
        if child.status == NOT_MADE:
            reason = os.strerror(child.server.errno)
            return Outcome(Kind.INTERRUPTED, message=f"no process can be started: {reason}{AGAIN}")
        if child.status is None:
            return Outcome(Kind.INTERRUPTED, message=f"its process ended with the one that starts trials{AGAIN}")
        code = os.waitstatus_to_exitcode(child.status)
        if code >= 0:
            return Outcome(Kind.FAILED, message=f"its process ended with exit code {code}")
        name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
        if -code in GROUP_SIGNALS:
            return Outcome(Kind.INTERRUPTED, message=f"its process was ended by {name}{AGAIN}")
        hint = ": perhaps the machine ran out of memory" if name == "SIGKILL" else ""
        return Outcome(Kind.FAILED, message=f"its process was ended by {name}{hint}")


def launcher(setup: Setup) -> LocalLauncher:
    """What `launcher: local` makes."""
    limits = (setup.minutes, setup.memory)
    return LocalLauncher(setup.work, setup.workers, setup.preload, setup.log, setup.environment, *limits)


def _started(preload: tuple[str, ...], log: Path | None, environment: Mapping[str, str]) -> _Server:
    """A new fork server.  It is born with the group's signals blocked, so that none meets it before it ignores them."""
    ours, theirs = socket.socketpair()
    program = f"import sys; sys.path[:] = {sys.path!r}; from rnnzoo.launchers._server import main"
    command = [sys.executable, "-c", f"{program}; main({theirs.fileno()}, {preload!r})"]
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
    try:
        with theirs, stderr_to(log):
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=2, pass_fds=[theirs.fileno()],
                env={**os.environ, **environment},
            )  # fmt: skip
    except BaseException:
        ours.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return _Server(process, ours)


def _kill(child: _Child) -> None:
    with contextlib.suppress(ProcessLookupError):
        if child.pid:
            os.kill(child.pid, signal.SIGKILL)


def _peak(pid: int) -> int:
    """The most bytes of resident memory that a process has held, or holds where that is not known; 0 where it has ended."""
    try:
        if Path("/proc/self/status").exists():
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
        found = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
        return int(found.stdout) * 1024
    except (OSError, ValueError, subprocess.CalledProcessError):
        return 0


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
