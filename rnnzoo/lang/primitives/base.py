"""What an operation is: one object that holds all of its rules.

In: nothing.  Out: `Primitive`, whose instances are the operations, and `Elementwise`, which most of
them are.  Everything that treats operations differently asks the operation: how large its result
is, what it computes, how its adjoint reaches its operands, how people write it, and what a backend
calls it.  A backend adds its own rule for what is not elementwise.

Source: primitives of JAX's jaxpr (Bradbury et al. 2018), whose rules are registered on them in the
same way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rnnzoo.lang import ir
    from rnnzoo.lang.adjoint import Reverse
    from rnnzoo.lang.program import Atom, Instruction

Array = np.ndarray[Any, Any]
Written = tuple[str, int]  # how an expression is written, and how strongly it binds

# How strongly operators bind.  An operand that binds weaker than its operator asks for goes into
# parentheses.
LOOSE, COMPARISON, SUM, PRODUCT, PREFIX, POWER, CALL = 0, 3, 4, 5, 6, 7, 9

ONE: ir.Shape = (1,)  # a vector of one unit, which is a number
OPERANDS = ("a", "b", "c")
"""What the operands of an elementwise operation are called, in its derivatives and in documents."""


class ShapeError(ValueError):
    """Operands whose sizes do not fit an operation."""


def together(shapes: Sequence[ir.Shape]) -> ir.Shape:
    """The shape of what works unit by unit on operands of these shapes; numbers are the same for
    all units.

    Raises:
        ShapeError: they differ in size.
    """
    distinct = dict.fromkeys(shape for shape in shapes if shape)
    if len(distinct) > 1:
        distinct.pop(ONE, None)
    if len(distinct) > 1:
        raise ShapeError("the operands differ in size")
    return next(iter(distinct), ())


def is_number(shape: ir.Shape) -> bool:
    """Whether a shape is that of one number, for all units."""
    return shape in ((), ONE)


@dataclass(frozen=True, slots=True)
class Operands:
    """The operands of an operation on their way to being written.

    Attributes:
        exprs: the operands themselves.
        written: each as text.
        brackets: how the notation opens and closes parentheses.
    """

    exprs: Sequence[ir.Expr]
    written: Sequence[Written]
    brackets: tuple[str, str] = ("(", ")")

    @property
    def texts(self) -> list[str]:
        """All operands without parentheses."""
        return [text for text, _ in self.written]

    def enclosed(self, position: int, least: int) -> str:
        """An operand, in parentheses where it binds weaker than `least`."""
        text, binds = self.written[position]
        opening, closing = self.brackets
        return text if binds >= least else f"{opening}{text}{closing}"


class Primitive:
    """An operation.  There is one object for each, and two are equal only if they are the same
    object.

    Attributes:
        name: in the language where users can write it; unique.
        arity: number of operands; None for any number.
        symbol: of an infix or prefix operator; empty for a call.
        differentiable: whether an adjoint reaches its operands.  Where it does not, users may apply
            the operation to `t`, options and constants only.
        signs: 1 or -1 for each operand, where the operation is the sum of its operands with these
            signs.
        commutative: whether its operands may change places.
        linear_in: sets of positions of operands; the result is linear in those of a set together,
            but for a constant, while the others stay as they are.
        is_product: whether it is a matrix of weights on a vector, the one product that changes
            sizes.
        over_units: whether a unit of its result needs other units of its operand, which lie in one
            vector.
        regroups: whether it only lays values side by side, or takes some of them out.
        joins: whether it lays vectors side by side.
        reduces: whether it sums over all steps and sequences.
        draws: whether it is a random number while a layer trains.
        costly: whether its result is kept for the backward pass; cheap results are computed again.
        singular: whether its result or a derivative is infinite where an operand is 0.
        slope: the derivative of a saturating activation, as a function of its operand that never
            overflows; else None.
        range: the least and the largest value of the result.
        label: on a node of a diagram.
    """

    name: str
    arity: int | None
    symbol: str = ""
    differentiable: bool = True
    signs: tuple[int, ...] = ()
    commutative: bool = False
    linear_in: tuple[tuple[int, ...], ...] = ()
    is_product: bool = False
    over_units: bool = False
    regroups: bool = False
    joins: bool = False
    reduces: bool = False
    draws: bool = False
    costly: bool = False
    singular: bool = False
    slope: Callable[[Array], Array] | None = None
    range: tuple[float, float] = (-np.inf, np.inf)
    label: str = ""

    @property
    def gates(self) -> bool:
        """Whether it is an activation between 0 and 1, as gates have."""
        return self.slope is not None and self.range == (0.0, 1.0)

    def is_linear(self, moving: Collection[int]) -> bool:
        """Whether the result is linear in the operands at these positions together, but for a
        constant, while the others stay as they are.
        """
        return any(set(moving) <= set(positions) for positions in self.linear_in)

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        """The shape of the result.

        Raises:
            ShapeError: the operands do not fit.
        """
        raise NotImplementedError

    def numpy(self, *operands: Array) -> Array:
        """The result in float64; vectors are rows of a batch.

        `stack` and `part` need more: see `evaluator`.
        """
        raise NotImplementedError

    def evaluator(self, instruction: Instruction, sizes: ir.Sizes) -> Callable[..., Array]:
        """The same as a function for one instruction, whose static parameters and sizes are known.

        `stack` and `part` need these, and define it instead of `numpy`.
        """
        return self.numpy

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        """Hand the adjoint of an instruction's value on to its operands."""
        raise NotImplementedError

    def simplified(self, operands: Sequence[ir.Expr]) -> ir.Expr | None:
        """The same result with less work; None where there is none."""
        return None

    def formula(self, operands: Sequence[ir.Expr]) -> tuple[str, dict[str, ir.Expr]] | None:
        """An expression in the cell language that programs compute instead, and what its names
        mean; None for an operation that backends have.
        """
        return None

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        """The operation in the cell language, or in the notation of `lang.listing`."""
        raise NotImplementedError

    def latex(self, operands: Operands) -> Written:
        """The operation in LaTeX."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        from rnnzoo.lang.primitives import named

        return named, (self.name,)


@dataclass(frozen=True, eq=False, repr=False)
class Elementwise(Primitive):
    """An operation on each unit apart, whose operands have one size or are scalars.

    A derivative is written in the cell language: `a`, `b` and `c` are the operands, `y` is the
    result.

    Attributes:
        function: what it computes, in float64.
        lowering: its name among a backend's functions; it is `keras.ops`' name, which TensorFlow,
            JAX and PyTorch share.  Or a function `(ops, *operands)` that is put together from
            these.
        latex_form: LaTeX with one `{}` for each operand; braces of LaTeX are doubled.
        derivatives: d result / d operand, one for each operand; empty for an operation without
            derivatives.
        simpler: what to do instead where some operands are known numbers; gets the operands and
            their numbers, or None for an operand that is no number.
        binds: how strongly its result binds when it is written.
        sides: how strongly each operand of an infix operator must bind; by default it associates to
            the left.
        unicode: what stands for its symbol, or its name, in a terminal.
        yields_truth: whether a backend's function yields true and false, which mean 1 and 0 here.
        reads_truth: whether a backend's function wants true or false as its first operand.
        tame: a form that stays finite whatever its operands `{a}` and `{b}` are, for random cells;
            by default the operation itself.
        note: what to know about it, for docs/language.md.
        digest: of its code, where it is not one of the package's.
    """

    name: str
    arity: int
    function: Callable[..., Array]
    lowering: str | Callable[..., Any]
    latex_form: str
    derivatives: tuple[str, ...] = ()
    symbol: str = ""
    binds: int = CALL
    simpler: Callable[[Sequence[ir.Expr], Sequence[float | None]], ir.Expr | None] | None = None
    sides: tuple[int, int] | None = None
    unicode: str = ""
    label: str = ""
    signs: tuple[int, ...] = ()
    commutative: bool = False
    linear_in: tuple[tuple[int, ...], ...] = ()
    costly: bool = False
    singular: bool = False
    slope: Callable[[Array], Array] | None = None
    range: tuple[float, float] = (-np.inf, np.inf)
    yields_truth: bool = False
    reads_truth: bool = False
    tame: str = ""
    note: str = ""
    digest: str = ""

    @property
    def differentiable(self) -> bool:  # type: ignore[override]  # it follows from the derivatives
        return bool(self.derivatives)

    def shape(self, operands: Sequence[ir.Shape], params: tuple[int, ...]) -> ir.Shape:
        if len(operands) != self.arity:
            raise ShapeError(f"{self.name} takes {self.arity} operands, not {len(operands)}")
        return together(operands)

    def numpy(self, *operands: Array) -> Array:
        return self.function(*operands)

    def transpose(self, reverse: Reverse, instruction: Instruction, adjoint: Atom) -> None:
        for operand, derivative in zip(instruction.inputs, self.derivatives):
            if reverse.wants(operand):
                reverse.give(operand, reverse.scaled(adjoint, derivative, instruction))

    def simplified(self, operands: Sequence[ir.Expr]) -> ir.Expr | None:
        from rnnzoo.lang import ir

        numbers = [operand for operand in operands if isinstance(operand, ir.Number)]
        scalars = [number.value for number in numbers if not number.shape]
        if len(scalars) == len(operands):
            # 1 / 0 is infinite in a layer too: no reason to warn where it is computed beforehand
            with np.errstate(all="ignore"):
                return ir.Number(float(self.function(*scalars)))
        if self.simpler is None:
            return None
        return self.simpler(operands, list(map(_value, operands)))

    def text(self, operands: Operands, params: tuple[int, ...] = ()) -> Written:
        if not self.symbol:
            return f"{self.name}({', '.join(operands.texts)})", CALL
        if self.arity == 1:
            return f"{self.symbol}{operands.enclosed(0, self.binds)}", self.binds
        left, right = self.sides or (self.binds, self.binds + 1)
        return (
            f"{operands.enclosed(0, left)} {self.symbol} {operands.enclosed(1, right)}",
            self.binds,
        )

    def latex(self, operands: Operands) -> Written:
        if not self.symbol:
            return self.latex_form.format(*operands.texts), CALL
        if self.arity == 1:
            return self.latex_form.format(operands.enclosed(0, self.binds)), self.binds
        left, right = self.latex_operands(operands)
        return self.latex_form.format(left, right), self.binds

    def latex_operands(self, operands: Operands) -> tuple[str, str]:
        """Both operands of an infix operator."""
        signed = _is_prefix(operands.exprs[1])
        right = PREFIX + 1 if signed else self.binds + 1  # no sign after a sign
        return operands.enclosed(0, self.binds), operands.enclosed(1, right)

    def form(self) -> str:
        """The operation on operands that are called `a`, `b` and `c`."""
        names = OPERANDS[: self.arity]
        return self.text(Operands((), [(name, CALL) for name in names]))[0]


def _value(operand: ir.Expr) -> float | None:
    """Of a number; None of everything else."""
    from rnnzoo.lang import ir

    return operand.value if isinstance(operand, ir.Number) else None


def _is_prefix(expr: ir.Expr) -> bool:
    """Whether an expression begins with a sign."""
    from rnnzoo.lang import ir

    return isinstance(expr, ir.Apply) and bool(expr.op.symbol) and expr.op.arity == 1
