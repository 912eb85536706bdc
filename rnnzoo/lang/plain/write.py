"""Expressions and equations of a cell -> lines of Python, in the functions of a library.

In: expressions, and how their names are written.  Out: text.  Python's precedence is that of the
cell language, so that infix operators stay as they are; `W @ v` of rows becomes `v @ W.T`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import wrap

from rnnzoo.errors import UsageError
from rnnzoo.lang import ir
from rnnzoo.lang.plain.dialects import MATRICES, NUMBERS, Dialect
from rnnzoo.lang.primitives import (
    Draw,
    Elementwise,
    OfMatrices,
    Operands,
    OverUnits,
    Primitive,
    columns_scaled,
    entries,
    expm,
    matmul,
    matrix_exponential,
    mul,
    outer_product,
    rows_scaled,
    sum_units,
    times,
    times_turned,
    transposed,
)
from rnnzoo.lang.primitives.base import CALL, LOOSE, PREFIX, PRODUCT, SUM, Written
from rnnzoo.lang.text import number

WIDTH = 100  # characters of a line
INDENT = "    "


@dataclass(eq=False, slots=True)
class Writer:
    """Writes expressions in a dialect.

    Attributes:
        name: how a name is written.
        is_fixed: whether a name is one of Python's numbers, as an option is.
        is_of_sequences: whether a value differs between the sequences of a batch.
        fixed: names of equations of weights alone.  A matrix of these is written with rows and
            columns; of all others the entries lie in one vector.
        lifted: how a number becomes an array beside one, where the library's functions want arrays.
        helpers: names of the dialect's helpers that were called.
        modules: modules that were named besides the library.
    """

    dialect: Dialect
    cell: str
    name: Callable[[ir.Ref], str]
    is_fixed: Callable[[ir.Ref], bool]
    is_of_sequences: Callable[[ir.Expr], bool] = lambda _: True
    lifted: str = "{}"
    fixed: Collection[str] = frozenset()
    helpers: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    in_matrix: bool = False  # whether what is written has rows and columns

    def is_number(self, expr: ir.Expr) -> bool:
        """Whether an expression is computed with Python's numbers alone."""
        match expr:
            case ir.Number():
                return True
            case ir.Ref():
                return self.is_fixed(expr)
            case ir.Apply(args=args):
                return all(map(self.is_number, args))

    def text(self, expr: ir.Expr) -> str:
        return self.written(expr)[0]

    def written(self, expr: ir.Expr) -> Written:
        """The text of a value, and how strongly it binds; what is true is the number 1."""
        if self.is_of_weights(expr) and not self.in_matrix:
            return f"{self.matrix(expr, CALL)}.reshape(-1)", CALL
        if isinstance(expr, ir.Apply) and _is_truth(expr) and not self.is_number(expr):
            return self.dialect.where.format(self.truth(expr), "1.0", "0.0"), CALL
        return self._written(expr)

    def truth(self, expr: ir.Expr) -> str:
        """The text of a condition."""
        if isinstance(expr, ir.Apply) and _is_truth(expr):
            return self._written(expr)[0]
        return f"{self.enclosed(expr, PRODUCT)} != 0"

    def enclosed(self, expr: ir.Expr, least: int) -> str:
        return Operands((expr,), (self.written(expr),)).enclosed(0, least)

    def is_of_weights(self, expr: ir.Expr) -> bool:
        """Whether this is a matrix of weights alone, with one head."""
        if not ir.is_matrix(expr.shape) or not ir.is_fixed(expr, self.fixed):
            return False
        (grid,) = expr.shape
        return isinstance(grid, ir.Grid) and grid.heads == 1

    def matrix(self, expr: ir.Expr, least: int = LOOSE) -> str:
        """The text of such a matrix, in parentheses where it binds weaker than `least`."""
        before, self.in_matrix = self.in_matrix, True
        if _is_column(expr):
            least = CALL if self.dialect.whole.startswith("{}") else LOOSE
            column, all_columns = self.enclosed(expr, least), self.enclosed(_of_columns(expr), CALL)
            text = self.dialect.whole.format(column, all_columns)
        else:
            text = self.enclosed(expr, least)
        self.in_matrix = before
        return text

    def _written(self, expr: ir.Expr) -> Written:
        if isinstance(expr, ir.Apply) and self.is_of_weights(expr):
            written = self.of_weights(expr.op, expr.args)
            if written is not None:
                return written
        match expr:
            case ir.Number(value=value):
                return number(value), CALL if value >= 0 else PREFIX
            case ir.Ref():
                return self.name(expr), CALL
            case ir.Apply(op=op, args=args) if op.is_product:
                return self.product(op, args)
            case ir.Apply(op=op, args=args) if op.joins:
                return self.joined(args)
            case ir.Apply(op=op, args=(matrix, vector, _)) if op in (times, times_turned) and (
                self.is_of_weights(matrix)
            ):
                return self.times(self.matrix(matrix, CALL), op is times_turned, vector)
            case ir.Apply(op=OfMatrices() as op, args=args):
                return self.of_matrices(op, args)
            case ir.Apply(op=OverUnits() as op, args=args):
                return self.over_units(op, args)
            case ir.Apply(op=Draw(), args=(mean,)):
                return self.written(mean)
            case ir.Apply(op=op, args=args) if op.symbol:
                return op.text(Operands(args, [self.written(arg) for arg in args]))
            case ir.Apply(op=op, args=args):
                return self.call(op, args, self.is_number(expr))
        raise AssertionError(expr)

    def product(self, op: Primitive, args: Sequence[ir.Expr]) -> Written:
        """A matrix, or its transposed, on a vector, or on vectors side by side."""
        matrix, vector = args
        turned = isinstance(matrix, ir.Apply) and matrix.op is transposed
        name = matrix.args[0] if turned and isinstance(matrix, ir.Apply) else matrix
        if not isinstance(name, ir.Ref) or name.kind not in ir.WEIGHTS or op is not matmul:
            raise self.refused(f"the product '{op.name}'")
        return self.times(self.text(name), turned, vector)

    def times(self, matrix: str, turned: bool, vector: ir.Expr) -> Written:
        """A matrix that is written already, or its transposed, on a vector."""
        if self.dialect.rows:
            text = matrix if turned else f"{matrix}.T"
            return f"{self.enclosed(vector, PRODUCT)} @ {text}", PRODUCT
        text = f"{matrix}.T" if turned else matrix
        return f"{text} @ {self.enclosed(vector, PRODUCT + 1)}", PRODUCT

    def of_weights(self, op: Primitive, args: Sequence[ir.Expr]) -> Written | None:
        """An operation that makes a matrix of weights; None for one entry by entry."""
        if op is entries:
            (weight,) = args
            if isinstance(weight, ir.Apply):  # transposed
                return f"{self.text(weight.args[0])}.T", CALL
            return self.written(weight)
        if op is matrix_exponential:
            return f"{self.called(expm)}({self.matrix(args[0])})", CALL
        if isinstance(op, OverUnits):
            return self.form(op, [self.written(arg) for arg in args[: op.arity]]), CALL
        if op in (rows_scaled, outer_product):
            column = f"{self.enclosed(args[0], CALL)}[:, None]"
            return f"{column} * {self.enclosed(args[1], PRODUCT + 1)}", PRODUCT
        if op is columns_scaled:
            left = self.enclosed(args[0], PRODUCT)
            return f"{left} * {self.enclosed(args[1], PRODUCT + 1)}", PRODUCT
        return None

    def joined(self, vectors: Sequence[ir.Expr]) -> Written:
        """Vectors side by side."""
        texts = []
        for vector in vectors:
            text = self.text(vector)
            if self.dialect.rows and not self.is_of_sequences(vector):
                text = f"{self.enclosed(vector, CALL)}.expand(x.shape[0], -1)"
            texts.append(text)
        return self.dialect.joined.format(", ".join(texts)), CALL

    def over_units(self, op: OverUnits, args: Sequence[ir.Expr]) -> Written:
        """An operation over units; within groups, a function that is given to a helper."""
        vectors, groups = args[: op.arity], args[op.arity :]
        if not groups:
            return self.form(op, [self.written(vector) for vector in vectors]), CALL
        if op.arity > 1:  # `dot`, whose operands may be of one sequence and of many
            vectors, op = (ir.Apply(mul, tuple(vectors), vectors[0].shape),), sum_units
        self.helper("in_groups")
        function, vector = self.form(op, [("a", CALL)]), self.text(vectors[0])
        return f"in_groups(lambda a: {function}, {vector}, {self.text(groups[0])})", CALL

    def of_matrices(self, op: OfMatrices, args: Sequence[ir.Expr]) -> Written:
        """An operation on matrices that the step computes: a call of a helper."""
        *values, heads = args
        if not isinstance(heads, ir.Number) or heads.value != 1:
            values.append(heads)
        function = MATRICES.get(op.name, "")
        if not function:
            raise self.refused(f"the operation '{op.name}'")
        self.helper(function)
        return f"{function}({', '.join(map(self.text, values))})", CALL

    def form(self, op: Primitive, operands: Sequence[Written]) -> str:
        """An operation that a form of the dialect stands for."""
        form = self.dialect.forms.get(op.name)
        if form is None:
            raise self.refused(f"the operation '{op.name}'")
        called = form.partition("(")[0]
        if called in self.dialect.helpers:
            self.helper(called)
        least = CALL if form.startswith("{}") else PRODUCT + 1
        if len(operands) == 1 and not form.startswith("{}"):
            least = LOOSE
        enclosed = Operands((), operands)
        return form.format(*(enclosed.enclosed(place, least) for place in range(len(operands))))

    def call(self, op: Primitive, args: Sequence[ir.Expr], of_numbers: bool) -> Written:
        if not isinstance(op, Elementwise):
            raise self.refused(f"the operation '{op.name}'")
        if op.name == "where":
            return self.choice(args)
        if op.name == "clip":  # by its definition
            larger = ir.Apply(_named("maximum"), tuple(args[:2]), args[0].shape)
            return self.call(_named("minimum"), (larger, args[2]), of_numbers)
        if of_numbers and op.name in NUMBERS:
            function = NUMBERS[op.name]
            self.modules |= {"math"} if function.startswith("math.") else set()
            return f"{function}({', '.join(map(self.text, args))})", CALL
        if op.name in ("minimum", "maximum") and any(map(self.is_number, args)):
            form = self.dialect.upper if op.name == "minimum" else self.dialect.lower
            # the number last: torch clamps at a number, and has no minimum of a vector and a number
            bound, other = sorted(args, key=lambda arg: not self.is_number(arg))
            return form.format(self.text(other), self.text(bound)), CALL
        if op.name in self.dialect.forms:
            return self.form(op, [self.written(arg) for arg in args]), CALL
        function = self.dialect.calls.get(op.name, "")
        if not function or (of_numbers and self.dialect.rows):
            raise self.refused(f"the operation '{op.name}'" + " of numbers" * of_numbers)
        return f"{function}({', '.join(map(self.text, args))})", CALL

    def choice(self, args: Sequence[ir.Expr]) -> Written:
        condition, then, otherwise = args
        if self.is_number(condition):
            texts = [self.text(value) for value in (then, otherwise)]
            if not self.is_number(then) or not self.is_number(otherwise):
                texts = [*map(self.array, (then, otherwise))]
            return f"({texts[0]} if {self.truth(condition)} else {texts[1]})", CALL
        values = (self.text(then), self.text(otherwise))
        return self.dialect.where.format(self.truth(condition), *values), CALL

    def array(self, expr: ir.Expr) -> str:
        """A value that is an array also where it is one of Python's numbers."""
        text = self.text(expr)
        return self.lifted.format(text) if self.is_number(expr) else text

    def called(self, op: Primitive) -> str:
        """The function of a library, or of this file, that an operation is."""
        name = self.dialect.calls[op.name]
        if name in self.dialect.helpers:
            self.helper(name)
        return name

    def helper(self, name: str) -> None:
        self.helpers.add(name)

    def refused(self, what: str) -> UsageError:
        problem = f"cell '{self.cell}' uses {what}, which is not written in {self.dialect.library}"
        return UsageError(f"{problem} yet", "write these lines by hand, or show a cell without it")

    # -- lines

    def equation(self, name: str, expr: ir.Expr, comment: str, indent: str) -> list[str]:
        """`name = expression  # comment`, on several lines where one is too long."""
        if self.is_of_weights(expr):
            lines = [f"{indent}{name} = {self.matrix(expr)}"]
        else:
            lines = self.lines(f"{indent}{name} = ", expr, indent)
        if comment and len(lines) == 1 and len(lines[0]) + len(comment) + 4 <= WIDTH:
            return [f"{lines[0]}  # {comment}"]
        above = wrap(comment, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
        return [*above, *lines]

    def lines(self, before: str, expr: ir.Expr, indent: str, after: str = "") -> list[str]:
        """`before` and an expression; where that is too long for one line, the terms of a sum, the
        operands of a call or what a matrix multiplies stand on lines of their own.
        """
        whole, inner = self.text(expr), indent + INDENT
        if len(before) + len(whole) + len(after) <= WIDTH or not isinstance(expr, ir.Apply):
            return [f"{before}{whole}{after}"]
        if expr.op.signs:
            return [f"{before}(", *self.sum(expr, inner), f"{indent}){after}"]
        if expr.op.symbol in ("*", "/"):
            return self.factors(before, expr, indent, after)
        vector = expr.args[-1]
        matrix = whole.removesuffix(f"({self.text(vector)})")
        if matrix.endswith("@ "):
            return [f"{before}{matrix}(", *self.sum(vector, inner), f"{indent}){after}"]
        called = whole.partition("(")[0]
        if called == self.dialect.where.partition("(")[0] and len(expr.args) == 3:
            condition, *values = expr.args
            operands = [f"{inner}{self.truth(condition)},"]
            for value in values:
                operands += self.lines(inner, value, inner, ",")
            return [f"{before}{called}(", *operands, f"{indent}){after}"]
        if called == "in_groups" and len(expr.args) == 2:
            vector, groups = expr.args
            function = f"lambda a: {self.form(expr.op, [('a', CALL)])}"
            return [
                f"{before}{called}(", f"{inner}{function},", *self.lines(inner, vector, inner, ","),
                f"{inner}{self.text(groups)},", f"{indent}){after}",
            ]  # fmt: skip
        if expr.op.name in self.dialect.calls and len(expr.args) == 1:
            return [f"{before}{called}(", *self.sum(expr.args[0], inner), f"{indent}){after}"]
        return [f"{before}{whole}{after}"]

    def factors(self, before: str, expr: ir.Apply, indent: str, after: str) -> list[str]:
        """A product or a quotient that is too long for one line: the longer factor is broken."""
        left, right = expr.args
        inner, sign = indent + INDENT, expr.op.symbol
        first, last = self.enclosed(left, PRODUCT), self.enclosed(right, PREFIX)
        if len(first) > len(last):
            end = f"{indent}) {sign} {last}{after}"
            return [f"{before}(", *self.sum(left, inner), end]
        if last == self.text(right):
            return self.lines(f"{before}{first} {sign} ", right, indent, after)
        return [f"{before}{first} {sign} (", *self.sum(right, inner), f"{indent}){after}"]

    def sum(self, expr: ir.Expr, indent: str) -> Iterator[str]:
        """The terms of a sum, each on a line with its sign before it; of anything else, all of
        it.
        """
        if isinstance(expr, ir.Apply) and expr.op.signs:
            left, right = expr.args
            yield from self.sum(left, indent)
            sign, enclosed = expr.op.symbol, self.enclosed(right, PRODUCT)
            if enclosed == self.text(right):
                yield from self.lines(f"{indent}{sign} ", right, indent)
            else:
                yield f"{indent}{sign} {enclosed}"
        elif self.enclosed(expr, SUM) == self.text(expr):
            yield from self.lines(indent, expr, indent)
        else:
            yield f"{indent}{self.enclosed(expr, SUM)}"


def _is_column(expr: ir.Expr) -> bool:
    """Whether a matrix is written as one column, which stands for all."""
    if not isinstance(expr, ir.Apply) or not ir.is_matrix(expr.shape):
        return False
    if isinstance(expr.op, OverUnits):
        return expr.op.yields_number
    matrices = [arg for arg in expr.args if ir.is_matrix(arg.shape)]
    is_by_entries = isinstance(expr.op, Elementwise) or expr.op is rows_scaled
    return is_by_entries and all(map(_is_column, matrices))


def _of_columns(expr: ir.Expr) -> ir.Expr:
    """A matrix of the same shape with all columns."""
    while isinstance(expr, ir.Apply) and _is_column(expr):
        expr = next(arg for arg in expr.args if ir.is_matrix(arg.shape))
    return expr


def _named(name: str) -> Primitive:
    from rnnzoo.lang.primitives import PRIMITIVES

    return PRIMITIVES[name]


def _is_truth(expr: ir.Apply) -> bool:
    return isinstance(expr.op, Elementwise) and expr.op.yields_truth
