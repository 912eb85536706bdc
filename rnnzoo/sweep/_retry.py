"""What a storage raises: a server that went away is waited for, and all else becomes one plain error.

In: calls of a storage that may be made twice.  Out: what they return, or a `StoreError` that says what to do.  Nothing is
lost by either: what was written before stays, and the same command goes on.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from rnnzoo.errors import store_error
from rnnzoo.spec.settings import SQLITE

LONGEST = 60.0  # seconds that a server may be away, or a file locked
PAUSES = (0.2, 0.5, 1.0, 2.0)  # seconds between attempts, the last one again and again
_DATABASES = ("sqlalchemy", "sqlite3")
# What SQLAlchemy raises when a server is, and when it was while it was to be told so
_GONE = ("OperationalError", "InterfaceError", "PendingRollbackError")

P = ParamSpec("P")
T = TypeVar("T")


def _silent(text: str) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class Patience:
    """How the errors of the storage at a URL are met.

    Attributes:
        note: told when a server went away, and when it is back.
        over: it was waited for in vain; what is called after that, to end things, is not kept waiting again.
    """

    url: str
    note: Callable[[str], None] = _silent
    over: bool = False

    def call(self, action: Callable[[], T]) -> T:
        """What an action returns; it is begun again while the server is away.

        Raises:
            StoreError: the server stays away, or something else is wrong.
        """
        began, attempts = time.monotonic(), 0
        while True:
            try:
                found = action()
            except Exception as error:
                reason = plain(error)
                if reason is None:
                    raise  # a bug of ours, or a message that is plain already
                self.over = self.over or time.monotonic() - began > LONGEST
                if self.over or not self._passes(error, reason):
                    raise store_error("the storage", self.url, reason, "storage") from None
                if not attempts:
                    self.note(f"the storage is away ({reason}); it is waited for, up to {LONGEST:.0f} seconds")
                self._pause(PAUSES[min(attempts, len(PAUSES) - 1)])
                attempts += 1
            else:
                if attempts:
                    self.note("the storage is back")
                return found

    def _pause(self, seconds: float) -> None:
        try:
            time.sleep(seconds)
        except KeyboardInterrupt:  # who stops a sweep twice does not want to wait
            self.over = True
            raise

    def _passes(self, error: Exception, reason: str) -> bool:
        """Whether waiting may help.  All else that happens to a file does not pass."""
        if self.url.startswith(SQLITE):
            return "locked" in reason
        return type(_cause(error)).__name__ in _GONE


def plain(error: Exception) -> str | None:
    """What a database or its driver says; None where it was none of them that raised."""
    cause = _cause(error)
    if type(cause).__module__.partition(".")[0] not in _DATABASES:
        return None
    return str(getattr(cause, "orig", None) or cause).strip().splitlines()[0]


def _cause(error: Exception) -> BaseException:
    """What a database raised, where Optuna has wrapped it."""
    return error.__cause__ or error if type(error).__name__ == "StorageInternalError" else error


class Patient(Protocol):
    @property
    def patience(self) -> Patience: ...


S = TypeVar("S", bound=Patient)


def told(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A method whose errors are met with its object's patience; it may be called again after it was cut off anywhere."""

    @functools.wraps(method)
    def patient(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.patience.call(lambda: method(self, *args, **kwargs))

    return patient
