"""Comparisons, which are 1 where true and 0 where false, and the choice between two values.

A comparison is constant but where it changes.  Its derivatives are 0 and its operands may be
trained: it chooses between values that hand their gradients on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.primitives.base import COMPARISON, Array, Elementwise

Conditions = tuple[ir.Expr, ...]  # that hold together


def _comparison(
    name: str,
    function: Callable[[Array, Array], Array],
    symbol: str,
    latex: str,
    sign: str = "",
    tame: str = "",
) -> Elementwise:
    """A comparison; two of them do not chain, so each operand of one binds stronger."""

    def numbers(a: Array, b: Array) -> Array:
        return function(a, b) * 1.0

    return Elementwise(
        name, 2, numbers, name, f"{{}} {latex} {{}}", ("0", "0"), symbol, COMPARISON,
        sides=(COMPARISON + 1, COMPARISON + 1), label=sign, unicode=sign, range=(0.0, 1.0),
        yields_truth=True, commutative=symbol in ("==", "!="),
        tame=tame or f"(({{a}}) {symbol} ({{b}})) * ({{a}})", note="1 where true, 0 where false",
    )  # fmt: skip


def _where(condition: Array, a: Array, b: Array) -> Array:
    value: Array = np.where(np.asarray(condition) != 0, a, b)
    return value


def _chosen(operands: Sequence[ir.Expr], numbers: Sequence[float | None]) -> ir.Expr | None:
    """The one value that a known condition chooses."""
    if numbers[0] is None:
        return None
    return operands[1] if numbers[0] else operands[2]


def cases(expr: ir.Expr, conditions: Conditions = ()) -> Iterator[tuple[Conditions, ir.Expr]]:
    """The values of choices within each other, in order, each with the conditions under which it is
    chosen where none before it is.
    """
    if not isinstance(expr, ir.Apply) or expr.op is not where:
        yield conditions, expr
        return
    condition, chosen, otherwise = expr.args
    yield from cases(chosen, (*conditions, condition))
    yield from cases(otherwise, conditions)


less = _comparison("less", np.less, "<", "<")
less_equal = _comparison("less_equal", np.less_equal, "<=", r"\le", "≤")
greater = _comparison("greater", np.greater, ">", ">")
greater_equal = _comparison("greater_equal", np.greater_equal, ">=", r"\ge", "≥")
equal = _comparison("equal", np.equal, "==", "=", "=", tame="(t == 2) * ({a})")
not_equal = _comparison("not_equal", np.not_equal, "!=", r"\ne", "≠", tame="(t % 2 != 1) * ({a})")
where = Elementwise(
    "where", 3, _where, "where",
    "",  # `lang.latex` writes choices within each other as one
    ("0", "where(a, 1, 0)", "where(a, 0, 1)"),
    simpler=_chosen, linear_in=((1, 2),), label="if", reads_truth=True,
    tame="where(({a}) > ({b}), {b}, {a})",
    note="b where the condition a is true, else c",
)  # fmt: skip
