"""Lines of a program -> tensors, as operations of `keras.ops`.

In: lines and the tensors that they read.  Out: the tensor of every line.  The same lines run on one step, (batch, size), and
on all steps at once, (time, batch, size).  Whoever calls knows the loop and the kernels' orientation: this knows no backend.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.ops import OPS
from rnnzoo.lang.program import Atom, Lines, atoms, extent

Tensor = Any
Values = dict[tuple[str, str], Tensor]  # (kind, name) of an `ir.Ref` -> tensor
EXACT = "float64"
_CONDITIONS = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"})


@dataclass(frozen=True, eq=False, slots=True)
class Emitter:
    """Evaluates lines.

    Attributes:
        fixed: what no step changes: weights, constants, masks of dropout, values computed once.  A matrix that acts as
            `W @ v` is kept as a kernel (columns, rows): a batch of row vectors times a kernel is `W @ v` for each.
        transposed: kernels turned round, made once for the backward loop.
        upto: evaluate the first so many units only; what a product multiplies stays whole.
        ticks: (period, first, last) of blocks of units that are computed at multiples of the period only.
        sums: sums over all steps and sequences that are there already.
        constants: in float64, for lines that read the number of the step; None where none does.
        run_steps: (time, batch or 1, 1) of bool: which steps are real, where a value of others may be infinite or no number.
    """

    size: ir.Sizes
    dtype: str
    fixed: Values
    transposed: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    upto: int | None = None
    ticks: tuple[tuple[int, int, int], ...] = ()
    sums: Values = field(default_factory=dict)
    constants: Mapping[str, np.ndarray] | None = None
    run_steps: Tensor | None = None
    lines: dict[str, ir.Apply] = field(default_factory=dict)  # that were run

    def first(self, units: int) -> Emitter:
        """The same for the first units."""
        return replace(self, upto=units)

    def prepare(self, once: Lines, others: Iterable[ir.Equation]) -> None:
        """Compute what is computed once, and turn the kernels that `others` need turned."""
        self.run(once, self.fixed, None)
        for one in others:
            if isinstance(one.expr, ir.Apply) and one.expr.op == "matmul_t":
                weight = one.expr.args[0]
                assert isinstance(weight, ir.Ref)
                self.transposed[weight.kind, weight.name] = keras.ops.transpose(self.value(weight, self.fixed))

    def run(self, lines: Lines, values: Values, like: Tensor) -> Values:
        """Add the value of every line to `values`; `like` has the axes before the last of what has no size yet."""
        for one in lines:
            assert isinstance(one.expr, ir.Apply)
            self.lines[one.name] = one.expr
            of_time = self.of_time(one, values)
            if of_time is None:
                values["value", one.name] = self.line(one.expr, values, like)
            else:
                values["value", one.name] = keras.ops.cast(of_time, self.dtype)
        return values

    def of_time(self, line: ir.Equation, values: Values) -> Tensor | None:
        """The value of a line that depends on the number of the step and on no data, in float64; None for other lines.

        The number of a step is a whole number, of which bfloat16 has those up to 256 only; float64 has all of int32.
        """
        assert isinstance(line.expr, ir.Apply)
        if self.constants is None or line.expr.op not in OPS:
            return None
        operands = [self.exactly(atom, values) for atom in atoms(line.expr)]
        if any(operand is None for operand in operands):
            return None
        value = values["exact", line.name] = self.apply(line.expr.op, operands, EXACT)
        if not any(isinstance(atom, ir.Ref) and _moving(atom) in values for atom in atoms(line.expr)):
            return None  # of constants alone: computed as ever, and kept for a line that reads the number of the step
        values["moving", line.name] = value
        return value

    def exactly(self, atom: Atom, values: Values) -> Tensor | None:
        """An atom in float64, where it depends on numbers, constants and the number of the step only."""
        if isinstance(atom, ir.Number):
            return None if atom.shape else keras.ops.convert_to_tensor(atom.value, EXACT)
        if atom.kind == "option":
            return keras.ops.convert_to_tensor(float(self.size.options[atom.name]), EXACT)
        if atom.kind == "constant":
            assert self.constants is not None
            return keras.ops.convert_to_tensor(self.constants[atom.name], EXACT)
        key = ("time", atom.name) if atom.kind == "time" else ("exact", atom.name)
        value = values.get(key, self.fixed.get(key)) if atom.kind in ("time", "value") else None
        return None if value is None else keras.ops.cast(value, EXACT)

    def line(self, expr: ir.Apply, values: Values, like: Tensor) -> Tensor:
        args = [arg for arg in expr.args if not isinstance(arg, ir.Apply)]
        match expr.op:
            case "matmul":
                return self.product(self.vector(args[1], values), self.value(args[0], values))
            case "matmul_t":
                assert isinstance(args[0], ir.Ref)
                return _product(self.cut(args[1], values), self.transposed[args[0].kind, args[0].name][: self.upto])
            case "stack":
                return self.stack(args, values, like)
            case "part":
                begin, end = extent(expr, self.size)
                return self.value(args[0], values)[..., begin:end]
            case "outer":
                adjoint, operand = self.value(args[0], values), self.vector(args[1], values)
                return self.outer(self.finite(adjoint), self.finite(operand))
            case "sum":
                there = self.summed(args[0])
                return total(self.finite(self.value(args[0], values))) if there is None else there
            case "total":
                return keras.ops.sum(self.value(args[0], values), axis=-1, keepdims=True)
            case op:
                return self.apply(op, [self.cut(arg, values) for arg in args])

    def cut(self, atom: Atom, values: Mapping[tuple[str, str], Tensor]) -> Tensor:
        """A value, of the units that are evaluated."""
        value = self.value(atom, values)
        return value if self.upto is None or not atom.shape else value[..., : self.upto]

    def product(self, rows: Tensor, kernel: Tensor) -> Tensor:
        """`W @ v` of all rows; of those that are due, where blocks of units tick and there is a row for every step."""
        if not self.ticks or len(rows.shape) < 3:
            return _product(rows, kernel if self.upto is None else kernel[:, : self.upto])
        found = [
            _between(_product(rows[::period], kernel[:, first:last]), period, rows.shape[0])
            for period, first, last in self.ticks
        ]
        return keras.ops.concatenate(found, axis=-1)

    def outer(self, adjoint: Tensor, operand: Tensor) -> Tensor:
        """The gradient of a kernel; the adjoint is 0 where a block is not due."""
        if not self.ticks or len(operand.shape) < 3:
            return _outer(adjoint, operand)
        found = [_outer(adjoint[::period, :, first:last], operand[::period]) for period, first, last in self.ticks]
        return keras.ops.concatenate(found, axis=-1)

    def finite(self, sequence: Tensor) -> Tensor:
        """A sequence with 0 in the steps that are not real, where that is not sure."""
        if self.run_steps is None or len(sequence.shape) < 3:
            return sequence
        return keras.ops.where(self.run_steps, sequence, 0)

    def summed(self, atom: Atom) -> Tensor | None:
        """The sum of an atom over all steps and sequences, where it can be put together from sums that are there."""
        if not isinstance(atom, ir.Ref) or atom.kind != "value" or (atom.kind, atom.name) in self.sums:
            return None if isinstance(atom, ir.Number) else self.sums.get((atom.kind, atom.name))
        line = self.lines.get(atom.name)
        if line is None or line.op not in ("part", "stack"):
            return None
        if line.op == "part":
            begin, end = extent(line, self.size)
            whole = self.summed(atoms(line)[0])
            return None if whole is None else whole[begin:end]
        found = [self.summed(arg) for arg in atoms(line)]
        return None if any(one is None for one in found) else keras.ops.concatenate(found)

    def value(self, atom: Atom, values: Mapping[tuple[str, str], Tensor]) -> Tensor:
        if isinstance(atom, ir.Number):
            return keras.ops.convert_to_tensor(atom.value, self.dtype)
        if atom.kind == "option":
            return keras.ops.convert_to_tensor(float(self.size.options[atom.name]), self.dtype)
        key = atom.kind, atom.name
        value = values[key] if key in values else self.fixed[key]
        return keras.ops.cast(value, self.dtype) if atom.kind == "time" else value

    def vector(self, atom: Atom, values: Mapping[tuple[str, str], Tensor]) -> Tensor:
        """A value that a product needs whole, also where it is one number for all units."""
        value = self.value(atom, values)
        if isinstance(atom, ir.Number):
            return keras.ops.broadcast_to(value, [self.size.of(size) for size in atom.shape])
        return value

    def stack(self, args: list[Atom], values: Values, like: Tensor) -> Tensor:
        """Side by side along the last axis: vectors, or kernels by their rows."""
        axes = None if like is None else keras.ops.shape(like)[:-1]
        found = []
        for arg in args:
            value = self.value(arg, values)
            if isinstance(arg, ir.Number):  # the zeros of an adjoint that nothing was handed to
                value = keras.ops.zeros((*(axes or ()), self.size.of(arg.shape[0])), self.dtype)
            found.append(value)
        return keras.ops.concatenate(found, axis=-1)

    def apply(self, op: str, args: list[Tensor], dtype: str = "") -> Tensor:
        function = getattr(keras.ops, OPS[op].backend)
        if op == "where":
            return function(keras.ops.not_equal(args[0], 0), *args[1:])
        value = function(*args)
        return keras.ops.cast(value, dtype or self.dtype) if op in _CONDITIONS else value

    def spread(self, atom: Atom, size: ir.Size, values: Values, like: Tensor) -> Tensor:
        """A value over all sequences, where it does not differ between them."""
        value = self.value(atom, values)
        whole = self.size.of(size)
        width = whole if self.upto is None else self.upto
        if len(value.shape) == len(like.shape) and value.shape[-1] in (width, whole):
            return value
        return keras.ops.broadcast_to(value, (*keras.ops.shape(like)[:-1], width))


def _moving(ref: ir.Ref) -> tuple[str, str]:
    """Under which key a value lies that differs from step to step, whatever the data."""
    return ("time" if ref.kind == "time" else "moving" if ref.kind == "value" else ""), ref.name


def total(sequence: Tensor) -> Tensor:
    """The sum over all steps and sequences."""
    return keras.ops.sum(sequence, axis=tuple(range(len(sequence.shape) - 1)))


def _product(rows: Tensor, kernel: Tensor) -> Tensor:
    """Row vectors times a kernel, with all axes before the last as one: one large product, not one a step."""
    if len(rows.shape) <= 2:
        return keras.ops.matmul(rows, kernel)
    shape = keras.ops.shape(rows)
    flat = keras.ops.matmul(keras.ops.reshape(rows, (-1, shape[-1])), kernel)
    return keras.ops.reshape(flat, (*shape[:-1], kernel.shape[-1]))


def _between(rows: Tensor, period: int, time: int) -> Tensor:
    """Rows of every `period`-th step, with 0 in the steps between."""
    if period == 1:
        return rows
    padded = keras.ops.pad(rows[:, None], [(0, 0), (0, period - 1), (0, 0), (0, 0)])
    return keras.ops.reshape(padded, (-1, *keras.ops.shape(rows)[1:]))[:time]


def _outer(adjoint: Tensor, operand: Tensor) -> Tensor:
    """The gradient of a kernel (columns, rows): the sum over all steps and sequences of operand times adjoint."""
    axes = keras.ops.shape(adjoint)[:-1]
    if len(operand.shape) < len(adjoint.shape):
        operand = keras.ops.broadcast_to(operand, (*axes, operand.shape[-1]))
    flat = keras.ops.reshape(operand, (-1, operand.shape[-1]))
    return keras.ops.matmul(keras.ops.transpose(flat), keras.ops.reshape(adjoint, (-1, adjoint.shape[-1])))
