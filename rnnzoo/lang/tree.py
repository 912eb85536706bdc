"""The tree of an expression, as it is written: every node knows its place.

`parse` makes it, `check` gives it sizes and a meaning.
"""

from __future__ import annotations

from dataclasses import dataclass

from rnnzoo.errors import Span
from rnnzoo.lang.primitives import Primitive

# replaces each character of an unreadable name; no user's text has it
REPORTED = "\N{LATIN LETTER ALVEOLAR CLICK}"


@dataclass(frozen=True, slots=True)
class Literal:
    value: float
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    """A bare name: this step's value, a weight, a constant, an option."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Primed:
    """`name'`: a transposed matrix."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Joined:
    """`[a, b]` after a matrix and @: vectors side by side."""

    parts: tuple[Tree, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Lag:
    """`name[t-1]`, or so many steps back: a number from 1, or the name of an option."""

    name: str
    span: Span
    steps: int | str = 1

    @property
    def index(self) -> str:
        """What stands in its brackets."""
        return f"t-{self.steps}"


@dataclass(frozen=True, slots=True)
class Index:
    """`name[row]` or `name[col]`, in masks."""

    name: str
    axis: str
    span: Span


@dataclass(frozen=True, slots=True)
class Round:
    """`name[k-1]`, `name[2]` or `name[depth]`: of the round of a number, or so many after `index`.

    Only `lang.check.rounds` knows which one that is: it puts the name of an equation or a weight in
    its place.
    """

    name: str
    index: str  # empty for a number
    offset: int
    span: Span
    is_transposed: bool = False


@dataclass(frozen=True, slots=True)
class Below:
    """`below.name`: the value in the layer below, at this step."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """An operation on its operands."""

    op: Primitive
    args: tuple[Tree, ...]
    span: Span


Tree = Literal | Name | Primed | Joined | Lag | Index | Round | Below | Call


def is_reported(name: str) -> bool:
    """Whether a name stands for an unreadable one, whose mistake is reported already."""
    return name.startswith(REPORTED)


def reported(span: Span) -> Name:
    """A name that stands for what is reported already: nothing more is said of it."""
    return Name(REPORTED, span)
