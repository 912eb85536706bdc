"""`extends: other.yaml` -> one table, in which each key knows the file that it is written in.

In: the table of a file.  Out: the tables of all files that it takes over, and what they say
together: tables are merged key by key, and all else is replaced by what stands in the file that
extends.  Paths of a file in another folder are written anew, as if they stood in the file that
extends it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rnnzoo.errors import Mistake, Span, SpecError, UsageError
from rnnzoo.spec import cell as cells
from rnnzoo.spec import plugins
from rnnzoo.spec.document import Listing, Node, Scalar, Table, describe, parse, read_text
from rnnzoo.spec.files import ENDINGS, meant, within
from rnnzoo.spec.read_experiment.keys import EXTENDS
from rnnzoo.spec.settings import project
from rnnzoo.spec.trial import PATH

MOST = 10  # files, each of which extends the next
_NAMED = ("task", "sampler", "pruner")  # keys of what is chosen by name, with options
_Move = Callable[[Node], Node]
_EITHER = {"task": "tasks", "tasks": "task"}  # two ways to say one thing


@dataclass(frozen=True, slots=True)
class Extended:
    """What an experiment's file says together with those that it extends.

    Attributes:
        table: of all of them, without the key `extends`.
        files: their own tables; the file that was read is the first.
    """

    table: Table
    files: tuple[Table, ...]

    @property
    def names(self) -> list[str]:
        return [table.span.file for table in self.files]


def extended(table: Table, folder: Path, chain: Sequence[Path] = ()) -> Extended:
    """A file's table with what it extends.

    Args:
        folder: of the file.
        chain: the files that led here, each of which extends the next.

    Raises:
        SpecError: `extends` names no file that can be read, or runs in a circle; or mistakes in
            that file.
    """
    node = table.entries.get(EXTENDS)
    if node is None:
        return Extended(table, (table,))
    path = _base(node, folder, chain)
    name = os.path.normpath(path)
    above = extended(parse(read_text(path, name), name), path.parent, (*chain, path.resolve()))
    base = _moved(above.table, path.parent, folder)
    return Extended(_merged(base, _without_key(table, EXTENDS)), (table, *above.files))


def _base(node: Node, folder: Path, chain: Sequence[Path]) -> Path:
    """The file that is extended.

    Raises:
        SpecError: it cannot be.
    """
    name = node.value if isinstance(node, Scalar) else None
    if not isinstance(name, str) or not name.endswith(ENDINGS):
        problem = f"`extends` takes the path of an experiment, not {describe(node)}"
        raise SpecError(Mistake(node.span, problem, "write `extends: other.yaml`"))
    path = folder / name
    # first: of a folder outside, neither its files nor whether there are any are looked up
    if not within(path, folder, project()):
        problem = f"{name} lies outside of the folder of this file and of the project"
        fix = (
            "copy it into one of them; or make a folder above both the project, by a file"
            " mlflow.yml in it"
        )
        raise SpecError(Mistake(node.span, problem, fix))
    if not os.path.isfile(path):
        problem = f"no file {name}, from the folder of this file"
        from_here = "give its path from there, as `../other.yaml`; `~` is not the home folder"
        fix = meant(path) or from_here
        raise SpecError(Mistake(node.span, problem, fix))
    if path.resolve() in chain:
        names = " -> ".join(file.name for file in (*chain, path))
        fix = "let one of them stand alone"
        raise SpecError(Mistake(node.span, f"`extends` runs in a circle: {names}", fix))
    if len(chain) >= MOST:
        problem = f"more than {MOST} files of which each extends the next"
        raise SpecError(Mistake(node.span, problem, "write some of them in one"))
    return path


def _without_key(table: Table, key: str) -> Table:
    entries = {name: node for name, node in table.entries.items() if name != key}
    return Table(entries, {name: table.keys[name] for name in entries}, table.span)


# ------------------------------------------------------------------ merging


def _merged(base: Table, own: Table, where: tuple[str, ...] = ()) -> Table:
    """The table of a file over that of the file that it extends.

    Args:
        where: the keys that lead to both.
    """
    entries, keys = dict(base.entries), dict(base.keys)
    for key, node in own.entries.items():
        if not where and key in _EITHER:
            entries.pop(_EITHER[key], None)
            keys.pop(_EITHER[key], None)
        entries[key] = _over(base.entries.get(key), node, (*where, key))
        keys[key] = own.keys[key]
    return Table(entries, {key: keys[key] for key in entries}, own.span)


def _over(base: Node | None, own: Node, where: tuple[str, ...]) -> Node:
    """A value over that of the same key of the file that is extended."""
    if not isinstance(own, Table):
        return own
    if where[-1] in _NAMED and isinstance(base, Scalar) and "name" not in own.entries:
        # a name becomes a table for its options
        base = Table({"name": base}, {"name": base.span}, base.span)
    if not isinstance(base, Table) or _is_one_value(base, own, where):
        return own
    return _merged(base, own, where)


def _is_one_value(base: Table, own: Table, where: tuple[str, ...]) -> bool:
    """Whether tables cannot be mixed: a range, an initialiser, or options of something else."""
    is_range = len(where) > 2 and where[-2] == "space"
    is_initialiser = where == ("init",)
    name, other = (table.entries.get("name") for table in (own, base))
    is_other = isinstance(name, Scalar) and getattr(other, "value", None) != name.value
    return is_range or is_initialiser or (where[-1] in _NAMED and is_other)


# ------------------------------------------------------------------ paths


def _moved(table: Table, of: Path, to: Path) -> Table:
    """The table with its paths, which are relative to the folder `of`, relative to another."""
    if os.path.realpath(of) == os.path.realpath(to):
        return table
    return _with_moved(
        table,
        {
            "task": lambda node: _tasks(node, of, to),
            "tasks": lambda node: _tasks(node, of, to),
            "variants": lambda node: _each(node, lambda variant: _variant(variant, of, to)),
            "search_cells": lambda node: _cell_search(node, of, to),
        },
    )


def _with_moved(table: Table, moves: Mapping[str, _Move]) -> Table:
    """The table with the nodes of some keys moved."""
    entries = dict(table.entries)
    for key, move in moves.items():
        if key in entries:
            entries[key] = move(entries[key])
    return replace(table, entries=entries)


def _each(node: Node, moved: _Move) -> Node:
    """A node with its items moved, where it is a list; else moved itself."""
    if isinstance(node, Listing):
        return replace(node, items=tuple(map(moved, node.items)))
    return moved(node)


def _tasks(node: Node, of: Path, to: Path) -> Node:
    return _each(node, lambda task: _task(task, of, to))


def _task(node: Node, of: Path, to: Path) -> Node:
    if isinstance(node, Scalar):
        is_file = isinstance(node.value, str) and plugins.is_path(node.value)
        return _path(node, of, to) if is_file else node
    if not isinstance(node, Table):
        return node
    entries = dict(node.entries)
    if "name" in entries:
        entries["name"] = _task(entries["name"], of, to)
    file = entries.get(PATH)
    if isinstance(file, Table):  # several, by name
        parts = {name: _path(part, of, to) for name, part in file.entries.items()}
        entries[PATH] = replace(file, entries=parts)
    elif file is not None:
        entries[PATH] = _path(file, of, to)
    return replace(node, entries=entries)


def _cell_search(node: Node, of: Path, to: Path) -> Node:
    """A search over cells, with the tasks of its filter and those that it never sees."""
    if not isinstance(node, Table):
        return node
    return _with_moved(
        node,
        {
            "filter": lambda chosen: _filter(chosen, of, to),
            "unseen": lambda unseen: _tasks(unseen, of, to),
        },
    )


def _filter(node: Node, of: Path, to: Path) -> Node:
    """A filter: a task, or a table with one."""
    if isinstance(node, Table) and "task" in node.entries:
        return _with_moved(node, {"task": lambda task: _task(task, of, to)})
    return _task(node, of, to)


def _path(node: Node, of: Path, to: Path) -> Node:
    """A path relative to another folder; what is no such path stays."""
    path = node.value if isinstance(node, Scalar) else None
    if not isinstance(node, Scalar) or not isinstance(path, str) or not path:
        return node
    if path.startswith("~") or os.path.isabs(path) or "://" in path:
        return node
    moved = os.path.relpath(os.path.realpath(of / path), os.path.realpath(to))
    return replace(node, value=Path(moved).as_posix())


def _variant(node: Node, of: Path, to: Path) -> Node:
    """A variant whose cell is found from another folder too."""
    table = node if isinstance(node, Table) else None
    named = (table.entries.get("cell") or table.entries.get("name")) if table else node
    reference = named.value if isinstance(named, Scalar) else None
    if not isinstance(named, Scalar) or not isinstance(reference, str):
        return node
    file = _cell(reference, of)
    if file is None or file == _cell(reference, to):
        return node
    path = os.path.relpath(file, os.path.realpath(to))
    if not path.endswith(".yaml"):
        return node
    cell = replace(named, value=Path(path).as_posix())
    if table is not None:
        keys: Mapping[str, Span] = {"cell": named.span, **table.keys}
        return Table({**table.entries, "cell": cell}, keys, table.span)
    label = replace(named, value=Path(reference).stem if reference.endswith(ENDINGS) else reference)
    return Table(
        {"name": label, "cell": cell}, dict.fromkeys(("name", "cell"), node.span), node.span
    )


def _cell(reference: str, folder: Path) -> Path | None:
    """The file of a cell, links followed; None where none can be named so."""
    try:
        return Path(os.path.realpath(cells.named_in_spec(reference, folder)))
    except UsageError:
        return None
