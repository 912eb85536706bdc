"""The reference of keys: every table of a cell, an experiment and mlflow.yml, from the descriptions
by which they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rnnzoo.spec import settings
from rnnzoo.spec.cell import CELL
from rnnzoo.spec.hyperparameters import SEARCHABLE
from rnnzoo.spec.keys import ByName, Either, Holds, Items, Key, Keys, Legal, Names, Shared, Text
from rnnzoo.spec.read_experiment.keys import BYTES, EXPERIMENT
from rnnzoo.spec.shares import SHARE
from rnnzoo.spec.space import KINDS
from tools.keys import values

INTRODUCTION = """\
# Keys

Every key of the three kinds of files. [The cell language](../language.md) and \
[Experiments](../experiments.md) say how to use them, `rnnzoo schema` writes the same for an \
[editor](../editors.md).
"""
FILES: Mapping[str, Mapping[str, Key]] = {
    "A cell": CELL,
    "An experiment": EXPERIMENT,
    "mlflow.yml": settings.KEYS,
}
# where the names are told that a `ByName` takes
NAMES = {
    "tasks": "[a task](../tasks.md)",
    "samplers": "[a sampler](../experiments.md#search)",
    "pruners": "[a pruner](../experiments.md#search)",
    "launchers": "[a launcher](../python.md#plug-ins)",
    "trackers": "[a tracker](../python.md#plug-ins)",
}
# texts of which a pattern says what they are
FORMS = {SHARE: "`10%` or `1/10`", BYTES.pattern: "`500MB` or `2GB`"}
RANGES = {"int": "a list of two numbers", "float": "a list of two numbers", "choice": "a list"}
HEAD = ("| key | holds | meaning | without it |", "| --- | --- | --- | --- |")


def page() -> str:
    """A section for each file, and below it one for each table within."""
    writer = _Writer()
    parts = [INTRODUCTION]
    for title, keys in FILES.items():
        parts += [f"## {title}", *writer.sections(keys)]
    return "\n\n".join(parts) + "\n"


@dataclass(slots=True)
class _Writer:
    """Writes sections; a table that several keys hold has one.

    Attributes:
        tables: those that were met, by title.
        waiting: titles of those whose section is not written yet.
    """

    tables: dict[str, Mapping[str, Key]] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)

    def sections(self, keys: Mapping[str, Key]) -> Iterator[str]:
        """The table of some keys, then the sections of those that it leads to."""
        yield self._lines(keys)
        while self.waiting:
            title = self.waiting.pop(0)
            yield f"### {title}"
            yield self._lines(self.tables[title])

    def _lines(self, keys: Mapping[str, Key]) -> str:
        return "\n".join([*HEAD, *(self._line(name, key) for name, key in keys.items())])

    def _line(self, name: str, key: Key) -> str:
        holds = RANGES.get(name) or self._words(key.holds, name)
        without = "needed" if key.needed else key.without
        return f"| `{name}` | {holds} | {_linked(key.about)} | {_linked(without)} |"

    def _words(self, holds: Holds, title: str) -> str:
        """What stands there, in words.

        Args:
            title: of its section, where it is a table.
        """
        match holds:
            case Legal():
                return values(holds)
            case Text():
                return _text(holds)
            case Items():
                return f"a list, each {self._words(holds.holds, title)}"
            case Names():
                return f"by name, each {self._words(holds.holds, title)}"
            case Either(holds=(alone, Items(holds=each))) if each == alone:
                return f"{self._words(alone, title)}; or a list of such"
            case Either():
                return "; or ".join(self._words(each, title) for each in holds.holds)
            case Keys():
                return self._table(holds, title)
            case ByName():
                return self._named(holds)
            case Shared():
                return self._words(holds.holds, holds.name)

    def _named(self, chosen: ByName) -> str:
        name = f"the name of {NAMES[chosen.names]}"
        if not chosen.beside:
            return f"{name}; or a table of `name` and its options"
        rows = {"name": Key(name, Text(), needed=True), **chosen.beside}
        return f"{name}; or {self._table(Keys(rows), chosen.names[:-1])} and its options"

    def _table(self, keys: Keys, title: str) -> str:
        """A link to the section of a table."""
        kind = next(iter(keys.rows))
        if kind in KINDS:
            title = f"range {kind}"  # one for all hyper-parameters
        elif [*keys.rows] == [*SEARCHABLE] and title != "space":
            several = "" if isinstance(keys.rows[kind].holds, Legal) else ", or several"
            return f"names of [space](#space), each with a value{several}"
        if title not in self.tables:
            self.tables[title] = keys.rows
            self.waiting.append(title)
        elif [*self.tables[title]] != [*keys.rows]:
            raise ValueError(f"two tables are called {title}")
        link = f"[{title}](#{title.replace(' ', '-')})"
        return f"one key of {link}" if keys.single else link


def _text(text: Text) -> str:
    if text.names == "cells":
        return "the name of a cell, or a path"
    known = f"a text, such as `{'`, `'.join(text.known)}`" if text.known else "a text"
    return FORMS.get(text.pattern, known)


def _linked(text: str) -> str:
    """A sentence of docs/experiments.md, with links that lead from this page."""
    text = text.replace("](#", "](../experiments.md#").replace("|", "\\|")
    return re.sub(r"\]\((?=[\w-]+\.md)", "](../", text)
