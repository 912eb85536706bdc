"""Ctrl-C, SIGTERM and SIGHUP: what a terminal, `timeout`, Slurm and systemd send to all processes
of a sweep at once.

In: signals.  Out: `KeyboardInterrupt`, at once or where it does no harm.  Raised wherever Python
happens to be, it may be lost: Python swallows what a finaliser raises, and others' code has bare
`except:` clauses.  So what was asked is remembered, too.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows lacks the last
GROUP_SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


@dataclass(slots=True)
class _Asked:
    """The handler of all three.

    Attributes:
        times: how often the end was asked for.
        first: the signal that asked first.
        deferred: the first time is noticed between two events, and does not raise.
    """

    times: int = 0
    first: int = 0
    deferred: bool = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.times += 1
        self.first = self.first or number
        if not (self.deferred and self.times == 1):
            raise KeyboardInterrupt


@dataclass(frozen=True, slots=True)
class Interrupts:
    """Whether the end was asked for, to be called between two events."""

    asked: _Asked

    def __call__(self) -> bool:
        return self.asked.times > 0

    @property
    def leaves_time(self) -> bool:
        """Whether it was asked for by SIGTERM, which who sends it lets a kill follow some time
        later; whoever presses Ctrl-C waits.
        """
        return self.asked.first == signal.SIGTERM


@contextmanager
def asked_to_end() -> Iterator[None]:
    """Each of the three ends the block as Ctrl-C does; one that is ignored, as in a job of the
    background, stays so.

    Raises:
        KeyboardInterrupt: the end was asked for, also where other code has swallowed that.
    """
    with _handled() as asked:
        yield
        if asked.times:
            raise KeyboardInterrupt


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Whether the end was asked for, to be looked at between two events: what is cut off in a write
    would keep its lock.

    A second time stops at once.
    """
    with _handled() as asked:
        asked.deferred = True
        try:
            yield Interrupts(asked)
        finally:
            asked.deferred = False


@contextmanager
def _handled() -> Iterator[_Asked]:
    """Handle what nobody else handles or ignores; within another such block, with that block's
    handler.
    """
    main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in GROUP_SIGNALS if main}
    outer = next((handler for handler in handlers.values() if isinstance(handler, _Asked)), None)
    asked = outer or _Asked()
    usual = (signal.default_int_handler, signal.SIG_DFL)
    ours = {number: handler for number, handler in handlers.items() if handler in usual}
    for number in ours:
        signal.signal(number, asked)
    try:
        yield asked
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
