"""IR -> tensors: the equations of a step as operations of Keras.

In: equations and the tensors that they read.  Out: the value of every equation.  All matrices that multiply one operand
become one stacked product, computed where the first of them is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from rnnzoo.lang import ir, passes
from rnnzoo.lang.ops import OPS

Tensor = Any
_CONDITIONS = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"})


@dataclass(frozen=True, eq=False, slots=True)
class Stack:
    """The matrices that multiply one operand, side by side: (operand size, all rows)."""

    kernel: Tensor
    columns: Mapping[ir.Ref, tuple[int, int]]  # weight -> first and last column


def stacks(equations: Sequence[ir.Equation], kernels: Mapping[str, Tensor]) -> dict[ir.Expr, Stack]:
    """A stack for every operand of the equations' products.

    Args:
        kernels: (columns, rows) by name of the weight: a batch of row vectors times a kernel is `W @ v` for each.
    """
    found = {}
    for operand, weights in passes.products(equations).items():
        parts = [kernels[weight.name] for weight in weights]
        ends = np.cumsum([int(part.shape[1]) for part in parts])
        columns = {weight: (int(end) - int(part.shape[1]), int(end)) for weight, part, end in zip(weights, parts, ends)}
        found[operand] = Stack(parts[0] if len(parts) == 1 else keras.ops.concatenate(parts, axis=1), columns)
    return found


@dataclass(eq=False, slots=True)
class Emitter:
    """Evaluates the equations of one step, or of all steps at once (the arrays then have a time axis more).

    Attributes:
        fixed: constants, options, vectors and scalars, by kind and name.
        stacks: see `stacks`.
        dropped: operand -> the mask that recurrent dropout puts on it.
    """

    size: ir.Sizes
    dtype: str
    fixed: Mapping[str, Mapping[str, Tensor]]
    stacks: Mapping[ir.Expr, Stack]
    dropped: Mapping[ir.Expr, Tensor] = field(default_factory=dict)

    def step(
        self, equations: Sequence[ir.Equation], values: Mapping[str, Mapping[str, Tensor]], like: Tensor
    ) -> dict[str, Tensor]:
        """Value of every equation; `like` has the batch (and time) axes that a value without size is spread over."""
        now = dict(values.get("value", {}))
        done: dict[ir.Expr, Tensor] = {}
        for one in equations:
            value = self.value(one.expr, {**self.fixed, **values, "value": now}, done)
            now[one.name] = self.spread(value, one, like)
        return now

    def spread(self, value: Tensor, one: ir.Equation, like: Tensor) -> Tensor:
        if value.shape == (*like.shape[:-1], self.size.of(one.size)):
            return value
        return keras.ops.broadcast_to(value, (*keras.ops.shape(like)[:-1], self.size.of(one.size)))

    def value(self, expr: ir.Expr, values: Mapping[str, Mapping[str, Tensor]], done: dict[ir.Expr, Tensor]) -> Tensor:
        """The tensor of an expression; what occurs twice is computed once."""
        if not isinstance(expr, ir.Apply):
            return self.leaf(expr, values)
        if expr not in done:
            if expr.op == "matmul":
                self.multiply(expr.args[1], values, done)
            else:
                done[expr] = self.apply(expr.op, [self.value(arg, values, done) for arg in expr.args])
        return done[expr]

    def leaf(self, expr: ir.Expr, values: Mapping[str, Mapping[str, Tensor]]) -> Tensor:
        if isinstance(expr, ir.Number):
            return keras.ops.convert_to_tensor(expr.value, self.dtype)
        assert isinstance(expr, ir.Ref)
        if expr.kind == "option":
            return keras.ops.convert_to_tensor(float(self.size.options[expr.name]), self.dtype)
        return values[expr.kind][expr.name]

    def multiply(
        self, operand: ir.Expr, values: Mapping[str, Mapping[str, Tensor]], done: dict[ir.Expr, Tensor]
    ) -> None:
        """All products on one operand as one; each is then a slice of it."""
        vector = self.value(operand, values, done)
        if operand in self.dropped:
            vector = vector * self.dropped[operand]
        stack = self.stacks[operand]
        product = keras.ops.matmul(vector, stack.kernel)
        for weight, (first, last) in stack.columns.items():
            whole = len(stack.columns) == 1
            shape: ir.Shape = weight.shape[:1]
            done[ir.Apply("matmul", (weight, operand), shape)] = product if whole else product[..., first:last]

    def apply(self, op: str, args: list[Tensor]) -> Tensor:
        function = getattr(keras.ops, OPS[op].backend)
        if op == "where":
            return function(keras.ops.not_equal(args[0], 0), *args[1:])
        value = function(*args)
        return keras.ops.cast(value, self.dtype) if op in _CONDITIONS else value
