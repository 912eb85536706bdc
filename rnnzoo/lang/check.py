"""Name resolution, sizes and use: from a `CellSpec` to an `ir.Cell`, or all mistakes of the file at
once.

In: statements as text.  Out: a `Cell` in which every name is resolved and every size is known.  All
of a user's mistakes are found here or before; later modules rely on it.

A weight needs no declaration: a capital name before `@` is a matrix; `b`, `p` and `w`, alone or
with a suffix, are vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from rnnzoo.errors import Mistake, Mistakes, Span, UsageError, nearest
from rnnzoo.lang import ir
from rnnzoo.lang.formulas import names_in
from rnnzoo.lang.parse import (
    MAX_LAG,
    Below,
    Call,
    Index,
    Joined,
    Lag,
    Literal,
    Name,
    Primed,
    Tree,
    expression,
    is_reported,
    too_far,
)
from rnnzoo.lang.primitives import (
    CALLS,
    Elementwise,
    OverUnits,
    Primitive,
    ShapeError,
    div,
    dot,
    largest,
    matmul,
    mul,
    neg,
    stack,
    together,
    transposed,
)
from rnnzoo.lang.primitives.base import ONE
from rnnzoo.lang.text import expression as printed
from rnnzoo.spec.cell import (
    EXPRESSION,
    INITIALISERS,
    MAX_EQUATIONS,
    MAX_NAME,
    MAX_SIZE,
    CellSpec,
    Declared,
    Init,
    Statement,
    UnreadLines,
)
from rnnzoo.spec.document import Code, CodeLine

RESERVED = frozenset({"x", "t", "unit", "units", "inputs", "row", "col", "below", "random"})
# names, numbers and operations of all equations of a layer; the largest cell of the zoo has 202
MAX_BLOCK = 2_000
MAX_ENTRIES = 5_000_000  # of a weight whose sizes stand in the file: its mask takes 40 MB
_MATRIX_INITS = frozenset({"orthogonal", "identity", "spectral_radius"})
# what may stand before @ where a matrix is meant
_TAKEN_FOR_PRODUCTS = frozenset({mul, div, neg, matmul})
_FIX_OF_CYCLE = "write {name}[t-1] where the previous step is meant"
_FIX_OF_CONSTANT_CYCLE = "write one of them without the others"
# what sizes may be computed with
_OF_SIZES = frozenset(
    {"add", "sub", "mul", "div", "mod", "pow", "floor", "minimum", "maximum", "sqrt"}
)
_UNKNOWN = "?"  # the size of what has a mistake: nothing else is reported of it


def _mistaken(size: ir.Size) -> ir.Ref:
    """What stands for a vector with a mistake, so that reading goes on."""
    return ir.Ref("value", "?", (size,))


_MISTAKEN = _mistaken(_UNKNOWN)


def checkable(reader: Callable[[], CellSpec]) -> CellSpec:
    """The spec that `reader` reads; if some lines cannot be read, the error reports the mistakes of
    all other lines too.

    Raises:
        SpecError: with every mistake that could be found.
    """
    try:
        return reader()
    except UnreadLines as error:
        check(error.draft, error.mistakes)
        raise


def check(spec: CellSpec, earlier: Iterable[Mistake] = ()) -> ir.Cell:
    """The cell that a spec describes.

    Args:
        earlier: mistakes found while reading the spec.

    Raises:
        SpecError: with every mistake that could be found.
    """
    mistakes = Mistakes(list(earlier))
    spec, matrices = _without_matrices(spec, mistakes)
    _check_names(spec, mistakes)
    spec, delays, lag_options = _with_delays(spec, mistakes)
    output = spec.output
    if output not in spec.equations:
        if not spec.equations:
            mistakes.raise_if_any()
        # the last equation stands in for the output, so that what it needs is checked too
        with_time = f"{output}_t"
        spec = replace(
            spec, output=with_time if with_time in spec.equations else [*spec.equations][-1]
        )
    constants = _constants(spec, mistakes)
    shared = _Shared(spec, constants, mistakes, delays, reported={output} - {*spec.equations})
    upper = first = _Layer(shared, spec.equations)
    if spec.first_layer:
        first = _Layer(shared, {**spec.equations, **spec.first_layer})
    for layer in dict.fromkeys((upper, first)):
        layer.check_below(first)
        layer.infer_sizes()
        # of `upper` itself nothing is ordered yet, and it comes first: it keeps its own order
        layer.order(upper.in_order)
        layer.type_equations(_needed(spec, (upper, first)))
    _check_layers_agree(spec, upper, first, mistakes)
    step, bottom = (_begun(layer.step(), spec, constants, mistakes) for layer in (upper, first))
    mistakes.raise_if_any()  # with the mistakes above, used names may seem unused

    cell = ir.Cell(
        name=spec.name,
        title=spec.title,
        source=spec.source,
        output=spec.output,
        options=spec.options,
        constants=tuple(constants.values()),
        states=_states(spec, (upper, first), step, mistakes),
        step=step,
        first=bottom,
    )
    _check_use(spec, matrices, lag_options, cell, mistakes)
    mistakes.raise_if_any()
    used = _used_options(cell)
    options = {name: value for name, value in cell.options.items() if name in used}
    return replace(cell, constants=_used_constants(cell), options=options)


def _check_names(spec: CellSpec, mistakes: Mistakes) -> None:
    """A name has one meaning."""
    taken: dict[str, str] = dict.fromkeys(spec.options, "an option")
    for name, key in spec.option_keys.items():
        if name in RESERVED or name in CALLS:
            mistakes.add(
                key.span,
                f"'{name}' cannot be the name of an option: it means something already",
                f"write {name}_",
            )
    for statement in (
        *spec.constants.values(),
        *spec.equations.values(),
        *spec.first_layer.values(),
    ):
        _check_statement_name(statement, spec, taken, mistakes)
    for name, declared in spec.shapes.items():
        if name in RESERVED or name in CALLS or name.startswith("initial_"):
            mistakes.add(
                declared.span, f"'{name}' cannot be the name of a weight", "choose another letter"
            )
        elif name in taken or name in spec.constants:
            mistakes.add(
                declared.span,
                f"'{name}' is {taken.get(name, 'a constant')} already",
                "choose another letter",
            )
    if spec.output not in spec.equations and spec.output not in spec.unread:
        _no_output(spec, mistakes)


def _check_statement_name(
    statement: Statement, spec: CellSpec, taken: Mapping[str, str], mistakes: Mistakes
) -> None:
    """The name of a constant or an equation has no other meaning; `taken` are names with their
    meanings.
    """
    name, span = statement.name, statement.span
    is_constant_too = name in spec.constants and statement is not spec.constants[name]
    if name in RESERVED:
        mistakes.add(span, f"'{name}' is reserved", f"reserved are {', '.join(sorted(RESERVED))}")
    elif name in CALLS or name == "matmul":
        mistakes.add(span, f"'{name}' is an operation and cannot be a name", f"write {name}_")
    elif name in taken or is_constant_too:
        mistakes.add(
            span, f"'{name}' is {taken.get(name, 'a constant')} already", "choose another letter"
        )
    elif name in spec.shapes:
        mistakes.add(span, f"'{name}' is declared as a weight already", "choose another letter")


def _no_output(spec: CellSpec, mistakes: Mistakes) -> None:
    """Report that no equation computes the output; papers often call it h_t."""
    span = spec.span
    if f"{spec.output}_t" in spec.equations:
        span = spec.equations[f"{spec.output}_t"].span
        fix = (
            f"write `{spec.output} = ...`: a bare name is this step's value; or `output:"
            f" {spec.output}_t`"
        )
    else:
        last = [*spec.equations, "y"][len(spec.equations) - 1]
        fix = f"give an equation of it, or name the output: `output: {last}`"
    mistakes.add(span, f"the output '{spec.output}' has no equation", fix)


# ------------------------------------------------------------------ lags


def _with_delays(
    spec: CellSpec, mistakes: Mistakes
) -> tuple[CellSpec, dict[str, tuple[str, ...]], frozenset[str]]:
    """The same cell with an equation for each step that a state is carried on: for `h[t-3]`,
    `h_lag1 = h[t-1]` and `h_lag2 = h_lag1[t-1]`, whose previous value is then read.

    What carries a state starts as the state does.

    Returns:
        the cell; the names of these equations, by the state; and the options that are lags.
    """
    nodes = []
    for statement in (*spec.equations.values(), *spec.first_layer.values()):
        tree = expression(statement.code, Mistakes())
        nodes += [*_nodes(tree)] if tree is not None else []
    lags = [node for node in nodes if isinstance(node, Lag) and node.steps != 1]
    taken = {node.name for node in nodes if isinstance(node, Name | Lag | Primed)}
    taken |= {*spec.equations, *spec.first_layer, *spec.constants, *spec.options, *spec.shapes}
    longest: dict[str, int] = {}
    for lag in dict.fromkeys(lags):
        problem, fix = _wrong_lag(lag, spec)
        if problem:
            mistakes.add(lag.span, problem, fix)
        elif lag.name in spec.equations:
            longest[lag.name] = max(longest.get(lag.name, 0), _steps(lag, spec) or 0)
    added = sum(steps - 1 for steps in longest.values())
    if added and len(spec.equations) + added > MAX_EQUATIONS:
        problem = f"these lags carry {added} values from step to step"
        fix = f"use smaller ones: with the equations they are at most {MAX_EQUATIONS}"
        mistakes.add(lags[0].span, problem, fix)
        mistakes.raise_if_any()
    delays = {name: _carriers(name, steps - 1, taken) for name, steps in longest.items()}
    equations, initial = dict(spec.equations), dict(spec.initial)
    for name, carriers in delays.items():
        for before, carrier in zip((name, *carriers), carriers):
            text, span = f"{before}[t-1]", spec.equations[name].span
            code = Code(span.file, (CodeLine(span.line, span.column, text),), text)
            equations[carrier] = Statement(carrier, span, code, own=False)
            if name in initial:
                initial[carrier] = replace(initial[name], own=False)
    options = frozenset(lag.steps for lag in lags if isinstance(lag.steps, str))
    return replace(spec, equations=equations, initial=initial), delays, options


def _carriers(name: str, count: int, taken: Collection[str]) -> tuple[str, ...]:
    """Free names for what carries a state on."""
    stem = name[: MAX_NAME - 10] + ir.CARRIER
    while any(f"{stem}{number + 1}" in taken for number in range(count)):
        stem += "_"
    return tuple(f"{stem}{number + 1}" for number in range(count))


def _steps(lag: Lag, spec: CellSpec) -> int | None:
    """How many steps back a lag goes; None where it is wrong."""
    value = spec.options.get(lag.steps) if isinstance(lag.steps, str) else lag.steps
    if value is None or not (float(value).is_integer() and 1 <= value <= MAX_LAG):
        return None
    return int(value)


def _wrong_lag(lag: Lag, spec: CellSpec) -> tuple[str, str]:
    """What is wrong with a lag that is an option, and the fix; empty where nothing is."""
    if not isinstance(lag.steps, str) or _steps(lag, spec) is not None:
        return "", ""
    if is_reported(lag.steps):
        return "", ""
    if lag.steps not in spec.options:
        problem = f"[{lag.index}] is not a step: '{lag.steps}' is no option"
        fix = nearest(lag.steps, spec.options) if spec.options else ""
        return problem, fix or f"write `options: {{{lag.steps}: 2}}`, or a whole number"
    value = spec.options[lag.steps]
    if value > MAX_LAG:
        return too_far(f"t-{value:g}")
    problem = f"the option '{lag.steps}' is {value:g}, and a number of steps back"
    return problem, f"a lag is a whole number from 1 to {MAX_LAG}"


# ------------------------------------------------------------------ constants and masks


def _without_matrices(spec: CellSpec, mistakes: Mistakes) -> tuple[CellSpec, dict[str, Statement]]:
    """The same cell with its constant matrices, whose expressions read `row` or `col`, as weights
    that begin with these expressions and are never trained; and the constants that they were.
    """
    matrices: dict[str, Statement] = {}
    for name, constant in spec.constants.items():
        tree = expression(constant.code, Mistakes())
        if tree is not None and any(map(_reads_axes, _nodes(tree))):
            matrices[name] = constant
    if not matrices:
        return spec, matrices
    trainable, init = dict(spec.trainable), dict(spec.init)
    for name, constant in matrices.items():
        _check_matrix(name, constant, spec, mistakes)
        start = Init(EXPRESSION, (constant.code.text,))
        trainable[name] = Declared(0.0, constant.span, constant.own)
        init[name] = Declared(start, constant.span, constant.own, constant.code)
    left = {name: each for name, each in spec.constants.items() if name not in matrices}
    return replace(spec, constants=left, trainable=trainable, init=init), matrices


def _is_called_as_matrix(name: str, spec: CellSpec) -> bool:
    return ir.names_matrix(name) or name in spec.shapes


def _reads_axes(node: Tree) -> bool:
    """Whether this is `row`, `col`, `T[row]` or `T[col]`."""
    return isinstance(node, Index) or (isinstance(node, Name) and node.name in ("row", "col"))


def _check_matrix(name: str, constant: Statement, spec: CellSpec, mistakes: Mistakes) -> None:
    """A constant matrix is called so that it can stand before @, and is nothing else."""
    if not _is_called_as_matrix(name, spec):
        problem = f"'{name}' reads `row` or `col`, so it is a matrix, which has a capital letter"
        mistakes.add(constant.span, problem, f"write {name.capitalize()}, or `unit` for a vector")
    if name in spec.options or name in spec.equations:
        meaning = "an option" if name in spec.options else "an equation"
        mistakes.add(constant.span, f"'{name}' is {meaning} already", "choose another letter")
    for declared in (spec.trainable.get(name), spec.init.get(name), spec.masks.get(name)):
        if declared is not None:
            fix = "delete this; what may be declared of it is its `shape`"
            mistakes.add(declared.span, f"'{name}' is a constant, and stays as it is", fix)


def _constants(spec: CellSpec, mistakes: Mistakes) -> dict[str, ir.Equation]:
    """Constants in topological order: each comes after those that it needs."""
    parsed = {
        name: expression(constant.code, mistakes) for name, constant in spec.constants.items()
    }
    trees = {name: tree for name, tree in parsed.items() if tree is not None}
    _check_parts(trees, spec.constants, mistakes)
    done: dict[str, ir.Equation] = {}
    spans = {name: constant.span for name, constant in spec.constants.items()}
    for name in _topological(trees, spans, mistakes, _FIX_OF_CONSTANT_CYCLE):
        reader = _FixedReader(spec, done, mistakes)
        expr = reader.typed(trees[name])
        done[name] = ir.Equation(name, expr, expr.shape[0] if expr.shape else "")
    return done


@dataclass(slots=True)
class _FixedReader:
    """Resolves expressions without weights and states: constants, and masks of matrices of one
    shape.
    """

    spec: CellSpec
    constants: Mapping[str, ir.Equation]
    mistakes: Mistakes
    shape: ir.Shape = ()

    @property
    def masks(self) -> bool:
        return bool(self.shape)

    @property
    def place(self) -> str:
        return "a mask" if self.masks else "a constant"

    def typed(self, tree: Tree) -> ir.Expr:
        match tree:
            case Literal(value=value):
                return ir.Number(value)
            case Name(name=name, span=span):
                return self.name(name, span)
            case Index(name=name, axis=("row" | "col") as axis, span=span) if self.masks:
                return self.along(name, axis, span)
            case Call(op=OverUnits() as op, args=args):
                typed = tuple(self.typed(arg) for arg in args)
                return _over_units(op, typed, tree, self.spec, self.mistakes)
            case Call(op=op, args=args, span=span) if not op.is_product:
                return _apply(op, tuple(self.typed(arg) for arg in args), span, self.mistakes)
        problem = f"this cannot stand in {self.place}"
        self.mistakes.add(tree.span, problem, f"{self.place} knows {', '.join(self.names())}")
        return _MISTAKEN

    def along(self, name: str, axis: str, span: Span) -> ir.Expr:
        """`T[row]`: the constant's value for the row of an entry of the matrix."""
        constant = self.constants.get(name)
        if constant is None:
            return self.unknown(name, span)
        side = self.shape[0 if axis == "row" else 1]
        if not constant.size:
            self.mistakes.add(
                span, f"'{name}' is one number, the same in every {axis}", f"write {name}"
            )
        elif constant.size not in (side, _UNKNOWN):
            problem = (
                f"'{name}' has a value for each of the {constant.size}, and [{axis}] counts the"
                f" {ir.size_text(side)} here"
            )
            self.mistakes.add(span, problem, f"write `{axis}` for the number from 0")
        return ir.Ref(axis, name)  # type: ignore[arg-type]  # mypy widens the literal

    def names(self) -> list[str]:
        extra = ["row", "col"] if self.masks else ["unit"]
        return list(
            dict.fromkeys([*self.spec.options, *self.spec.constants, "units", "inputs", *extra])
        )

    def name(self, name: str, span: Span) -> ir.Expr:
        if is_reported(name) or name in self.spec.unread:
            return _MISTAKEN
        if name in ("units", "inputs"):
            return ir.Ref("size", name)
        if name == "unit" and not self.masks:
            return ir.Ref("unit", name, ("units",))
        if name in ("row", "col") and self.masks:
            return ir.Ref(name, "")  # type: ignore[arg-type]  # as above
        if name in self.spec.options:
            return ir.Ref("option", name)
        if name in self.constants:
            size = self.constants[name].size
            if self.masks and size:
                fix = f"write {name}[row] or {name}[col]"
                self.mistakes.add(
                    span, f"'{name}' is a vector: say along which side of the matrix", fix
                )
            return ir.Ref("constant", name, (size,) if size else ())
        if name in self.spec.constants:
            return _MISTAKEN  # its mistake is reported already
        return self.unknown(name, span)

    def unknown(self, name: str, span: Span) -> ir.Expr:
        problem = f"{self.place} does not know '{name}'"
        self.mistakes.add(span, problem, nearest(name, self.names()))
        return _MISTAKEN


@dataclass(slots=True)
class _BeginningReader(_FixedReader):
    """Resolves what a weight begins with, given all weights of its step by name."""

    weights: Mapping[str, ir.Weight] = field(default_factory=dict)
    of_constant: bool = False

    @property
    def masks(self) -> bool:
        """Whether this is a matrix, of which rows and columns have numbers."""
        return len(self.shape) == 2

    @property
    def place(self) -> str:
        return "a constant matrix" if self.of_constant else "the beginning of a weight"

    @property
    def vector(self) -> ir.Shape:
        """The shape of what differs from entry to entry; in matrices that has none."""
        return self.shape if len(self.shape) == 1 else ()

    def names(self) -> list[str]:
        axes = (["random"], ["random", "unit"], ["random", "row", "col"])[len(self.shape)]
        alike = [weight.name for weight in self.weights.values() if weight.shape == self.shape]
        known = [*self.spec.options, *self.constants, "units", "inputs", *axes, *alike]
        return list(dict.fromkeys(known))

    def name(self, name: str, span: Span) -> ir.Expr:
        if name == "random":
            return ir.Ref("random", name, self.vector)
        if name == "unit":
            return ir.Ref("unit", name, self.shape) if self.vector else self.unknown(name, span)
        if name in self.weights:
            return self.weight(self.weights[name], span)
        return _FixedReader.name(self, name, span)

    def weight(self, other: ir.Weight, span: Span) -> ir.Expr:
        """What another weight begins with, if that is an expression or a number."""
        problem, fix = "", ""
        if other.shape != self.shape:
            problem = f"'{other.name}' is {_words(other.shape)}, and this is {_words(self.shape)}"
            fix = "name a weight of the same shape"
        elif other.init.name not in (EXPRESSION, *_NUMBERS):
            problem = f"'{other.name}' begins with '{other.init.name}', which is no expression"
            fix = "name a weight that begins with an expression or a number"
        if problem:
            self.mistakes.add(span, problem, fix)
            return _MISTAKEN
        return ir.Ref("weight", other.name, self.vector)


INIT_OF = "init of {}"  # what mistakes name instead of a file
_NUMBERS = ("constant", "zeros", "ones")  # initialisers that give each entry the same number


def with_beginnings(cell: ir.Cell) -> ir.Cell:
    """The same cell with the expressions that its weights begin with, checked and written in one
    way.

    Raises:
        SpecError: mistakes in them.
    """
    file = f"<init of {cell.name}>"
    spec = CellSpec(cell.name, file, Span(file, 1, 1, "", 1), options=cell.options)
    constants, mistakes = {each.name: each for each in cell.constants}, Mistakes()
    step, first = (_begun(each, spec, constants, mistakes) for each in (cell.step, cell.first))
    mistakes.raise_if_any()
    return replace(cell, step=step, first=first)


def _begun(
    step: ir.Step,
    spec: CellSpec,
    constants: Mapping[str, ir.Equation],
    mistakes: Mistakes,
) -> ir.Step:
    """A step whose weights begin as they should: texts that are expressions are checked."""
    weights = {weight.name: weight for weight in step.weights}
    for name, weight in weights.items():  # `b_i: b_f` is an expression, too
        text = weight.init.values[0] if weight.init.name == "constant" else 0
        if text in weights or text in constants:
            weights[name] = replace(weight, init=Init(EXPRESSION, (text,)))
    begun = dict(weights)
    spans = {}
    for name, weight in weights.items():
        if weight.init.name == EXPRESSION:
            declared = spec.init.get(name)
            spans[name] = declared.span if declared else spec.span
            code = declared.code if declared and declared.code else _code_of(weight)
            # what begins with an expression where its weight is declared so is no constant
            is_constant = declared is not None and declared.span == _span_of(
                spec.trainable.get(name)
            )
            reader = _BeginningReader(spec, constants, mistakes, weight.shape, weights, is_constant)
            begun[name] = replace(weight, init=_checked(code, reader))
    for name in _in_a_circle(begun):
        problem = f"'{name}' begins with what begins with '{name}'"
        mistakes.add(spans[name], problem, "give one of them a beginning of its own")
        break
    return replace(step, weights=tuple(begun.values()))


def _span_of(declared: Declared | None) -> Span | None:
    return declared.span if declared else None


def _code_of(weight: ir.Weight) -> Code:
    """The text of an expression that does not stand in a file of a cell."""
    text = str(weight.init.values[0])
    return Code(INIT_OF.format(weight.name), (CodeLine(1, 1, text),), text)


def _checked(code: Code, reader: _BeginningReader) -> Init:
    """An expression for a weight's beginning, written as all are that mean the same."""
    tree = expression(code, reader.mistakes)
    if tree is None:
        return Init("zeros")
    expr = reader.typed(tree)
    if any(ref.name == _UNKNOWN for ref in ir.refs(expr, "value")):
        return Init("zeros")
    # of a matrix, a vector within is a mistake of its own
    if not reader.masks and expr.shape not in ((), ONE, reader.vector):
        problem = f"this is {_words(expr.shape)}, and the weight {_words(reader.shape)}"
        reader.mistakes.add(tree.span, problem, "use `unit`, which counts the weight's own entries")
    return Init(EXPRESSION, (printed(expr),))


def _in_a_circle(weights: Mapping[str, ir.Weight]) -> list[str]:
    """Names of weights whose beginning needs itself."""
    needs: dict[str, set[str]] = {}
    for name, weight in weights.items():
        needs[name] = set(names_in(weight.init)) & weights.keys()
    for _ in weights:
        for name, others in needs.items():
            needs[name] = others.union(*(needs[other] for other in others))
    return [name for name, others in needs.items() if name in others]


# ------------------------------------------------------------------ equations of a step


@dataclass(slots=True)
class _Shared:
    """The parts of a cell that all layers share."""

    spec: CellSpec
    constants: Mapping[str, ir.Equation]
    mistakes: Mistakes
    # the equations that carry a state on, by its name: the value of number k, from 0, is k + 1
    # steps old
    delays: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # names that mean nothing, each reported where it comes first
    reported: set[str] = field(default_factory=set)
    # matrices, by the numbers of joined vectors that depend on a state, in any layer; 0 for one
    # vector alone
    on_state: dict[str, set[int]] = field(default_factory=dict)

    def shape_of(self, name: str) -> ir.Shape | None:
        """The declared shape of a weight, checked; None where it is not declared.

        It is asked for at every use of the weight: `Mistakes` keeps equal mistakes once.
        """
        declared = self.spec.shapes.get(name)
        if declared is None:
            return None
        assert isinstance(declared.value, tuple)  # the reader has made it one
        shape: list[ir.Size] = []
        for size in declared.value:
            if isinstance(size, str):
                shape.append(self.size_of(name, size, declared.span))
            else:
                shape.append(int(size))
        self.check_entries(name, shape, declared.span)
        return tuple(shape)

    def size_of(self, weight: str, text: str, span: Span) -> ir.Size:
        """A size that is a name or an expression, written as all are that mean the same."""
        known = ("units", "inputs", *self.spec.options)
        if text in self.spec.options:
            self.check_size(weight, text, span)
        if text in known:
            return text
        unread = Mistakes()
        tree = expression(Code(span.file, (CodeLine(1, 1, text),), text), unread)
        problem, fix = "", nearest(text, known)
        if tree is None:
            problem = f"the size '{text}' of weight '{weight}' cannot be read"
            fix = unread.collected[0].fix if unread.collected else ""
        elif (
            name := next((name for name in _unsized(tree) if name not in known), None)
        ) is not None:
            problem = f"unknown size '{name}' of weight '{weight}'"
            fix = nearest(name, known)
        if problem:
            self.mistakes.add(span, problem, fix)
            return "units"  # so that reading goes on
        assert tree is not None
        return printed(_FixedReader(self.spec, {}, self.mistakes).typed(tree))

    def check_entries(self, weight: str, shape: list[ir.Size], span: Span) -> None:
        """The sizes of a weight that the file alone determines are not too large."""
        entries, sizes = 1.0, ir.Sizes(1, 1, self.spec.options)
        for size in shape:
            names = ir.size_names(size)
            if "units" in names or "inputs" in names:
                continue
            try:
                entries *= sizes.of(size)
            except UsageError as error:
                if size not in self.spec.options:  # else `check_size` has reported it
                    self.mistakes.add(span, *error.parts)
        if entries > MAX_ENTRIES:
            problem = (
                f"'{weight}' has {entries:,.0f} entries, and more than {MAX_ENTRIES:,} of one"
                " weight are too many"
            )
            self.mistakes.add(
                span, problem, "make it smaller, or a product of two matrices: U @ (V @ h[t-1])"
            )

    def check_size(self, weight: str, option: str, span: Span) -> None:
        value = self.spec.options[option]
        if not (float(value).is_integer() and 1 <= value <= MAX_SIZE):
            problem = f"the option '{option}' is {value:g}, and a size of '{weight}'"
            self.mistakes.add(span, problem, f"a size is a whole number from 1 to {MAX_SIZE}")

    def is_trained(self, name: str) -> bool:
        declared = self.spec.trainable.get(name)
        return declared is None or bool(declared.value)

    def mask_of(self, name: str, shape: ir.Shape) -> ir.Expr | None:
        declared = self.spec.masks.get(name)
        if declared is None or not isinstance(declared.value, Code):
            return None
        if len(shape) != 2:
            problem = f"only a matrix has a mask, and '{name}' is {_words(shape)}"
            self.mistakes.add(declared.span, problem, "multiply it by a constant in the equation")
            return None
        tree = expression(declared.value, self.mistakes)
        if tree:
            return _FixedReader(self.spec, self.constants, self.mistakes, shape).typed(tree)
        return None


@dataclass(eq=False, slots=True)
class _Layer:
    """One layer's equations on their way from trees to a `Step`."""

    shared: _Shared
    statements: Mapping[str, Statement]
    trees: dict[str, Tree] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)  # equations whose expression cannot be read
    sizes: dict[str, ir.Size] = field(default_factory=dict)
    weights: dict[str, tuple[ir.Shape, Span]] = field(default_factory=dict)
    stateful: set[str] = field(default_factory=set)
    in_order: tuple[str, ...] = ()  # names of the equations, each after those that it needs
    equations: tuple[ir.Equation, ...] = ()

    def __post_init__(self) -> None:
        for name, statement in self.statements.items():
            tree = expression(statement.code, self.shared.mistakes)
            # so that the other mistakes are found too
            self.trees[name] = self.carried(tree or Literal(0.0, statement.span))
            if tree is None:
                self.unread.add(name)
        _check_parts(self.trees, self.statements, self.mistakes)

    @property
    def mistakes(self) -> Mistakes:
        return self.shared.mistakes

    def carried(self, tree: Tree) -> Tree:
        """The same expression with `h[t-3]` as the previous value of what carries h two steps."""
        match tree:
            case Lag(name=name, span=span):
                steps = _steps(tree, self.shared.spec)
                carriers = self.shared.delays.get(name, ())
                if steps is not None and 1 < steps <= len(carriers) + 1:
                    return Lag(carriers[steps - 2], span)
            case Call(args=args):
                return replace(tree, args=tuple(map(self.carried, args)))
            case Joined(parts=parts):
                return replace(tree, parts=tuple(map(self.carried, parts)))
        return tree

    # -- names

    def is_weight(self, name: str, before_product: bool) -> bool:
        """By declaration or by convention."""
        spec = self.shared.spec
        if name in spec.shapes:
            return True
        others = (self.trees, RESERVED, self.shared.constants, spec.options)
        if any(name in names for names in others):
            return False
        return ir.names_matrix(name) if before_product else ir.names_vector(name)

    def check_below(self, first: _Layer) -> None:
        """`below.NAME` is an equation of the layer below, which may be the first."""
        for tree in self.trees.values():
            for node in _nodes(tree):
                if not isinstance(node, Below):
                    continue
                if node.name not in self.trees or node.name not in first.trees:
                    problem = f"the layer below has no equation '{node.name}'"
                    self.mistakes.add(node.span, problem, nearest(node.name, self.trees))
                elif self is first:
                    self.mistakes.add(
                        node.span,
                        f"the first layer has nothing below it, {self.why_it_reads_below()}",
                        "give `first_layer: |` with the equations that need no `below`",
                    )

    def why_it_reads_below(self) -> str:
        if self.shared.spec.first_layer:
            return "and `first_layer` reads it all the same"
        return "and there is no `first_layer`"

    # -- sizes

    def infer_sizes(self) -> None:
        """Sizes of all equations: a product has its matrix's rows, other operations the size of
        their operands.

        A size stays once it is inferred, else two that contradict each other would alternate
        forever; `typed` reports them.
        """
        sizes: dict[str, ir.Size] = {}
        # equations that one without a size of its own may take it from
        operands: dict[str, list[str]] = {}
        for name, tree in self.trees.items():
            own_size = self._own_size(tree)
            if own_size is not None:
                sizes[name] = own_size
            else:
                nodes = (node for node in self._sized(tree) if isinstance(node, Name | Lag | Below))
                operands[name] = list(
                    dict.fromkeys(node.name for node in nodes if node.name in self.trees)
                )
        sizes = _with_operands(operands, sizes)
        sizes |= dict.fromkeys(self._doubtful(operands, sizes), _UNKNOWN)
        sizes = self._with_numbers(operands, sizes)
        self.sizes = {name: sizes.get(name, "units") for name in self.trees}

    def _with_numbers(
        self, operands: Mapping[str, list[str]], sizes: Mapping[str, ir.Size]
    ) -> dict[str, ir.Size]:
        """Sizes of equations that read numbers only, as what is made of all units is one.

        What is a number beside an equation that fills a vector with one is a vector.
        """
        left = [name for name in operands if name not in sizes]
        numbers = [name for name in left if 1 in map(self._size, self._sized(self.trees[name]))]
        if not numbers:
            return dict(sizes)
        fills = [name for name in left if not operands[name] and name not in numbers]
        sizes = _with_operands(operands, {**sizes, **dict.fromkeys(fills, "units")})
        left_numbers = [name for name in numbers if name not in sizes]
        return _with_operands(operands, {**sizes, **dict.fromkeys(left_numbers, 1)})

    def _own_size(self, tree: Tree) -> ir.Size | None:
        """The one size that the parts of an expression have of themselves, numbers apart; `?` for
        several, None where none has any.
        """
        sizes: set[ir.Size] = set()
        for node in self._sized(tree):
            size = self._size(node)
            if size not in (None, 1):
                sizes.add(size)
        if len(sizes) > 1:
            return _UNKNOWN
        return next(iter(sizes), None)

    def _doubtful(
        self, operands: Mapping[str, list[str]], sizes: Mapping[str, ir.Size]
    ) -> set[str]:
        """Equations without a size of their own that have a mistake where it would stand, or depend
        on such.
        """
        left = [name for name in operands if name not in sizes]
        doubtful = {
            name
            for name in left
            if name in self.unread or any(map(self._is_unknown, self._sized(self.trees[name])))
        }
        while more := {
            name for name in left if name not in doubtful and doubtful & {*operands[name]}
        }:
            doubtful |= more
        return doubtful

    def _is_unknown(self, node: Tree) -> bool:
        """Whether a part of an expression is a name that means nothing."""
        if isinstance(node, Lag | Below):
            return node.name not in self.trees
        if not isinstance(node, Name) or self.is_weight(node.name, before_product=False):
            return False
        return node.name not in (
            *self.trees, *self.shared.constants, *self.shared.spec.options, "t", "x"
        )  # fmt: skip

    def _sized(self, tree: Tree) -> Iterator[Tree]:
        """The parts of an expression that may determine its size, in reading order."""
        if _reduces_to_number(tree):
            yield tree
        elif isinstance(tree, Call) and not tree.op.is_product and self.starred(tree) is None:
            for arg in tree.args:
                yield from self._sized(arg)
        else:
            yield tree

    def _size(self, node: Tree) -> ir.Size | None:
        """The size of a part; None if it has no size, or takes that of an equation."""
        match node:
            case Name(name="x"):
                return "inputs"
            case Name(name=name) if name in self.shared.constants and name not in self.trees:
                return self.shared.constants[name].size or None
            case Name(name=name) if self.is_weight(name, before_product=False):
                shape = self.shared.shape_of(name)
                if shape is None:
                    return "units"
                return shape[0] if shape else None
            case Call(op=op, args=(Name(name=name), _)) if op.is_product:
                return self.rows(name)
            case Call(op=OverUnits()):
                return 1
            case Call(op=op, args=(Primed(name=name), _)) if op.is_product:
                return self.columns(name)
            case Call() if (star := self.starred(node)) is not None:
                return self.rows(star.matrix.name)
            case Call():
                return "units"  # its left side is a mistake
        return None

    # -- order

    def order(self, like: Iterable[str]) -> None:
        """Sort equations topologically; ties in the order `like` of another layer, then as
        written.
        """
        spans = {name: statement.span for name, statement in self.statements.items()}
        trees = {name: self.trees[name] for name in (*like, *self.trees)}
        self.in_order = _topological(trees, spans, self.mistakes, _FIX_OF_CYCLE)

    # -- types

    def type_equations(self, needed: frozenset[str]) -> None:
        """Resolve names and sizes of all equations but those that are needed by nothing."""
        equations = []
        for name in self.in_order:
            if name not in needed:
                continue
            expr = self.typed(self.trees[name])
            size = self.sizes[name]
            # after another mistake, a difference in size may only follow from it
            is_own_mistake = _UNKNOWN not in (size, *expr.shape) and not self.mistakes.collected
            if is_own_mistake and expr.shape not in ((), (size,)):
                problem = (
                    f"'{name}' has {_words(expr.shape)} here, and {_words((size,))} by its other"
                    " uses"
                )
                self.mistakes.add(
                    self.statements[name].span, problem, "bring it to one size with a matrix: W @ x"
                )
            equations.append(ir.Equation(name, expr, size))
            if ir.is_stateful(expr, self.stateful):
                self.stateful.add(name)
        self.equations = tuple(equations)

    def step(self) -> ir.Step:
        """The equations and the weights that they use.

        Call this when all layers are typed: only then is `on_state`, which decides default
        initialisers, complete.
        """
        return ir.Step(self.equations, tuple(self.weight(name) for name in self.weights))

    def typed(self, tree: Tree) -> ir.Expr:
        match tree:
            case Literal(value=value):
                return ir.Number(value)
            case Name():
                return self.name(tree)
            case Lag():
                return self.lag(tree)
            case Below(name=name):
                size = self.sizes.get(name, "units")
                if size != _UNKNOWN and "inputs" in ir.size_names(size):
                    problem = (
                        f"below.{name} has the size of the inputs, which differs from layer to"
                        " layer"
                    )
                    self.mistakes.add(
                        tree.span, problem, f"bring it to `units` with a matrix: {name} = E @ x"
                    )
                return ir.Ref("below", name, (size,))
            case Index(name=name, axis=axis, span=span):
                self.mistakes.add(span, f"[{axis}] is for masks", f"write {name}, or {name}[t-1]")
                return _MISTAKEN
            case Call(op=op) if op.is_product:
                return self.product(tree)
            case Primed():
                self.mistakes.add(tree.span, *self.lone_prime(tree))
                return _MISTAKEN
            case Call() if (star := self.starred(tree)) is not None:
                return self.star(star)
            case Call(op=OverUnits() as op, args=args):
                if op is dot and self.is_matrix(args[0]):
                    return self.dot_of_matrix(args[0], args[1], tree.span)
                typed = tuple(self.typed(arg) for arg in args)
                return _over_units(op, typed, tree, self.shared.spec, self.mistakes)
            case Call(op=op, args=args, span=span):
                typed = tuple(self.typed(arg) for arg in args)
                self.check_has_gradient(op, typed, span)
                return _apply(op, typed, span, self.mistakes)
        raise AssertionError(tree)  # vectors are joined in products only: `lang.parse` sees to it

    def dot_of_matrix(self, matrix: Tree, operand: Tree, span: Span) -> ir.Expr:
        """Report `dot(W, x)`, as libraries write a product."""
        assert isinstance(matrix, Name)
        self.typed(operand)
        problem = f"dot adds up a * b over units, and '{matrix.name}' is a matrix"
        self.mistakes.add(span, problem, f"write {matrix.name} @ {_text(operand)}")
        return _mistaken(self.rows(matrix.name))

    def check_has_gradient(self, op: Primitive, args: tuple[ir.Expr, ...], span: Span) -> None:
        """An operation without derivatives is not applied to what gradients flow to: it would stop
        them.
        """
        names = {ref.name for arg in args for ref in ir.refs(arg, *ir.WITH_ADJOINT)}
        if not op.differentiable and names - {_UNKNOWN}:
            fix = "use it on `t`, options and constants"
            self.mistakes.add(
                span, f"{op.symbol or op.name} has no gradient and cannot be applied to this", fix
            )

    def name(self, node: Name) -> ir.Expr:
        name, spec = node.name, self.shared.spec
        if name == "x":
            return ir.Ref("input", "x", ("inputs",))
        if name == "t":
            return ir.Ref("time", "t")
        if name in self.trees:
            return ir.Ref("value", name, (self.sizes[name],))
        if name in spec.options:
            return ir.Ref("option", name)
        if name in self.shared.constants:
            size = self.shared.constants[name].size
            return ir.Ref("constant", name, (size,) if size else ())
        if name in spec.constants:
            return _MISTAKEN  # its mistake is reported already
        if self.is_weight(name, before_product=False):
            shape = self.shared.shape_of(name)
            return self.use(name, ("units",) if shape is None else shape, node.span)
        self.unknown(node)
        return _MISTAKEN

    def unknown(self, node: Name) -> None:
        name = node.name
        spec = self.shared.spec
        if name in spec.trainable and not _is_called_as_matrix(name, spec):
            return  # a constant matrix whose name is reported already
        if self.is_reported(name) or self.has_its_time(name):
            return
        self.shared.reported.add(name)
        base = name.removesuffix("_t")
        if name.endswith("_t") and (base == "x" or base in self.trees):
            problem, fix = (
                f"unknown name '{name}'",
                f"write {base} for {name}: a bare name is this step's value",
            )
        elif name in RESERVED:
            problem, fix = (
                f"'{name}' cannot stand in an equation",
                "it is known in `constants:` and masks",
            )
            if name == "below":
                fix = "write below.c for the value of `c` in the layer below"
        elif name[:1].isupper():
            problem = f"'{name}' is no equation, and a weight matrix only before @"
            fix = f"write {name} @ x, or declare it: `weights: {{{name}: {{shape: [units]}}}}`"
            if name in spec.trainable:
                problem, fix = f"the matrix '{name}' stands only before @", f"write {name} @ x"
        else:
            known = [*self.trees, "x", *self.shared.constants, *self.shared.spec.options]
            problem, fix = f"unknown name '{name}'", nearest(name, known)
            if not fix.startswith("did you mean"):
                declared = f"`weights: {{{name}: {{shape: [units]}}}}`"
                fix = (
                    f"name a trained vector b, p or w, such as b_{name}, or declare it:"
                    f" {declared}; else {fix}"
                )
        self.mistakes.add(node.span, problem, fix)

    def is_reported(self, name: str) -> bool:
        """Whether a mistake about a name is reported already: that it means nothing, or one of its
        letters or its line.
        """
        return is_reported(name) or name in self.shared.reported or name in self.shared.spec.unread

    def has_its_time(self, name: str) -> bool:
        """Report, once, an equation `c_t = ...` of a name that is used as `c`."""
        timed = f"{name}_t"
        if timed not in self.trees:
            return False
        self.shared.reported.add(name)
        problem = f"'{timed}' has an equation, and '{name}' has none"
        fix = f"write `{name} = ...`: a bare name is this step's value"
        self.mistakes.add(self.statements[timed].span, problem, fix)
        return True

    def lag(self, node: Lag) -> ir.Expr:
        name = node.name
        if name in self.trees:
            return ir.Ref("previous", name, (self.sizes[name],))
        if self.is_reported(name) or self.has_its_time(name):
            return _MISTAKEN
        if name == "x":
            fix = f"carry what you need of it in a state: `u = W_u @ x`, then u[{node.index}]"
            problem = f"x[{node.index}] is not known: only equations have a previous step"
            self.mistakes.add(node.span, problem, fix)
        elif (
            name in RESERVED
            or self.is_weight(name, False)
            or (self.is_weight(name, True) and name in self.shared.spec.shapes)
        ):
            self.mistakes.add(
                node.span, f"'{name}' has no previous step: only equations do", f"write {name}"
            )
        else:
            self.shared.reported.add(name)
            near = nearest(name, self.trees)
            self.mistakes.add(
                node.span,
                f"the state '{name}' needs an equation of its own",
                f"write `{name} = ...`; {near}",
            )
        return _MISTAKEN

    def is_matrix(self, tree: Tree) -> TypeGuard[Name]:
        """Whether this is the name of a matrix of weights, which stands before @ only."""
        if not isinstance(tree, Name):
            return False
        shape = self.shared.shape_of(tree.name)
        if shape is not None:
            return len(shape) == 2
        return self.is_weight(tree.name, True) and not self.is_weight(tree.name, False)

    def rows(self, matrix: str) -> ir.Size:
        """The size of a product with a matrix."""
        shape = self.shared.shape_of(matrix)
        return shape[0] if shape else "units"

    def columns(self, matrix: str) -> ir.Size:
        """The size of a product with the transposed matrix: of what it multiplies elsewhere."""
        shape = self.shared.shape_of(matrix)
        if shape is not None:
            return shape[1] if len(shape) == 2 else _UNKNOWN
        for tree in self.trees.values():
            for node in _nodes(tree):
                if _multiplies_x(node, matrix):
                    return "inputs"
        return "units"

    def starred(self, tree: Tree) -> _Star | None:
        """The product with a matrix that `*` is written for, if it is."""
        if not isinstance(tree, Call) or tree.op is not mul:
            return None
        left, right = tree.args
        if isinstance(left, Literal) or isinstance(right, Literal):
            return None
        if self.is_matrix(left):
            return _Star(left, right, left, right)
        if isinstance(left, Call) and left.op is mul and self.is_matrix(left.args[1]):
            return _Star(left.args[1], right, left, right, left.args[0])
        return _Star(right, left, left, right) if self.is_matrix(right) else None

    def star(self, star: _Star) -> ir.Expr:
        """Report `*` where @ is meant, once; the result has the size that it would have."""
        for factor in (star.factor, star.operand):
            if factor is not None and not self.is_matrix(factor):
                self.typed(factor)
        matrix, product = star.matrix.name, f"{star.matrix.name} @ {_text(star.operand)}"
        meant = product if star.factor is None else f"{_text(star.factor)} * ({product})"
        problem = f"`*` multiplies element by element, and '{matrix}' is a matrix"
        sign = _sign_between(star.left.span, star.right.span)
        if sign is None or sign.text[sign.column - 1] == "*":  # another sign is reported already
            self.mistakes.add(sign or star.left.span, problem, f"write {meant}")
        return _mistaken(self.rows(matrix))

    def product(self, tree: Call) -> ir.Expr:
        left, right = tree.args
        if not self.stands_for_matrix(left) and self.stands_for_matrix(right):
            return self.turned(left, right)
        mistakes_before = len(self.mistakes.collected)
        operand = self.joined(right) if isinstance(right, Joined) else self.typed(right)
        if not isinstance(left, Name | Primed) or not self.is_weight(left.name, True):
            self.not_a_matrix(left, right, tree.span)
            return _mistaken("units")
        if len(operand.shape) != 1:
            if len(self.mistakes.collected) == mistakes_before:
                self.not_a_vector(_text(left), right, operand.shape)
            return _mistaken("units")
        if operand.shape == (_UNKNOWN,):
            return _mistaken(self.size_of_product(left))
        return self.applied(left, right, operand)

    def joined(self, tree: Joined) -> ir.Expr:
        """Vectors side by side, which a matrix multiplies."""
        parts = tuple(self.typed(part) for part in tree.parts)
        if any(part.shape == (_UNKNOWN,) for part in parts):
            return _MISTAKEN
        for part, written in zip(parts, tree.parts):
            if not part.shape:
                problem = "a number cannot stand beside vectors"
                self.mistakes.add(written.span, problem, "add a vector of weights: W @ [...] + b")
                return _MISTAKEN
        return ir.Apply(stack, parts, stack.shape([part.shape for part in parts], ()))

    def stands_for_matrix(self, tree: Tree) -> bool:
        """Whether this is the name of a matrix of weights, or that of one with a prime."""
        if isinstance(tree, Primed):
            return self.is_matrix(Name(tree.name, tree.span))
        return self.is_matrix(tree)

    def size_of_product(self, matrix: Name | Primed) -> ir.Size:
        return self.rows(matrix.name) if isinstance(matrix, Name) else self.columns(matrix.name)

    def applied(self, matrix: Name | Primed, right: Tree, vector: ir.Expr) -> ir.Expr:
        """The product of a matrix, transposed where it has a prime, with a vector; sizes fit."""
        if isinstance(matrix, Primed) and isinstance(vector.shape[0], tuple):
            problem = "a transposed matrix multiplies one vector"
            self.mistakes.add(
                right.span, problem, f"write {matrix.name}_1' @ a + {matrix.name}_2' @ b"
            )
            return _mistaken(_UNKNOWN)
        name, shape = matrix.name, self.shape_before(matrix, vector.shape)
        weight = self.use(name, shape, matrix.span)
        if len(shape) != 2:
            problem = f"{name} is {_words(shape)}, and only a matrix stands before @"
            self.mistakes.add(
                matrix.span, problem, f"write {name} * ... for a product element by element"
            )
            return _mistaken("units")
        if isinstance(matrix, Primed):
            if isinstance(shape[1], tuple):
                problem = f"{name} multiplies joined vectors, and cannot be transposed as well"
                self.mistakes.add(matrix.span, problem, "give each vector a matrix of its own")
                return _mistaken(_UNKNOWN)
            shape = shape[::-1]
            weight = ir.Apply(transposed, (weight,), shape)
        if shape[1] != vector.shape[0]:
            self.mistakes.add(right.span, *self.wrong_operand(matrix, shape, vector.shape))
        for number, part in enumerate(ir.joined(vector)):
            if ir.is_stateful(part, self.stateful):
                self.shared.on_state.setdefault(name, set()).add(number)
        return ir.Apply(matmul, (weight, vector), shape[:1])

    def shape_before(self, matrix: Name | Primed, vector: ir.Shape) -> ir.Shape:
        """The shape of a matrix: as it is declared, else as it was used first, else as this vector
        needs it.
        """
        declared = self.shared.shape_of(matrix.name)
        if declared is not None:
            return _with_joined(declared, vector[0])
        if matrix.name in self.weights:
            return self.weights[matrix.name][0]
        columns = self.columns(matrix.name) if isinstance(matrix, Primed) else vector[0]
        return "units", columns

    def lone_prime(self, primed: Primed) -> tuple[str, str]:
        """What to say of a prime that transposes no matrix, or of a transposed matrix that
        multiplies nothing.
        """
        if self.stands_for_matrix(primed):
            return "a transposed matrix stands only before @", f"write {primed.name}' @ a"
        problem = "only a matrix of weights is transposed"
        if primed.name in self.trees:  # some papers mean the previous step
            return problem, f"write {primed.name}[t-1] for the previous step"
        return problem, "write R' @ h[t-1]"

    def not_a_vector(self, matrix: str, right: Tree, shape: ir.Shape) -> None:
        """Report what stands after @, unless a name in it is reported."""
        names = [node.name for node in _nodes(right) if isinstance(node, Name | Lag)]
        if not any(map(self.is_reported, names)):
            problem = f"{matrix} @ needs a vector on its right, not {_words(shape)}"
            self.mistakes.add(right.span, problem, "write * for a product with a number")

    def turned(self, left: Tree, right: Tree) -> ir.Expr:
        """Report `x @ W`, as libraries write it."""
        assert isinstance(right, Name | Primed)
        self.typed(left)
        problem = f"the matrix '{_text(right)}' stands after @, and belongs before it"
        self.mistakes.add(right.span, problem, f"write {_text(right)} @ {_text(left)}")
        return _mistaken(self.size_of_product(right))

    def wrong_operand(
        self, matrix: Name | Primed, shape: ir.Shape, got: ir.Shape
    ) -> tuple[str, str]:
        name = matrix.name
        first_use = self.weights[name][1]
        where = (
            "declared so"
            if name in self.shared.spec.shapes
            else f"used so on line {first_use.line}"
        )
        problem = f"{_text(matrix)} is {_words(shape)} ({where}), and this is {_words(got)}"
        if isinstance(shape[1], tuple) or isinstance(got[0], tuple):
            return problem, "use another matrix, or join the same vectors in the same order"
        if isinstance(matrix, Primed):
            return problem, f"{name}' takes a vector as large as what {name} @ ... gives"
        return (
            problem,
            f"`x` has size inputs, which never equals units: use another matrix, such as {name}_x",
        )

    def not_a_matrix(self, left: Tree, right: Tree, span: Span) -> None:
        """Report what stands before @, and is no matrix."""
        match left:
            case Name(name=name) if self.is_reported(name):
                return
            case Primed():
                self.mistakes.add(left.span, *self.lone_prime(left))
            case Call(op=op, args=(*_, Name() | Primed() as matrix)) if op in _TAKEN_FOR_PRODUCTS:
                problem = (
                    "@ and * bind alike, from the left: the left side of @ is not one matrix here"
                )
                self.mistakes.add(span, problem, f"write a * ({_text(matrix)} @ ...)")
            case Name(name=name):
                problem = f"'{name}' is no matrix" + (
                    " but an equation" if name in self.trees else ""
                )
                fix = (
                    "a matrix has a capital letter and no equation: write W @ x, or * for"
                    " elementwise"
                )
                self.mistakes.add(left.span, problem, fix)
            case Call(op=op, args=(first, second)) if op.signs and all(
                map(self.stands_for_matrix, (first, second))
            ):
                operand = _text(right)
                fix = f"write {_text(first)} @ {operand} {op.symbol} {_text(second)} @ {operand}"
                self.mistakes.add(left.span, "matrices are not added", fix)
            case _:
                self.mistakes.add(
                    left.span, "the left side of @ must be one weight matrix", "write W @ (...)"
                )

    # -- weights

    def use(self, name: str, shape: ir.Shape, span: Span) -> ir.Expr:
        self.weights.setdefault(name, (shape, span))
        return ir.Ref("weight" if self.shared.is_trained(name) else "fixed", name, shape)

    def weight(self, name: str) -> ir.Weight:
        shape, _ = self.weights[name]
        spec = self.shared.spec
        declared = spec.init.get(name)
        default = ir.default_init(shape, self.shared.on_state.get(name, ()))
        init = declared.value if declared and isinstance(declared.value, Init) else default
        names = {*self.weights, *self.shared.constants}
        # `_begun` reads the others
        if declared and (init.name != "constant" or init.values[0] not in names):
            _check_init(init, shape, declared.span, spec, self.mistakes)
        mask, is_trained = self.shared.mask_of(name, shape), self.shared.is_trained(name)
        return ir.Weight(name, shape, init, mask, is_trained)


def _with_operands(
    operands: Mapping[str, list[str]], sizes: Mapping[str, ir.Size]
) -> dict[str, ir.Size]:
    """Sizes of equations, with those that others take from their operands."""
    known = dict(sizes)
    while new := _sizes_of_operands(operands, known):
        known |= new
    return known


def _sizes_of_operands(
    operands: Mapping[str, list[str]], sizes: Mapping[str, ir.Size]
) -> dict[str, ir.Size]:
    """For equations without a size, that of the first operand that has one; equations without such
    an operand are missing.
    """
    inferred = {}
    for name, candidates in operands.items():
        with_size = [candidate for candidate in candidates if candidate in sizes]
        if name not in sizes and with_size:
            inferred[name] = sizes[with_size[0]]
    return inferred


def _check_init(
    init: Init, shape: ir.Shape, span: Span, spec: CellSpec, mistakes: Mistakes
) -> None:
    if len(shape) != 2 and init.name in _MATRIX_INITS:
        mistakes.add(span, f"the initialiser '{init.name}' is for matrices", "give a number")
    elif init.name == "spectral_radius" and shape[0] != shape[1]:
        problem = f"only a square matrix has a spectral radius, and this is {_words(shape)}"
        mistakes.add(span, problem, "give it to a matrix on a state, such as R")
    for value in init.values if init.name != EXPRESSION else ():
        if isinstance(value, str) and value not in spec.options:
            known = [name for name in INITIALISERS if name != "constant"]
            mistakes.add(
                span,
                f"'{value}' is no initialiser and no option",
                nearest(value, [*known, *spec.options]),
            )


def _apply(op: Primitive, args: tuple[ir.Expr, ...], span: Span, mistakes: Mistakes) -> ir.Expr:
    """An elementwise operation: its operands have one size, or are numbers."""
    shapes = list(dict.fromkeys(arg.shape for arg in args if arg.shape))
    if any(len(shape) > 1 for shape in shapes):
        mistakes.add(span, "a matrix stands only before @", "declare a vector, or write W @ a")
        return _MISTAKEN
    if (_UNKNOWN,) in shapes:
        return _MISTAKEN
    try:
        return ir.Apply(op, args, together(shapes))
    except ShapeError:
        shapes = [shape for shape in shapes if shape != ONE]
        symbol = f"'{op.symbol}'" if op.symbol else op.name
        problem = (
            f"the operands of {symbol} differ in size: {_words(shapes[0])} and {_words(shapes[1])}"
        )
        mistakes.add(span, problem, "bring both to one size with a matrix: W @ x")
        return _MISTAKEN


def _reduces_to_number(tree: Tree) -> bool:
    """Whether this is an operation that makes one number of all units."""
    match tree:
        case Call(op=OverUnits() as op, args=args):
            return op.reduces_to_number(len(args))
    return False


def _over_units(
    op: OverUnits, args: tuple[ir.Expr, ...], tree: Call, spec: CellSpec, mistakes: Mistakes
) -> ir.Expr:
    """An operation over the units of vectors of one size, or over those of groups of them."""
    vectors, trees = args[: op.arity], tree.args[: op.arity]
    instead = _MISTAKEN if not op.reduces_to_number(len(args)) else _mistaken(1)
    shapes = [vector.shape for vector in vectors]
    if (_UNKNOWN,) in shapes:
        return instead
    for shape, operand in zip(shapes, trees):
        if len(shape) != 1:
            problem = f"{op.name} is taken over the units of a vector, and this is {_words(shape)}"
            mistakes.add(operand.span, problem, "give it a vector, such as h[t-1] or W @ x")
            return instead
    if len(set(shapes)) > 1:
        problem = (
            f"the operands of {op.name} differ in size: {_words(shapes[0])} and {_words(shapes[1])}"
        )
        mistakes.add(tree.span, problem, "bring both to one size with a matrix: W @ x")
        return instead
    if len(args) > len(vectors):
        problem, fix = _wrong_groups(op, shapes[0][0], args[-1], spec)
        if problem:
            mistakes.add(tree.args[-1].span, problem, fix)
            return instead
    return ir.Apply(op, args, op.shape([arg.shape for arg in args], ()))


def _wrong_groups(op: OverUnits, size: ir.Size, groups: ir.Expr, spec: CellSpec) -> tuple[str, str]:
    """What is wrong with a number of groups, and the fix; empty where nothing is."""
    match groups:
        case ir.Number(value=count):
            written = f"{count:g}"
        case ir.Ref(kind="option", name=name):
            count, written = spec.options[name], f"the option '{name}', {spec.options[name]:g},"
        case _:
            of = "a number that the step computes" if not groups.shape else _words(groups.shape)
            problem = f"the last operand of {op.name} is a number of groups, and this is {of}"
            if op is largest:
                return problem, "write maximum(a, b) for the larger of two"
            return problem, f"name an option: {op.form()[:-1]}, heads)"
    if not (count >= 1 and float(count).is_integer()):
        return f"{written} is no number of groups", "groups are a whole number from 1"
    number = spec.options.get(size) if isinstance(size, str) else size
    if isinstance(number, int | float) and number % count:
        problem = f"{written} does not divide {number:g}, the size of this vector"
        return problem, "groups have the same number of units each"
    return "", ""


@dataclass(frozen=True, slots=True)
class _Star:
    """`left * right`, where a product `matrix @ operand` is meant, times a factor if there is
    one.
    """

    matrix: Name
    operand: Tree
    left: Tree
    right: Tree
    factor: Tree | None = None


def _text(tree: Tree) -> str:
    """What is written for a part of an expression, in brackets where a product needs them."""
    span = tree.span
    text = span.text[span.column - 1 :][: span.length].strip()[:40]
    return f"({text})" if isinstance(tree, Call) and tree.op.symbol else text


def _sign_between(left: Span, right: Span) -> Span | None:
    """The place of the sign between two operands on one line."""
    if left.line != right.line:
        return None
    end = left.column - 1 + left.length
    between = left.text[end : right.column - 1]
    signs = [index for index, char in enumerate(between) if not char.isspace() and char not in "()"]
    return replace(left, column=end + signs[0] + 1, length=1) if signs else None


def _with_joined(shape: ir.Shape, size: ir.Size) -> ir.Shape:
    """A declared shape with its columns in the order of the joined vectors that it multiplies, if
    they are declared as the sum of their sizes.
    """
    if len(shape) != 2 or not isinstance(size, tuple) or not isinstance(shape[1], str):
        return shape
    terms = sorted(shape[1].split(" + "))
    return (shape[0], size) if terms == sorted(map(ir.size_text, size)) else shape


def _multiplies_x(node: Tree, matrix: str) -> bool:
    """Whether this is `matrix @ x`."""
    match node:
        case Call(op=op, args=(Name(name=left), Name(name="x"))) if op.is_product:
            return left == matrix
    return False


def _words(shape: ir.Shape) -> str:
    """A shape in words: `a vector [units]`."""
    kind = ("a number", "a vector", "a matrix")[len(shape)]
    return f"{kind} [{', '.join(map(ir.size_text, shape))}]" if shape else kind


def _nodes(tree: Tree) -> Iterator[Tree]:
    yield tree
    inner: tuple[Tree, ...] = ()
    if isinstance(tree, Call):
        inner = tree.args
    elif isinstance(tree, Joined):
        inner = tree.parts
    for each in inner:
        yield from _nodes(each)


def _fix_of_unused(statement: Statement, output: str) -> str:
    """What to do with an equation that nothing needs; one that reads the output is a paper's
    read-out.
    """
    tree = expression(statement.code, Mistakes())
    nodes = _nodes(tree) if tree is not None else ()
    if any(isinstance(node, Name) and node.name == output for node in nodes):
        return (
            f"delete it: a layer that reads '{output}' is added to every cell; or write `output:"
            f" {statement.name}`"
        )
    return f"delete it, or use it in what leads to '{output}'"


def _unsized(tree: Tree) -> Iterator[str]:
    """What stands in a size and is neither a number nor arithmetic: names, and other notation."""
    for node in _nodes(tree):
        match node:
            case Name(name=name):
                yield name
            case Call(op=Elementwise() as op) if op.name in _OF_SIZES:
                continue
            case Call(op=op):
                yield op.symbol or op.name
            case Primed() | Joined() | Lag() | Index() | Below():
                yield _text(node)


def _topological(
    trees: Mapping[str, Tree], spans: Mapping[str, Span], mistakes: Mistakes, fix: str
) -> tuple[str, ...]:
    """Names in topological order: each comes after those that it needs within the step; cycles are
    mistakes.
    """
    needs = {}
    for name, tree in trees.items():
        needs[name] = [
            node.name for node in _nodes(tree) if isinstance(node, Name) and node.name in trees
        ]
    order: list[str] = []
    has_cycle = False  # one cycle is one mistake, however many names are on it

    def visit(name: str, path: tuple[str, ...]) -> None:
        nonlocal has_cycle
        if name in path and not has_cycle:
            has_cycle = True
            cycle = " -> ".join((*path[path.index(name) :], name))
            mistakes.add(spans[name], f"these need each other: {cycle}", fix.format(name=name))
        if name in path or name in order:
            return
        for needed in needs[name]:
            visit(needed, (*path, name))
        order.append(name)

    for name in trees:
        visit(name, ())
    return tuple(order)


def _check_parts(
    trees: Mapping[str, Tree], statements: Mapping[str, Statement], mistakes: Mistakes
) -> None:
    """All equations of a block together are no larger than `MAX_BLOCK`; else checking ends here."""
    parts = 0
    for name, tree in trees.items():
        parts += sum(1 for _ in _nodes(tree))
        if parts > MAX_BLOCK:
            problem = f"equations of more than {MAX_BLOCK} names, numbers and operations in all"
            mistakes.add(
                statements[name].span,
                problem,
                "leave some out, or put more units into fewer equations",
            )
            mistakes.raise_if_any()


def _needed(spec: CellSpec, layers: Iterable[_Layer]) -> frozenset[str]:
    """Names that the output needs, through this step, the previous one and the layer below."""
    needed: set[str] = set()
    todo = [spec.output]
    while todo:
        name = todo.pop()
        if name in needed or not any(name in layer.trees for layer in layers):
            continue
        needed.add(name)
        for layer in layers:
            if name in layer.trees:
                used = [
                    node.name
                    for node in _nodes(layer.trees[name])
                    if isinstance(node, Name | Lag | Below)
                ]
                # one whose equation is wrongly called c_t needs what that one needs
                for operand in used:
                    todo.append(operand if operand in layer.trees else f"{operand}_t")
    return frozenset(needed)


def _states(
    spec: CellSpec, layers: tuple[_Layer, _Layer], step: ir.Step, mistakes: Mistakes
) -> tuple[ir.State, ...]:
    upper, first = layers
    needed = _needed(spec, layers)
    lags: list[str] = []
    for layer in dict.fromkeys((upper, first)):
        for name in layer.in_order:  # the order of computation, which survives printing
            if name in needed:
                lags += [node.name for node in _nodes(layer.trees[name]) if isinstance(node, Lag)]
    # stable: the output first
    names = sorted(dict.fromkeys(lags), key=lambda name: name != spec.output)
    carriers = {name for carried in upper.shared.delays.values() for name in carried}
    states = []
    for name in names:
        if name not in upper.sizes:
            problem = (
                f"the state '{name}' is one of the first layer only, and all layers have the same"
                " states"
            )
            mistakes.add(
                spec.first_layer[name].span,
                problem,
                "give the layers above an equation for it, too",
            )
            continue
        declared = spec.initial.get(name)
        initial = declared.value if declared else 0.0
        begin = initial if initial == "learned" else float(initial)  # type: ignore[arg-type]
        states.append(ir.State(name, upper.sizes[name], begin))  # type: ignore[arg-type]
        size = upper.sizes[name]
        is_of_inputs = size != _UNKNOWN and "inputs" in ir.size_names(size)
        if is_of_inputs and name not in carriers:  # of what is carried it is said already
            problem = f"the state '{name}' has the size of the inputs"
            fix = f"bring it to `units` with a matrix: {name} = E @ x"
            mistakes.add(spec.equations[name].span, problem, fix)
    return tuple(states)


def _check_use(
    spec: CellSpec,
    matrices: Mapping[str, Statement],
    lag_options: Collection[str],
    cell: ir.Cell,
    mistakes: Mistakes,
) -> None:
    """Everything that the file itself writes is used; unused inherited parts drop silently."""
    equations = {equation.name for equation in (*cell.step.equations, *cell.first.equations)}
    for statement in (*spec.equations.values(), *spec.first_layer.values()):
        if statement.own and statement.name not in equations:
            mistakes.add(
                statement.span,
                f"'{statement.name}' is needed by nothing",
                _fix_of_unused(statement, spec.output),
            )
    for name, option in spec.option_keys.items():
        if option.own and name not in _used_options(cell) and name not in lag_options:
            fix = "delete it, or name it in an equation"
            mistakes.add(option.span, f"the option '{name}' is needed by nothing", fix)
    constants = {constant.name for constant in _used_constants(cell)}
    constants |= {weight.name for weight in (*cell.step.weights, *cell.first.weights)}
    for statement in (*spec.constants.values(), *matrices.values()):
        if statement.own and statement.name not in constants:
            mistakes.add(
                statement.span, f"the constant '{statement.name}' is needed by nothing", "delete it"
            )
    _check_declarations_used(spec, matrices, cell, mistakes)
    if not cell.states:
        span = spec.equations[spec.output].span
        mistakes.add(
            span,
            "this cell has no state: nothing is recurrent",
            f"use {spec.output}[t-1] in an equation",
        )


def _check_declarations_used(
    spec: CellSpec, matrices: Collection[str], cell: ir.Cell, mistakes: Mistakes
) -> None:
    """Every declaration of a weight or a state that the file writes names one that the cell has."""
    weights = {*matrices, *(weight.name for weight in (*cell.step.weights, *cell.first.weights))}
    entries: tuple[tuple[str, Mapping[str, Declared]], ...] = (
        ("weights", spec.shapes), ("weights", spec.masks), ("weights", spec.trainable),
        ("init", spec.init),
    )  # fmt: skip
    for key, declared in entries:
        for name, entry in declared.items():
            if entry.own and name not in weights:
                mistakes.add(
                    entry.span,
                    f"`{key}` names '{name}', which no equation uses",
                    nearest(name, weights),
                )
    states = {state.name for state in cell.states}
    for name, entry in spec.initial.items():
        if entry.own and name not in states:
            mistakes.add(
                entry.span, f"`initial` names '{name}', which is no state", nearest(name, states)
            )


def _check_layers_agree(spec: CellSpec, upper: _Layer, first: _Layer, mistakes: Mistakes) -> None:
    """States, the output and values that the layer above reads have the same size in all layers."""
    shared = {spec.output}
    for tree in (*upper.trees.values(), *first.trees.values()):
        shared |= {node.name for node in _nodes(tree) if isinstance(node, Lag | Below)}
    for name, statement in spec.first_layer.items():
        own = first.sizes[name]
        others = upper.sizes.get(name, own)
        if name in shared and own != others and _UNKNOWN not in (own, others):
            problem = f"'{name}' has size {own} in the first layer and {others} in the others"
            mistakes.add(statement.span, problem, "give it one size with a matrix")


def _used_options(cell: ir.Cell) -> frozenset[str]:
    """Options that an equation, a constant, a mask, a size or an initialiser names."""
    weights = (*cell.step.weights, *cell.first.weights)
    exprs = [
        equation.expr for equation in (*cell.constants, *cell.step.equations, *cell.first.equations)
    ]
    exprs += [weight.mask for weight in weights if weight.mask is not None]
    names: set[object] = {ref.name for expr in exprs for ref in ir.refs(expr, "option")}
    names.update(part for weight in weights for part in weight.init.values)
    names.update(name for weight in weights for name in ir.size_names(weight.shape))
    names.update(name for weight in weights for name in names_in(weight.init))
    return frozenset(name for name in cell.options if name in names)


def _used_constants(cell: ir.Cell) -> tuple[ir.Equation, ...]:
    """Constants that an equation or a mask needs, directly or through others."""
    exprs: list[ir.Expr] = [
        equation.expr for equation in (*cell.step.equations, *cell.first.equations)
    ]
    exprs += [
        weight.mask
        for weight in (*cell.step.weights, *cell.first.weights)
        if weight.mask is not None
    ]
    needed = {ref.name for expr in exprs for ref in ir.refs(expr, "constant", "row", "col")}
    for weight in (*cell.step.weights, *cell.first.weights):
        needed |= set(names_in(weight.init))
    for constant in reversed(cell.constants):
        if constant.name in needed:
            needed |= {ref.name for ref in ir.refs(constant.expr, "constant")}
    return tuple(constant for constant in cell.constants if constant.name in needed)
