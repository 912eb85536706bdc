"""Writes the table of operations in docs/language.md from the operations themselves: part of `make
accept`.
"""

from __future__ import annotations

import re
from pathlib import Path

from rnnzoo.lang.primitives import ELEMENTWISE, OF_CONSTANTS, OVER_UNITS, Elementwise, OverUnits

PAGE = Path(__file__).parent.parent / "docs" / "language.md"
_TABLE = re.compile(r"(?<=<!-- operations -->\n).*?(?=\n\n)", re.S)
_OVER_UNITS = re.compile(r"(?<=<!-- operations over units -->\n).*?(?=\n\n)", re.S)
_OF_CONSTANTS = re.compile(r"(?<=<!-- operations of constants -->\n).*?(?=\n\n)", re.S)
_NO_GRADIENT = "no gradient: on `t`, options and constants"


def with_operations(page: str) -> str:
    """The page with its tables as they should be."""
    rows = ["| operation | operands | |", "| --- | --- | --- |", *map(_row, ELEMENTWISE.values())]
    page = _TABLE.sub(lambda _: "\n".join(rows), page)
    of_units = ["| operation | result | |", "| --- | --- | --- |"]
    of_units += map(_row_over_units, OVER_UNITS.values())
    page = _OVER_UNITS.sub(lambda _: "\n".join(of_units), page)
    of_constants = ["| function | |", "| --- | --- |"]
    of_constants += [
        f"| `{primitive.form()}` | {primitive.note} |" for primitive in OF_CONSTANTS.values()
    ]
    return _OF_CONSTANTS.sub(lambda _: "\n".join(of_constants), page)


def _row(operation: Elementwise) -> str:
    note = f": {operation.note}" if operation.note else ""
    gradient = "" if operation.differentiable else f", {_NO_GRADIENT}"
    return f"| `{operation.name}` | {operation.arity} | `{operation.form()}`{note}{gradient} |"


def _row_over_units(operation: OverUnits) -> str:
    result = "a number" if operation.yields_number else "a vector"
    return f"| `{operation.form()}` | {result} | {operation.note} |"


if __name__ == "__main__":
    PAGE.write_text(with_operations(PAGE.read_text()))
