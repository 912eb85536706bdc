"""The life of a child: one trial, from its arrival through the pipe to its outcome.

Whatever happens in it ends this process and nothing else.  It ends itself when its pipe closes, so that no child goes on
computing for a sweep that is gone.
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import os
import queue
import resource
import sys
import threading
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rnnzoo.errors import machine_fault
from rnnzoo.launchers import Work
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial


@dataclass(frozen=True, slots=True)
class Job:
    """What a child is given: what to run, on which trial, and how many bytes of memory it may hold."""

    work: Work
    trial: Trial
    memory: float


def live(pipe: Connection) -> None:
    """Take a job, run it, send its outcome, and end this process."""
    try:
        job: Job = pipe.recv()
    except EOFError:
        os._exit(1)
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, answers), daemon=True).start()

    def tell(progress: Progress) -> bool:
        pipe.send(progress)
        return answers.get()

    try:
        _log_to(job.trial.log if job.trial.folder else Path(os.devnull))
        outcome = job.work(job.trial, tell)
    except MemoryError:
        _log_error()
        outcome = Outcome(Kind.OUT_OF_MEMORY, message="there was not enough memory")
    except BaseException as error:
        _log_error()
        outcome = _raised(error)
    if _peak() > job.memory:
        outcome = too_much_memory(job.memory)
    _flush((sys.stdout, sys.stderr))
    with contextlib.suppress(OSError):  # nobody hears it any more
        pipe.send(outcome)
    os._exit(0)  # nothing to tidy up, and TensorFlow's own tidying takes half a second


def _raised(error: BaseException) -> Outcome:
    """The outcome of a trial that raised: no trial is to blame for its machine's file system."""
    if getattr(error, "errno", None) == errno.ENOMEM:
        return Outcome(Kind.OUT_OF_MEMORY, message="there was not enough memory")
    fix = machine_fault(error)
    if fix:
        return Outcome(Kind.INTERRUPTED, message=f"{_last_line(error)}\n  fix: {fix}, and give the same command again")
    return Outcome(Kind.FAILED, message=_last_line(error))


def too_much_memory(limit: float) -> Outcome:
    return Outcome(Kind.OUT_OF_MEMORY, message=f"it held more than {limit / 2**20:.0f} MiB of memory")


def _peak() -> float:
    """The most bytes of resident memory that this process has held."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held * (1 if sys.platform == "darwin" else 1024)


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


def _last_line(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1][:500]


def _flush(streams: Sequence[Any]) -> None:
    for stream in streams:
        with contextlib.suppress(Exception):
            stream.flush()
