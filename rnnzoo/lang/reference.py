"""The reference implementation of a cell, in float64 NumPy: slow, obvious, the oracle.

In: a cell, weights by name, a batch of sequences.  Out: outputs and states.  One loop over layers,
one over steps, one over equations, nothing clever: tests compare every other implementation with
this one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.errors import UsageError
from rnnzoo.lang import ir
from rnnzoo.lang.formulas import constant_matrices
from rnnzoo.lang.primitives import as_weight
from rnnzoo.lang.program import Instruction, atoms

MAX_MASK = 100_000_000  # entries: 10,000 x 10,000, which take 800 MB
MASK_AT_ONCE = 100_000  # entries that are computed at a time
Array = np.ndarray[Any, Any]
Values = Mapping[str, Array]


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """What a stack of layers computed.

    Attributes:
        outputs: (batch, time, size) of the last layer.
        states: for each layer, (batch, size) after the last step, by state.
        values: for each layer, (batch, time, size) by equation.
    """

    outputs: Array
    states: tuple[Values, ...]
    values: tuple[Values, ...]


def constants(cell: ir.Cell, sizes: ir.Sizes) -> dict[str, Array]:
    """The constants of one layer, in float64.

    Raises:
        UsageError: a constant has no finite value at these sizes, or a number of groups does not
            divide a size.
    """
    _check_groups(cell, sizes)
    values: dict[str, Array] = {}
    for constant in cell.constants:
        with finite(cell, f"the constant '{constant.name}'", sizes):
            values[constant.name] = np.asarray(
                evaluate(constant.expr, {"constant": values}, sizes), dtype=float
            )
    return values


def _check_groups(cell: ir.Cell, sizes: ir.Sizes) -> None:
    """Raise a UsageError unless every number of groups of units divides the number of units."""
    for equation in (*cell.constants, *cell.first.equations, *cell.step.equations):
        for operation, size, groups in ir.grouped(equation.expr):
            count = int(evaluate(groups, {}, sizes))
            check_division(cell, f"{operation.name} in '{equation.name}'", count, sizes.of(size))


def check_division(cell: ir.Cell, subject: str, groups: int, units: int) -> None:
    """Check that groups of units are of one size.

    Raises:
        UsageError: they are not.
    """
    if units % groups:
        raise UsageError(
            f"cell '{cell.name}': {subject} is taken over {groups} groups, which do not divide"
            f" {units} units",
            f"take a multiple of {groups}, such as {groups * -(-units // groups)}",
        )


def mask(cell: ir.Cell, weight: ir.Weight, sizes: ir.Sizes) -> Array | None:
    """The mask of a weight as an array of 0 and 1, or None.

    Raises:
        UsageError: the mask has no finite value at these sizes, or is too large.
    """
    if weight.mask is None:
        return None
    shape = sizes.shape(weight.shape)
    if math.prod(shape) > MAX_MASK:
        dimensions = " x ".join(f"{length:,}" for length in shape)
        raise UsageError(
            f"cell '{cell.name}': the mask of '{weight.name}' would be {dimensions}, more than"
            f" {MAX_MASK:,} entries",
            "take fewer units",
        )
    constant_values, entries = constants(cell, sizes), np.empty(shape)
    rows, cols = (np.arange(length) for length in shape)
    # in blocks: intermediate values would be as large as the mask
    at_once = max(1, MASK_AT_ONCE // len(cols))
    for first in range(0, len(rows), at_once):
        part = slice(first, first + at_once)
        with finite(cell, f"the mask of '{weight.name}'", sizes):
            value = evaluate(
                weight.mask,
                {"constant": constant_values, "mask": {"row": rows[part], "col": cols}},
                sizes,
            )
        entries[part] = value != 0
    return entries


def masked(cell: ir.Cell, step: ir.Step, weights: Values, sizes: ir.Sizes) -> dict[str, Array]:
    """The weights of one layer, multiplied by their masks."""
    products = dict(weights)
    for weight in step.weights:
        entries = mask(cell, weight, sizes)
        if entries is not None and weight.name in weights:
            products[weight.name] = weights[weight.name] * entries
    return products


@contextmanager
def finite(cell: ir.Cell, subject: str, sizes: ir.Sizes) -> Iterator[None]:
    """Turn a division by zero, or any other invalid value even if it is not used, into an error
    about the sizes.
    """
    try:
        with np.errstate(divide="raise", invalid="raise", over="raise"):
            yield
    except FloatingPointError:
        options = "".join(f", {name}={value:g}" for name, value in cell.options.items())
        raise UsageError(
            f"cell '{cell.name}': {subject} has no value with units={sizes.units}{options}",
            "take more units, or change the cell's options",
        ) from None


def evaluate(expr: ir.Expr, values: Mapping[str, Values], sizes: ir.Sizes) -> Array:
    """The value of an expression; `values` holds arrays by kind of name, then by name.

    Vectors are (batch, size), or (size,) if they are the same for all sequences.
    """
    match expr:
        case ir.Number(value=value):
            return np.asarray(value)
        case ir.Ref(kind="option", name=name):
            return np.asarray(float(sizes.options[name]))
        case ir.Ref(kind="size", name=name):
            return np.asarray(float(sizes.of(name)))
        case ir.Ref(kind="unit"):
            return np.arange(sizes.units, dtype=float)
        case ir.Ref(kind=("row" | "col") as axis, name=name):
            numbers = values["mask"][axis]
            along = values["constant"][name][numbers] if name else numbers.astype(float)
            return along[:, None] if axis == "row" else along[None, :]
        case ir.Ref(kind=kind, name=name):
            return values[kind][name]
        case ir.Apply(op=op, args=args, params=params) if params:  # of `lang.passes`
            instruction = Instruction("", op, tuple(atoms(args)), expr.shape, params)
            function = op.evaluator(instruction, sizes)
            return function(*(evaluate(arg, values, sizes) for arg in args))
        case ir.Apply(op=op, args=(entries,)) if op is as_weight:  # likewise; alike in all rows
            rows = evaluate(entries, values, sizes).reshape(-1, *sizes.shape(expr.shape))
            return np.asarray(rows[0])
        case ir.Apply(op=op, args=args):
            return np.asarray(op.numpy(*(evaluate(arg, values, sizes) for arg in args)))


def step(
    equations: Sequence[ir.Equation], values: Mapping[str, Values], sizes: ir.Sizes, batch: int
) -> dict[str, Array]:
    """All equations of one layer at one step: name -> (batch, size)."""
    now: dict[str, Array] = {}
    for equation in equations:
        value = evaluate(equation.expr, {**values, "value": now}, sizes)
        now[equation.name] = np.broadcast_to(value, (batch, sizes.of(equation.size)))
    return now


def run(
    cell: ir.Cell,
    weights: Sequence[Values],
    x: Array,
    units: int,
    initial: Sequence[Values] | None = None,
    keep: Array | None = None,
    first: Array | int = 0,
) -> Run:
    """Run a stack of layers over a batch of sequences.

    Args:
        weights: a mapping a layer, name -> array in the orientation of the equations.
        x: (batch, time, inputs); of a cell with named inputs, these behind x in the last axis.
        initial: a mapping a layer, state -> (batch, size); without it, states start as the cell
            says.
        keep: (batch, time) of bool; where False, the step is padding: states stay as they are, and
            the output repeats the last one (0 before the first).
        first: how many steps lie before these, as `t` counts them; or (batch, 1), of each sequence.
    """
    below: dict[str, Array] = {}
    states, values = [], []
    given = cell.split(x)
    for number, layer_weights in enumerate(weights, start=1):
        sizes = ir.sizes(cell, x.shape[-1], units, number)
        begin = start(cell, layer_weights, sizes, len(x), initial[number - 1] if initial else {})
        sequences = given if number == 1 else {**given, ir.X: below[cell.output]}
        below, last = _layer(
            cell, cell.layer(number), layer_weights, sequences, below, begin, sizes, keep, first
        )
        values.append(below)
        states.append(last)
    return Run(below[cell.output], tuple(states), tuple(values))


def start(
    cell: ir.Cell, weights: Values, sizes: ir.Sizes, batch: int, given: Values | None = None
) -> dict[str, Array]:
    """The states before the first step, (batch, size) each: as given, or as the cell says."""
    states = {}
    for state in cell.states:
        is_learned, name = state.initial == "learned", ir.initial_weight(state.name)
        initial = weights[name] if is_learned else np.asarray(state.initial)
        value = (given or {}).get(state.name, initial)
        states[state.name] = np.broadcast_to(value, (batch, sizes.of(state.size))).astype(float)
    return states


def _layer(
    cell: ir.Cell,
    layer_step: ir.Step,
    weights: Values,
    sequences: Values,
    below: Values,
    start: Mapping[str, Array],
    sizes: ir.Sizes,
    keep: Array | None,
    first: Array | int,
) -> tuple[dict[str, Array], dict[str, Array]]:
    """One layer over the whole sequence: every equation's values, and the states after the last
    step.

    Args:
        sequences: x and the named inputs, (batch, time, size) each.
    """
    batch, time = sequences[ir.X].shape[:2]
    of_weights = masked(cell, layer_step, weights, sizes)
    fixed = {"constant": constants(cell, sizes), "weight": of_weights, "fixed": of_weights}
    state = dict(start)
    shown = {
        equation.name: np.zeros((batch, sizes.of(equation.size)))
        for equation in layer_step.equations
    }
    rows: dict[str, list[Array]] = {name: [] for name in shown}
    for t in range(time):
        inputs = {name: value[:, t] for name, value in sequences.items()}
        lower = {name: value[:, t] for name, value in below.items()}
        values = {
            **fixed,
            "input": inputs,
            "time": {"t": np.asarray(first + t, float)},
            "previous": state,
            "below": lower,
        }
        now = step(layer_step.equations, values, sizes, batch)
        real = np.ones((batch, 1), bool) if keep is None else keep[:, t, None]
        state = {name: np.where(real, now[name], value) for name, value in state.items()}
        shown = {name: np.where(real, now[name], value) for name, value in shown.items()}
        for name, value in shown.items():
            rows[name].append(value)
    return {
        name: np.stack(values_of_steps, axis=1) for name, values_of_steps in rows.items()
    }, state


def random_weights(
    cell: ir.Cell, inputs: int, units: int, layers: int, rng: np.random.Generator
) -> list[dict[str, Array]]:
    """Weights for tests: every one of them different from 0, unlike those that training begins
    with; matrices that are constants as they are.
    """
    from rnnzoo.lang.start import expressions

    fixed, weights = constant_matrices(cell), []
    for number in range(1, layers + 1):
        sizes = ir.sizes(cell, inputs, units, number)
        of_layer = (*cell.layer(number).weights, *cell.learned)
        shapes = {weight.name: sizes.shape(weight.shape) for weight in of_layer}
        drawn = {name: rng.normal(0.0, 0.4, shape) for name, shape in shapes.items()}
        if fixed:
            begun = expressions(
                cell, number, sizes, constants(cell, sizes), lambda _, shape: np.zeros(shape)
            )
            drawn |= {name: value for name, value in begun.items() if name in fixed}
        weights.append(drawn)
    return weights
