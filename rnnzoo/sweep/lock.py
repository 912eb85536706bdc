"""Two sweeps of one experiment exclude each other, on one machine and on two, unless they run parts
that have no trial in common and share a server.

On one machine by the operating system's lock on a file, on two by a lock of the server that both
have as their storage.  Either ends with its process, however that ends, so none is ever stale.
Both say who holds them, for the message.

A file may be deleted under its holder, who therefore looks at it now and then; on Linux the name is
held too.

A folder that two machines share is the exception: there the operating system's lock may not reach
the other one.  So who holds a file renews its time, and a file that another machine has left is
watched for a while before it is taken.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from rnnzoo import locks
from rnnzoo.errors import StoreError
from rnnzoo.sweep.parts import WHOLE, Part

BEAT = 5.0  # seconds between two renewals of a file's time
# seconds without one after which its holder is gone: four beats, some of which may be late on a
# network
WATCHED = 20.0
_HOST = 20  # characters of a machine's name that a server shows
_SHARDS = 2**14  # more than there are shards: a lock's number is shards x this + the shard


SWEEP, SEARCH = "sweep", "search"  # what may be running; a search is one over cells


def _refused(experiment: str, holder: str, work: str = SWEEP) -> StoreError:
    return StoreError(f"another {work} of '{experiment}' is running: {holder}", "wait, or end it")


def _overlapping(experiment: str, part: Part, holder: str) -> StoreError:
    return StoreError(
        f"another sweep of '{experiment}' has trials of this part: {part}, {holder}",
        "wait, end it, or take a part that has none of its trials",
    )


def _no_locks(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{folder}: files cannot be locked there, so two sweeps would not notice each other: "
        f"{error.strerror}",
        "work in a folder on another disk; on Windows, in WSL",
    )


def check_free(path: Path, experiment: str) -> None:
    """
    Raises:
        StoreError: somebody holds the lock on a file.
    """
    held_by = holder(path)
    if held_by:
        raise _refused(experiment, held_by, _work_at(path))


# ------------------------------------------------------------------ on a file


@contextmanager
def held(path: Path, experiment: str, work: str = SWEEP) -> Iterator[Callable[[], None]]:
    """Hold the lock while the block runs.

    Yields a function to call now and then: it checks that the lock is held still, and raises where
    another sweep has begun.

    Args:
        work: what runs in the block, which whoever is refused is told.

    Raises:
        StoreError: somebody else holds it; says who, and since when.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _name(path, experiment):
        lock = FileLock(path, experiment, work)
        lock.take()
        try:
            with lock.beating():
                yield lock.check
        finally:
            lock.release()


@contextmanager
def _name(path: Path, experiment: str) -> Iterator[None]:
    """Hold the name of a lock, which nobody can delete as its file: an address in Linux's memory
    that ends with its process.
    """
    if sys.platform != "linux":
        yield
        return
    # not the path: two containers may have one path for two folders
    folder = path.parent.parent.stat()
    with socket.socket(socket.AF_UNIX) as address:
        try:
            address.bind(f"\0rnnzoo {folder.st_dev} {folder.st_ino} {path.parent.name}")
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            by = holder(path) or "the file of its lock was deleted"
            raise _refused(experiment, by, _work_at(path)) from None
        yield


@dataclass(slots=True)
class FileLock:
    """A lock of the operating system's on a file, whose holder sees to it that the file keeps its
    name.

    Attributes:
        work: what its holder runs.
        lost: who has begun to hold a file of that name; empty while that is us.
    """

    path: Path
    experiment: str
    work: str = SWEEP
    lost: str = ""
    _stream: IO[str] | None = None
    _one_by_one: threading.Lock = field(default_factory=threading.Lock)  # the beat, and who asks

    def take(self) -> None:
        """Take the file of that name, made where there is none.

        Raises:
            StoreError: somebody else holds it.
        """
        while True:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            stream = self.path.open("a+")
            try:
                locks.take(stream)
                if _leads_to(self.path, stream):
                    break
                stream.close()  # it was deleted or replaced in between
            except BlockingIOError:
                with stream:
                    raise _refused(self.experiment, _holder(stream), _work(stream)) from None
            except OSError as error:
                stream.close()
                raise _no_locks(self.path.parent, error) from None
        is_ours_again = self._stream is not None  # nobody needs to be watched for that
        if not is_ours_again and _is_held_elsewhere(self.path, stream):
            with stream:
                by = f"{_holder(stream)}, whose lock does not reach this machine"
                raise _refused(self.experiment, by, _work(stream))
        stream.seek(0)
        stream.truncate()
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        holder = {"host": socket.gethostname(), "pid": os.getpid(), "since": now}
        json.dump(holder | {"work": self.work}, stream)
        stream.flush()
        self._close()  # the file before; only now, so that one of the two is held at any moment
        self._stream = stream

    def keep(self) -> None:
        """Take the file again where it was deleted or replaced; where another sweep holds it, ours
        is lost.
        """
        with self._one_by_one:
            if self.lost or self._stream is None or _leads_to(self.path, self._stream):
                return
            try:
                self.take()
            except StoreError as error:
                self.lost = str(error)

    def check(self) -> None:
        """See that the lock is held still.

        Raises:
            StoreError: another sweep has begun, for the file was deleted or replaced.
        """
        self.keep()
        if self.lost:
            raise StoreError(self.lost)

    def release(self) -> None:
        if self._stream is not None and not self.lost:
            self._stream.truncate(0)  # who finds a name in it knows that this one was cut off
        self._close()

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Keep the file and renew its time while the block runs."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(BEAT):
                try:
                    self.keep()
                    os.utime(self.path)
                except OSError:
                    continue  # a folder that is away for a moment

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _leads_to(path: Path, stream: IO[str]) -> bool:
    """Whether a path leads to an open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    except FileNotFoundError:
        return False


def holder(path: Path) -> str:
    """Who holds a lock, and since when; empty where nobody does."""
    try:
        stream = path.open("r")
    except FileNotFoundError:  # none, or its sweep ended and has just deleted it
        return ""
    with stream:
        try:
            locks.share(stream)
        except BlockingIOError:
            return _holder(stream)
        except OSError:  # a disk without locks, on which nobody can hold it
            return ""
    return ""


def _holder(stream: IO[str]) -> str:
    stream.seek(0)
    try:
        holder = json.load(stream)
    except json.JSONDecodeError:
        return "it is just starting"
    return f"process {holder['pid']} on {holder['host']}, since {holder['since']}"


def _work_at(path: Path) -> str:
    """What the holder of a lock runs, where its file is still there."""
    try:
        with path.open("r") as stream:
            return _work(stream)
    except FileNotFoundError:
        return SWEEP


def _work(stream: IO[str]) -> str:
    """What the holder of a lock runs, as its file says; a sweep where it does not say."""
    stream.seek(0)
    try:
        return str(json.load(stream).get("work", SWEEP))
    except json.JSONDecodeError:
        return SWEEP


def process_of(holder: str) -> str:
    """The process that holds a lock: the same words of one on a file and of one in a server."""
    process, _, host = holder.partition(", since")[0].partition(" on ")
    return f"{process} on {host[:_HOST]}"


def held_elsewhere(path: Path) -> str:
    """Who holds a lock on another machine, which our lock does not reach; it is watched for a
    while, and empty where nobody does.
    """
    with path.open("r") as stream:
        return _holder(stream) if _is_held_elsewhere(path, stream) else ""


def is_of_another_machine(path: Path) -> bool:
    """Whether a lock's file names another machine, which our lock may not reach; none where its
    holder ended as it should.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    with path.open("r") as stream:
        return _is_of_another_machine(stream)


def _is_of_another_machine(stream: IO[str]) -> bool:
    stream.seek(0)
    try:
        host = json.load(stream)["host"]
    except (json.JSONDecodeError, KeyError, TypeError):
        return False
    return host not in ("", socket.gethostname())


def _is_held_elsewhere(path: Path, stream: IO[str]) -> bool:
    """Whether another machine, which our lock does not reach, holds a file; watched for a while."""
    return _is_of_another_machine(stream) and _beats(path)


def _beats(path: Path) -> bool:
    """Whether the time of a file is renewed by somebody.

    Opened each time: a network folder is asked anew only then.
    """

    def changed() -> int:
        with path.open() as stream:
            return os.fstat(stream.fileno()).st_mtime_ns

    before, end = changed(), time.monotonic() + WATCHED
    while time.monotonic() < end:
        time.sleep(WATCHED / 20)
        if changed() != before:
            return True
    return False


# ------------------------------------------------------------------ in a server

_HOLDERS = """
select coalesce(application_name, '') from pg_locks join pg_stat_activity using (pid)
where locktype = 'advisory' and granted and classid = %s and objid = %s and objsubid = 1
and pg_locks.database = (select oid from pg_database where datname = current_database())
"""


_PARTS = """
select objid, coalesce(application_name, '') from pg_locks join pg_stat_activity using (pid)
where locktype = 'advisory' and granted and classid = %s and objsubid = 2
and pg_locks.database = (select oid from pg_database where datname = current_database())
"""


@dataclass(slots=True)
class ServerLock:
    """A lock of PostgreSQL's on the name of an experiment; it ends with the connection that it
    holds.

    The whole sweep has it for itself.  Those of parts share it, and each has a lock for each of its
    variants, whose number says which shard it runs.

    Attributes:
        engine: SQLAlchemy's, of the storage.
        part: which trials are run.
        variants: labels of the variants of the part.
    """

    engine: Any
    experiment: str
    part: Part = WHOLE
    variants: Sequence[str] = ()
    _connection: Any = None
    _process: int = 0  # the server's, of our last connection
    _name: str = field(init=False)  # what the server shows of us, 63 characters at most

    def __post_init__(self) -> None:
        now = datetime.now().astimezone().isoformat(timespec="minutes")[:16]
        self._name = f"process {os.getpid()} on {socket.gethostname()[:_HOST]}, since {now}"

    def hold(self) -> None:
        """Take the lock, or see that it is held still; it is lost when the server restarts, and
        taken again.

        Raises:
            StoreError: somebody else holds it.
        """
        if self._connection is not None:
            try:
                _ask(self._connection, "select 1")
                return
            except Exception:
                self.release()  # the connection was cut off, and its lock ended with it
        connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            self._greet(connection)
            with _in_turn(connection, self.experiment):
                self._take(connection)
        except BaseException:  # an interrupt too: the lock is held as long as the connection
            _drop(connection)
            raise
        self._connection = connection

    def _take(self, connection: Any) -> None:
        """
        Raises:
            StoreError: somebody else holds it, or a part that has a trial in common with ours.
        """
        shared = "" if self.part.whole else "_shared"
        take = f"select pg_try_advisory_lock{shared}(%s)"
        if not _ask(connection, take, _key(self.experiment)):
            raise _refused(self.experiment, next(iter(self.holders()), "it has just ended"))
        if self.part.whole:
            return
        for variant in self.variants:
            rows = connection.exec_driver_sql(_PARTS, (self._variant_key(variant),))
            for number, name in rows:
                other = Part((variant,), number % _SHARDS, number // _SHARDS)
                if other.overlaps(self.part):
                    raise _overlapping(self.experiment, other, name or "somebody")
        number = self.part.of * _SHARDS + self.part.shard
        for variant in self.variants:
            key = self._variant_key(variant)
            _ask(connection, "select pg_advisory_lock(%s, %s)", key, number)

    def _variant_key(self, variant: str) -> int:
        """The first number of the locks on a variant's shards, of 31 bits."""
        return _key(f"{self.experiment}/{variant}") & 0x7FFFFFFF

    def holders(self) -> list[str]:
        """Who holds it; several where parts run at once."""
        high, low = _key(self.experiment) >> 32 & 0xFFFFFFFF, _key(self.experiment) & 0xFFFFFFFF
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql(_HOLDERS, (high, low))
            return [str(name) or "somebody" for (name,) in rows]

    def release(self) -> None:
        """Let it go, also where the connection is broken."""
        if self._connection is not None:
            _drop(self._connection)
            self._connection = None

    def _greet(self, connection: Any) -> None:
        """Say who we are.  The server is to notice soon when we are gone, and now that our last
        connection is.
        """
        for name, value in (("idle", 30), ("interval", 10), ("count", 3)):
            connection.exec_driver_sql(f"set tcp_keepalives_{name} = {value}")
        _ask(connection, "select set_config('application_name', %s, false)", self._name)
        last = (
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name"
            " = %s and pid = %s"
        )
        _ask(connection, last, self._name, self._process)
        self._process = int(_ask(connection, "select pg_backend_pid()"))


def _drop(connection: Any) -> None:
    """Let go of all locks of a connection, at once where it is not broken."""
    with suppress(Exception):
        _ask(connection, "select pg_advisory_unlock_all()")
    connection.invalidate()  # or it would go back to the pool, its locks with it
    connection.close()


@contextmanager
def _in_turn(connection: Any, experiment: str) -> Iterator[None]:
    """Let one process at a time do what the block does with an experiment; others wait."""
    key = _key(f"{experiment}/in turn")
    _ask(connection, "select pg_advisory_lock(%s)", key)
    try:
        yield
    finally:
        try:
            _ask(connection, "select pg_advisory_unlock(%s)", key)
        except Exception:  # cut off: the server lets go of what an ended connection held
            connection.invalidate()


@contextmanager
def in_turn(engine: Any, experiment: str) -> Iterator[None]:
    """The same on a connection of its own."""
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        with _in_turn(connection, experiment):
            yield
    finally:
        connection.close()


def _ask(connection: Any, statement: str, *values: object) -> Any:
    return connection.exec_driver_sql(statement, values).scalar()


def _key(experiment: str) -> int:
    """PostgreSQL's locks have numbers, of 64 bits with a sign."""
    return int.from_bytes(hashlib.sha256(experiment.encode()).digest()[:8], "big", signed=True)
