"""Being asked to end: at once, between two events, and where other code swallows it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from rnnzoo.signals import GROUP_SIGNALS, asked_to_end, interrupts


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
