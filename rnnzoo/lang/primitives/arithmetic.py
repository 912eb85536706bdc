"""Arithmetic: `+`, `-`, `*`, `/`, `%`, `**` and the sign."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.primitives.base import (
    CALL,
    POWER,
    PREFIX,
    PRODUCT,
    SUM,
    Elementwise,
    Operands,
    Written,
    is_number,
)

Numbers = Sequence[float | None]


def _negative(operand: ir.Expr) -> ir.Expr:
    return ir.Apply(neg, (operand,), operand.shape)


def _simpler_sum(operands: Sequence[ir.Expr], numbers: Numbers) -> ir.Expr | None:
    match numbers:
        case [0.0, _]:
            return operands[1]
        case [_, 0.0]:
            return operands[0]
    return None


def _simpler_difference(operands: Sequence[ir.Expr], numbers: Numbers) -> ir.Expr | None:
    match numbers:
        case [_, 0.0]:
            return operands[0]
        case [0.0, _]:
            return _negative(operands[1])
    return None


def _simpler_product(operands: Sequence[ir.Expr], numbers: Numbers) -> ir.Expr | None:
    match numbers:
        case [1.0, _]:
            return operands[1]
        case [_, 1.0]:
            return operands[0]
        case [0.0, _] | [_, 0.0]:
            return ir.Number(0.0)
        case [-1.0, _]:
            return _negative(operands[1])
        case [_, -1.0]:
            return _negative(operands[0])
    return None


def _simpler_quotient(operands: Sequence[ir.Expr], numbers: Numbers) -> ir.Expr | None:
    match numbers:
        case [_, 1.0]:
            return operands[0]
        case [0.0, _]:
            return ir.Number(0.0)
        case [_, -1.0]:
            return _negative(operands[0])
    return None


def _simpler_power(operands: Sequence[ir.Expr], numbers: Numbers) -> ir.Expr | None:
    match numbers:
        case [_, 1.0]:
            return operands[0]
        case [_, 2.0]:
            return ir.Apply(mul, (operands[0], operands[0]), operands[0].shape)
    return None


class _Product(Elementwise):
    def latex(self, operands: Operands) -> Written:
        """A circle between vectors; a number times a vector is no elementwise product."""
        if not any(is_number(operand.shape) for operand in operands.exprs):
            return super().latex(operands)
        left, right = self.latex_operands(operands)
        return rf"{left} \, {right}", self.binds


class _Quotient(Elementwise):
    def latex(self, operands: Operands) -> Written:
        """A fraction, whose line encloses its operands."""
        return self.latex_form.format(*operands.texts), CALL


class _Power(Elementwise):
    def latex(self, operands: Operands) -> Written:
        """The exponent stands above, whatever it is; a fraction below it needs parentheses."""
        base, exponent = operands.exprs[0], operands.texts[1]
        is_fraction = isinstance(base, ir.Apply) and base.op is div
        opening, closing = operands.brackets
        below = operands.enclosed(0, self.binds + 1)
        if is_fraction:
            below = f"{opening}{operands.texts[0]}{closing}"
        return self.latex_form.format(below, exponent), self.binds


add = Elementwise(
    "add", 2, np.add, "add", "{} + {}", ("1", "1"), "+", SUM,
    simpler=_simpler_sum, signs=(1, 1), commutative=True, linear_in=((0, 1),),
)  # fmt: skip
sub = Elementwise(
    "sub", 2, np.subtract, "subtract", "{} - {}", ("1", "-1"), "-", SUM,
    simpler=_simpler_difference, signs=(1, -1), linear_in=((0, 1),), label="\N{MINUS SIGN}",
)  # fmt: skip
mul = _Product(
    "mul", 2, np.multiply, "multiply", r"{} \odot {}", ("b", "a"), "*", PRODUCT,
    simpler=_simpler_product, commutative=True, linear_in=((0,), (1,)),
    label="\N{MULTIPLICATION SIGN}", unicode="⊙",
)  # fmt: skip
div = _Quotient(
    "div", 2, np.divide, "divide", r"\frac{{{}}}{{{}}}", ("1 / b", "-y / b"), "/", PRODUCT,
    simpler=_simpler_quotient, linear_in=((0,),), label="÷", singular=True,
    tame="({a}) / (1 + abs({b}))",
)  # fmt: skip
mod = Elementwise(
    "mod", 2, np.mod, "mod", r"{} \bmod {}", ("1", "-floor(a / b)"), "%", PRODUCT,
    label="mod", tame="({a}) * (t % 3)",
)  # fmt: skip
neg = Elementwise(
    "neg", 1, np.negative, "negative", "-{}", ("-1",), "-", PREFIX,
    linear_in=((0,),), label="\N{MINUS SIGN}",
)  # fmt: skip
pow = _Power(  # its name in the language
    "pow", 2, np.power, "power", "{{{}}}^{{{}}}", ("b * a ** (b - 1)", "y * log(a)"), "**", POWER,
    simpler=_simpler_power, label="^", unicode="^", costly=True, singular=True,
    sides=(POWER + 1, PREFIX),  # it associates to the right, and a ** -b needs no parentheses
    tame="(0.5 + abs({a})) ** tanh({b})",
)  # fmt: skip
