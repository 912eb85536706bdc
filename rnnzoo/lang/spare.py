"""A step with spare units: that of a layer which has more units than the model in it.

Models of different sizes share one compiled program where each lies in a layer of one size, the
bucket's; what the layer has more is spare (`lang.buckets` says where).  One rule makes it right: a
spare unit computes what a real one computes, and nothing reads it.  So its values are finite
wherever those of real units are (`c / n` of a unit whose weights are all 0 would be 0 / 0); and
since nothing reads it, its adjoint is 0, and so is the gradient of its entries in weights.

For the arguments of a step this means: along an axis that is kept, as the rows of R in `R @ h`,
spare entries are copies of real ones; along one that is summed over, as its columns, they are 0.
A weight that is used in both ways, as in `R @ h - R' @ h`, is two arguments.  For the equations:
what reads all units gets an operand in which spare ones do not count (`sum(real * a)`,
`C @ (real * q)`), and a number of units is an argument.  Everything else works unit by unit and
stays as it is.

In: the step of a cell.  Out: a `SpareStep`, an ordinary step, so that programs, adjoints and
backends need not know of it.  Constants, masks and numbers of units are arguments: one program
serves models of every size in a bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from rnnzoo.lang import ir, reference
from rnnzoo.lang.buckets import Array, Layout, NoSpare, Spare, Tensor
from rnnzoo.lang.formulas import formula
from rnnzoo.lang.primitives import (
    Draw,
    Elementwise,
    OverUnits,
    Primitive,
    columns_scaled,
    entries,
    largest,
    matmul,
    matrix_exponential,
    mul,
    outer_product,
    rows_scaled,
    stack,
    sum_units,
    times,
    times_turned,
    transposed,
    where,
)
from rnnzoo.lang.primitives.reductions import cumsum, softmax
from rnnzoo.spec.cell import Init

COPIES: Spare = "copies"
Kind = Literal["count", "real", "first", "real in rows", "first in rows"]
LEAST = ir.Number(-1e30)  # what a spare unit is to a maximum: below every value


@dataclass(frozen=True, slots=True)
class Use:
    """An argument of a step that is made of a weight.

    Attributes:
        axes: what its spare entries are along each axis.
    """

    weight: ir.Weight
    axes: tuple[Spare, ...]


@dataclass(frozen=True, slots=True)
class Helper:
    """An argument of a step that says which units are real.

    Attributes:
        kind: `count` is their number; `real` has 1 for each and 0 for spare ones; `first` has 1 for
            the first of each part; the other two are `real` and `first` of every row of a matrix.
    """

    kind: Kind
    size: ir.Size

    @property
    def ref(self) -> ir.Ref:
        """It in an expression."""
        shape: ir.Shape = () if self.kind == "count" else (self.size,)
        return ir.Ref("fixed", f"{self.kind}: {ir.size_text(self.size)}", shape)

    def value(self, layout: Layout, model: ir.Sizes, bucket: ir.Sizes) -> Array:
        """Its value for a model in a bucket."""
        if self.kind == "count":
            return np.asarray(float(model.of(self.size)))
        if self.kind == "real":
            ones = np.ones(model.of(self.size))
            return layout.placed(ones, (self.size,), model, bucket)
        if self.kind == "first":
            numbers = np.arange(bucket.of(self.size))
            length = len(numbers) // layout.parts[str(self.size)]
            return np.asarray(numbers % length == 0, float)
        assert isinstance(self.size, ir.Grid)
        heads, rows, columns = bucket.grid(self.size)
        of_row = Helper("real" if self.kind == "real in rows" else "first", self.size.columns)
        row = of_row.value(layout, model, bucket).reshape(heads, 1, columns)
        return np.broadcast_to(row, (heads, rows, columns)).reshape(-1)


@dataclass(frozen=True, slots=True)
class SpareStep:
    """A step with spare units.

    Attributes:
        step: its arguments are `uses`, and of its fixed ones `constants` and `helpers`.
        uses: by the name of the argument.
        constants: those that it reads and that depend on the number of units, with their shapes.
        helpers: what says which units are real, by name.
        depending: names of all constants of the cell that depend on the number of units.
        masked: the weights that have a mask.
    """

    layout: Layout
    step: ir.Step
    uses: Mapping[str, Use]
    constants: Mapping[str, ir.Shape]
    helpers: Mapping[str, Helper]
    depending: frozenset[str]
    masked: tuple[ir.Weight, ...]

    @property
    def shapes(self) -> dict[str, ir.Shape]:
        """What a layer has of each model beside its weights: name -> shape."""
        helpers = {name: helper.ref.shape for name, helper in self.helpers.items()}
        masks = {_mask_of(weight): weight.shape for weight in self.masked}
        return {**self.constants, **helpers, **masks}

    def values(self, cell: ir.Cell, model: ir.Sizes, bucket: ir.Sizes) -> dict[str, Array]:
        """The same of one model: name -> value.

        Raises:
            NoSpare: the bucket has no room for the model.
            UsageError: a constant or a mask has no value for the model.
        """
        values = {
            name: helper.value(self.layout, model, bucket) for name, helper in self.helpers.items()
        }
        real = self.real(values)
        constants = reference.constants(cell, model) if self.constants else {}
        for name, shape in self.constants.items():
            value = np.broadcast_to(constants[name], model.shape(shape))
            value = self.layout.placed(value, shape, model, bucket)
            for axis, size in enumerate(shape):
                value = self.layout.filled(np, value, axis, size, "copies", real, bucket)
            values[name] = value
        for weight in self.masked:
            mask = reference.mask(cell, weight, model)
            assert mask is not None
            values[_mask_of(weight)] = self.layout.placed(mask, weight.shape, model, bucket)
        return values

    def real(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Of these values: a size -> 1 for each real unit of it, and 0 for each spare one."""
        return {size: values[Helper("real", size).ref.name] for size in self.layout.parts}

    def argument(
        self,
        ops: Any,
        use: Use,
        weight: Tensor,
        values: Mapping[str, Tensor],
        bucket: ir.Sizes,
        is_kernel: bool = False,
    ) -> Tensor:
        """An argument of the step, made of a weight with any spare entries.

        Args:
            ops: NumPy, or a library with its functions.
            values: as of `shapes`.
            is_kernel: whether the axes of the weight, and of its mask, are reversed.
        """
        tensor = weight
        if use.weight in self.masked:
            tensor = tensor * values[_mask_of(use.weight)]
        real, last = self.real(values), len(use.axes) - 1
        for number, (size, spare) in enumerate(zip(use.weight.shape, use.axes, strict=True)):
            axis = last - number if is_kernel else number
            tensor = self.layout.filled(ops, tensor, axis, size, spare, real, bucket)
        return tensor


def with_spare(cell: ir.Cell, step: ir.Step, layout: Layout) -> SpareStep:
    """A step of a cell with spare units.

    Raises:
        NoSpare: it reads all units in a way that leaves out no spare ones.
    """
    weights = {weight.name: weight for weight in step.weights}
    rewriting = _Rewriting(layout, cell.options, weights, _depending(cell, layout))
    for size in layout.parts:  # for the arguments, if not for the equations
        rewriting.helper("real", size)
    equations = tuple(
        replace(equation, expr=rewriting.expr(equation.expr)) for equation in step.equations
    )
    return rewriting.result(equations)


def _depending(cell: ir.Cell, layout: Layout) -> frozenset[str]:
    """Names of the constants that depend on a number of units, some of which are spare."""
    names: set[str] = set()
    for constant in cell.constants:  # in order: what a constant needs stands before it
        for ref in ir.refs(constant.expr, "unit", "size", "constant"):
            if ref.kind == "unit" or ref.name in names or layout.spares(ref.name):
                names.add(constant.name)
    return frozenset(names)


@dataclass(slots=True)
class _Rewriting:
    """Writes expressions for units of which some are spare.

    Attributes:
        options: of the cell; a number of heads may be one.
        weights: of the step, by name.
        depending: names of the constants that depend on the number of units.
        uses, constants, helpers: what was read so far, as in a `SpareStep`.
    """

    layout: Layout
    options: Mapping[str, float]
    weights: Mapping[str, ir.Weight]
    depending: frozenset[str]
    uses: dict[str, Use] = field(default_factory=dict)
    constants: dict[str, ir.Shape] = field(default_factory=dict)
    helpers: dict[str, Helper] = field(default_factory=dict)

    def expr(self, expr: ir.Expr) -> ir.Expr:
        """The same for the real units; for a spare one, what it is for a real one."""
        if isinstance(expr, ir.Ref):
            return self.ref(expr)
        if not isinstance(expr, ir.Apply):
            return expr
        if isinstance(expr.op, OverUnits):
            return self.over_units(expr)
        rule = _RULES.get(expr.op)
        if rule is not None:
            return rule(self, expr)
        if not isinstance(expr.op, Elementwise | Draw) and expr.op not in _APART:
            raise NoSpare(f"nothing is known of '{expr.op.name}' and spare units")
        return replace(expr, args=tuple(map(self.expr, expr.args)))

    def ref(self, ref: ir.Ref) -> ir.Ref:
        """A name; a weight is read unit by unit here."""
        if ref.kind == "constant" and ref.name in self.depending:
            self.constants[ref.name] = ref.shape
            return ir.Ref("fixed", ref.name, ref.shape)
        if ref.kind == "size" and self.layout.spares(ref.name):
            return self.helper("count", ref.name)
        if ref.kind in ir.WEIGHTS:
            return self.use(ref, tuple(COPIES for _ in ref.shape))
        return ref

    def use(self, ref: ir.Ref, axes: tuple[Spare, ...]) -> ir.Ref:
        """A weight as an argument with such spare entries."""
        apart = list(axes)
        for axis, size in enumerate(ref.shape):
            if not self.layout.spares(size):
                apart[axis] = COPIES  # no entry is spare, so one word for all such uses
        use, name = Use(self.weights[ref.name], tuple(apart)), ref.name
        while self.uses.setdefault(name, use) != use:
            name += "'"
        return replace(ref, name=name)

    def helper(self, kind: Kind, size: ir.Size) -> ir.Ref:
        helper = Helper(kind, size)
        self.helpers[helper.ref.name] = helper
        return helper.ref

    def product(self, expr: ir.Apply) -> ir.Expr:
        """`W @ v`: spare entries of W's rows are copies, those of its columns are 0."""
        matrix, vector = expr.args
        if isinstance(matrix, ir.Apply) and matrix.op is transposed:
            (weight,) = matrix.args
            read: ir.Expr = replace(matrix, args=(self.matrix(weight, ("zeros", "copies")),))
        else:
            read = self.matrix(matrix, ("copies", "zeros"))
        return replace(expr, args=(read, self.expr(vector)))

    def matrix(self, weight: ir.Expr, axes: tuple[Spare, ...]) -> ir.Expr:
        assert isinstance(weight, ir.Ref)
        return self.use(weight, axes)

    def product_with_matrix(self, expr: ir.Apply) -> ir.Expr:
        """`C @ q`: spare units of q do not count."""
        matrix, vector, heads = expr.args
        computed = self.expr(matrix)
        product = replace(expr, args=(computed, self.counted(self.expr(vector)), heads))
        # of a matrix exponential, rows of spare units are no copies
        is_exponential = any(
            isinstance(node, ir.Apply) and node.op is matrix_exponential
            for node in ir.walk(computed)
        )
        return self.as_copies(product, ()) if is_exponential else product

    def exponential(self, expr: ir.Apply) -> ir.Expr:
        """`expm(A)`: with 0 in spare rows and columns it has real entries for themselves."""
        matrix, heads = expr.args
        (grid,) = matrix.shape
        assert isinstance(grid, ir.Grid)
        if not self.layout.spares(grid):
            return replace(expr, args=(self.expr(matrix), heads))
        real = self.helper("real", grid)
        return replace(expr, args=(_apply(mul, self.expr(matrix), real), heads))

    def over_units(self, expr: ir.Apply) -> ir.Expr:
        """What reads all units of a vector, or those of each group, or of each row of a matrix."""
        if expr.op not in _OVER_UNITS:
            return self.expr(_written_out(expr))
        (vector, *groups), op = expr.args, expr.op
        operand = self.expr(vector)
        if op is sum_units:
            return replace(expr, args=(self.counted(operand), *groups))
        if op is largest:
            return replace(expr, args=(self.counted(operand, LEAST), *groups))
        least = LEAST if op is softmax else None
        value = replace(expr, args=(self.counted(operand, least), *groups))
        return self.as_copies(value, tuple(groups))

    def counted(self, vector: ir.Expr, instead: ir.Expr | None = None) -> ir.Expr:
        """A vector, or a matrix row by row, in which spare units are 0, or something else."""
        real = self.real_units(vector.shape)
        if real is None:
            return vector
        if instead is None:
            return _apply(mul, vector, real)
        return _apply(where, real, vector, instead)

    def real_units(self, shape: ir.Shape) -> ir.Ref | None:
        """What says which units of a vector, or of each row of a matrix, are real; None where all
        are.
        """
        (size,) = shape
        summed = size.columns if isinstance(size, ir.Grid) else size
        if not self.layout.spares(summed):
            return None
        return self.helper("real in rows" if isinstance(size, ir.Grid) else "real", size)

    def as_copies(self, value: ir.Expr, groups: tuple[ir.Expr, ...]) -> ir.Expr:
        """A value in which spare units are what they should be again: copies of the first unit of
        their part.
        """
        real = self.real_units(value.shape)
        if real is None:
            return value
        (size,) = value.shape
        if isinstance(size, ir.Grid):
            heads = ir.Sizes(0, 0, self.options).of(size.heads)
            if self.layout.parts[str(size.columns)] != heads:
                raise NoSpare("rows of a matrix are read in groups")
            first = self.helper("first in rows", size)
        else:
            first = self.helper("first", size)
            parts = self.layout.parts[str(size)]
            groups = (ir.Number(float(parts)),) if parts > 1 else ()
        of_first = _apply(sum_units, _apply(mul, first, value), *groups)
        return _apply(where, real, value, of_first)

    def result(self, equations: tuple[ir.Equation, ...]) -> SpareStep:
        used = (replace(use.weight, name=name, mask=None) for name, use in self.uses.items())
        shapes = {name: helper.ref.shape for name, helper in self.helpers.items()}
        fixed = (
            ir.Weight(name, shape, Init("zeros"), trained=False)
            for name, shape in {**self.constants, **shapes}.items()
        )
        masked = (weight for weight in self.weights.values() if weight.mask is not None)
        return SpareStep(
            self.layout,
            ir.Step(equations, (*used, *fixed)),
            self.uses,
            self.constants,
            self.helpers,
            self.depending,
            tuple(masked),
        )


# what works unit by unit, or makes of two units one entry of a matrix
_APART: tuple[Primitive, ...] = (
    outer_product, rows_scaled, columns_scaled, entries, transposed, stack,
)  # fmt: skip
_OVER_UNITS: tuple[Primitive, ...] = (sum_units, largest, softmax, cumsum)
_RULES: Mapping[Primitive, Callable[[_Rewriting, ir.Apply], ir.Expr]] = {
    matmul: _Rewriting.product,
    times: _Rewriting.product_with_matrix,
    times_turned: _Rewriting.product_with_matrix,
    matrix_exponential: _Rewriting.exponential,
}


def _mask_of(weight: ir.Weight) -> str:
    return f"mask: {weight.name}"


def _apply(op: Primitive, *args: ir.Expr) -> ir.Apply:
    return ir.Apply(op, args, op.shape([arg.shape for arg in args], ()))


def _written_out(expr: ir.Apply) -> ir.Expr:
    """An operation by means of others, as programs have it.

    Raises:
        NoSpare: there are none.
    """
    written = expr.op.formula(expr.args)
    if written is None:
        raise NoSpare(f"nothing is known of '{expr.op.name}' and spare units")
    text, names = written

    def meant(tree: ir.Expr) -> ir.Expr:
        if isinstance(tree, ir.Apply):
            return _apply(tree.op, *map(meant, tree.args))
        return names[tree.name] if isinstance(tree, ir.Ref) else tree

    return meant(formula(text))
