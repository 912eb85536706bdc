"""The command line: parses arguments, calls one function, prints errors.

What a command does is in `rnnzoo.api` and below.

    data          data
    cells         list, show, gallery, check
    new           new
    schema        schema
    demo          demo
    skill         skill; `skill.md`, what it prints
    sweep         sweep, sync; `asked`, what it prints before it begins
    evolve        evolve
    ctl           ctl
    cluster       cluster
    plan          plan; `expected` and `within`, its parts about claims and hours
    status        status, best
    reports       report, export, merge
    compare       compare
    clean         clean
    watch         watch
    ui            ui
    models        train, inspect, gradients
    predictions   predictions; `grids`, the tables that it and `data` print
    doctor        doctor
    parser        every command with its options; `arguments`, what the values of these may be
    warned        what several of them print before they begin
    as_json       what `--json` prints; `changes`, what `check --watch` does at each change

`--help` answers at once: whatever is heavy is imported by the command that needs it.  Exit codes: 0
done, 1 the work failed, 2 what the user wrote is wrong, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

from rnnzoo.cli.as_json import bug_as_json, error_as_json, one_document
from rnnzoo.cli.parser import parsed
from rnnzoo.errors import (
    RnnzooError,
    UsageError,
    absent_package,
    at_command_line,
    in_the_way,
    lacking,
    machine_fault,
)
from rnnzoo.signals import asked_to_end

INTERRUPTED = 130
MEND = "mend that file: rnnzoo has called it as a plug-in"
BUG = "This is a bug in rnnzoo, not a mistake of yours"
REPORT = "report it where you got rnnzoo from, with the traceback and the file that you used"
SHORT = """\
rnnzoo compares recurrent-network architectures, declared as equations.

  rnnzoo sweep experiments/first.yaml    run an experiment, or resume it
  rnnzoo show lstm                       a cell: its equations, states, weights and counts
  rnnzoo list cells                      what there is: cells, tasks, studies
  rnnzoo demo                            a finished report, in the browser

All commands: rnnzoo --help"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if not words:
        _say(SHORT, sys.stderr)
        return UsageError.exit_code
    try:
        return _run(words)
    finally:
        _write_out(sys.stdout)


def _run(words: Sequence[str]) -> int:
    """Run one command, and tell what keeps it from its work; returns the exit code."""
    try:
        with asked_to_end(), at_command_line():
            args = parsed(words)
            with one_document():
                code = int(args.run(args) or 0)
            if sys.stdout is not None:
                sys.stdout.flush()  # while what goes wrong can be told
            return code
    except RnnzooError as error:
        return _told(error, words)
    except KeyboardInterrupt:
        _told(RnnzooError("interrupted"), words)
        return INTERRUPTED
    except BrokenPipeError:
        return 0  # the reader left, as `| head` does
    except OSError as error:
        return _stopped(error, words)
    except ModuleNotFoundError as error:
        package = "" if _of_plugin(error) else absent_package(error)
        if not package:
            return _bug(error, words)
        return _told(lacking(f"`rnnzoo {words[0]}`", package), words)
    except SystemExit as error:
        if not _of_plugin(error):
            raise  # of the parser of arguments
        return _bug(error, words)
    except Exception as error:
        return _bug(error, words)


def _stopped(error: OSError, words: Sequence[str]) -> int:
    """Tell what a file system refuses; returns the exit code."""
    fix = machine_fault(error) or ("" if _of_plugin(error) else in_the_way(error))
    if not fix:
        return _bug(error, words)
    problem = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return _told(RnnzooError(problem, f"{fix}, and give the same command again"), words)


def _told(error: RnnzooError, words: Sequence[str]) -> int:
    """Tell an error, with `--json` on stdout too; returns its exit code."""
    if "--json" in words:
        _say(error_as_json(error), sys.stdout)
    _say(str(error), sys.stderr)
    return error.exit_code


def _say(text: str, stream: TextIO | None) -> None:
    """Print what ends a command.  Whether anybody reads it changes no exit code."""
    if stream is None:  # it was closed
        return
    with suppress(OSError):
        print(text, file=stream)
    _write_out(stream)


def _write_out(stream: TextIO | None) -> None:
    """Write what is left of a stream.  What cannot be written is lost: the interpreter would try
    once more at its end, and exit with a code of its own.
    """
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _of_plugin(error: BaseException) -> str:
    """What a plug-in of the user's has raised, with its place; empty where the error is
    rnnzoo's.
    """
    from rnnzoo.registry import told

    return told(error)


def _bug(error: BaseException, words: Sequence[str]) -> int:
    """Tell what nobody had thought of, while it is handled: whose bug it is, and where; with
    `--json` on stdout too.
    """
    from rnnzoo.registry import trace

    of_plugin = _of_plugin(error)
    told = RnnzooError(of_plugin, MEND) if of_plugin else RnnzooError(BUG, REPORT)
    # whoever mends a plug-in has nothing to look for in the frames of rnnzoo above it
    _say(trace(error) if of_plugin else traceback.format_exc(), sys.stderr)
    if "--json" in words:
        _say(bug_as_json(error, told), sys.stdout)
    _say(str(told), sys.stderr)
    return 1
