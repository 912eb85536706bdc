"""IR -> equations for a terminal: the cell language with the letters of a paper.

In: equations.  Out: lines such as `cₜ = fₜ ⊙ cₜ₋₁ + iₜ ⊙ gₜ`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from rnnzoo.lang import ir
from rnnzoo.lang.greek import greek
from rnnzoo.lang.primitives import ELEMENTWISE
from rnnzoo.lang.text import expression

NOW, BEFORE = (
    "\N{LATIN SUBSCRIPT SMALL LETTER T}",
    "\N{LATIN SUBSCRIPT SMALL LETTER T}\N{SUBSCRIPT MINUS}\N{SUBSCRIPT ONE}",
)
_SIGNS = {" @ ": " "} | {one.symbol: one.unicode for one in ELEMENTWISE.values() if one.symbol and one.unicode}
_CALLS = {name: one.unicode for name, one in ELEMENTWISE.items() if not one.symbol and one.unicode}
_OPERATORS = sorted(_SIGNS, key=len, reverse=True)  # `**` before `*`
_TOKEN = re.compile(rf"below\.(\w+)|([A-Za-z_]\w*)(\[t-1\])?|{'|'.join(map(re.escape, _OPERATORS))}")


def lines(equations: Sequence[ir.Equation], step: ir.Step) -> tuple[str, ...]:
    """One line an equation of a step; names of its equations, and `x`, carry their time."""
    timed = {"x", *(one.name for one in step.equations)}
    return tuple(f"{greek(one.name)}{NOW} = {_line(expression(one.expr), timed)}" for one in equations)


def _line(text: str, timed: Collection[str]) -> str:
    def sign(found: re.Match[str]) -> str:
        below, name, before = found.groups()
        if below:
            return f"below.{greek(below)}{NOW}"
        if name is None:
            return _SIGNS[found[0]]
        if before:
            return greek(name) + BEFORE
        return greek(name) + NOW if name in timed else _CALLS.get(name, greek(name))

    return _TOKEN.sub(sign, text)
