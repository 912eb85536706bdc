"""Retries: a call of a storage is repeated while its server is unreachable, and all else becomes
one plain error.

In: calls of a storage that may be made twice.  Out: what they return, or a `StoreError` that says
what to do.  Nothing is lost by either: what was written before stays, and the same command goes on.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from rnnzoo.errors import store_error
from rnnzoo.spec.settings import SQLITE

LONGEST = 60.0  # seconds that a server may be unreachable, or a file locked
PAUSES = (0.2, 0.5, 1.0, 2.0)  # backoff in seconds between attempts; the last one repeats
_DATABASES = ("sqlalchemy", "sqlite3")
# Raised by SQLAlchemy when the connection is lost, or while rolling back on a lost connection
_CONNECTION_LOST = ("OperationalError", "InterfaceError", "PendingRollbackError")

P = ParamSpec("P")
T = TypeVar("T")


def _silent(text: str) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class RetryPolicy:
    """When calls of the storage at a URL are repeated.

    Attributes:
        note: called with a sentence when the server became unreachable, and when it is back.
        exhausted: the server stayed away; later calls, which end things, are not repeated.
    """

    url: str
    note: Callable[[str], None] = _silent
    exhausted: bool = False

    def call(self, action: Callable[[], T]) -> T:
        """What an action returns; it is repeated while the server is unreachable.

        Raises:
            StoreError: the server stays away, or something else is wrong.
        """
        began, attempts = time.monotonic(), 0
        while True:
            try:
                result = action()
            except Exception as error:
                reason = plain(error)
                if reason is None:
                    raise  # a bug of ours, or a message that is plain already
                self.exhausted = self.exhausted or time.monotonic() - began > LONGEST
                if self.exhausted or not self._is_transient(error, reason):
                    raise store_error("the storage", self.url, reason, "storage") from None
                if not attempts:
                    self.note(
                        f"the storage is away ({reason}); it is waited for, up to {LONGEST:.0f}"
                        " seconds"
                    )
                self._pause(PAUSES[min(attempts, len(PAUSES) - 1)])
                attempts += 1
            else:
                if attempts:
                    self.note("the storage is back")
                return result

    def _pause(self, seconds: float) -> None:
        try:
            time.sleep(seconds)
        except KeyboardInterrupt:  # who stops a sweep twice does not want to wait
            self.exhausted = True
            raise

    def _is_transient(self, error: Exception, reason: str) -> bool:
        """Whether waiting may help.  Of a file, only a lock passes."""
        if self.url.startswith(SQLITE):
            return "locked" in reason
        return type(_cause(error)).__name__ in _CONNECTION_LOST


def plain(error: Exception) -> str | None:
    """What a database or its driver says; None where it was none of them that raised."""
    cause = _cause(error)
    if type(cause).__module__.partition(".")[0] not in _DATABASES:
        return None
    lines = str(getattr(cause, "orig", None) or cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__  # some drivers raise without a word


def _cause(error: Exception) -> BaseException:
    """What a database raised, where Optuna has wrapped it."""
    return error.__cause__ or error if type(error).__name__ == "StorageInternalError" else error


class _HasRetries(Protocol):
    @property
    def retries(self) -> RetryPolicy: ...


S = TypeVar("S", bound=_HasRetries)


def retried(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A method that is repeated by its object's policy: it must be idempotent, wherever it was cut
    off.
    """

    @functools.wraps(method)
    def repeating(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.retries.call(lambda: method(self, *args, **kwargs))

    return repeating
