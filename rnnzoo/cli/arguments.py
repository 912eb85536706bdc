"""What an argument of a command may be: a number, a text, the name of a file.

In: a word of a command line.  Out: its value.  What cannot be meant is refused here, before
anything is read or loaded.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnzoo.errors import FIX, UsageError, worded


def whole(low: int, high: float = math.inf) -> Callable[[str], int]:
    """A whole number from `low` to `high`."""

    def checked(word: str) -> int:
        try:
            number = int(word)
        except ValueError:
            raise _refused(f"must be a whole number, not '{word}'") from None
        if low <= number <= high:
            return number
        most = f" to {high:,}" if high < math.inf else " on"
        raise _refused(f"must be a whole number from {low:,}{most}, not {number}")

    return checked


def above_zero(word: str) -> float:
    """A finite number above 0."""
    return _finite(word, "above 0", lambda number: number > 0.0)


def from_zero(word: str) -> float:
    """A finite number from 0 on."""
    return _finite(word, "from 0 on", lambda number: number >= 0.0)


def _finite(word: str, which: str, allowed: Callable[[float], bool]) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if math.isfinite(number) and allowed(number):
        return number
    raise _refused(f"must be a number {which}, not '{word}'")


def text(word: str) -> str:
    """A text that says something: a variable of the shell that is not set chooses no default."""
    if word.strip():
        return word
    fix = "say which, or leave it out; a variable of the shell may not be set"
    raise _refused(worded("nothing is given", fix))


def file(*endings: str, bare: bool = True) -> Callable[[str], str]:
    """A file that is written, whose name must not promise another format.

    Args:
        bare: whether a name without an ending will do, as `/dev/stdout`.
    """

    def checked(word: str) -> str:
        path = Path(text(word))
        if path.suffix.lower() in (*endings, *([""] if bare else [])):
            return word
        problem = f"{word} does not end in {' or '.join(endings)}"
        raise _refused(worded(problem, f"name it {path.stem}{endings[0]}"))

    return checked


def _refused(problem: str) -> argparse.ArgumentTypeError:
    """To be raised for a word; the parser puts the name of its argument before it."""
    return argparse.ArgumentTypeError(problem)


class _Once(argparse._StoreAction):
    """An option with a value: of two values the last would count, and the first be lost."""

    before: object = None

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if option_string is not None:
            if self.before not in (None, values):
                twice = worded(f"given twice, as {self.before} and as {values}", "give it once")
                raise argparse.ArgumentError(self, twice)
            self.before = values
        super().__call__(parser, namespace, values, option_string)


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are a `UsageError`, and whose options are given once each."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for action in (None, "store"):
            self.register("action", action, _Once)
        # none of our options begins with a digit, so that `--shard -1/8` gives it a value
        self._negative_number_matcher = re.compile(r"-\.?\d")

    def error(self, message: str) -> None:  # type: ignore[override]  # it does not return either
        said = message.removeprefix("argument ")
        raise UsageError(said, "" if FIX in said else self._fix(said))

    def _fix(self, said: str) -> str:
        """The option with its value, where that is what is missing; else where to look."""
        option = said.partition(":")[0].split("/")[-1]
        action = self._option_string_actions.get(option)
        if action is not None and action.metavar and "expected one argument" in said:
            return f"{option} {action.metavar}"
        return f"see `{self.prog} --help`"
