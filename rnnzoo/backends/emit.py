"""Instructions of a program -> tensors, as operations of `keras.ops`.

In: instructions and the tensors that they read.  Out: the tensor of each.  The same instructions
run on one step, (batch, size), and on all steps at once, (time, batch, size).  Whoever calls knows
the loop and the kernels' orientation: this knows no backend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import keras
import numpy as np

from rnnzoo.errors import UsageError, nearest
from rnnzoo.lang import ir
from rnnzoo.lang.primitives import (
    Elementwise,
    OfMatrices,
    OverUnits,
    Primitive,
    as_weight,
    beside,
    columns,
    entries,
    matmul,
    matmul_t,
    outer,
    part,
    spread,
    stack,
    sum_steps,
    transposed,
)
from rnnzoo.lang.program import Atom, Instruction, Instructions

Tensor = Any
_STATIC = ("option", "size")  # kinds of names of numbers that are known when a layer is built
Values = dict[tuple[str, str], Tensor]  # (kind, name) of an `ir.Ref` -> tensor
EXACT = "float64"
_HALF = ("float16", "bfloat16")


def _of_keras(name: str) -> Callable[..., Tensor] | None:
    function: Callable[..., Tensor] | None = getattr(keras.ops, name, None)
    return function


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    return keras.ops.concatenate(tensors, axis=-1)


def _columns(tensor: Tensor, begin: int, end: int) -> Tensor:
    return tensor[..., begin:end]


@dataclass(frozen=True, eq=False, slots=True)
class Emitter:
    """Evaluates instructions.

    Attributes:
        fixed: what no step changes: weights, constants, masks of dropout, values computed once.  A
            matrix that acts as `W @ v` is kept as a kernel (columns, rows): a batch of row vectors
            times a kernel is `W @ v` for each.
        transposed: kernels turned round, made once for the backward loop.
        upto: evaluate the first so many units only; what a product multiplies stays whole.
        blocks: (period, first, last) of blocks of units that are computed at multiples of the
            period only.
        sums: sums over all steps and sequences that are there already.
        constants: in float64, for instructions that read the number of the step; None where none
            does.
        in_float64: within it, the backend has float64, in which such instructions are computed.
        operation: what computes an operation of `keras.ops`: an elementwise one, or `matmul`.
        run_steps: (time, batch or 1, 1) of bool: which steps are real, where a value of others may
            be infinite or no number.
        join: lays tensors side by side along the last axis.
        between: yields the columns of a tensor from one to before another.
    """

    sizes: ir.Sizes
    dtype: str
    fixed: Values
    transposed: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    upto: int | None = None
    blocks: tuple[tuple[int, int, int], ...] = ()
    sums: Values = field(default_factory=dict)
    constants: Mapping[str, np.ndarray] | None = None
    in_float64: Callable[[], AbstractContextManager[Any]] = nullcontext
    operation: Callable[[str], Callable[..., Tensor] | None] = _of_keras
    run_steps: Tensor | None = None
    join: Callable[[Sequence[Tensor]], Tensor] = _joined
    between: Callable[[Tensor, int, int], Tensor] = _columns
    instructions: dict[str, Instruction] = field(default_factory=dict)  # that were run

    def first(self, units: int) -> Emitter:
        """The same for the first units."""
        return replace(self, upto=units)

    def prepare(self, once: Instructions, others: Iterable[Instruction]) -> None:
        """Compute what is computed once, and turn the kernels that `others` need turned."""
        self.run(once, self.fixed, None)
        for instruction in others:
            if instruction.primitive is matmul_t:
                weight = instruction.reads[0]
                self.transposed[weight.kind, weight.name] = keras.ops.transpose(
                    self.value(weight, self.fixed)
                )

    def run(self, instructions: Instructions, values: Values, like: Tensor) -> Values:
        """Add the value of every instruction to `values`; `like` has the axes before the last of
        what has no size yet.
        """
        for instruction in instructions:
            self.instructions[instruction.name] = instruction
            of_time = self.of_time(instruction, values)
            values["value", instruction.name] = (
                self.lowered(instruction, values, like) if of_time is None else of_time
            )
        return values

    def of_time(self, instruction: Instruction, values: Values) -> Tensor | None:
        """The value of what depends on the number of the step and on no data, computed in float64;
        None of everything else.

        The number of a step is a whole number, of which bfloat16 has those up to 256 only; float64
        has all of int32.
        """
        primitive = instruction.primitive
        if self.constants is None or not isinstance(primitive, Elementwise):
            return None
        with self.in_float64():
            operands = [self.exactly(atom, values) for atom in instruction.inputs]
            if any(operand is None for operand in operands):
                return None
            value = values["exact", instruction.name] = self.apply(primitive, operands, EXACT)
            in_layers_dtype = keras.ops.cast(value, self.dtype)
        if not any(_moving(ref) in values for ref in instruction.reads):
            # of constants alone: computed as ever, and kept for what reads the number of the step
            return None
        values["moving", instruction.name] = value
        return in_layers_dtype

    def exactly(self, atom: Atom, values: Values) -> Tensor | None:
        """An atom in float64, where it depends on numbers, constants and the number of the step
        only.
        """
        if isinstance(atom, ir.Number):
            return None if atom.shape else keras.ops.convert_to_tensor(atom.value, EXACT)
        if atom.kind in _STATIC:
            return keras.ops.convert_to_tensor(self.number(atom), EXACT)
        if atom.kind == "constant":
            assert self.constants is not None
            return keras.ops.convert_to_tensor(self.constants[atom.name], EXACT)
        key = ("time", atom.name) if atom.kind == "time" else ("exact", atom.name)
        value = values.get(key, self.fixed.get(key)) if atom.kind in ("time", "value") else None
        return None if value is None else keras.ops.cast(value, EXACT)

    def lowered(self, instruction: Instruction, values: Values, like: Tensor) -> Tensor:
        """An instruction as operations of the backend."""
        primitive = instruction.primitive
        if isinstance(primitive, Elementwise):
            return self.apply(
                primitive, [self.cut(operand, values) for operand in instruction.inputs]
            )
        if isinstance(primitive, OverUnits):
            operand, *groups = instruction.inputs
            count = int(self.number(groups[0])) if groups else None
            return primitive.lowered(keras.ops, self.value(operand, values), count)
        if isinstance(primitive, OfMatrices):
            assert primitive.lowered is not None
            *operands, heads = instruction.inputs
            vectors = (self.vector(operand, values) for operand in operands)
            if primitive.squares and self.dtype in _HALF:
                # each squaring doubles the error
                vectors = (keras.ops.cast(vector, "float32") for vector in vectors)
            value = primitive.lowered(keras.ops, *vectors, int(self.number(heads)))
            return keras.ops.cast(value, self.dtype) if primitive.squares else value
        return _LOWERINGS[primitive](self, instruction, values, like)

    def cut(self, atom: Atom, values: Mapping[tuple[str, str], Tensor]) -> Tensor:
        """A value, of the units that are evaluated."""
        value = self.value(atom, values)
        return value if self.upto is None or not atom.shape else value[..., : self.upto]

    def product(self, rows: Tensor, kernel: Tensor) -> Tensor:
        """`W @ v` of all rows; of those that are due, where blocks of units have periods and there
        is a row for every step.
        """
        if not self.blocks or len(rows.shape) < 3:
            return self.rows_times(rows, kernel if self.upto is None else kernel[:, : self.upto])
        pieces = [
            _between(self.rows_times(rows[::period], kernel[:, first:last]), period, rows.shape[0])
            for period, first, last in self.blocks
        ]
        return keras.ops.concatenate(pieces, axis=-1)

    def outer(self, adjoint: Tensor, operand: Tensor) -> Tensor:
        """The gradient of a kernel; the adjoint is 0 where a block is not due."""
        if not self.blocks or len(operand.shape) < 3:
            return self.all_outer(adjoint, operand)
        pieces = [
            self.all_outer(adjoint[::period, :, first:last], operand[::period])
            for period, first, last in self.blocks
        ]
        return keras.ops.concatenate(pieces, axis=-1)

    def rows_times(self, rows: Tensor, kernel: Tensor) -> Tensor:
        """Row vectors times a kernel, with all axes before the last as one: one large product, not
        one a step.
        """
        if len(rows.shape) <= 2:
            return self.matmul(rows, kernel)
        shape = keras.ops.shape(rows)
        flat = self.matmul(keras.ops.reshape(rows, (-1, shape[-1])), kernel)
        return keras.ops.reshape(flat, (*shape[:-1], kernel.shape[-1]))

    def all_outer(self, adjoint: Tensor, operand: Tensor) -> Tensor:
        """The gradient of a kernel (columns, rows): the sum over all steps and sequences of operand
        times adjoint.
        """
        axes = keras.ops.shape(adjoint)[:-1]
        if len(operand.shape) < len(adjoint.shape):
            operand = keras.ops.broadcast_to(operand, (*axes, operand.shape[-1]))
        flat = keras.ops.reshape(operand, (-1, operand.shape[-1]))
        return self.matmul(
            keras.ops.transpose(flat), keras.ops.reshape(adjoint, (-1, adjoint.shape[-1]))
        )

    def matmul(self, left: Tensor, right: Tensor) -> Tensor:
        multiply = self.operation("matmul")
        assert multiply is not None
        return multiply(left, right)

    def finite(self, sequence: Tensor) -> Tensor:
        """A sequence with 0 in the steps that are not real, where that is not sure."""
        if self.run_steps is None or len(sequence.shape) < 3:
            return sequence
        return keras.ops.where(self.run_steps, sequence, 0)

    def summed(self, atom: Atom) -> Tensor | None:
        """The sum of an atom over all steps and sequences, where it can be put together from sums
        that are there.
        """
        if isinstance(atom, ir.Number):
            return None
        if atom.kind != "value" or (atom.kind, atom.name) in self.sums:
            return self.sums.get((atom.kind, atom.name))
        instruction = self.instructions.get(atom.name)
        if instruction is None or not instruction.primitive.regroups:
            return None
        sums: list[Tensor] = [self.summed(operand) for operand in instruction.inputs]
        if any(total_of is None for total_of in sums):
            return None
        if instruction.primitive is part:
            return self.between(sums[0], *instruction.extent(self.sizes))
        return self.join(sums)

    def value(self, atom: Atom, values: Mapping[tuple[str, str], Tensor]) -> Tensor:
        if isinstance(atom, ir.Number):
            return keras.ops.convert_to_tensor(atom.value, self.dtype)
        if atom.kind in _STATIC:
            return keras.ops.convert_to_tensor(self.number(atom), self.dtype)
        key = atom.kind, atom.name
        value = values[key] if key in values else self.fixed[key]
        # a step's number is an integer, and what is computed of it is not
        return keras.ops.cast(value, self.dtype) if atom.kind == "time" else value

    def number(self, atom: Atom) -> float:
        """A number that is known when a layer is built."""
        if isinstance(atom, ir.Number):
            return atom.value
        is_option = atom.kind == "option"
        return float(self.sizes.options[atom.name] if is_option else self.sizes.of(atom.name))

    def vector(self, atom: Atom, values: Mapping[tuple[str, str], Tensor]) -> Tensor:
        """A value that a product needs whole, also where it is one number for all units."""
        value = self.value(atom, values)
        if isinstance(atom, ir.Number):
            return keras.ops.broadcast_to(value, [self.sizes.of(size) for size in atom.shape])
        return value

    def apply(self, primitive: Elementwise, operands: Sequence[Tensor], dtype: str = "") -> Tensor:
        """An elementwise operation on tensors.

        Raises:
            UsageError: an operation of one's own names a function that the backend does not have.
        """
        function = _lowered(primitive, self.operation)
        if primitive.reads_truth:
            # a condition is a number, as every value of a cell is: 0 is false
            return function(keras.ops.not_equal(operands[0], 0), *operands[1:])
        value = function(*operands)
        # likewise the other way: what is true is 1, and can be multiplied
        return keras.ops.cast(value, dtype or self.dtype) if primitive.yields_truth else value

    def spread(self, atom: Atom, size: ir.Size, values: Values, like: Tensor) -> Tensor:
        """A value over all sequences, where it does not differ between them."""
        value = self.value(atom, values)
        whole = self.sizes.of(size)
        width = whole if self.upto is None else self.upto
        if len(value.shape) == len(like.shape) and value.shape[-1] in (width, whole):
            return value
        return keras.ops.broadcast_to(value, (*keras.ops.shape(like)[:-1], width))


def _lowered(
    primitive: Elementwise, operation: Callable[[str], Callable[..., Tensor] | None]
) -> Callable[..., Tensor]:
    lowering = primitive.lowering
    if not isinstance(lowering, str):
        return partial(lowering, keras.ops)
    function = operation(lowering)
    if function is None:
        problem = (
            f"the operation '{primitive.name}' lowers to keras.ops.{lowering}, which does not exist"
        )
        raise UsageError(problem, nearest(lowering, dir(keras.ops)))
    return function


Lowering = Callable[[Emitter, Instruction, Values, Tensor], Tensor]


def _lowered_matmul(
    emitter: Emitter, instruction: Instruction, values: Values, like: Tensor
) -> Tensor:
    weight, operand = instruction.inputs
    return emitter.product(emitter.vector(operand, values), emitter.value(weight, values))


def _lowered_matmul_t(
    emitter: Emitter, instruction: Instruction, values: Values, like: Tensor
) -> Tensor:
    weight = instruction.reads[0]
    kernel = emitter.transposed[weight.kind, weight.name][: emitter.upto]
    return emitter.rows_times(emitter.cut(instruction.inputs[1], values), kernel)


def _lowered_outer(
    emitter: Emitter, instruction: Instruction, values: Values, like: Tensor
) -> Tensor:
    adjoint, operand = instruction.inputs
    rows = emitter.vector(operand, values)
    return emitter.outer(emitter.finite(emitter.value(adjoint, values)), emitter.finite(rows))


def _lowered_transposed(
    emitter: Emitter, instruction: Instruction, values: Values, like: Tensor
) -> Tensor:
    return keras.ops.transpose(emitter.value(instruction.inputs[0], values))


def _lowered_entries(
    emitter: Emitter, instruction: Instruction, values: Values, like: Tensor
) -> Tensor:
    kernel = emitter.value(instruction.inputs[0], values)
    return keras.ops.reshape(keras.ops.transpose(kernel), (-1,))


def _lowered_as_weight(
    emitter: Emitter, instruction: Instruction, values: Values, like: Tensor
) -> Tensor:
    vector, shape = emitter.value(instruction.inputs[0], values), instruction.shape
    return keras.ops.transpose(keras.ops.reshape(vector, emitter.sizes.shape(shape)))


def _with_zeros(
    emitter: Emitter,
    instruction: Instruction,
    values: Values,
    shape: Callable[[ir.Number], tuple[Any, ...]],
) -> list[Tensor]:
    """The operands; a number stands for the zeros of an adjoint that nothing was handed to, whose
    shape is said.
    """

    def value(operand: Atom) -> Tensor:
        if isinstance(operand, ir.Number):
            return keras.ops.zeros(shape(operand), emitter.dtype)
        return emitter.value(operand, values)

    return [value(operand) for operand in instruction.inputs]


def _lowered_stack(
    emitter: Emitter, instruction: Instruction, values: Values, like: Tensor
) -> Tensor:
    """Side by side along the last axis: vectors, or kernels by their rows."""
    axes = () if like is None else tuple(keras.ops.shape(like)[:-1])

    def shape(zeros: ir.Number) -> tuple[Any, ...]:
        return (*axes, emitter.sizes.of(zeros.shape[0]))

    return emitter.join(_with_zeros(emitter, instruction, values, shape))


def _lowered_part(
    emitter: Emitter, instruction: Instruction, values: Values, like: Tensor
) -> Tensor:
    extent = instruction.extent(emitter.sizes)
    return emitter.between(emitter.value(instruction.inputs[0], values), *extent)


def _lowered_columns(
    emitter: Emitter, instruction: Instruction, values: Values, like: Tensor
) -> Tensor:
    begin, end = columns.extent(instruction, emitter.sizes)
    return emitter.value(instruction.inputs[0], values)[begin:end]


def _lowered_beside(
    emitter: Emitter, instruction: Instruction, values: Values, like: Tensor
) -> Tensor:
    def shape(zeros: ir.Number) -> tuple[Any, ...]:
        return tuple(map(emitter.sizes.of, reversed(zeros.shape)))

    return keras.ops.concatenate(_with_zeros(emitter, instruction, values, shape), axis=0)


def _lowered_sum_steps(
    emitter: Emitter, instruction: Instruction, values: Values, like: Tensor
) -> Tensor:
    (operand,) = instruction.inputs
    known = emitter.summed(operand)
    return total(emitter.finite(emitter.value(operand, values))) if known is None else known


def _lowered_spread(
    emitter: Emitter, instruction: Instruction, values: Values, like: Tensor
) -> Tensor:
    value = emitter.value(instruction.inputs[0], values)
    axes = keras.ops.shape(value)[:-1]
    return keras.ops.broadcast_to(value, (*axes, emitter.sizes.of(instruction.shape[0])))


_LOWERINGS: Mapping[Primitive, Lowering] = {
    matmul: _lowered_matmul,
    matmul_t: _lowered_matmul_t,
    outer: _lowered_outer,
    transposed: _lowered_transposed,
    columns: _lowered_columns,
    beside: _lowered_beside,
    entries: _lowered_entries,
    as_weight: _lowered_as_weight,
    stack: _lowered_stack,
    part: _lowered_part,
    sum_steps: _lowered_sum_steps,
    spread: _lowered_spread,
}


_KEYS_OF_MOVING = {"time": "time", "value": "moving"}


def _moving(ref: ir.Ref) -> tuple[str, str]:
    """Under which key a value lies that differs from step to step, whatever the data."""
    return _KEYS_OF_MOVING.get(ref.kind, ""), ref.name


def total(sequence: Tensor) -> Tensor:
    """The sum over all steps and sequences."""
    return keras.ops.sum(sequence, axis=tuple(range(len(sequence.shape) - 1)))


def _between(rows: Tensor, period: int, time: int) -> Tensor:
    """Rows of every `period`-th step, with 0 in the steps between."""
    if period == 1:
        return rows
    padded = keras.ops.pad(rows[:, None], [(0, 0), (0, period - 1), (0, 0), (0, 0)])
    return keras.ops.reshape(padded, (-1, *keras.ops.shape(rows)[1:]))[:time]
