"""Writes the tables of keys and hyper-parameters in docs/ from the tables by which specs are read:
part of `make accept`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rnnzoo.spec import settings
from rnnzoo.spec.hyperparameters import MODEL, SEARCHABLE, TRAINING, Hyperparameter
from rnnzoo.spec.keys import Key, Keys, Legal
from rnnzoo.spec.read_experiment.keys import CELLS, CONFIRM, EXPERIMENT, RESOURCES, SEARCH

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "experiments.md"
KEYS: Mapping[str, Mapping[str, Key]] = {
    "keys": EXPERIMENT,
    "search": SEARCH,
    "confirm": CONFIRM,
    "resources": RESOURCES,
    "search_cells": CELLS,
    "mlflow.yml": settings.KEYS,
}
GROUPED = 10_000
PAGES = (PAGE, DOCS / "evolve.md")  # with tables of keys
TABLES: Mapping[str, Mapping[str, Hyperparameter]] = {
    "space": SEARCHABLE,
    "training": TRAINING,
    "model": MODEL,
}


def with_hyperparameters(page: str) -> str:
    """The page with the tables as they should be."""
    for name, rows in TABLES.items():
        lines = [
            "| hyper-parameter | meaning | legal | without it | acts on |",
            "| --- | --- | --- | --- | --- |",
        ]
        page = _with(page, name, [*lines, *(_line(row) for row in rows.values())])
    return page


def with_keys(page: str) -> str:
    """Likewise, with the tables of keys."""
    for name, rows in KEYS.items():
        lines = ["| key | meaning | without it |", "| --- | --- | --- |"]
        page = _with(page, name, [*lines, *_key_lines(rows)])
    return page


def _with(page: str, name: str, lines: Sequence[str]) -> str:
    """The page with a table in the place of the one below its mark."""
    text = "\n".join(lines)
    return re.sub(
        rf"(?<=<!-- {re.escape(name)} -->\n).*?(?=\n\n)", lambda _: text, page, flags=re.S
    )


def _key_lines(rows: Mapping[str, Key], above: str = "") -> Iterator[str]:
    """A line for each key; of a table of mlflow.yml, for each key in it."""
    for name, key in rows.items():
        if isinstance(key.holds, Keys) and rows is settings.KEYS:
            yield from _key_lines(key.holds.rows, f"{name}.")
        else:
            yield f"| `{above}{name}` | {key.about} | {key.without or 'needed'} |"


def _line(row: Hyperparameter) -> str:
    return f"| `{row.name}` | {row.help} | {_legal(row)} | {row.without} | {row.acts} |"


def _legal(row: Hyperparameter) -> str:
    only = (
        f"; {' and '.join(f'`{name}`' for name in row.optimizers)} only" if row.optimizers else ""
    )
    return values(row.legal) + only


def values(legal: Legal) -> str:
    """What a value may be, in words."""
    if legal.flag:
        return "`true` or `false`"
    if legal.words:
        *words, last = [f"`{word}`" for word in legal.words]
        return f"{', '.join(words)} or {last}" if words else last
    low = "" if math.isinf(legal.low) else f"{'above' if legal.open_low else 'from'} {legal.low:g}"
    high = ""
    if not math.isinf(legal.high):
        high = f"{', below' if legal.open_high else ' to'} {_grouped(legal.high)}"
    return f"{'whole, ' if legal.whole else ''}{low}{high}" or "a number"


def _grouped(number: float) -> str:
    """Digits in groups from five on, so that a year is no quantity."""
    return f"{number:,}" if number >= GROUPED else f"{number:g}"


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(with_keys(with_hyperparameters(path.read_text())))
