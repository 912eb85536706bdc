"""The main function of a child: one trial, from its arrival through the pipe to its outcome.

Any failure ends this process and nothing else.  The process ends itself when its pipe closes, so
that no child goes on computing for a sweep that has ended.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import queue
import sys
import threading
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from rnnzoo.errors import RnnzooError
from rnnzoo.launchers import Work
from rnnzoo.spec.ended import outcome_of
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial


@dataclass(frozen=True, slots=True)
class Job:
    """The first message to a child: the function to run, its trial, and the memory limit in
    bytes.
    """

    work: Work
    trial: Trial
    memory: float


def check_system() -> None:
    """
    Raises:
        RnnzooError: it is one without forks, on which no child begins.
    """
    if not hasattr(os, "fork"):
        raise RnnzooError(
            "trainings run in processes of a kind that Windows lacks",
            "work in WSL (docs/installing.md); `rnnzoo plan SPEC --no-measure` trains nothing",
        )


def run_child(pipe: Connection) -> None:
    """Take a job, run it, send its outcome, and end this process."""
    try:
        job: Job = pipe.recv()
    except EOFError:
        os._exit(1)
    except Exception as error:  # a module that its work or its trial needs cannot be imported
        log_error()
        _end_with(pipe, outcome_of(error))
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    threading.Thread(target=_receive_answers, args=(pipe, answers), daemon=True).start()

    def tell(progress: Progress) -> bool:
        pipe.send(progress)
        return answers.get()

    try:
        _log_to(job.trial.log if job.trial.folder else Path(os.devnull))
        outcome = job.work(job.trial, tell)
    except MemoryError:
        log_error()
        outcome = Outcome(Kind.OUT_OF_MEMORY, message="there was not enough memory")
    except BaseException as error:
        log_error()
        outcome = outcome_of(error)
    if _peak() > job.memory:
        outcome = too_much_memory(job.memory)
    _end_with(pipe, outcome)


def _end_with(pipe: Connection, outcome: Outcome) -> NoReturn:
    """Send the outcome, and end this process."""
    flush((sys.stdout, sys.stderr))
    with contextlib.suppress(OSError):  # the sweep has ended
        pipe.send(outcome)
    os._exit(0)  # there is nothing to clean up, and TensorFlow's cleanup takes half a second


def too_much_memory(limit: float) -> Outcome:
    return Outcome(
        Kind.OUT_OF_MEMORY, message=f"it held more than {limit / 2**20:.0f} MiB of memory"
    )


def _peak() -> float:
    """The peak resident memory of this process in bytes."""
    import resource  # Windows has none, and commands that begin no child do without

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _receive_answers(pipe: Connection, answers: queue.SimpleQueue[bool]) -> None:
    """Receive answers; end this process when the sweep has ended."""
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
    faulthandler.enable(2)  # a crash leaves its traceback in the log


def log_error() -> None:
    with contextlib.suppress(OSError):  # the log's disk may be full
        traceback.print_exc()


def flush(streams: Sequence[Any]) -> None:
    for stream in streams:
        with contextlib.suppress(Exception):
            stream.flush()
