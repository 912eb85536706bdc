"""Programs -> numbers in float64 NumPy: the oracle of what the engine compiles, as slow and obvious
as `lang.reference`.

In: a program and its adjoint, weights, one layer's sequences.  Out: the results at every step; and
the gradient of the loss with respect to everything.  It keeps every value of every step, and runs
the adjoint's instructions where the adjoint says.  The linter (`lang.lint`) runs it too, so
instructions are made ready once and not at every step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.adjoint import Adjoint
from rnnzoo.lang.program import Atom, Instructions, Program

Array = np.ndarray[Any, Any]
RefKey = tuple[str, str]  # (kind, name) of an `ir.Ref`
Values = dict[RefKey, Array]


def of_weights(weights: Mapping[str, Array]) -> Values:
    """Weights by name as a program reads them, trained or not."""
    return {(kind, name): value for name, value in weights.items() for kind in ir.WEIGHTS}


@dataclass(frozen=True, eq=False, slots=True)
class Tape:
    """What a run computed: values of each step, and the states that it began with."""

    once: Values
    before: Values
    steps: tuple[Values, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Evaluator:
    """Instructions that are ready to be computed many times.

    Attributes:
        calls: of each instruction, where its value goes, the function, and its operands: a key of
            `Values`, or a number.
    """

    calls: tuple[tuple[RefKey, Callable[..., Array], tuple[RefKey | Array, ...]], ...]

    @staticmethod
    def of(instructions: Instructions, sizes: ir.Sizes, dtype: str = "float64") -> Evaluator:
        """The instructions of a program at these sizes.

        Args:
            dtype: of the numbers among their operands; values have that of what they are made of.
        """
        calls = []
        for instruction in instructions:
            operands = tuple(_operand(atom, sizes, dtype) for atom in instruction.inputs)
            function = instruction.primitive.evaluator(instruction, sizes)
            calls.append((("value", instruction.name), function, operands))
        return Evaluator(tuple(calls))

    def __call__(self, values: Values) -> Values:
        """Add the value of every instruction to `values`."""
        for key, function, operands in self.calls:
            values[key] = function(*[_resolved(operand, values) for operand in operands])
        return values


def _resolved(operand: RefKey | Array, values: Values) -> Array:
    return values[operand] if isinstance(operand, tuple) else operand


def evaluate(instructions: Instructions, values: Values, sizes: ir.Sizes) -> Values:
    """Add the value of every instruction to `values`."""
    return Evaluator.of(instructions, sizes)(values)


def run(
    program: Program,
    states: Sequence[str],
    given: Values,
    start: Mapping[str, Array],
    sizes: ir.Sizes,
    time: int,
    batch: int,
) -> Tape:
    """Run a program over a batch of sequences.

    Args:
        states: names of the results that the next step reads.
        given: weights, constants, and (time, batch, size) of x and of the layer below.
        start: (batch, size) of each state.
        time: number of steps.
        batch: number of sequences.
    """
    once = evaluate(program.once, dict(given), sizes)
    before = evaluate(program.before, dict(once), sizes)
    state, steps, loop = dict(start), [], Evaluator.of(program.loop, sizes)
    for t in range(time):
        now = _values_at(before, t, time, batch)
        now |= {("previous", name): value for name, value in state.items()}
        now["time", "t"] = np.asarray(float(t))
        loop(now)
        steps.append(now)
        results = {
            name: value_of(program.results[name], now, sizes, batch) for name in program.results
        }
        now |= {("result", name): value for name, value in results.items()}
        state = {name: results[name] for name in states}
    return Tape(once, before, tuple(steps))


@dataclass(frozen=True, eq=False, slots=True)
class Gradients:
    """Gradients of a loss.

    Attributes:
        inputs: with respect to x and to values of the layer below, (time, batch, size) each.
        entering: with respect to the states that enter each step, (time, batch, size) each.
        weights: with respect to weights.
    """

    inputs: dict[str, Array]
    entering: dict[str, Array]
    weights: dict[str, Array]

    @property
    def start(self) -> dict[str, Array]:
        """With respect to the states before the first step, (batch, size) each."""
        return {name: value[0] for name, value in self.entering.items()}


def gradients(
    program: Program,
    back: Adjoint,
    tape: Tape,
    upstream: Mapping[str, Array],
    sizes: ir.Sizes,
) -> Gradients:
    """Gradients of sum(upstream * results).

    Args:
        upstream: (time, batch, size) for each result.
    """
    time = len(tape.steps)
    rows, entering = _backward(program, back, tape, upstream, sizes)
    # rows of `before` are whole in the tape already
    whole: Values = {key: _stacked(rows, key) for key in rows[0] if key not in tape.before}
    whole["time", "t"] = np.arange(float(time))[:, None, None]
    fixed = evaluate(back.fixed, dict(tape.before), sizes)
    values = evaluate(back.once, evaluate(back.after, {**fixed, **whole}, sizes), sizes)
    return Gradients(
        {name: values[_key(atom)] for name, atom in back.inputs.items()},
        _entering(back, entering),
        {name: values[_key(atom)] for name, atom in back.weights.items()},
    )


def state_gradients(
    program: Program, back: Adjoint, tape: Tape, upstream: Mapping[str, Array], sizes: ir.Sizes
) -> dict[str, Array]:
    """Gradients of sum(upstream * results) with respect to the states that enter each step: (time,
    batch, size) each.
    """
    return _entering(back, _backward(program, back, tape, upstream, sizes)[1])


def _entering(back: Adjoint, entering: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    return {name: _stacked(entering, name) for name in back.previous}


def _stacked(steps: Sequence[Mapping[Any, Array]], name: RefKey | str) -> Array:
    """One array of a value at all steps."""
    return np.stack([step[name] for step in steps])


def _backward(
    program: Program, back: Adjoint, tape: Tape, upstream: Mapping[str, Array], sizes: ir.Sizes
) -> tuple[list[Values], list[dict[str, Array]]]:
    """The backward loop: of each step, what the instructions after the loop may read; and the
    adjoints of what enters it.
    """
    time, batch = next(iter(upstream.values())).shape[:2]
    carried = {name: np.zeros(value.shape[1:]) for name, value in upstream.items()}
    rows: list[Values] = [{} for _ in range(time)]
    entering: list[dict[str, Array]] = [{} for _ in range(time)]
    fixed, loop = evaluate(back.fixed, dict(tape.once), sizes), Evaluator.of(back.loop, sizes)
    for t in reversed(range(time)):
        readable = _kept(program, back, tape, t)
        arriving = {("adjoint", name): carried[name] + upstream[name][t] for name in upstream}
        now = fixed | readable | arriving
        loop(now)
        kept = {(ref.kind, ref.name): value_of(ref, now, sizes, batch) for ref in back.emitted}
        rows[t] = readable | kept
        # a result that is no state gets its adjoint from `upstream` alone
        carried = {name: np.zeros_like(value) for name, value in carried.items()}
        for name in carried:
            if name in back.previous:
                carried[name] = value_of(back.previous[name], now, sizes, batch)
        entering[t] = carried
    return rows, entering


def _kept(program: Program, back: Adjoint, tape: Tape, t: int) -> Values:
    """What the backward loop may read of step t: what is kept, and nothing else of the forward
    loop.
    """
    step, before = tape.steps[t], tape.before
    names = {key for key in step if key[0] in ("previous", "time")} | {
        ("value", ref.name) for ref in back.saved
    }
    names |= {
        ("value", atom.name)
        for atom in program.results.values()
        if isinstance(atom, ir.Ref) and atom.kind == "value" and atom.shape
    }
    time = len(tape.steps)
    batch = next(value for (kind, _), value in step.items() if kind == "result").shape[0]
    return _values_at(before, t, time, batch) | {key: _spread(step[key], batch) for key in names}


def _spread(value: Array, batch: int) -> Array:
    return np.broadcast_to(value, (batch, *value.shape)) if value.ndim == 1 else value


def _values_at(values: Values, t: int, time: int, batch: int) -> Values:
    """Values as step t reads them: row t of what is (time, batch, size); weights and constants as
    they are.
    """
    now: Values = {}
    for key, value in values.items():
        is_sequence = value.ndim == 3 and value.shape[:2] == (time, batch)
        now[key] = value[t] if is_sequence else value
    return now


def _key(atom: Atom) -> RefKey:
    assert isinstance(atom, ir.Ref)
    return atom.kind, atom.name


def value_of(atom: Atom, values: Values, sizes: ir.Sizes, batch: int) -> Array:
    """A value, spread over the batch."""
    operand = _operand(atom, sizes)
    value = values[operand] if isinstance(operand, tuple) else operand
    if atom.shape:
        width = sizes.of(atom.shape[0])
    elif value.ndim:
        width = value.shape[-1]
    else:
        width = sizes.units
    if value.shape == (batch, width):
        return value
    return np.broadcast_to(value, (batch, width)).astype(float)


def _operand(atom: Atom, sizes: ir.Sizes, dtype: str = "float64") -> RefKey | Array:
    """The number that an atom is, or the key of its value."""
    if isinstance(atom, ir.Number):
        return np.full([sizes.of(size) for size in atom.shape], atom.value, dtype)
    if atom.kind == "option":
        return np.asarray(sizes.options[atom.name], dtype)
    if atom.kind == "size":
        return np.asarray(sizes.of(atom.name), dtype)
    return atom.kind, atom.name
