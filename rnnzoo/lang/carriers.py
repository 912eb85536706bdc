"""States of several steps back: the equations that carry them on, and how people see them.

`h[t-3]` needs the value of h for three steps, so a cell gets states `h_lag1` and `h_lag2`, which
hold what h was (`check.lags`).  Here these are found again, and written as the user wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from rnnzoo.lang import ir

CARRIER = "_lag"  # in the names of equations that carry a state on, which a number follows
_CARRIER = re.compile(rf"\w+{CARRIER}_*\d+")


def is_carrier(name: str) -> bool:
    """Whether an equation is named as one that only carries a state on."""
    return _CARRIER.fullmatch(name) is not None


def carriers(step: ir.Step) -> dict[str, ir.Ref]:
    """The equations that only carry a state on, each with the value that it has: of `h_lag2` that
    is `h[t-2]`.
    """
    carried: dict[str, ir.Ref] = {}
    left = {
        equation.name: equation.expr for equation in step.equations if is_carrier(equation.name)
    }
    # one carrier reads another, `h_lag2` reads `h_lag1`: those that read none come first
    while ready := [name for name, expr in left.items() if _carries(expr, left)]:
        for name in ready:
            source = left.pop(name)
            assert isinstance(source, ir.Ref)
            base = carried.get(source.name, replace(source, steps=0))
            carried[name] = replace(base, steps=base.steps + 1)
    return carried


def in_short(names: Collection[str]) -> list[str]:
    """Names of states, with `h_lag1 to h_lag9` for what carries h on."""
    stems: dict[str, list[str]] = {}
    for name in names:
        stem = name.rstrip("0123456789") if is_carrier(name) else name
        stems.setdefault(stem, []).append(name)
    shortened = []
    for stem, members in stems.items():
        span = [f"{stem}{number + 1}" for number in range(len(members))]
        is_run = len(members) > 2 and {*members} == {*span}
        shortened += [f"{span[0]} to {span[-1]}"] if is_run else members
    return shortened


def as_written(step: ir.Step) -> ir.Step:
    """The same step for people: `h[t-3]` instead of the equations that carry h on."""
    carried = carriers(step)

    def printed(ref: ir.Ref) -> ir.Ref:
        match ref:
            case ir.Ref(kind="value", name=name) if name in carried:
                return carried[name]
            case ir.Ref(kind="previous", name=name) if name in carried:
                return replace(carried[name], steps=carried[name].steps + 1)
        return ref

    equations = tuple(
        replace(equation, expr=ir.with_refs(equation.expr, printed))
        for equation in step.equations
        if equation.name not in carried
    )
    return ir.Step(equations, step.weights)


def _carries(expr: ir.Expr, waiting: Collection[str]) -> bool:
    """Whether this is the previous value of an equation that does not wait for its turn."""
    return isinstance(expr, ir.Ref) and expr.kind == "previous" and expr.name not in waiting
