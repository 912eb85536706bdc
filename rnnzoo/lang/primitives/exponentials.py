"""Functions of constant matrices: what a differential equation that is linear does in one step.

They are computed once, in float64, where a layer is built, and stand in no equation.

Source:
    Van Loan 1978, Computing integrals involving the matrix exponential. IEEE Transactions on
    Automatic Control 23(3): the exponential of a matrix with blocks, for `zoh`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnzoo.lang.primitives.base import CALL, Array, Operands, Primitive, Written

TERMS = 18  # of a power series, which then leaves out less than 1e-22 of a matrix of norm 1/2


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


expm = OfConstants("expm", 1, exponential, note="the matrix exponential of A")
zoh = OfConstants(
    "zoh", 2, held, note="what a held input adds in x' = A x + B u: inverse(A) (expm(A) - I) B"
)
