"""Mistakes of an experiment -> those that do not merely follow from others.

In: mistakes, some of which suppose that a key at the top is right.  Out: the mistakes without those
whose key is missing, misspelt or wrong itself, and each of the rest once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from rnnzoo.errors import Mistake, Span, close
from rnnzoo.spec.document import Table


def without_follow_ups(
    mistakes: Sequence[Mistake], table: Table, files: Sequence[Table], known: Collection[str]
) -> list[Mistake]:
    """The mistakes to report.

    Args:
        table: the experiment.
        files: what each of its files says by itself: its own, and those that it extends.
        known: all keys that it may have.
    """
    causes = [mistake for mistake in mistakes if not mistake.supposes]
    doubtful = {key for mistake in causes for key in _keys_at(mistake.span, files)}
    doubtful |= {*_misspelt(table, known), *_absent(table)}
    kept: list[Mistake] = []
    for mistake in mistakes:
        said = any(mistake.supposes and mistake.problem == other.problem for other in kept)
        if not said and not {*mistake.supposes} & doubtful:
            kept.append(mistake)
    return kept


def _keys_at(span: Span, files: Sequence[Table]) -> Iterator[str]:
    """The key at the top below which a place lies: in a file, or in an override."""
    table = next((table for table in files if table.span.file == span.file), None)
    if table is None:
        yield re.split(r"[.=]", span.text, maxsplit=1)[0]
        return
    before = [
        key
        for key, place in table.keys.items()
        if (place.line, place.column) <= (span.line, span.column)
    ]
    yield from sorted(before, key=lambda key: (table.keys[key].line, table.keys[key].column))[-1:]


def _misspelt(table: Table, known: Collection[str]) -> Iterator[str]:
    """Keys that are probably meant by those that there are not."""
    absent = [key for key in known if key not in table.entries]
    for key in table.entries:
        if key not in known:
            yield from close(key, absent)


def _absent(table: Table) -> Iterator[str]:
    """Keys that every experiment needs and this one lacks."""
    for needed in (("variants",), ("task", "tasks")):
        if not {*needed} & {*table.entries}:
            yield from needed
