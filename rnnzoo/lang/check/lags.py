"""Lags of more than one step, `h[t-3]`, as equations that carry a state on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from rnnzoo.errors import Mistakes, nearest
from rnnzoo.lang.carriers import CARRIER
from rnnzoo.lang.check.rounds import Trees
from rnnzoo.lang.check.trees import walk
from rnnzoo.lang.parse import MAX_LAG, too_far
from rnnzoo.lang.tree import Lag, Name, Primed, is_reported
from rnnzoo.spec.cell import MAX_EQUATIONS, MAX_NAME, CellSpec, Statement
from rnnzoo.spec.document import Code, CodeLine


def with_delays(
    spec: CellSpec, trees: Trees, mistakes: Mistakes
) -> tuple[CellSpec, dict[str, tuple[str, ...]], frozenset[str]]:
    """The same cell with an equation for each step that a state is carried on: for `h[t-3]`,
    `h_lag1 = h[t-1]` and `h_lag2 = h_lag1[t-1]`, whose previous value is then read.

    What carries a state starts as the state does.

    Returns:
        the cell; the names of these equations, by the state; and the options that are lags.
    """
    nodes = []
    for statement in (*spec.equations.values(), *spec.first_layer.values()):
        tree = trees.of(statement, Mistakes())
        nodes += [*walk(tree)] if tree is not None else []
    lags = [node for node in nodes if isinstance(node, Lag) and node.steps != 1]
    taken = {node.name for node in nodes if isinstance(node, Name | Lag | Primed)}
    taken |= {*spec.equations, *spec.first_layer, *spec.constants, *spec.options, *spec.shapes}
    taken |= {*spec.inputs}
    longest: dict[str, int] = {}
    for lag in dict.fromkeys(lags):
        problem, fix = _wrong_lag(lag, spec)
        if problem:
            mistakes.add(lag.span, problem, fix)
        elif lag.name in spec.equations:
            longest[lag.name] = max(longest.get(lag.name, 0), steps_of(lag, spec) or 0)
    added = sum(steps - 1 for steps in longest.values())
    if added and len(spec.equations) + added > MAX_EQUATIONS:
        problem = f"these lags carry {added} values from step to step"
        fix = f"use smaller ones: with the equations they are at most {MAX_EQUATIONS}"
        mistakes.add(lags[0].span, problem, fix)
        mistakes.raise_if_any()
    delays = {name: _carriers(name, steps - 1, taken) for name, steps in longest.items()}
    equations, initial = dict(spec.equations), dict(spec.initial)
    for name, carriers in delays.items():
        for before, carrier in zip((name, *carriers), carriers):
            text, span = f"{before}[t-1]", spec.equations[name].span
            code = Code(span.file, (CodeLine(span.line, span.column, text),), text)
            equations[carrier] = Statement(carrier, span, code, own=False)
            if name in initial:
                initial[carrier] = replace(initial[name], own=False)
    options = frozenset(lag.steps for lag in lags if isinstance(lag.steps, str))
    return replace(spec, equations=equations, initial=initial), delays, options


def _carriers(name: str, count: int, taken: Collection[str]) -> tuple[str, ...]:
    """Free names for what carries a state on."""
    stem = name[: MAX_NAME - 10] + CARRIER
    while any(f"{stem}{number + 1}" in taken for number in range(count)):
        stem += "_"
    return tuple(f"{stem}{number + 1}" for number in range(count))


def steps_of(lag: Lag, spec: CellSpec) -> int | None:
    """How many steps back a lag goes; None where it is wrong."""
    value = spec.options.get(lag.steps) if isinstance(lag.steps, str) else lag.steps
    if value is None or not (float(value).is_integer() and 1 <= value <= MAX_LAG):
        return None
    return int(value)


def _wrong_lag(lag: Lag, spec: CellSpec) -> tuple[str, str]:
    """What is wrong with a lag that is an option, and the fix; empty where nothing is."""
    if not isinstance(lag.steps, str) or steps_of(lag, spec) is not None:
        return "", ""
    if is_reported(lag.steps):
        return "", ""
    if lag.steps not in spec.options:
        problem = f"[{lag.index}] is not a step: '{lag.steps}' is no option"
        fix = nearest(lag.steps, spec.options) if spec.options else ""
        return problem, fix or f"write `options: {{{lag.steps}: 2}}`, or a whole number"
    value = spec.options[lag.steps]
    if value > MAX_LAG:
        return too_far(f"t-{value:g}")
    problem = f"the option '{lag.steps}' is {value:g}, and a number of steps back"
    return problem, f"a lag is a whole number from 1 to {MAX_LAG}"
