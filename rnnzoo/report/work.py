"""A cell at work -> numbers and pictures of its gates.

In: every equation's value over real sequences.  Out: for each value its mean and spread, and for each gate how often it is
shut or open (Karpathy, Johnson and Fei-Fei 2015, section 4.2); a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.primitives import sub
from rnnzoo.lang.view import CellView
from rnnzoo.report.html import described, render

SHUT, OPEN = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class Row:
    """What one equation's values are like, over all real steps of all units.

    Attributes:
        gate: whether it is a gate, whose values lie between 0 and 1.
        shut, open: shares of values below 0.1 and above 0.9; of other values, of magnitudes.
    """

    name: str
    gate: bool
    mean: float
    deviation: float
    shut: float
    open: float


def is_gate(step: ir.Step, name: str) -> bool:
    """Whether an equation's value is an activation between 0 and 1, or one less such a value."""
    match step.equation(name).expr:
        case ir.Apply(op=op) if op.gates:
            return True
        case ir.Apply(op=op, args=(ir.Number(value=1.0), ir.Ref(kind="value", name=other))) if op is sub:
            return is_gate(step, other)
    return False


def rows(step: ir.Step, values: Mapping[str, np.ndarray], keep: np.ndarray) -> list[Row]:
    """One row an equation; `values` are (sequences, time, units), `keep` (sequences, time) says which steps are real."""
    found = []
    for one in step.equations:
        real = values[one.name][keep]
        size = real if is_gate(step, one.name) else np.abs(real)
        found.append(
            Row(
                one.name, is_gate(step, one.name), float(real.mean()), float(real.std()),
                float((size < SHUT).mean()), float((size > OPEN).mean()),
            )
        )  # fmt: skip
    return found


def shares(
    step: ir.Step, values: Mapping[str, np.ndarray], keep: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each gate, how often each of its units is shut, and how often open."""
    return {
        one.name: ((values[one.name][keep] < SHUT).mean(axis=0), (values[one.name][keep] > OPEN).mean(axis=0))
        for one in step.equations
        if is_gate(step, one.name)
    }


def page(
    cell: CellView,
    layer: int,
    title: str,
    inputs: tuple[str, np.ndarray],
    values: Mapping[str, np.ndarray],
    keep: np.ndarray,
    shown: int,
) -> tuple[str, list[dict[str, Any]]]:
    """The page, and its numbers.

    Args:
        inputs: what the input is called, and the input of the sequence that is drawn, (time, inputs).
        values: of `layer`, (sequences, time, units) by name of the equation.
        shown: the number of the sequence that is drawn, among those of `values`.
    """
    from markupsafe import Markup

    from rnnzoo.report import figures

    step = cell.ir.layer(layer)
    length = int(keep[shown].sum())
    drawn = _ordered(cell, {name: value[shown, :length] for name, value in values.items()})
    pictures = {
        "gates": figures.gates(
            inputs[1][:length],
            [figures.Values(name, value, is_gate(step, name)) for name, value in drawn.items()],
            inputs[0],
        )
    }
    open_or_shut = shares(step, values, keep)
    if open_or_shut:
        pictures["saturation"] = figures.saturation(open_or_shut)
    numbers = rows(step, values, keep)
    text = render(
        "work.html.j2",
        cell=described(cell.name, cell),
        title=title,
        pictures={name: Markup(picture) for name, picture in pictures.items()},
        rows=numbers,
        sequences=len(keep),
        steps=int(keep.sum()),
    )
    return text, [asdict(one) for one in numbers]


def _ordered(cell: CellView, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Values in the order of the equations; units in one order throughout, by the mean of the cell's memory."""
    memory = cell.states[-1] if cell.states else cell.ir.output
    order = np.argsort(values[memory].mean(axis=0))
    return {name: value[:, order] if value.shape[-1] == len(order) else value for name, value in values.items()}
