"""Tasks, losses, metrics, operations, trackers and launchers by their names, also the user's own
and those of installed packages.

In: a name, and options as a file gives them.  Out: what it stands for, or what is wrong, in words.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from rnnzoo import registry
from rnnzoo.errors import Mistakes, UsageError, nearest
from rnnzoo.spec.settings import EXPERIMENTS, Chosen, project
from rnnzoo.spec.written import a_table, as_value, entry

PAGE = 'docs/python.md, "Plug-ins"'
LONGEST = 100  # characters of what a plug-in handed back
MOST = 10**9  # of anything that an option counts
_TYPES: Mapping[type, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    list: "a list of whole numbers",
}
_SIMPLE = (int, float, str, bool)


class Wrong(NamedTuple):
    """What is wrong with the value of an option, or with a part of it: `window.length`,
    `inputs.1`.
    """

    option: str
    problem: str
    fix: str = ""


def folder(kind: str) -> Path:
    """The project's own folder for a kind: `experiments/tasks`."""
    return project() / EXPERIMENTS / kind


def names(kind: str) -> tuple[str, ...]:
    """All names of a kind (`tasks`, `losses`, `launchers`, ...), sorted."""
    return registry.names(kind, folder(kind))


def load(kind: str, name: str) -> Any:
    """What a name stands for.

    Raises:
        UsageError: nothing, several things, or something that cannot be imported.
    """
    return registry.load(kind, name, folder(kind))


def is_path(name: str) -> bool:
    """Whether a task is named by the path of its file."""
    return name.endswith(".py")


def load_at(kind: str, name: str, base: Path) -> Any:
    """What a name, or the path of a file, stands for.

    Args:
        base: that paths are relative to.

    Raises:
        UsageError: as `load`.
    """
    return registry.load_file(kind, base / name) if is_path(name) else load(kind, name)


def stated(file: Path) -> dict[str, Any]:
    """What a file says of itself in plain values (`OPTIONS = {...}`, `SOLVABLE = True`), by name;
    the file is read, and not run.

    Raises:
        UsageError: it cannot be read, or is no Python.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = getattr(error, "strerror", None) or getattr(error, "msg", None) or str(error)
        raise UsageError(f"{file}{line} cannot be read: {reason}", "a file of Python") from None
    values: dict[str, Any] = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        (name, *others) = targets
        if isinstance(name, ast.Name) and not others and getattr(node, "value", None) is not None:
            with suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                values[name.id] = ast.literal_eval(node.value)  # type: ignore[attr-defined]
    return values


def digest(kind: str, name: str) -> str:
    """SHA-256 of the code that a name stands for; empty for the package's own.

    Raises:
        UsageError: as `load`.
    """
    return registry.digest(kind, name, folder(kind))


def file(kind: str, name: str) -> str:
    """The file of what a name stands for, for a message.

    Raises:
        UsageError: as `load`.
    """
    return registry.where(load(kind, name))


def require(word: str, plug_in: Any, lacks: Iterable[str], page: str = PAGE) -> None:
    """Refuse what does not keep the contract of its kind.

    Args:
        word: what it should be, as `loss`.
        lacks: what it lacks; the first is told.

    Raises:
        UsageError: it lacks something; the message names its file.
    """
    for lack in lacks:
        raise UsageError(f"{registry.where(plug_in)} is no {word}: {lack}", f"see {page}")


def shown(value: object) -> str:
    """What a plug-in handed back, as a message shows it."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def lacking_about(plug_in: Any) -> Iterator[str]:
    """What the `ABOUT` of a file lacks."""
    if not isinstance(getattr(plug_in, "ABOUT", None), str):
        yield "it has no `ABOUT`, a line about it"


def lacking_functions(plug_in: Any, *signatures: str) -> Iterator[str]:
    """Which functions a file lacks, of these: `value(y, logits, ops)`."""
    for signature in signatures:
        if not callable(getattr(plug_in, signature.partition("(")[0], None)):
            yield f"it has no function `{signature}`"


def wrong_options(
    owner: str, given: Mapping[str, Any], known: Mapping[str, Any]
) -> Iterator[Wrong]:
    """Every option that is unknown, or not of its default's type; whole numbers count something,
    where they are not the default: 0 often says that there is none.

    Where the default is a tuple or a dictionary, a text alone is taken too.

    Args:
        owner: whose, as in `task 'adding'`.
        known: all options with their defaults.
    """
    for key, value in given.items():
        if key not in known:
            yield Wrong(key, f"{owner} has no option '{key}'", nearest(key, known) or "it has none")
            continue
        default = known[key]
        if not _is_like(value, default):
            words = f"{owner}: `{key}` must be {_expected(default)}, not {value!r}"
            yield Wrong(key, words, _fix_of_type(value, default))
        elif type(default) is int and value != default and not _counts(value):
            yield Wrong(key, f"{owner}: `{key}` must be at least 1 and at most {MOST}, not {value}")
        elif type(default) is list and not all(map(_counts, value)):
            words = f"{owner}: `{key}` must be whole numbers from 1 to {MOST}, not {value}"
            yield Wrong(key, words, "write [40, 80]")


def _expected(default: Any) -> str:
    """What the values of an option with this default are, in words."""
    if isinstance(default, tuple):
        return f"text, a list of texts, or {a_table()} of `{entry('name', 'word')}`"
    if isinstance(default, dict):
        return f"text, or {a_table()} of `{entry('key', 'value')}`"
    return _TYPES[type(default)]


def _counts(value: Any) -> bool:
    """Whether something can be a number of things."""
    return type(value) is int and 1 <= value <= MOST


def _is_like(value: Any, default: Any) -> bool:
    """Whether a value is of a default's type."""
    if isinstance(default, tuple) and isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    if isinstance(default, tuple | dict):
        entries = value.values() if isinstance(value, dict) else ()
        return isinstance(value, str | dict) and all(type(entry) in _SIMPLE for entry in entries)
    return type(value) is type(default) or (isinstance(default, float) and type(value) is int)


def _fix_of_type(value: Any, default: Any) -> str:
    if isinstance(default, tuple) and isinstance(value, list):
        if any(isinstance(item, dict) for item in value):
            example = as_value({"temperature": "number", "state": "word"})
            return f"a list or {a_table()}, not one within the other: {example}"
        return "put names in quotes"
    return f"its default is {default!r}" if default or not isinstance(default, tuple | dict) else ""


def lacking_options(plug_in: Any) -> Iterator[str]:
    """What the `OPTIONS` of a file lack."""
    options = getattr(plug_in, "OPTIONS", None)
    if not isinstance(options, dict):
        yield "it has no `OPTIONS`, a dictionary of options with their defaults"
        return
    for key, default in options.items():
        if type(default) not in (*_TYPES, tuple, dict):
            yield (
                f"the default of its option '{key}' is {default!r}: neither a number, text, true"
                " or false, a list of whole numbers, a tuple of texts, nor a dictionary"
            )


@dataclass(frozen=True, slots=True)
class Plugin:
    """A tracker or a launcher that was chosen, with all its options.

    Attributes:
        options: with the values that are given.
    """

    kind: str
    chosen: Chosen
    loaded: Any
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_built_in(self) -> bool:
        """Whether it is the package's own."""
        return self.chosen.name in registry.built_in(self.kind)

    def make(self, contract: Any, *arguments: Any) -> Any:
        """Call its function, and see that what comes back has the methods of the contract.

        Args:
            contract: a protocol.

        Raises:
            UsageError: it does not.
        """
        word = registry.singular(self.kind)
        made = getattr(self.loaded, word)(*arguments)
        members = chain.from_iterable(map(vars, contract.__mro__))
        methods = [name for name in members if not name.startswith("_")]
        lacks = [name for name in methods if not callable(getattr(made, name, None))]
        if lacks:
            problem = (
                f"{word} '{self.chosen.name}' ({registry.where(self.loaded)}) has no method"
                f" `{lacks[0]}`"
            )
            raise UsageError(problem, f"see {PAGE}")
        return made


def plugin(kind: str, chosen: Chosen) -> Plugin:
    """The tracker or launcher that mlflow.yml names.

    Raises:
        UsageError: it is no such thing.
        SpecError: there is none of that name, it cannot be imported, or an option is wrong; with
            the place.
    """
    word, mistakes = registry.singular(kind), Mistakes()
    try:
        loaded = load(kind, chosen.name)
    except UsageError as error:
        mistakes.add(chosen.span, *error.parts)
        mistakes.raise_if_any()
    options = getattr(loaded, "OPTIONS", {})
    require(
        word,
        loaded,
        [
            *lacking_functions(loaded, f"{word}(setup)"),
            *(lacking_options(loaded) if options else ()),
        ],
    )
    for option, problem, fix in wrong_options(f"{word} '{chosen.name}'", chosen.options, options):
        mistakes.add(chosen.places.get(option, chosen.span), problem, fix)
    mistakes.raise_if_any()
    settled = {**options, **chosen.options}
    for option, problem, fix in getattr(loaded, "wrong", _nothing)(settled):
        mistakes.add(chosen.places.get(option, chosen.span), problem, fix)
    mistakes.raise_if_any()
    return Plugin(kind, chosen, loaded, settled)


def _nothing(options: Mapping[str, Any]) -> Iterator[Wrong]:
    """What is wrong with the options of a file that has no `wrong(options)`: nothing."""
    yield from ()
