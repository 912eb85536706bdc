"""Programs -> numbers in float64 NumPy: the oracle of what the engine compiles, as slow and obvious as `lang.reference`.

In: a program and its adjoint, weights, one layer's sequences.  Out: the results at every step; and the gradient of the loss
with respect to everything.  It keeps every value of every step, and runs the adjoint's lines where the adjoint says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.adjoint import Adjoint
from rnnzoo.lang.ops import OPS
from rnnzoo.lang.program import Atom, Lines, Program, atoms, extent

Array = np.ndarray[Any, Any]
Values = dict[tuple[str, str], Array]  # (kind, name) -> array


@dataclass(frozen=True, eq=False, slots=True)
class Tape:
    """What a run computed: values of each step, and the states that it began with."""

    once: Values
    before: Values
    steps: tuple[Values, ...]


def evaluate(lines: Lines, values: Values, size: ir.Sizes) -> Values:
    """Add the value of every line to `values`."""
    for one in lines:
        assert isinstance(one.expr, ir.Apply)
        values["value", one.name] = _line(one.expr, values, size)
    return values


def run(
    program: Program,
    states: Sequence[str],
    given: Values,
    start: Mapping[str, Array],
    size: ir.Sizes,
    time: int,
    batch: int,
) -> Tape:
    """Run a program; `given` has weights, constants, and (time, batch, size) of x and of the layer below."""
    once = evaluate(program.once, dict(given), size)
    before = evaluate(program.before, dict(once), size)
    state, steps = dict(start), []
    for t in range(time):
        now = _at(before, t, time, batch)
        now |= {("previous", name): value for name, value in state.items()} | {("time", "t"): np.asarray(float(t))}
        evaluate(program.loop, now, size)
        steps.append(now)
        results = {name: value_of(program.results[name], now, size, batch) for name in program.results}
        now |= {("result", name): value for name, value in results.items()}
        state = {name: results[name] for name in states}
    return Tape(once, before, tuple(steps))


def gradients(
    program: Program,
    back: Adjoint,
    tape: Tape,
    upstream: Mapping[str, Array],
    size: ir.Sizes,
) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
    """Gradients of sum(upstream * results): of the inputs, of the states before the first step, of the weights.

    Args:
        upstream: (time, batch, size) for each result.
    """
    time = len(tape.steps)
    rows, entering = _backward(program, back, tape, upstream, size)
    whole: Values = {key: np.stack([row[key] for row in rows]) for key in rows[0] if key not in tape.before}
    whole["time", "t"] = np.arange(float(time))[:, None, None]
    fixed = evaluate(back.fixed, dict(tape.before), size)
    values = evaluate(back.once, evaluate(back.after, {**fixed, **whole}, size), size)
    states = {name: entering[0][name] for name in back.previous}
    return (
        {name: values[_key(atom)] for name, atom in back.inputs.items()},
        states,
        {name: values[_key(atom)] for name, atom in back.weights.items()},
    )


def state_gradients(
    program: Program, back: Adjoint, tape: Tape, upstream: Mapping[str, Array], size: ir.Sizes
) -> dict[str, Array]:
    """Gradients of sum(upstream * results) with respect to the states that enter each step: (time, batch, size) each."""
    _, entering = _backward(program, back, tape, upstream, size)
    return {name: np.stack([one[name] for one in entering]) for name in back.previous}


def _backward(
    program: Program, back: Adjoint, tape: Tape, upstream: Mapping[str, Array], size: ir.Sizes
) -> tuple[list[Values], list[dict[str, Array]]]:
    """The backward loop: of each step, what the lines after the loop may read; and the adjoints of what enters it."""
    time, batch = next(iter(upstream.values())).shape[:2]
    carried = {name: np.zeros(value.shape[1:]) for name, value in upstream.items()}
    rows: list[Values] = [{} for _ in range(time)]
    entering: list[dict[str, Array]] = [{} for _ in range(time)]
    fixed = evaluate(back.fixed, dict(tape.once), size)
    for t in reversed(range(time)):
        there = _kept(program, back, tape, t)
        now = fixed | there | {("adjoint", name): carried[name] + upstream[name][t] for name in upstream}
        evaluate(back.loop, now, size)
        kept = {(ref.kind, ref.name): value_of(ref, now, size, batch) for ref in back.emitted}
        rows[t] = there | kept
        carried = {
            name: value_of(back.previous[name], now, size, batch) if name in back.previous else np.zeros_like(value)
            for name, value in carried.items()
        }
        entering[t] = carried
    return rows, entering


def _kept(program: Program, back: Adjoint, tape: Tape, t: int) -> Values:
    """What the backward loop may read of step t: what is kept, and nothing else of the forward loop."""
    step, before = tape.steps[t], tape.before
    names = {key for key in step if key[0] in ("previous", "time")} | {("value", ref.name) for ref in back.saved}
    names |= {("value", atom.name) for atom in program.results.values() if isinstance(atom, ir.Ref) and atom.shape}
    time, batch = len(tape.steps), next(value for key, value in step.items() if key[0] in ("result",)).shape[0]
    return _at(before, t, time, batch) | {key: _spread(step[key], batch) for key in names}


def _spread(value: Array, batch: int) -> Array:
    return np.broadcast_to(value, (batch, *value.shape)) if value.ndim == 1 else value


def _at(values: Values, t: int, time: int, batch: int) -> Values:
    """Row t of what has a row for every step."""
    return {
        key: value[t] if value.shape[:2] == (time, batch) and value.ndim == 3 else value
        for key, value in values.items()
    }


def _key(atom: Atom) -> tuple[str, str]:
    assert isinstance(atom, ir.Ref)
    return atom.kind, atom.name


def value_of(atom: Atom, values: Values, size: ir.Sizes, batch: int) -> Array:
    """A value, spread over the batch."""
    value = _value(atom, values, size)
    width = size.of(atom.shape[0]) if atom.shape else (value.shape[-1] if value.ndim else size.units)
    return np.broadcast_to(value, (batch, width)).astype(float)


def _value(atom: Atom, values: Values, size: ir.Sizes) -> Array:
    if isinstance(atom, ir.Number):
        return np.full([size.of(one) for one in atom.shape], atom.value)
    if atom.kind == "option":
        return np.asarray(float(size.options[atom.name]))
    return values[atom.kind, atom.name]


def _line(expr: ir.Apply, values: Values, size: ir.Sizes) -> Array:
    args = [_value(arg, values, size) for arg in atoms(expr)]
    match expr.op:
        case "matmul":
            return np.asarray(args[1] @ args[0].T)  # rows of a batch are vectors
        case "matmul_t":
            return np.asarray(args[1] @ args[0])
        case "outer":
            adjoint, operand = np.broadcast_arrays(args[0][..., :, None], args[1][..., None, :])
            return np.asarray((adjoint * operand).sum(axis=tuple(range(adjoint.ndim - 2))))
        case "sum":
            return np.asarray(args[0].sum(axis=tuple(range(args[0].ndim - 1))))
        case "total":
            return np.asarray(args[0].sum(axis=-1, keepdims=True))
        case "stack" if len(expr.shape) == 2:
            return np.concatenate(args, axis=0)
        case "stack":
            axes = np.broadcast_shapes(*(arg.shape[:-1] for arg in args))
            return np.concatenate([np.broadcast_to(arg, (*axes, arg.shape[-1])) for arg in args], axis=-1)
        case "part":
            begin, end = extent(expr, size)
            return args[0][begin:end] if len(expr.shape) == 2 else args[0][..., begin:end]
        case op:
            return np.asarray(OPS[op].numpy(*args))
