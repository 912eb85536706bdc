"""IR -> equations for a terminal: the cell language with the letters of a paper.

In: equations.  Out: lines such as `cₜ = fₜ ⊙ cₜ₋₁ + iₜ ⊙ gₜ`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from rnnzoo.lang import ir
from rnnzoo.lang.greek import greek
from rnnzoo.lang.primitives import CALLS, ELEMENTWISE
from rnnzoo.lang.text import expression
from rnnzoo.spec.cell import SHOWN_BEFORE, SHOWN_DIGITS, SHOWN_MINUS, SHOWN_NOW, SHOWN_TRANSPOSED

NOW, BEFORE = SHOWN_NOW, SHOWN_BEFORE
_SIGNS = {" @ ": " ", "'": SHOWN_TRANSPOSED} | {
    primitive.symbol: primitive.unicode
    for primitive in ELEMENTWISE.values()
    if primitive.symbol and primitive.unicode
}
_CALLS = {name: primitive.unicode for name, primitive in CALLS.items() if primitive.unicode}
_OPERATORS = sorted(_SIGNS, key=len, reverse=True)  # `**` before `*`
_NUMBER = r"\d[\d.]*(?:e[-+]?\d+)?"  # whole: the e of 1e-12 is no name
_TOKEN = re.compile(
    rf"below\.(\w+)|([A-Za-z_]\w*)(?:\[t-(\d+)\])?|{_NUMBER}"
    rf"|{'|'.join(map(re.escape, _OPERATORS))}"
)


def lines(equations: Sequence[ir.Equation], step: ir.Step) -> tuple[str, ...]:
    """One line an equation of a step; names of its equations, and inputs, carry their time, but
    for those of weights and constants alone.
    """
    timed = {ir.X, *step.named_inputs, *(equation.name for equation in step.equations)}
    timed -= ir.timeless_names(step)
    return tuple(
        f"{_now(equation.name, timed)} = {_line(expression(equation.expr), timed)}"
        for equation in equations
    )


def without_time(expr: ir.Expr) -> str:
    """An expression whose names carry no time."""
    return _line(expression(expr), ())


def _now(name: str, timed: Collection[str]) -> str:
    return greek(name) + NOW if name in timed else greek(name)


def _line(text: str, timed: Collection[str]) -> str:
    def sign(match: re.Match[str]) -> str:
        below, name, lag = match.groups()
        if below:
            return f"below.{_now(below, timed)}"
        if name is None:
            return _SIGNS.get(match[0], match[0])
        if lag:
            return greek(name) + NOW + SHOWN_MINUS + "".join(SHOWN_DIGITS[int(n)] for n in lag)
        return _now(name, timed) if name in timed else _CALLS.get(name, greek(name))

    return _TOKEN.sub(sign, text.replace(" + -", " - "))
