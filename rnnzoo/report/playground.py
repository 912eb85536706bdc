"""A cell -> what its page needs so that a reader can try it there: rows of values, and data for the
script.

In: a cell.  Out: a `Playground`, whose equations are cut where a number can be changed, and the
policy by which the page runs our script and no other.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rnnzoo.errors import UsageError
from rnnzoo.lang import ir, javascript, unicode
from rnnzoo.lang.at_start import is_gate
from rnnzoo.lang.carriers import as_written
from rnnzoo.lang.probes import ELAPSED, OBSERVED
from rnnzoo.lang.view import CellView
from rnnzoo.markup import Markup

PRESETS = ("impulse", "pulse", "sine", "noise", "ones")
Pieces = tuple[tuple[str, str], ...]  # text, and the name of the number behind it


@dataclass(frozen=True, slots=True)
class Row:
    """One named value of a cell.

    Attributes:
        about: what the cell's file says beside its equation.
        pieces: of the equation; the name of the last number is empty.
    """

    name: str
    about: str
    gate: bool
    pieces: Pieces


@dataclass(frozen=True, slots=True)
class Strip:
    """One column of what the layer reads, with the sequence that it begins with."""

    label: str
    input: str
    column: int
    preset: str


@dataclass(frozen=True, slots=True)
class Playground:
    """What can be tried of a cell.

    Attributes:
        rows: gates first.
        options, vectors: names of the options that can be changed, and of the vectors of weights
            that begin with one number.
        data: JSON for the script.
    """

    units: int
    rows: tuple[Row, ...]
    strips: tuple[Strip, ...]
    constants: tuple[Row, ...]
    options: tuple[str, ...]
    vectors: tuple[str, ...]
    numbers: Mapping[str, float]
    data: Markup


@cache
def script() -> Markup:
    """All JavaScript of a page."""
    ours = Path(__file__).with_name("pages") / "playground.js"
    return Markup(f"{javascript.script()}\n{ours.read_text(encoding='utf-8')}")


@cache
def policy() -> str:
    """A content security policy: a page runs our script, and asks for nothing."""
    digest = base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def playground(cell: CellView) -> Playground | str:
    """What a page needs, or why a cell cannot be tried there."""
    try:
        playable = javascript.playable(cell.ir)
    except UsageError as error:
        return error.problem
    numbers = playable.numbers
    return Playground(
        units=playable.units,
        rows=tuple(sorted(_rows(cell, playable), key=lambda row: not row.gate)),
        strips=tuple(_strips(cell.ir)),
        constants=tuple(_constants(playable)),
        options=tuple(name for name in cell.ir.options if name in numbers),
        vectors=tuple(weight.name for weight in cell.ir.first.weights if weight.name in numbers),
        numbers=numbers,
        data=_json(playable.content),
    )


def _rows(cell: CellView, playable: javascript.Playable) -> Iterator[Row]:
    equations = as_written(playable.step).equations
    for equation, line in zip(equations, unicode.lines(equations, playable.step)):
        name = equation.name
        about, gate = cell.comments.get(name, ""), is_gate(cell.ir.first, name)
        yield Row(name, about, gate, _pieces(line, playable.prefix))


def _constants(playable: javascript.Playable) -> Iterator[Row]:
    lines = unicode.lines(playable.constants, ir.Step((), ()))
    for constant, line in zip(playable.constants, lines):
        yield Row(constant.name, "", False, _pieces(line, playable.prefix))


def _pieces(line: str, prefix: str) -> Pieces:
    """A line cut behind each number that stands in it."""
    parts = re.split(rf"\b({prefix}\d+)\b", line)
    return tuple(zip(parts[::2], [*parts[1::2], ""]))


def _strips(cell: ir.Cell) -> Iterator[Strip]:
    presets = {ir.X: "pulse", ELAPSED: "ones", OBSERVED: "ones"}
    inputs = javascript.INPUTS
    sizes = {ir.X: inputs} | {
        named_input.name: cell.width(named_input, inputs) for named_input in cell.named_inputs
    }
    for name, size in sizes.items():
        for column in range(size):
            label = name if size == 1 else f"{name} {column + 1}"
            yield Strip(label, name, column, presets.get(name, "impulse"))


def _json(content: object) -> Markup:
    """JSON that ends no element of a page."""
    return Markup(json.dumps(content, separators=(",", ":")).replace("<", "\\u003c"))
