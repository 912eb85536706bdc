"""What can go wrong, as objects before it is text.

    RnnzooError               exit code 1: the work failed
    |- SpecError              exit code 2: what the user wrote in a file; carries every `Mistake` with its `Span`
    |- UsageError             exit code 2: what the user wrote on the command line or passed to a function
    |- TaskError              data that is missing, damaged or does not fit
    |- TrainingError          one training could not run; a sweep records it as an outcome and goes on
    |- StoreError             Optuna's storage or MLflow's cannot be reached, or is held by somebody else
    `- StatsError             the data cannot answer the question

Everything else that escapes is a bug of ours and says so (`cli.main`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

_WIDEST_LINE = 100  # a longer line is shown around its caret


class RnnzooError(Exception):
    """Base of all errors that rnnzoo raises on purpose; `str(error)` is meant for the user."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a file that a user wrote.

    Attributes:
        file: the path as the user gave it.
        line: from 1.
        column: from 1, counted in characters.
        text: the whole line, without its end.
        length: how many characters the place takes, at least 1.
    """

    file: str
    line: int
    column: int
    text: str
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: where, what is wrong, what to write instead."""

    span: Span
    problem: str
    fix: str = ""

    def __str__(self) -> str:
        lines = [f"{self.span}: {self.problem}", *_draw(self.span)]
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


def _draw(span: Span) -> list[str]:
    """The line and a caret under the place; tabs keep their width, long lines are cut around the caret."""
    if not span.text.strip():
        return []
    start = max(0, span.column - 1 - _WIDEST_LINE // 2) if len(span.text) > _WIDEST_LINE else 0
    shown = span.text[start : start + _WIDEST_LINE].rstrip()
    before = span.text[start : span.column - 1]
    pad = "".join("\t" if char == "\t" else " " for char in before).ljust(span.column - 1 - start)
    marks = "^" * max(1, min(span.length, len(shown) - len(before)))
    return [f"    {_printable(shown)}", f"    {pad}{marks}"]


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


class SpecError(RnnzooError):
    """What the user wrote in a file is wrong; all mistakes that could be found, in the order of the file."""

    exit_code = 2

    def __init__(self, *mistakes: Mistake) -> None:
        if not mistakes:
            raise ValueError("a SpecError holds at least one mistake")
        unique = dict.fromkeys(mistakes)  # the same mistake found along two paths is one mistake
        self.mistakes = tuple(sorted(unique, key=lambda one: (one.span.file, one.span.line, one.span.column)))
        super().__init__(*self.mistakes)

    def __str__(self) -> str:
        return "\n\n".join(str(mistake) for mistake in self.mistakes)


class UsageError(RnnzooError):
    """What the user wrote on the command line, or passed to a public function, is wrong."""

    exit_code = 2


class TaskError(RnnzooError):
    """Data that is missing, damaged or does not fit; the message says where to put it or what to change."""


class TrainingError(RnnzooError):
    """One training could not run."""


class StoreError(RnnzooError):
    """A store cannot be reached, is from another version, or is held by another sweep."""


class StatsError(RnnzooError):
    """The data cannot answer the question; the message says what would."""


@dataclass(slots=True)
class Mistakes:
    """Collects mistakes, so that a file's mistakes come all in one go.

    Example:
        mistakes = Mistakes()
        mistakes.add(span, "unknown name 'cc'", nearest("cc", names))
        mistakes.raise_if_any()
    """

    found: list[Mistake] = field(default_factory=list)

    def add(self, span: Span, problem: str, fix: str = "") -> None:
        self.found.append(Mistake(span, problem, fix))

    def raise_if_any(self) -> None:
        if self.found:
            raise SpecError(*self.found)


def nearest(name: str, known: Iterable[str]) -> str:
    """The fix for a wrong name: the nearest right one if there is one, and the list while it is short."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    listing = f"one of: {', '.join(names)}" if 0 < len(names) <= 40 else ""
    if close:
        return f"did you mean '{close[0]}'?" + (f"  ({listing})" if listing else "")
    return listing
