"""Writes the table of operations in docs/language.md from the operations themselves: part of `make
accept`.
"""

from __future__ import annotations

import re
from pathlib import Path

from rnnzoo.lang.primitives import ELEMENTWISE, Elementwise

PAGE = Path(__file__).parent.parent / "docs" / "language.md"
_TABLE = re.compile(r"(?<=<!-- operations -->\n).*?(?=\n\n)", re.S)
_NO_GRADIENT = "no gradient: on `t`, options and constants"


def with_operations(page: str) -> str:
    """The page with the table as it should be."""
    rows = ["| operation | operands | |", "| --- | --- | --- |", *map(_row, ELEMENTWISE.values())]
    return _TABLE.sub(lambda _: "\n".join(rows), page)


def _row(operation: Elementwise) -> str:
    note = f": {operation.note}" if operation.note else ""
    gradient = "" if operation.differentiable else f", {_NO_GRADIENT}"
    return f"| `{operation.name}` | {operation.arity} | `{operation.form()}`{note}{gradient} |"


if __name__ == "__main__":
    PAGE.write_text(with_operations(PAGE.read_text()))
