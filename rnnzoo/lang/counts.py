"""Size and cost of a cell: numbers of weights and multiply-adds, from the IR alone.

Masked entries of a weight do not count, as in Koutnik et al. 2014.  Multiply-adds are those of the
matrix products of one step, that is, the cost of a step without elementwise operations; an outer
product, which is added to a matrix, has one for each entry.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from rnnzoo.errors import UsageError
from rnnzoo.lang import ir
from rnnzoo.lang.primitives import outer_product, times, times_turned
from rnnzoo.lang.reference import check_division, evaluate, mask
from rnnzoo.spec.hyperparameters import Training

_WITH_MATRICES = (outer_product, times, times_turned)


def weights(
    cell: ir.Cell, inputs: int, units: int, layers: int = 1, bidirectional: bool = False
) -> int:
    """The number of trained parameters of a stack of layers, including learned initial states.

    Args:
        inputs: how many numbers the first layer reads at a step; of a cell with named inputs, these
            and x together, here and below.
        bidirectional: each layer is a pair that reads in both directions, and the next one reads
            the outputs of both.
    """
    if not bidirectional:
        return sum(_layer_weights(cell, inputs, units, number) for number in range(1, layers + 1))
    further = 2 * ir.sizes(cell, inputs, units, 1).of(cell.output_size)
    further += sum(cell.width(named, 0) for named in cell.named_in_all_layers)
    widths = [inputs, *[further] * (layers - 1)]
    return 2 * sum(_layer_weights(cell, width, units, 1) for width in widths)


def weights_in(training: Training, cell: ir.Cell, inputs: int) -> int:
    """The same of the recurrent layers of a training.

    Args:
        inputs: of the task, ids one-hot.
    """
    width, both = training.width(inputs), training.bidirectional
    return weights(cell, width, training.units, training.layers, both)


def units_for(
    cell: ir.Cell, inputs: int, wanted: int, layers: int = 1, bidirectional: bool = False
) -> int:
    """The number of units whose number of weights is nearest to `wanted`; in a tie the smaller
    one.  It is one that the cell's groups divide.

    Raises:
        UsageError: nothing of the cell is trained.
    """
    multiple = groups(cell)

    def weights_with(many: int) -> float:
        try:
            return weights(cell, inputs, many * multiple, layers, bidirectional)
        except UsageError:
            return -math.inf  # too few units for the cell's modules

    if weights_with(1) == weights_with(2) == 0:
        raise UsageError(
            f"cell '{cell.name}' has no trained weights, of which there could be {wanted:,}",
            "say `units`",
        )
    low, high = 1, 2
    while weights_with(high) < wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if weights_with(middle) < wanted:
            low = middle
        else:
            high = middle
    return multiple * min((low, high), key=lambda many: abs(weights_with(many) - wanted))


def groups(cell: ir.Cell) -> int:
    """What the number of units must be a multiple of, so that groups of units are of one size."""
    counted = []
    for equation in (*cell.constants, *cell.first.equations, *cell.step.equations):
        for _, size, number in ir.grouped(equation.expr):
            if size == "units":
                counted.append(int(evaluate(number, {}, ir.Sizes(1, 1, cell.options))))
    return math.lcm(*counted)


def check_sizes(cell: ir.Cell, units: int) -> None:
    """Check that the sizes that are computed from the number of units are whole numbers, and that
    groups of as many units divide them; of `units` itself, `groups` says what divides it.

    Raises:
        UsageError: one is not, or they do not.
    """
    sizes = ir.Sizes(units, 1, cell.options)
    for weight in cell.all_weights:
        for size in weight.shape:
            if "inputs" not in ir.size_names(size):
                sizes.of(size)
    for equation in (*cell.first.equations, *cell.step.equations):
        for operation, size, number in ir.grouped(equation.expr):
            if size != "units" and "inputs" not in ir.size_names(size):
                count = int(evaluate(number, {}, sizes))
                subject = f"{operation.name} in '{equation.name}'"
                check_division(cell, subject, count, sizes.of(size))


def weight_shapes(
    cell: ir.Cell, inputs: int, units: int, number: int = 1
) -> dict[str, tuple[int, ...]]:
    """The shape of every weight of layer `number`, by name."""
    sizes = ir.sizes(cell, inputs, units, number)
    return {weight.name: sizes.shape(weight.shape) for weight in cell.layer(number).weights}


def multiply_adds(cell: ir.Cell, inputs: int, units: int, layers: int = 1) -> int:
    """Multiply-adds of the matrix products of one step of one sequence."""
    total = 0
    for number in range(1, layers + 1):
        sizes = ir.sizes(cell, inputs, units, number)
        entries = {
            weight.name: _entries(cell, weight, sizes) for weight in cell.layer(number).weights
        }
        for node in distinct_products(cell.layer(number)):
            total += entries[_matrix(node)]
        total += sum(map(sizes.of, _computed_matrices(cell.layer(number))))
    return total


def _computed_matrices(step: ir.Step) -> Iterator[ir.Size]:
    """The size of the matrix in each outer product, and in each product of a matrix that the step
    computes with a vector; a repeated one counts once.
    """
    nodes = (node for equation in step.equations for node in ir.walk(equation.expr))
    for node in dict.fromkeys(nodes):
        if isinstance(node, ir.Apply) and node.op in _WITH_MATRICES:
            yield (node if node.op is outer_product else node.args[0]).shape[0]


def distinct_products(step: ir.Step) -> list[ir.Apply]:
    """The matrix products of a step, each once: a repeated product is computed once."""
    return list(
        dict.fromkeys(node for equation in step.equations for node in ir.products(equation.expr))
    )


def _matrix(product: ir.Apply) -> str:
    # `lang.check` lets nothing else stand before @
    (weight,) = ir.refs(product.args[0], *ir.WEIGHTS)
    return weight.name


def _layer_weights(cell: ir.Cell, inputs: int, units: int, number: int) -> int:
    sizes = ir.sizes(cell, inputs, units, number)
    learned = sum(sizes.of(state.size) for state in cell.states if state.initial == "learned")
    trained = [weight for weight in cell.layer(number).weights if weight.trained]
    return learned + sum(_entries(cell, weight, sizes) for weight in trained)


def _entries(cell: ir.Cell, weight: ir.Weight, sizes: ir.Sizes) -> int:
    masked = mask(cell, weight, sizes)
    if masked is not None:
        return int(masked.sum())
    return math.prod(sizes.shape(weight.shape))
