"""Whether the derivatives of an operation of one's own are those of what it computes.

In: a cell.  Out: what is wrong, in words.  Differences at random operands tell; where a result or a
derivative is not finite, as that of a logarithm below 0, nothing is told.  A few operands may
differ: they may lie at a kink.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnzoo import registry
from rnnzoo.lang import ir, operations, reference
from rnnzoo.lang.formulas import formula
from rnnzoo.lang.primitives import Elementwise
from rnnzoo.lang.primitives.base import OPERANDS, Array
from rnnzoo.spec import plugins

POINTS, LARGEST, SEED = 200, 2.0, 2026  # operands are tried from -LARGEST to LARGEST
STEP = 1e-5  # of differences
TOLERANCE = 1e-4  # in units, and as a share of the difference; rounding leaves 1e-11 / STEP
FEW = 4  # points that may differ


@dataclass(frozen=True, slots=True)
class WrongDerivative:
    """
    Attributes:
        operation: its name.
        text: what is wrong, in words.
    """

    operation: str
    text: str


def wrong_derivatives(cell: ir.Cell) -> Iterator[WrongDerivative]:
    """Of the operations of a cell that are not the package's."""
    with np.errstate(all="ignore"):
        for operation in operations.with_gradients(cell):
            rng = np.random.default_rng(SEED)
            operands = list(rng.uniform(-LARGEST, LARGEST, (operation.arity, POINTS)))
            for position in range(len(operation.derivatives)):
                text = _wrong(operation, operands, position)
                if text:
                    yield WrongDerivative(operation.name, text)


def by_formula(operation: Elementwise, operands: Sequence[Array], position: int) -> Array:
    """d result / d operand, as the operation has it."""
    values = dict(zip(OPERANDS, operands)) | {"y": operation.numpy(*operands)}
    tree = formula(operation.derivatives[position])
    derivative = reference.evaluate(tree, {"value": values}, ir.Sizes(1, 1, {}))
    return np.broadcast_to(derivative, operands[0].shape)


def by_differences(
    operation: Elementwise, operands: Sequence[Array], position: int, step: float = STEP
) -> Array:
    """d result / d operand, by results on both sides."""

    def beside(step: float) -> Array:
        moved = [*operands]
        moved[position] = moved[position] + step
        return operation.numpy(*moved)

    return np.asarray((beside(step) - beside(-step)) / (2 * step))


def _wrong(operation: Elementwise, operands: Sequence[Array], position: int) -> str:
    """What is wrong with the derivative by an operand; empty where nothing is."""
    derivative = by_formula(operation, operands, position)
    difference = by_differences(operation, operands, position)
    apart = np.abs(derivative - difference) > TOLERANCE * (1 + np.abs(difference))
    apart &= np.isfinite(derivative) & np.isfinite(difference)
    if apart.sum() <= FEW:
        return ""
    first = int(np.argmax(apart))
    where = ", ".join(f"{name} = {value[first]:.3g}" for name, value in zip(OPERANDS, operands))
    file = registry.where(plugins.load(operations.KIND, operation.name))
    written = operation.derivatives[position]
    return (
        f"`{written}` is not the derivative of '{operation.name}' by {OPERANDS[position]} ({file}):"
        f" at {where} it is {derivative[first]:.4g}, and differences of `function` give"
        f" {difference[first]:.4g}"
    )
