"""The matrix exponential, of constants and of weights.

Functions of constant matrices are what a differential equation that is linear does in one step.
They are computed once, in float64, where a layer is built, and stand in no equation.  There
`expm(A)` is of weights, with its derivative.  It is made of products alone, by scaling and squaring
of a power series, so that every backend computes it in the same way.

Source:
    Van Loan 1978, Computing integrals involving the matrix exponential. IEEE Transactions on
    Automatic Control 23(3): the exponential of a matrix with blocks, for `zoh`.
    Paterson and Stockmeyer 1973, On the number of nonscalar multiplications necessary to evaluate
    polynomials. SIAM Journal on Computing 2(1): a polynomial in the cube of a matrix.
    Al-Mohy and Higham 2009, Computing the Frechet derivative of the matrix exponential. SIAM
    Journal on Matrix Analysis and Applications 30(4): the derivative along with each product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.primitives.base import CALL, Array, Operands, Primitive, ShapeError, Written
from rnnzoo.lang.primitives.matrices import OfMatrices

if TYPE_CHECKING:
    from rnnzoo.lang.adjoint import Reverse
    from rnnzoo.lang.program import Atom, Instruction

Tensor = Any
TERMS = 18  # of a power series, which then leaves out less than 1e-22 of a matrix of norm 1/2
# Of weights, whose norm a compiled program does not know, a fixed number of terms and squarings:
# 12 terms leave out less than 1e-17 of a matrix of norm 1/4, to which squarings bring each of norm
# 1,024 and less.
DEGREE, SQUARINGS = 12, 12


@dataclass(frozen=True, eq=False, repr=False)
class OfConstants(Primitive):
    """A function of constant matrices, of which the first is square."""

    name: str
    arity: int
    function: Callable[..., Array]
    note: str = ""
    unicode: str = ""

    def numpy(self, *operands: Array) -> Array:
        return self.function(*operands)

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"{self.name}({', '.join(operands.texts)})", CALL

    def form(self) -> str:
        """The function of matrices that are called `A` and `B`."""
        return f"{self.name}({', '.join('AB'[: self.arity])})"

    def latex(self, operands: Operands) -> Written:
        return rf"\operatorname{{{self.name}}}\left({', '.join(operands.texts)}\right)", CALL


def exponential(matrix: Array) -> Array:
    """The matrix exponential, by scaling and squaring."""
    norm = float(np.abs(matrix).sum(axis=0).max())
    squarings = max(0, int(np.ceil(np.log2(norm))) + 1) if norm > 0 else 0
    scaled = matrix / 2.0**squarings
    power = total = np.eye(len(matrix))
    for number in range(1, TERMS + 1):
        power = power @ scaled / number
        total = total + power
    for _ in range(squarings):
        total = total @ total
    return total


def held(matrix: Array, inputs: Array) -> Array:
    """What an input that is held over one step adds to x in x' = A x + B u: the integral of
    exp(A s) B over s from 0 to 1, which is A^-1 (exp(A) - I) B where A has an inverse.
    """
    count, columns = inputs.shape
    block = np.zeros((count + columns, count + columns))
    block[:count, :count], block[:count, count:] = matrix, inputs
    return exponential(block)[:count, count:]


class _Exponential(OfMatrices):
    """`expm(A)` of a square matrix of weights."""

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        return _square(self, operands[:1], operands[1:])

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        matrix, heads = instruction.inputs
        back = reverse.builder.apply(matrix_exponential_back, [matrix, adjoint, heads])
        reverse.give(matrix, back)

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"expm({operands.texts[0]})", CALL

    def latex(self, operands: Operands) -> Written:
        return rf"\operatorname{{expm}}\left({operands.texts[0]}\right)", CALL


class _ExponentialBack(OfMatrices):
    """The adjoint of a matrix whose exponential has an adjoint."""

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        return _square(self, operands[:2], operands[2:])

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"expm_back({', '.join(operands.texts[:2])})", CALL


def _square(op: Primitive, matrices: Sequence[ir.Shape], heads: Sequence[ir.Shape]) -> ir.Shape:
    """The one shape of square matrices, which have one head."""
    (grid,) = matrices[0] or ("",)
    is_square = isinstance(grid, ir.Grid) and grid == grid.turned and grid.heads == 1
    if not is_square or len(set(matrices)) > 1 or [*heads] != [()]:
        raise ShapeError(f"{op.name} of {', '.join(map(str, (*matrices, *heads)))}")
    return matrices[0]


def _exponential(ops: Any, entries: Tensor, heads: int) -> Tensor:
    """The exponential of matrices whose entries lie in the last axis."""
    *axes, width = ops.shape(entries)
    count = math.isqrt(width)
    matrix = ops.reshape(entries, (*axes, count, count))
    identity = ops.eye(count, dtype=matrix.dtype)
    value = _series(ops, matrix, matrix, identity, ops.matmul)
    return ops.reshape(value, (*axes, width))


def _exponential_back(ops: Any, entries: Tensor, adjoint: Tensor, heads: int) -> Tensor:
    """The derivative of the exponential at the transposed matrix, in the direction of the adjoint:
    that at A in a direction D has the inner product <d, L(A, D)> = <L(A', d), D> with d.
    """
    *axes, width = ops.shape(entries)
    count = math.isqrt(width)
    matrix = ops.swapaxes(ops.reshape(entries, (*axes, count, count)), -1, -2)
    direction = ops.reshape(adjoint, (*axes, count, count))
    identity = ops.eye(count, dtype=matrix.dtype)

    def product(left: Tensor, right: Tensor) -> Tensor:
        """Of two matrices, each with its derivative behind it."""
        value = ops.matmul(left[0], right[0])
        return ops.stack([value, ops.matmul(left[1], right[0]) + ops.matmul(left[0], right[1])])

    with_derivative = ops.stack([matrix, direction])
    value = _series(ops, matrix, with_derivative, ops.stack([identity, 0 * identity]), product)
    return ops.reshape(value[1], (*axes, width))


def _series(
    ops: Any, matrix: Tensor, value: Tensor, identity: Tensor, product: Callable[..., Tensor]
) -> Tensor:
    """The power series of the exponential, by scaling and squaring.

    Args:
        matrix: whose norm says how far it is scaled.
        value: what the series is of: the matrix, or that and more; `identity` is its power 0.
        product: of two such.
    """
    rows = ops.max(ops.sum(ops.abs(matrix), axis=-1, keepdims=True), axis=-2, keepdims=True)
    squarings = ops.ceil(ops.log2(ops.maximum(rows, 1e-30))) + 2  # to a norm of 1/4
    scale = ops.ones_like(rows)
    for number in range(SQUARINGS):
        scale = ops.where(number < squarings, 0.5 * scale, scale)
    scaled = scale * value
    square = product(scaled, scaled)
    cube = product(square, scaled)
    shares = [1 / math.factorial(power) for power in range(DEGREE + 1)]
    total = shares[DEGREE] * cube
    for power in range(DEGREE - 3, -1, -3):
        first, second, third = shares[power : power + 3]
        total = total if power == DEGREE - 3 else product(total, cube)
        total = total + first * identity + second * scaled + third * square
    for number in range(SQUARINGS):
        total = ops.where(number < squarings, product(total, total), total)
    return total


expm = OfConstants("expm", 1, exponential, note="the matrix exponential of A")
zoh = OfConstants(
    "zoh", 2, held, note="what a held input adds in x' = A x + B u: inverse(A) (expm(A) - I) B"
)
matrix_exponential = _Exponential(
    "matrix_exponential",
    _exponential,
    arity=1,
    linear_in=(),
    costly=True,
    squares=True,
    label="expm",
)
matrix_exponential_back = _ExponentialBack(
    "matrix_exponential_back",
    _exponential_back,
    linear_in=((1,),),
    squares=True,
    label="expm",
)
