"""A trained cell's activations -> numbers and pictures of its gates.

In: the value of every equation over real sequences.  Out: for each equation the mean and spread of
its values, for each gate how often it is shut or open (Karpathy, Johnson and Fei-Fei 2015, section
4.2), and a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.at_start import is_gate
from rnnzoo.lang.view import CellView
from rnnzoo.report.html import described, render

SHUT, OPEN = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class ActivationRow:
    """The values of one equation, over all real steps and all units.

    Attributes:
        gate: whether the equation is a gate, whose values lie between 0 and 1.
        shut, open: the shares of values below 0.1 and above 0.9; where the equation is no gate, of
            magnitudes.
    """

    name: str
    gate: bool
    mean: float
    deviation: float
    shut: float
    open: float


def rows(step: ir.Step, values: Mapping[str, np.ndarray], keep: np.ndarray) -> list[ActivationRow]:
    """One row for each equation.

    Args:
        values: (sequences, time, units) by name of the equation.
        keep: (sequences, time), False where a step is padding.
    """
    table = []
    for equation in step.equations:
        real, gate = values[equation.name][keep], is_gate(step, equation.name)
        size = real if gate else np.abs(real)
        shut, open_ = float((size < SHUT).mean()), float((size > OPEN).mean())
        table.append(
            ActivationRow(equation.name, gate, float(real.mean()), float(real.std()), shut, open_)
        )
    return table


def shares(
    step: ir.Step, values: Mapping[str, np.ndarray], keep: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each gate, how often each of its units is shut, and how often open."""
    gates = {
        equation.name: values[equation.name][keep]
        for equation in step.equations
        if is_gate(step, equation.name)
    }
    return {
        name: ((real < SHUT).mean(axis=0), (real > OPEN).mean(axis=0))
        for name, real in gates.items()
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
        inputs: the name of the input, and the input of the sequence that is drawn, (time, inputs).
        values: of `layer`, (sequences, time, units) by name of the equation.
        keep: (sequences, time), False where a step is padding.
        shown: the position in `values` of the sequence that is drawn.
    """
    from markupsafe import Markup

    from rnnzoo.report import figures

    step = cell.ir.layer(layer)
    length = int(keep[shown].sum())
    drawn = _ordered(cell, {name: value[shown, :length] for name, value in values.items()})
    pictures = {
        "gates": figures.gates(
            inputs[1][:length],
            [figures.HeatMapRow(name, value, is_gate(step, name)) for name, value in drawn.items()],
            inputs[0],
        )
    }
    open_or_shut = shares(step, values, keep)
    if open_or_shut:
        pictures["saturation"] = figures.saturation(open_or_shut)
    numbers = rows(step, values, keep)
    text = render(
        "activations.html.j2",
        cell=described(cell.name, cell),
        title=title,
        pictures={name: Markup(picture) for name, picture in pictures.items()},
        rows=numbers,
        sequences=len(keep),
        steps=int(keep.sum()),
    )
    return text, [asdict(row) for row in numbers]


def _ordered(cell: CellView, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The values with their units sorted by the mean of the cell's memory; other sizes keep their
    order.
    """
    memory = cell.states[-1] if cell.states else cell.ir.output
    order = np.argsort(values[memory].mean(axis=0))
    ordered = dict(values)
    for name, value in values.items():
        if value.shape[-1] == len(order):
            ordered[name] = value[:, order]
    return ordered
