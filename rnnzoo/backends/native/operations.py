"""Operations in C++: on lanes of floats, on one double, and over the units of a row.

In: a primitive.  Out: how it is written with its operands, by functions of `prelude.h`, which has
each for lanes and for doubles.  An operation without an entry has no native code: a loop with it is
left to the backend.
"""

from __future__ import annotations

from collections.abc import Mapping

from rnnzoo.lang.primitives import ELEMENTWISE, PRIMITIVES, Elementwise, Primitive
from rnnzoo.lang.primitives.activations import LEAK

_COMPARISONS = {
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==",
    "not_equal": "!=",
}  # fmt: skip
_CALLS = {
    "mod": "remainder_of", "pow": "power_of", "sigmoid": "sigmoid", "tanh": "hyperbolic_tangent",
    "relu": "relu", "softplus": "softplus", "elu": "elu", "gelu": "gelu", "sign": "sign",
    "erf": "error_function", "clip": "clip", "exp": "exponential", "log": "logarithm",
    "sqrt": "root", "abs": "absolute", "sin": "sine", "cos": "cosine", "floor": "whole_below",
    "hard_sigmoid": "hard_sigmoid", "minimum": "least", "maximum": "largest", "where": "choose",
}  # fmt: skip
_FORMS = {
    "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}", "neg": "-{0}",
    "silu": "{0} * sigmoid({0})", "softsign": "{0} / (1.0f + absolute({0}))",
    "leaky_relu": f"leaky_relu({{0}}, {LEAK})", "log_sigmoid": "-softplus(-{0})",
}  # fmt: skip
# of matrices: the function of one head
_OF_MATRICES = frozenset({"outer", "times", "times_turned"})


def _call(name: str, arity: int) -> str:
    operands = ", ".join(f"{{{number}}}" for number in range(arity))
    return f"{name}({operands})"


_WRITTEN: Mapping[str, str] = {
    **{name: f"truth({{0}} {symbol} {{1}})" for name, symbol in _COMPARISONS.items()},
    **{name: _call(function, ELEMENTWISE[name].arity) for name, function in _CALLS.items()},
    **_FORMS,
}
# over units: the function of a row or of a group
_OVER_UNITS: Mapping[str, str] = {
    "sum": "sums", "max": "maxima", "softmax": "softmax", "cumsum": "running_sums",
    "cumsum_back": "running_sums_back", "peaks": "shares_of_peaks",
}  # fmt: skip


def elementwise(primitive: Elementwise) -> str | None:
    """An expression with `{0}`, `{1}` and `{2}` for its operands, which are names."""
    return _WRITTEN.get(primitive.name) if _is_ours(primitive) else None


def over_units(primitive: Primitive) -> str | None:
    """The function's name in `prelude.h`."""
    return _OVER_UNITS.get(primitive.name) if _is_ours(primitive) else None


def of_matrices(primitive: Primitive) -> str | None:
    """The function's name in `prelude.h`, which is that of the operation."""
    is_there = _is_ours(primitive) and primitive.name in _OF_MATRICES
    return primitive.name if is_there else None


def _is_ours(primitive: Primitive) -> bool:
    """Not an operation of a project, which may have the name of one that comes later."""
    return PRIMITIVES.get(primitive.name) is primitive
