"""The operations of the cell language and of its programs, one family a file.

    base           what an operation is
    arithmetic     + - * / % ** and the sign
    activations    sigmoid, tanh and their kin
    elementary     exp, log, sqrt and their kin
    conditions     comparisons, and the choice between two values
    products       a matrix on a vector, the transposed matrix, and what the adjoint needs
    layout         values side by side, and some of them taken out
    reductions     over the units of a vector; sums over steps and sequences
    matrices       matrices that a step computes: outer products, and products with vectors
    draws          random numbers while a layer trains
    exponentials   the matrix exponential, of constants and of weights

To add an elementwise operation, add one object to a family, and the rows that CONTRIBUTING.md
names.  Of products and layout, users can write `@`, `'` and `[a, b]` alone.  No library of its own
but NumPy; `lang.ir`, whose expressions it makes, reads `spec`.  `lang.operations` has those of a
project.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from rnnzoo.lang.primitives import (
    activations,
    arithmetic,
    conditions,
    draws,
    elementary,
    exponentials,
    layout,
    matrices,
    products,
    reductions,
)
from rnnzoo.lang.primitives.arithmetic import add, div, mod, mul, neg, sub
from rnnzoo.lang.primitives.base import Elementwise, Operands, Primitive, ShapeError, together
from rnnzoo.lang.primitives.conditions import equal, not_equal, where
from rnnzoo.lang.primitives.draws import Draw
from rnnzoo.lang.primitives.exponentials import OfConstants, expm, matrix_exponential
from rnnzoo.lang.primitives.layout import beside, columns, part, stack
from rnnzoo.lang.primitives.matrices import (
    OfMatrices,
    as_weight,
    columns_scaled,
    diagonal,
    entries,
    is_one_head,
    outer_product,
    rows_scaled,
    times,
    times_turned,
)
from rnnzoo.lang.primitives.products import matmul, matmul_t, outer, transposed
from rnnzoo.lang.primitives.reductions import (
    OverUnits,
    by_rows,
    dot,
    largest,
    spread,
    sum_steps,
    sum_units,
)

__all__ = [
    "CALLS", "ELEMENTWISE", "INFIX", "OF_CONSTANTS", "OF_MATRICES", "OVER_UNITS", "PRIMITIVES",
    "Draw", "Elementwise", "OfConstants", "OfMatrices", "Operands", "OverUnits", "Primitive",
    "ShapeError", "add", "as_weight", "beside", "by_rows", "columns", "columns_scaled", "diagonal",
    "div", "dot", "entries", "equal", "expm", "is_one_head", "largest", "matmul", "matmul_t",
    "matrix_exponential", "mod", "mul", "named", "neg", "not_equal", "outer", "outer_product",
    "part", "rows_scaled", "spread", "stack", "sub", "sum_steps", "sum_units", "times",
    "times_turned", "together", "transposed", "where",
]  # fmt: skip

_FAMILIES = (
    arithmetic, activations, elementary, conditions, products, layout, reductions, matrices, draws,
    exponentials,
)  # fmt: skip
_CONTENT = chain.from_iterable(vars(family).values() for family in _FAMILIES)
_ALL = [value for value in _CONTENT if isinstance(value, Primitive)]  # in the order of the files

PRIMITIVES: Mapping[str, Primitive] = {primitive.name: primitive for primitive in _ALL}
ELEMENTWISE: Mapping[str, Elementwise] = {
    name: primitive for name, primitive in PRIMITIVES.items() if isinstance(primitive, Elementwise)
}
OVER_UNITS: Mapping[str, OverUnits] = {
    name: primitive
    for name, primitive in PRIMITIVES.items()
    if isinstance(primitive, OverUnits) and primitive.has_adjoint
}
OF_MATRICES: Mapping[str, OfMatrices] = {
    primitive.name: primitive for primitive in (outer_product, diagonal)
}
DRAWS: Mapping[str, Draw] = {primitive.name: primitive for primitive in (draws.bernoulli,)}
OF_CONSTANTS: Mapping[str, OfConstants] = {
    primitive.name: primitive for primitive in (exponentials.expm, exponentials.zoh)
}
CALLS: Mapping[str, Elementwise | OverUnits | OfMatrices | Draw | OfConstants] = {
    **{name: primitive for name, primitive in ELEMENTWISE.items() if not primitive.symbol},
    **OVER_UNITS,
    **OF_MATRICES,
    **DRAWS,
    **OF_CONSTANTS,
}
INFIX: Mapping[str, Primitive] = {
    primitive.symbol: primitive for primitive in _ALL if primitive.symbol and primitive.arity == 2
}


def named(name: str) -> Primitive:
    """The operation of a name, also one of the project."""
    if name in PRIMITIVES:
        return PRIMITIVES[name]
    from rnnzoo.lang.operations import load

    return load(name)
