"""Values beside the file: `--set key=value`, and which of them makes a mistake."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from rnnzoo.errors import Mistake, Span, SpecError, UsageError, argument, nearest
from rnnzoo.spec.document import MAX_DEPTH, Listing, Node, Scalar, Table, parse
from rnnzoo.spec.hyperparameters import MODEL, SEARCHABLE, TRAINING
from rnnzoo.spec.read_experiment.keys import (
    CELLS,
    CONFIRM,
    EXPERIMENT,
    EXTENDS,
    RESOURCES,
    SEARCH,
    SELECT,
)

# Every key that `--set` can reach by name; what is below another one (options of a task) is checked
# where it is used.
TOP = tuple(key for key in EXPERIMENT if key != EXTENDS)
_KEYS: Mapping[str, Sequence[str]] = {
    "": TOP,
    "search": list(SEARCH),
    "search.space": list(SEARCHABLE),
    "training": list(TRAINING),
    "model": list(MODEL),
    "select": list(SELECT),
    "confirm": list(CONFIRM),
    "resources": list(RESOURCES),
    "search_cells": list(CELLS),
}
OVERRIDES = "overrides"  # the argument that gives values beside the file
_LISTS = ("tasks", "variants", "controls", "claims")


def blamed(
    mistakes: Sequence[Mistake],
    files: Sequence[str],
    sets: Sequence[str],
    without: Callable[[Sequence[str]], Sequence[Mistake]],
) -> Iterator[Mistake]:
    """The mistakes, those of the experiment's files that an override makes at the place of that
    override.
    """
    of_file = [mistake for mistake in mistakes if mistake.span.file in files]
    remaining: dict[str, Sequence[Mistake]] = {}
    for override in sets if of_file else ():
        remaining[override] = without([other for other in sets if other != override])
    for mistake in mistakes:
        guilty = [
            override
            for override, left in remaining.items()
            if mistake in of_file and mistake not in left
        ]
        if guilty:
            span = Span(argument(OVERRIDES), 1, 1, guilty[0], guilty[0].find("="))
            yield Mistake(span, f"with this, {mistake.problem} ({mistake.span})", mistake.fix)
        else:
            yield mistake


def check_once(sets: Sequence[str]) -> None:
    """
    Raises:
        UsageError: two of these overrides give one key two values, of which the last would count.
    """
    values: dict[str, str] = {}
    for assignment in sets:
        key, _, value = (part.strip() for part in assignment.partition("="))
        before = values.setdefault(key, value)
        if before != value:
            trials = f", here or by {argument('trials')}" if key == "search.trials" else ""
            raise UsageError(
                f"{argument(OVERRIDES, key)} is given twice, as {before} and as {value}",
                f"give it once{trials}",
            )


def overridden(table: Table, assignment: str) -> Table:
    """The table with one value replaced, by `key=value` or `key.key=value`; the value is read as
    YAML.

    Raises:
        UsageError: it is not written so, or there is no such key.
    """
    said = _said(assignment)
    path, equals, written = assignment.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys) or "\n" in assignment or len(keys) > MAX_DEPTH:
        raise UsageError(f"{said}: write {_said('key=value')}, as in {_said('search.trials=4')}")
    _check_path(keys, assignment)
    try:
        value = parse(f"value: {written}", argument(OVERRIDES)).entries["value"]
    except SpecError as error:
        raise UsageError(f"{said}: {error.mistakes[0].problem}") from None
    value = _moved(value, len(path) + 1 - len("value: "), assignment)
    return _replaced(table, keys, value, Span(argument(OVERRIDES), 1, 1, assignment, len(path)))


def _check_path(keys: Sequence[str], assignment: str) -> None:
    if keys[0] in _LISTS and len(keys) > 1:
        problem = f"`{keys[0]}` is a list, which is replaced as a whole"
        raise UsageError(f"{_said(assignment)}: {problem}", _said(f"{keys[0]}=[..., ...]"))
    if keys[0] == EXTENDS:
        problem = "what an experiment extends is written in its file"
        raise UsageError(f"{_said(assignment)}: {problem}", "a file with `extends: other.yaml`")
    for depth, key in enumerate(keys):
        above = "".join(f"{outer}." for outer in keys[:depth])
        known = _KEYS.get(above.rstrip("."), (key,))
        if key not in known:
            same = [path for path in _paths() if path.rpartition(".")[2] == keys[-1]]
            near = nearest(key, known).replace("did you mean '", f"did you mean '{above}", 1)
            fix = f"did you mean '{same[0]}'?" if same else near
            raise UsageError(
                f"{_said(assignment)}: an experiment has no key '{'.'.join(keys)}'", fix
            )


def _said(assignment: str) -> str:
    """An override as its caller writes it."""
    option = argument(OVERRIDES)
    if option.startswith("-"):
        return f"{option} {shlex.quote(assignment)}"
    return f'{option}=["{assignment}"]'


def _paths() -> Iterator[str]:
    """Every key that `--set` can reach by name, with the keys above it."""
    for above, names in _KEYS.items():
        yield from (f"{above}.{name}".lstrip(".") for name in names)


def _moved(node: Node, by: int, text: str) -> Node:
    """The node with its places, and those of all within, moved into the text of an override."""

    def moved(span: Span) -> Span:
        return replace(span, column=span.column + by, text=text)

    if isinstance(node, Scalar):
        return replace(node, span=moved(node.span))
    if isinstance(node, Listing):
        return Listing(tuple(_moved(item, by, text) for item in node.items), moved(node.span))
    entries = {key: _moved(value, by, text) for key, value in node.entries.items()}
    return Table(entries, {key: moved(span) for key, span in node.keys.items()}, moved(node.span))


def _replaced(table: Table, keys: Sequence[str], value: Node, span: Span) -> Table:
    first, *rest = keys
    if rest:
        inner = table.entries.get(first)
        own = inner if isinstance(inner, Table) else Table({}, {}, span)
        if isinstance(inner, Scalar) and first in ("task", "sampler", "pruner"):
            # a name becomes a table for its options
            own = Table({"name": inner}, {"name": inner.span}, inner.span)
        value = _replaced(own, rest, value, span)
    return Table({**table.entries, first: value}, {**table.keys, first: span}, table.span)
