"""Random numbers that a step draws while a layer trains.

Everything but a layer in training computes with the mean: the reference, programs, files for other
libraries.  A layer draws the numbers of all steps beforehand, as it draws masks of dropout, and
hands them to its step as inputs (`ir.Step.with_draws_given`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.primitives.base import CALL, Array, Operands, Primitive, Written


@dataclass(frozen=True, eq=False, repr=False)
class Draw(Primitive):
    """A random number for each unit, sequence and step, whose mean is its operand."""

    name: str
    arity: int = 1
    draws: bool = True
    unicode: str = ""

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        return operands[0]

    def numpy(self, *operands: Array) -> Array:
        return np.asarray(operands[0])

    def formula(self, operands: Sequence[ir.Expr]) -> tuple[str, dict[str, ir.Expr]]:
        return "a", {"a": operands[0]}

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        return f"{self.name}({operands.texts[0]})", CALL

    def latex(self, operands: Operands) -> Written:
        return rf"\operatorname{{{self.name.capitalize()}}}\left({operands.texts[0]}\right)", CALL


bernoulli = Draw("bernoulli")
