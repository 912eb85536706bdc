"""Being asked to end: at once, between two events, and where other code swallows it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rnnzoo.signals import GROUP_SIGNALS, asked_to_end, interrupts

# runs rnnzoo, and is interrupted when it imports the module in braces
INTERRUPTED_AT = """\
import os, runpy, signal, sys

class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
sys.argv = ["rnnzoo", "list", "cells"]
runpy.run_module("rnnzoo", run_name="__main__")
"""


@pytest.fixture(autouse=True)
def usual_handlers() -> Iterator[None]:
    """A test run of the background ignores some of them."""
    before = {number: signal.getsignal(number) for number in GROUP_SIGNALS}
    for number in GROUP_SIGNALS:
        signal.signal(
            number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        )
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def ask(number: int) -> None:
    os.kill(os.getpid(), number)


def swallowed(number: int) -> None:
    """As in a finaliser, and in others' `except:`."""
    with contextlib.suppress(BaseException):
        ask(number)


@pytest.mark.parametrize("number", GROUP_SIGNALS)
def test_each_signal_ends_a_command_as_ctrl_c_does(number: int) -> None:
    with pytest.raises(KeyboardInterrupt), asked_to_end():
        ask(number)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize(
    ("module", "code", "told"),
    [("rnnzoo.cli.parser", -signal.SIGINT, ""), ("rnnzoo.cli.cells", 130, "interrupted\n")],
)
def test_ctrl_c_shows_no_traceback_however_early_it_comes(
    module: str, code: int, told: str
) -> None:
    program = INTERRUPTED_AT.format(module=module)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (code, told)


@pytest.mark.parametrize("number", GROUP_SIGNALS)
def test_what_other_code_swallows_ends_the_command_all_the_same(number: int) -> None:
    with pytest.raises(KeyboardInterrupt), asked_to_end():
        swallowed(number)


@pytest.mark.parametrize("number", GROUP_SIGNALS)
def test_a_sweep_that_begins_after_a_swallowed_signal_is_interrupted_before_its_first_trial(
    number: int,
) -> None:
    seen = []

    def command() -> None:
        with asked_to_end():
            swallowed(number)
            with interrupts() as interrupted:
                seen.append(interrupted())

    with pytest.raises(KeyboardInterrupt):
        command()
    assert seen == [True]


@pytest.mark.parametrize("within", [asked_to_end, contextlib.nullcontext])
def test_a_sweep_notices_the_first_signal_between_two_events_and_stops_at_the_second(
    within: type,
) -> None:
    with contextlib.suppress(KeyboardInterrupt), within(), interrupts() as interrupted:
        assert not interrupted()
        ask(signal.SIGTERM)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            ask(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_what_is_ignored_stays_so() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with asked_to_end(), interrupts() as interrupted:
        ask(signal.SIGHUP)
        assert not interrupted()
