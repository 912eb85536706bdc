"""IR -> equations for a terminal: the cell language with the letters of a paper.

In: equations.  Out: lines such as `cₜ = fₜ ⊙ cₜ₋₁ + iₜ ⊙ gₜ`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from rnnzoo.lang import ir
from rnnzoo.lang.greek import GREEK, greek
from rnnzoo.lang.text import expression

NOW, BEFORE = (
    "\N{LATIN SUBSCRIPT SMALL LETTER T}",
    "\N{LATIN SUBSCRIPT SMALL LETTER T}\N{SUBSCRIPT MINUS}\N{SUBSCRIPT ONE}",
)
_TOKEN = re.compile(r"below\.(\w+)|([A-Za-z_]\w*)(\[t-1\])?| @ |\*\*|\*|<=|>=|==|!=")
_SIGNS = {" @ ": " ", "**": "^", "*": "⊙", "<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
_CALLS = {"sigmoid": GREEK["sigma"]}


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
