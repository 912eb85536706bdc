"""What a spec may hold: the keys of each table, and what may stand under each of them.

In: nothing.  Out: frozen descriptions.  `Entry` reads a table by one, `schema` writes them as JSON
Schema, from which editors complete, `tools.keys` as tables of the manual, and `tools.site.keys` as
a page of all.  The descriptions themselves stand beside the readers of each file: `cell.keys`,
`read_experiment.keys`, `settings`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rnnzoo.errors import Mistakes
from rnnzoo.spec.document import MAX_NODES, Fields, Node, Table, as_integer, is_number

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Legal:
    """One value: true or false, one of some words, or a number from where to where."""

    whole: bool = False
    low: float = 0.0
    high: float = math.inf
    open_low: bool = False  # `low` itself is not allowed
    open_high: bool = False
    words: tuple[str, ...] = ()
    flag: bool = False

    def problem(self, value: object) -> str:
        """Why a value is not legal; empty where it is."""
        if self.flag:
            return "" if isinstance(value, bool) else "is true or false"
        if self.words:
            return "" if value in self.words else "is one of a few words"
        if not is_number(value) or (self.whole and as_integer(value) is None):
            return "is a whole number" if self.whole else "is a number"
        return self._out_of_range(float(value))  # type: ignore[arg-type]  # it is a number

    def _out_of_range(self, number: float) -> str:
        if number < self.low or (self.open_low and number == self.low):
            return f"is {'above' if self.open_low else 'at least'} {self.low:g}"
        if number > self.high or (self.open_high and number == self.high):
            return f"is {'below' if self.open_high else 'at most'} {self.high:g}"
        return ""

    def typed(self, value: Any) -> Any:
        """A legal value as the type that it has in a training."""
        if self.flag:
            return bool(value)
        if self.words:
            return str(value)
        return int(value) if self.whole else float(value)


NUMBER = Legal(low=-math.inf)


@dataclass(frozen=True, slots=True)
class Text:
    """A text.

    Attributes:
        pattern: what all of it matches; empty where it may be anything.
        most: characters; 0 where no more is said.
        known: texts that an editor may propose, beside others that it may be.
        names: what it may name, such as `cells`; an editor proposes those that there are.
    """

    pattern: str = ""
    most: int = 0
    known: tuple[str, ...] = ()
    names: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list, each entry of which holds the same."""

    holds: Holds
    least: int = 0
    most: int = 0  # 0: no more is said


@dataclass(frozen=True, slots=True)
class Names:
    """A table whose keys are names of the user's own, each of which holds the same."""

    holds: Holds


@dataclass(frozen=True, slots=True)
class Either:
    """One of several things."""

    holds: tuple[Holds, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table.

    Attributes:
        about: what it means, as the manual and an editor say it.
        without: what holds where it is left out, in words.
        needed: whether it cannot be left out.
        may_be_empty: whether nothing may stand behind it, which is as if it were left out.
    """

    about: str
    holds: Holds
    without: str = ""
    needed: bool = False
    may_be_empty: bool = True


@dataclass(frozen=True, slots=True)
class Keys:
    """A table that has these keys and no others.

    Attributes:
        usual: a value with the defaults of its keys as attributes, where there is one.
        single: whether it has exactly one of its keys.
        whole: whether it is replaced as a whole where a file extends another, so that it has what
            it needs in any file.
    """

    rows: Mapping[str, Key]
    usual: object = None
    single: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class ByName:
    """Something that is chosen by name: the name, or a table of `name:` and its options.

    Attributes:
        names: of what it is one, such as `tasks`.
        beside: further keys of the table, which are no options.
        pattern: what else may stand in the place of a name; empty where nothing may.
        whole: as of `Keys`: whether the table has its `name:` in any file.
    """

    names: str
    beside: Mapping[str, Key] = field(default_factory=dict)
    pattern: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Shared:
    """What stands in several places, and is written once, under a name."""

    name: str
    holds: Holds


Holds = Legal | Text | Items | Names | Either | Keys | ByName | Shared


class Entry(Fields):
    """Reads a table that has known keys.  To ask for another key is a bug of ours."""

    def __init__(
        self, table: Table, mistakes: Mistakes, subject: str, keys: Mapping[str, Key]
    ) -> None:
        super().__init__(table, mistakes, subject)
        self.keys = keys

    @property
    def known(self) -> Collection[str]:
        return self.keys

    @property
    def unread(self) -> set[str]:
        """Keys that the table may have, and that nobody has asked for."""
        return {*self.keys} - self._asked

    def node(self, key: str) -> Node | None:
        if key not in self.keys:
            raise KeyError(key)
        return super().node(key)

    def listing(self, key: str, most: int = MAX_NODES) -> tuple[Node, ...]:
        holds = self.keys[key].holds
        return super().listing(key, (isinstance(holds, Items) and holds.most) or most)

    def value(self, key: str, default: T) -> T:
        """The one value that a key holds; the default where it is absent, or a mistake."""
        holds = self.keys[key].holds
        usual: Any = default
        if isinstance(holds, Legal):
            return self.legal(key, holds, usual)  # type: ignore[no-any-return]  # a T, as usual
        if isinstance(holds, Text):
            return self.text(key, usual)  # type: ignore[return-value]  # likewise
        raise TypeError(f"`{key}` holds more than one value")

    def legal(self, key: str, legal: Legal, default: Any) -> Any:
        """The value of a key, or a mistake where it is not legal."""
        if legal.flag:
            return self.flag(key, default)
        if legal.words:
            return self.word(key, legal.words, default)
        low, high = _finite(legal.low), _finite(legal.high)
        if legal.whole:
            return self.integer(key, default, low=low, high=high)  # type: ignore[arg-type]  # whole
        number = self.number(key, default, low=low, high=high)
        problem = "" if key in self.refused or key not in self else legal.problem(number)
        if problem:
            self.refused.add(key)
            must_be = f"`{key}` must be {problem.removeprefix('is ')}, not {number:g}"
            self.mistakes.add(self.span(key), must_be, f"write `{key}: {default:g}`, or another")
            return default
        return number


def _finite(end: float) -> float | None:
    """An end of what is legal; None where there is no end."""
    return None if math.isinf(end) else end
