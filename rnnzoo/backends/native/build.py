"""C++ -> functions of this process, compiled once and kept.

In: a source, and what compiles it: for this processor, unless another `Tool` is given.  Out: a
loaded library, from the cache where it is there.  An entry is named by a digest of the source, the
compiler, what that is called with and what it compiles for, and ends with a digest of its own
bytes, so that one that is cut short is compiled again instead of loaded.  Where there is no
compiler, or no room, `Missing` says why, and the caller does without.  A compiler that fails for a
passing reason (it was killed, or no process could be started) is tried once more.  What a failing
compiler prints goes to standard error, and so into the trial's log.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rnnzoo.backends.cache import processor
from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.settings import cache_folder

# -fno-math-errno and -fno-trapping-math change no value; nothing assumes that numbers are finite.
# -nostdinc++: loops include headers of C only, and C++'s own versions of these take a fifth of the
# time of compiling one.
FLAGS = (
    "-O2", "-march=native", "-std=c++17", "-nostdinc++", "-fno-math-errno", "-fno-trapping-math",
    "-ffp-contract=fast", "-shared", "-fPIC", "-x", "c++",
)  # fmt: skip
# A loop is compiled in 0.75 of the CPU time, for training steps that take up to 1.05 times as long.
QUICKLY = ("-O1",)
COMPILER = "g++"  # unless CXX names another
SWITCH = "RNNZOO_LOOPS"  # which loops are wanted
SCAN = "scan"  # there: none of these
LONGEST = 120.0  # seconds; a cell takes one
WAIT = 1.0  # seconds before a compiler that failed for a passing reason is tried again
SHOWN = 20  # lines of what a compiler prints that are told
# in what a compiler prints when the machine, and not the source, is to blame
_FOR_A_MOMENT = (
    "killed", "terminated program", "cannot fork", "resource temporarily unavailable",
    "out of memory", "virtual memory exhausted", "cannot allocate memory",
)  # fmt: skip
LIMIT = 256  # entries that are kept, those last used
DIGEST = 32  # bytes at the end of an entry


class Missing(Exception):
    """There is no compiled code; says why."""


class Failed(Missing):
    """Code that this machine has a compiler for could not be compiled, kept or loaded."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A compiler.

    Attributes:
        command: the compiler, with what it is called with: `ccache g++`.
        version: as it tells it.
        target: what it compiles for.
        otherwise: who has the loops where it fails.
    """

    command: tuple[str, ...]
    version: str
    flags: tuple[str, ...]
    target: str
    otherwise: str = "XLA has the loops"


def load(source: str, include: Sequence[Path] = (), tool: Tool | None = None) -> ctypes.CDLL:
    """The compiled source.

    Raises:
        Missing: there is no compiler, or native code is not wanted.
        Failed: it cannot be compiled, kept or loaded here.
    """
    tool = tool or for_processor()
    # where the compiler lies is no matter; what it is called with may be `-O0`
    described = "\0".join([source, tool.version, tool.target, *tool.flags, *tool.command[1:]])
    entry = folder() / f"{hashlib.sha256(described.encode()).hexdigest()[:32]}.so"
    try:
        if not _is_whole(entry):
            entry.parent.mkdir(parents=True, exist_ok=True)
            _compile(source, include, tool, entry)
            _forget()
        else:
            # `_forget` goes by when an entry was last used
            with suppress(OSError):  # of another user, or on a disk that is read-only
                os.utime(entry)
        return ctypes.CDLL(str(entry))
    except OSError as error:
        raise Failed(f"{entry.parent}: {error.strerror or error}") from error


def folder() -> Path:
    """Where compiled loops are."""
    return cache_folder() / "native"


def compiler() -> str:
    """The version of the compiler for this processor.

    Raises:
        Missing: native code is not wanted, or there is no compiler.
    """
    return for_processor().version


def for_processor(quickly: bool = False) -> Tool:
    """What compiles for this processor.

    Args:
        quickly: to compile a source in less time counts for more than to run it in less; it
            includes headers of C only.

    Raises:
        Missing: native code is not wanted, or there is no compiler.
    """
    check_wanted()
    called = command("CXX", COMPILER)
    flags = (*FLAGS, *(QUICKLY if quickly else ()))
    return Tool(called, version(called), flags, processor())


def check_wanted() -> None:
    """
    Raises:
        Missing: generated loops are not wanted.
    """
    if os.environ.get(SWITCH) == SCAN:
        raise Missing(f"{SWITCH}={SCAN}")


def command(variable: str, usual: str) -> tuple[str, ...]:
    """A compiler that a variable of the environment may name, with what it is called with.

    Raises:
        Missing: it is not there, or what the variable says cannot be read.
    """
    told = os.environ.get(variable, "")
    try:
        name, *arguments = shlex.split(told) or [usual]
    except ValueError as error:
        raise Missing(f"{variable}={told}: {error}") from error
    path = shutil.which(name)
    if path is None:
        raise Missing(f"there is no compiler {name}")
    return (path, *arguments)


@cache
def version(command: tuple[str, ...], word: str = "") -> str:
    """What a compiler says of itself, in the first line that has a word.

    Raises:
        Missing: it does not run.
    """
    try:
        lines = _run([*command, "--version"]).splitlines()
        return next((line for line in lines if word in line), "")
    except (OSError, subprocess.SubprocessError) as error:
        raise Missing(f"{' '.join(command)} does not run: {_first_line(error)}") from error


def _run(command: Sequence[str], source: str | None = None) -> str:
    """What a compiler prints; one that fails for a moment is asked once more.

    Raises:
        OSError: it cannot be started.
        SubprocessError: it fails.
    """

    def once() -> str:
        # what it prints may name a file in another encoding, which is no reason to end a training
        done = subprocess.run(
            command,
            input=source,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=True,
            timeout=LONGEST,
        )
        return done.stdout

    try:
        return once()
    except (OSError, subprocess.SubprocessError) as error:
        if not _is_for_a_moment(error):
            raise
        _tell("the compiler failed, and is asked once more", error)
    time.sleep(WAIT)
    return once()


def _is_for_a_moment(error: OSError | subprocess.SubprocessError) -> bool:
    """Whether a compiler may do later what it did not now: it was killed, or not started."""
    if isinstance(error, OSError):
        return error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
    if not isinstance(error, subprocess.CalledProcessError):
        return False  # it takes too long
    told = str(error.stderr).lower()
    return error.returncode < 0 or any(words in told for words in _FOR_A_MOMENT)


def _printed(error: OSError | subprocess.SubprocessError) -> list[str]:
    """Lines of what a compiler printed, or of why there is nothing."""
    if isinstance(error, subprocess.TimeoutExpired):  # whose own words are the whole command
        return [f"it took longer than {error.timeout:g} s"]
    printed = str(getattr(error, "stderr", "") or "").strip()
    return (printed or str(error)).splitlines()


def _first_line(error: OSError | subprocess.SubprocessError) -> str:
    return _printed(error)[0][:200]


def _tell(problem: str, error: OSError | subprocess.SubprocessError) -> None:
    lines = _printed(error)[:SHOWN]
    print(f"rnnzoo: {problem}:", *lines, sep="\n  ", file=sys.stderr, flush=True)


def _compile(source: str, include: Sequence[Path], tool: Tool, entry: Path) -> None:
    command = [*tool.command, *tool.flags, *(f"-I{path}" for path in include)]
    # not where entries are: one appears whole, with the digest of its bytes behind them
    with tempfile.TemporaryDirectory() as made:
        library = Path(made) / "loop.so"
        try:
            _run([*command, "-", "-o", str(library)], source)
        except (OSError, subprocess.SubprocessError) as error:
            _tell(f"the compiler failed, and {tool.otherwise}", error)
            raise Failed(f"the compiler failed: {_first_line(error)}") from error
        code = library.read_bytes()
    with atomic_write(entry) as new:
        new.write_bytes(code + hashlib.sha256(code).digest())


def _is_whole(entry: Path) -> bool:
    """Whether an entry is there, and as it was written."""
    try:
        content = entry.read_bytes()
    except OSError:
        return False
    return hashlib.sha256(content[:-DIGEST]).digest() == content[-DIGEST:]


def _forget() -> None:
    """Delete those that were used longest ago."""
    used = {path: _last_used(path) for path in folder().glob("*.so")}
    for entry in sorted(used, key=used.__getitem__, reverse=True)[LIMIT:]:
        with suppress(OSError):  # of another user
            entry.unlink()


def _last_used(entry: Path) -> float:
    """When an entry was used; 0 where another process has deleted it since."""
    try:
        return entry.stat().st_mtime
    except OSError:
        return 0.0
