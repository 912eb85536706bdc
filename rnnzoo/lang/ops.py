"""Operations of the cell language.

One row per operation: how many operands it takes, what it computes, what its derivatives are, how Keras and LaTeX write it.
A derivative is written in the cell language itself: `a`, `b` and `c` are the operands, `y` is the result, and there is one
expression for each operand.  A new row is also a row of the table in docs/language.md and a form in tests/strategies.py.

The product `@` is no row: it is the one operation that changes sizes, and `lang.check` knows its rule.
Imports NumPy and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Op:
    """One elementwise operation.

    Attributes:
        arity: number of operands, all of one size, or scalars.
        numpy: the function in float64.
        backend: its name in `keras.ops`.
        latex: a template with one `{}` for each operand; braces of LaTeX are doubled.
        derivatives: d result / d operand, in the cell language.  An operation without any is refused on what is trained
            (`lang.check`): it is for `t`, options and constants.
        symbol: for infix and prefix operators.
        costly: the engine keeps its result for the backward pass, where others are computed again.
        binds: precedence; a call binds strongest.  Operands that bind weaker go into parentheses.
    """

    name: str
    arity: int
    numpy: Callable[..., Array]
    backend: str
    latex: str
    derivatives: tuple[str, ...] = ()
    symbol: str = ""
    binds: int = 9
    costly: bool = False

    @property
    def differentiable(self) -> bool:
        """Whether it has derivatives."""
        return bool(self.derivatives)


def _sigmoid(a: Array) -> Array:
    e = np.exp(-np.abs(a))  # of the absolute value, so that nothing overflows
    return np.where(a >= 0, 1.0, e) / (1.0 + e)


def _elu(a: Array) -> Array:
    result: Array = np.where(a > 0, a, np.expm1(np.minimum(a, 0.0)))
    return result


def _where(condition: Array, a: Array, b: Array) -> Array:
    result: Array = np.where(np.asarray(condition) != 0, a, b)
    return result


def _call(latex: str) -> str:
    return latex + r"\left({}\right)"


# A condition is 0 or 1, and constant but where it changes: its operands may be trained, since it chooses between values that
# hand their gradients on.  Other functions that are constant almost everywhere have no derivatives and are refused there.
_STEP = ("0", "0")

_ROWS = (
    # infix and prefix
    Op("add", 2, np.add, "add", "{} + {}", ("1", "1"), "+", 4),
    Op("sub", 2, np.subtract, "subtract", "{} - {}", ("1", "-1"), "-", 4),
    Op("mul", 2, np.multiply, "multiply", r"{} \odot {}", ("b", "a"), "*", 5),
    Op("div", 2, np.divide, "divide", r"\frac{{{}}}{{{}}}", ("1 / b", "-y / b"), "/", 5),
    Op("mod", 2, np.mod, "mod", r"{} \bmod {}", (), "%", 5),
    Op("neg", 1, np.negative, "negative", "-{}", ("-1",), "-", 6),
    Op("pow", 2, np.power, "power", "{{{}}}^{{{}}}", ("b * a ** (b - 1)", "y * log(a)"), "**", 7, costly=True),
    # activations
    Op("sigmoid", 1, _sigmoid, "sigmoid", _call(r"\sigma"), ("y * (1 - y)",), costly=True),
    Op("tanh", 1, np.tanh, "tanh", _call(r"\tanh"), ("1 - y * y",), costly=True),
    Op("relu", 1, lambda a: np.maximum(a, 0.0), "relu", _call(r"\mathrm{{relu}}"), ("where(a > 0, 1, 0)",)),
    Op("softplus", 1, lambda a: np.logaddexp(a, 0.0), "softplus", _call(r"\mathrm{{softplus}}"), ("sigmoid(a)",), costly=True),
    Op(
        "softsign", 1, lambda a: a / (1.0 + np.abs(a)), "softsign", _call(r"\mathrm{{softsign}}"),
        ("1 / (1 + abs(a)) ** 2",),
    ),
    Op(
        "elu", 1, _elu, "elu", _call(r"\mathrm{{elu}}"),
        ("where(a > 0, 1, y + 1)",), costly=True,
    ),
    Op(
        "hard_sigmoid", 1, lambda a: np.clip(a / 6.0 + 0.5, 0.0, 1.0), "hard_sigmoid", _call(r"\mathrm{{hard\ sigmoid}}"),
        ("where(abs(a) < 3, 1 / 6, 0)",),
    ),
    # elementary functions
    Op("exp", 1, np.exp, "exp", _call(r"\exp"), ("y",), costly=True),
    Op("log", 1, np.log, "log", _call(r"\log"), ("1 / a",), costly=True),
    Op("sqrt", 1, np.sqrt, "sqrt", r"\sqrt{{{}}}", ("1 / (2 * y)",)),
    Op("abs", 1, np.abs, "abs", r"\left|{}\right|", ("where(a > 0, 1, where(a < 0, -1, 0))",)),
    Op("sin", 1, np.sin, "sin", _call(r"\sin"), ("cos(a)",), costly=True),
    Op("cos", 1, np.cos, "cos", _call(r"\cos"), ("-sin(a)",), costly=True),
    Op("floor", 1, np.floor, "floor", r"\left\lfloor {} \right\rfloor"),
    Op(
        "minimum", 2, np.minimum, "minimum", r"\min\left({}, {}\right)",
        ("where(a <= b, 1, 0)", "where(a <= b, 0, 1)"),
    ),
    Op(
        "maximum", 2, np.maximum, "maximum", r"\max\left({}, {}\right)",
        ("where(a >= b, 1, 0)", "where(a >= b, 0, 1)"),
    ),
    # conditions: 1 where true, 0 where false
    Op("less", 2, lambda a, b: np.less(a, b) * 1.0, "less", "{} < {}", _STEP, "<", 3),
    Op("less_equal", 2, lambda a, b: np.less_equal(a, b) * 1.0, "less_equal", r"{} \le {}", _STEP, "<=", 3),
    Op("greater", 2, lambda a, b: np.greater(a, b) * 1.0, "greater", "{} > {}", _STEP, ">", 3),
    Op("greater_equal", 2, lambda a, b: np.greater_equal(a, b) * 1.0, "greater_equal", r"{} \ge {}", _STEP, ">=", 3),
    Op("equal", 2, lambda a, b: np.equal(a, b) * 1.0, "equal", "{} = {}", _STEP, "==", 3),
    Op("not_equal", 2, lambda a, b: np.not_equal(a, b) * 1.0, "not_equal", r"{} \ne {}", _STEP, "!=", 3),
    Op(
        "where", 3, _where, "where",
        r"\begin{{cases}} {1} & \text{{if }} {0} \\ {2} & \text{{otherwise}} \end{{cases}}",
        ("0", "where(a, 1, 0)", "where(a, 0, 1)"),
    ),
)  # fmt: skip

OPS: Mapping[str, Op] = {op.name: op for op in _ROWS}
CALLS: Mapping[str, Op] = {op.name: op for op in _ROWS if not op.symbol}
INFIX: Mapping[str, Op] = {op.symbol: op for op in _ROWS if op.symbol and op.arity == 2}
PRODUCT_BINDS = INFIX["*"].binds

# A derivative's operands, in order: `where` calls its condition a, its branches b and c.
OPERANDS = ("a", "b", "c")
