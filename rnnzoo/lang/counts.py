"""How large and how costly a cell is: numbers of weights and of multiply-adds, from the IR alone.

A masked weight counts its entries that are not masked, as Koutnik et al. 2014 count.  Multiply-adds are those of the
matrix products of one step: what a step costs but for elementwise work.
"""

from __future__ import annotations

import math

from rnnzoo.errors import UsageError
from rnnzoo.lang import ir
from rnnzoo.lang.reference import mask


def weights(cell: ir.Cell, inputs: int, units: int, layers: int = 1) -> int:
    """Trained numbers of a stack of layers, learned initial states included."""
    return sum(_layer_weights(cell, inputs, units, number) for number in range(1, layers + 1))


def units_for(cell: ir.Cell, inputs: int, wanted: int, layers: int = 1) -> int:
    """The number of units whose weights come nearest to a wanted number; the smaller one of two that are as near."""

    def size(units: int) -> float:
        try:
            return weights(cell, inputs, units, layers)
        except UsageError:
            return -math.inf  # too few units for the cell's modules

    low, high = 1, 2
    while size(high) < wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) < wanted else (low, middle)
    return min((low, high), key=lambda units: abs(size(units) - wanted))


def weight_shapes(cell: ir.Cell, inputs: int, units: int, number: int = 1) -> dict[str, tuple[int, ...]]:
    """Shape of every weight of layer `number`, by name."""
    size = ir.sizes(cell, inputs, units, number)
    return {weight.name: size.shape(weight.shape) for weight in cell.layer(number).weights}


def multiply_adds(cell: ir.Cell, inputs: int, units: int, layers: int = 1) -> int:
    """Multiply-adds of the matrix products of one step of one sequence."""
    total = 0
    for number in range(1, layers + 1):
        size = ir.sizes(cell, inputs, units, number)
        entries = {weight.name: _entries(cell, weight, size) for weight in cell.layer(number).weights}
        for node in distinct_products(cell.layer(number)):
            total += entries[_matrix(node)]
    return total


def distinct_products(step: ir.Step) -> list[ir.Apply]:
    """The matrix products of a step; one that is written twice is computed once."""
    return list(dict.fromkeys(node for equation in step.equations for node in ir.products(equation.expr)))


def _matrix(product: ir.Apply) -> str:
    weight = product.args[0]
    assert isinstance(weight, ir.Ref)  # `lang.check` lets nothing else stand before @
    return weight.name


def _layer_weights(cell: ir.Cell, inputs: int, units: int, number: int) -> int:
    size = ir.sizes(cell, inputs, units, number)
    learned = sum(size.of(state.size) for state in cell.states if state.initial == "learned")
    return learned + sum(_entries(cell, weight, size) for weight in cell.layer(number).weights)


def _entries(cell: ir.Cell, weight: ir.Weight, size: ir.Sizes) -> int:
    masked = mask(cell, weight, size)
    if masked is not None:
        return int(masked.sum())
    entries = 1
    for length in size.shape(weight.shape):
        entries *= length
    return entries
