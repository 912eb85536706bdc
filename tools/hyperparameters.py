"""Writes the tables of hyper-parameters in docs/experiments.md from the hyper-parameters
themselves: part of `make accept`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

from rnnzoo.spec.hyperparameters import MODEL, SEARCHABLE, TRAINING, Hyperparameter, Legal

PAGE = Path(__file__).parent.parent / "docs" / "experiments.md"
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
        text = "\n".join([*lines, *(_line(row) for row in rows.values())])
        table = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=\n\n)", re.S)
        # bound here, not in the loop
        page = table.sub(lambda _, text=text: text, page)  # type: ignore[misc]
    return page


def _line(row: Hyperparameter) -> str:
    return f"| `{row.name}` | {row.help} | {_legal(row)} | {_default(row)} | {row.acts} |"


def _legal(row: Hyperparameter) -> str:
    only = (
        f"; {' and '.join(f'`{name}`' for name in row.optimizers)} only" if row.optimizers else ""
    )
    return _values(row.legal) + only


def _values(legal: Legal) -> str:
    if legal.flag:
        return "`true` or `false`"
    if legal.words:
        *words, last = [f"`{word}`" for word in legal.words]
        return f"{', '.join(words)} or {last}"
    low = f"{'above' if legal.open_low else 'from'} {legal.low:g}"
    high = ""
    if not math.isinf(legal.high):
        high = f"{', below' if legal.open_high else ' to'} {legal.high:,.0f}"
    return f"{'whole, ' if legal.whole else ''}{low}{high}"


def _default(row: Hyperparameter) -> str:
    if row.default is None:
        return "none"
    if row.legal.flag or row.legal.words:
        return f"`{str(row.default).lower()}`"
    return f"{row.default:g} {row.unit}".rstrip()


if __name__ == "__main__":
    PAGE.write_text(with_hyperparameters(PAGE.read_text()))
