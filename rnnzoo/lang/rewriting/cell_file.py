"""The file of a cell that was found: text in the style of the zoo, a cell file like any other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rnnzoo.lang.rewriting.descent import Child
from rnnzoo.lang.text import content
from rnnzoo.spec.document import inline

FAMILY = "searched"
_WIDTH = 100  # beyond it, a table has a line for each of its keys


def cell_file(child: Child, title: str = "", remarks: Sequence[str] = ()) -> str:
    """The text of a file for a cell that was found.

    Args:
        title: of the cell; without one, it says how the cell came about.
        remarks: comments, a line each, below the one about parents and mutations.
    """
    titled = replace(child.cell, title=title or child.cell.title or "Found by a search over cells")
    values = content(titled)
    head = {key: values.pop(key) for key in ("name", "title")}
    comments = [f"# {line}" for line in (origin(child), *remarks)]
    lines = [*_entries({**head, "family": FAMILY}), *comments, *_entries(values)]
    return "".join(f"{line}\n" for line in lines)


def _entries(table: Mapping[str, Any]) -> Iterator[str]:
    """Lines of the entries of a table."""
    for key, value in table.items():
        yield from _lines_of(key, value)


def origin(child: Child) -> str:
    """How a cell came about, in words."""
    if not child.parents:
        return "drawn from the grammar of gated cells"
    return f"child of {', '.join(child.parents)} by {', '.join(child.mutations)}"


def _lines_of(key: str, value: Any) -> Iterator[str]:
    """The lines of a key."""
    if isinstance(value, str) and "\n" in value:
        yield f"{key}: |"
        yield from (f"  {line}" for line in value.splitlines())
        return
    line = f"{key}: {inline(value)}"
    if not isinstance(value, dict) or len(line) <= _WIDTH:
        yield line
        return
    yield f"{key}:"
    yield from (f"  {name}: {inline(entry)}" for name, entry in value.items())
