"""The text of an equation -> a tree whose every node knows its place.

In: a `Code`.  Out: `Name`, `Primed`, `Joined`, `Lag`, `Below`, `Index`, `Round`, `Literal`, `Call`.
Python's own parser gives precedence and positions; a whitelist of its nodes is what the language
is.  Nothing is ever evaluated by Python.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Sequence

from rnnzoo.errors import Mistakes, Span, UsageError, nearest, number_of
from rnnzoo.lang import notation, unreadable
from rnnzoo.lang.notation import PRIME, this_step
from rnnzoo.lang.operations import calls, named
from rnnzoo.lang.primitives import (
    CALLS,
    INFIX,
    OverUnits,
    Primitive,
    matmul,
    mul,
    neg,
    outer_product,
    transposed,
)
from rnnzoo.lang.tree import (
    Below,
    Call,
    Index,
    Joined,
    Lag,
    Literal,
    Name,
    Primed,
    Round,
    Tree,
    is_reported,
    reported,
)
from rnnzoo.spec.document import MAX_NUMBER, Code

# Limits of an expression, below which all that reads it is quick and nothing recurses too deep.
# Those of the zoo have at most 32 parts, 8 deep.
MAX_PARTS = 500  # names, numbers and operations
MAX_DEPTH = 60  # operations within each other; a sum of n terms is n deep
# of the text that Python's parser is given; `MAX_PARTS` parts take fewer when they are printed
MAX_CHARACTERS = 30_000
MAX_LAG = 100  # steps back: each step between is a state of the cell


_INFIX = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%", ast.Pow: "**",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip

# What people write from habit, and what to write here.
_HABITS: dict[type[ast.AST], tuple[str, str]] = {
    ast.BitXor: ("`^` is not an operation", "write ** for a power"),
    ast.FloorDiv: ("`//` is not an operation", "write floor(a / b); a comment begins with #"),
    ast.BitAnd: ("`&` is not an operation", "write a * b for conditions"),
    ast.BitOr: ("`|` is not an operation", "write maximum(a, b) for conditions"),
    ast.LShift: ("`<<` is not an operation", "write a * 2 ** b"),
    ast.RShift: ("`>>` is not an operation", "write a / 2 ** b"),
    ast.BoolOp: ("`and` and `or` are not operations", "write a * b, or maximum(a, b)"),
    ast.Not: ("`not` is not an operation", "write 1 - a"),
    ast.Invert: ("`~` is not an operation", "write 1 - a"),
    ast.IfExp: (
        "`... if ... else ...` is not part of the language",
        "write where(condition, a, b)",
    ),
    ast.Lambda: ("`lambda` is not part of the language", ""),
    ast.List: (
        "vectors are joined only where a matrix multiplies them",
        "write W @ [h[t-1], x]; numbers that differ between units are an expression of `unit`,"
        " under `constants:`",
    ),
    ast.Tuple: ("a tuple is not part of the language", "write one expression"),
    ast.Slice: ("slices are not part of the language", ""),
}
# Calls from habit: what multiplies matrices elsewhere, and what joins vectors.
_PRODUCTS = frozenset({"matmul"})
_TRANSPOSITIONS = frozenset({"T", "mT", "transpose"})
_JOINS = frozenset({"concat", "concatenate", "cat", "stack", "hstack", "vstack", "join"})
# What is written instead of complex numbers, and instead of drawing some.
_PARTS_OF_COMPLEX = "an equation for the real part and one for the imaginary part, as `lru` does"
_DRAWN = "`init: {{A: {}}}`, with `weights: {{A: {{trainable: false}}}}` for what stays so"
# Calls by another name, and what to write here.
_SYNONYMS = dict.fromkeys(("complex", "real", "imag", "re", "im", "conj"), _PARTS_OF_COMPLEX) | {
    "conv": "R @ a, with `weights: {R: {mask: abs(row - col) <= 1}}`",
    "conv1d": "R @ a, with `weights: {R: {mask: abs(row - col) <= 1}}`",
    "loguniform": "exp(a + (b - a) * random) in `init:`, from exp(a) to exp(b)",
    "log_uniform": "exp(a + (b - a) * random) in `init:`, from exp(a) to exp(b)",
    "random": _DRAWN.format("random"), "rand": _DRAWN.format("random"),
    "uniform": _DRAWN.format("{uniform: [a, b]}") + "; or a + (b - a) * random within `init:`",
    "normal": _DRAWN.format("{normal: 0.1}"),
    "randn": _DRAWN.format("{normal: 1}"),
    "swish": "silu(a)", "logsigmoid": "log_sigmoid(a)", "lrelu": "leaky_relu(a)",
    "leakyrelu": "leaky_relu(a)", "hard_tanh": "clip(a, -1, 1)", "hardtanh": "clip(a, -1, 1)",
    "rms": "sqrt(mean(a * a))", "normalize": "a / norm(a)", "l2norm": "norm(a)",
    "l2_norm": "norm(a)", "l2_normalize": "a / norm(a)", "log_softmax": "a - log(sum(exp(a)))",
    "softmin": "softmax(-a)", "mish": "a * tanh(softplus(a))", "relu6": "clip(a, 0, 6)",
    "rsqrt": "1 / sqrt(a)", "sinh": "(exp(a) - exp(-a)) / 2", "cosh": "(exp(a) + exp(-a)) / 2",
    "square": "a ** 2", "sgn": "sign(a)", "heaviside": "a > 0",
    "layernorm": "layer_norm(a)", "ln": "layer_norm(a)", "average": "mean(a)",
    "dot_product": "dot(a, b)", "inner": "dot(a, b)", "rms_norm": "a / sqrt(mean(a * a) + 1e-5)",
    "rmsnorm": "a / sqrt(mean(a * a) + 1e-5)", "var": "mean((a - mean(a)) ** 2)",
    "variance": "mean((a - mean(a)) ** 2)", "std": "sqrt(mean((a - mean(a)) ** 2))",
    "sigma": "sigmoid(a)", "logistic": "sigmoid(a)", "expit": "sigmoid(a)", "ceil": "-floor(-a)",
    "power": "a ** b", "log1p": "log(1 + a)", "expm1": "exp(a) - 1", "tan": "sin(a) / cos(a)",
    "ones": "1, which stands for all units", "zeros": "0, which stands for all units",
    "linear": "W @ a + b", "dense": "W @ a + b", "dropout": "d = bernoulli(0.9), then d * a / 0.9",
    "min": "minimum(a, b), or -max(-a) over units", "logsumexp": "log(sum(exp(a)))",
    "eye": "I under `constants:`, with `I = row == col`", "matrix_exp": "expm(A)",
    "inv": "expm(-A) for the inverse of expm(A); of others there is none",
    "inverse": "expm(-A) for the inverse of expm(A); of others there is none",
    "tril": "A, with `weights: {A: {mask: row >= col}}`",
    "triu": "A, with `weights: {A: {mask: row <= col}}`",
}  # fmt: skip


class _NotInTheLanguage(Exception):
    def __init__(self, node: ast.AST, problem: str, fix: str = "") -> None:
        super().__init__(problem)
        self.node, self.problem, self.fix = node, problem, fix


def expression(code: Code, mistakes: Mistakes, indices: Collection[str] = ()) -> Tree | None:
    """The tree of one expression; None if it has a mistake, which is added to `mistakes`.

    Args:
        indices: names that rounds may be called by; without any, there are no rounds.
    """
    if len(code.text) > MAX_CHARACTERS:
        mistakes.add(
            code.span(0, 0), f"an expression of more than {MAX_CHARACTERS} characters", "split it"
        )
        return None
    in_ascii = notation.readable(code, mistakes)
    if in_ascii is None:
        return None
    code = in_ascii
    if bracket := unreadable.lone_bracket(code.text):
        mistakes.add(code.span(*bracket), *unreadable.bracket_words(code, bracket))
        return None
    try:
        # Parentheses let an expression span lines; the first column moves by one.
        with warnings.catch_warnings():
            # "1 in a", "1if a" and the like are refused below, with a place
            warnings.simplefilter("ignore")
            tree = ast.parse(f"({code.text}\n)", mode="eval")
        return _TreeBuilder(code, mistakes, indices).tree(tree.body, 0)
    except _NotInTheLanguage as error:
        mistakes.add(_span(code, error.node), error.problem, error.fix)
    except SyntaxError as error:
        place, fix = unreadable.place(code, error), unreadable.fix(code.text)
        mistakes.add(place, "this cannot be read", fix)
    except (RecursionError, MemoryError, ValueError, OverflowError):
        mistakes.add(
            code.span(0, 0),
            "this expression is too large or too deep",
            "split it into several equations",
        )
    return None


class _TreeBuilder:
    def __init__(self, code: Code, mistakes: Mistakes, indices: Collection[str]) -> None:
        self.code, self.mistakes, self.indices = code, mistakes, indices
        self.parts = 0

    def tree(self, node: ast.expr, depth: int) -> Tree:
        self.check_size(node, depth)
        span = _span(self.code, node)
        match node:
            case ast.Constant(value=value):
                return Literal(self.number(node, value), span)
            case ast.Name(id=name):
                return self.name(node, name, span)
            case ast.Attribute(value=ast.Name(id="below"), attr=name):
                return Below(name, span)
            case ast.Subscript(value=ast.Name(id=name), slice=index):
                return self.subscript(node, name, index)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Call(neg, (self.tree(operand, depth + 1),), span)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.tree(operand, depth + 1)
            case ast.BinOp() | ast.Compare():
                return self.infix(node, span, depth)
        if (factors := self.dotted(node)) is not None:
            return self.dot_product(node, *factors, depth)
        if isinstance(node, ast.Call):
            return self.call(node, depth)
        raise self.refuse(node)

    def name(self, node: ast.Name, written: str, span: Span) -> Tree:
        """A name, or a matrix with a prime."""
        name, primes, rest = written.partition(PRIME)
        if not primes:
            return Name(name, span)
        if rest.startswith(PRIME):
            raise _NotInTheLanguage(
                node, f"{name}'' is {name}: transposed twice", f"write {name}, or {name}'"
            )
        if rest:
            raise _NotInTheLanguage(
                node, "a product is written with @", f"write {name}' @ {rest.rstrip(PRIME)}"
            )
        return Primed(name, span)

    def check_size(self, node: ast.expr, depth: int) -> None:
        self.parts += 1
        if self.parts > MAX_PARTS:
            problem = f"an expression of more than {MAX_PARTS} names, numbers and operations"
            raise _NotInTheLanguage(node, problem, "split it into several equations")
        if depth > MAX_DEPTH:
            problem = f"nested too deep: more than {MAX_DEPTH} operations within each other"
            raise _NotInTheLanguage(
                node, problem, "split it into several equations, or use brackets in a long sum"
            )

    def number(self, node: ast.Constant, value: object) -> float:
        if isinstance(value, complex):
            fix = f"write {_PARTS_OF_COMPLEX}"
            raise _NotInTheLanguage(node, f"{ast.unparse(node)[:40]} is no real number", fix)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _NotInTheLanguage(
                node, f"{ast.unparse(node)[:40]} is not a number", "write 0, 1 or 0.5"
            )
        if abs(value) > MAX_NUMBER:
            raise _NotInTheLanguage(
                node, "this number is too large", f"write one of at most {MAX_NUMBER:g}"
            )
        return float(value)

    def subscript(self, node: ast.Subscript, name: str, index: ast.expr) -> Tree:
        span = _span(self.code, node)
        if self.indices and (which := self.round(index)) is not None:
            return Round(name.rstrip(PRIME), *which, span, name.endswith(PRIME))
        if name.endswith(PRIME):
            return Call(transposed, (self.subscript(node, name.rstrip(PRIME), index),), span)
        match index:
            case ast.BinOp(left=ast.Name(id="t"), op=ast.Sub(), right=back):
                return Lag(name, span, self.steps_back(name, index, back))
            case ast.Name(id=("row" | "col") as axis):
                return Index(name, axis, span)
            case ast.BinOp(left=ast.Name(id="t"), op=ast.Add()):
                problem = f"[{_index_text(index)}] is a later step, which is not known yet"
                raise _NotInTheLanguage(index, problem, f"write {name}[t-1] for the previous step")
        raise _NotInTheLanguage(index, *self.no_step(name, index))

    def no_step(self, name: str, index: ast.expr) -> tuple[str, str]:
        """What to say of an index that is no step and no round."""
        problem = f"[{_index_text(index)}] is not a step"
        fix = f"write {name}[t-1] for the previous step, {name} for this one"
        if (meant := _of_all_units(name, index)) is not None:
            problem = f"[{_index_text(index)}] picks all units, and a name stands for all of them"
            return problem, f"write {meant}"
        match index:
            case ast.Slice() | ast.Tuple() | ast.Constant() | ast.UnaryOp() if name == "x":
                problem = f"[{_index_text(index)}] picks units, which is not part of the language"
                fix = "name what has a meaning of its own, `inputs: {dt: 1}`, and write dt"
            case ast.Slice() | ast.Tuple():
                problem = f"[{_index_text(index)}] picks units, which is not part of the language"
                fix = "give each part of a vector a matrix of its own: W_1 @ x, W_2 @ x"
            case ast.Name(id=letter) if letter != "t" and name[:1].isupper():
                problem += ", and rounds are counted in `repeat` blocks only"
                fix = f"write {name}, or put the equation below `repeat {letter} to 3:`, indented"
        return problem, fix

    def round(self, index: ast.expr) -> tuple[str, int] | None:
        """Which round an index means, by a name and what is added; None if it means none."""
        match index:
            case ast.Constant(value=int(number)) if not isinstance(index.value, bool):
                return "", number
            case ast.Name(id=name) if name in self.indices:
                return name, 0
            case ast.BinOp(left=ast.Name(id=name), op=op, right=ast.Constant(value=int(number))):
                if name in self.indices and isinstance(op, ast.Add | ast.Sub):
                    return name, number if isinstance(op, ast.Add) else -number
        return None

    def steps_back(self, name: str, index: ast.expr, back: ast.expr) -> int | str:
        """How many steps `name[t-back]` goes back: a whole number from 1, or an option."""
        match back:
            case ast.Name(id=option):
                return option
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=0):
                raise _NotInTheLanguage(
                    index, f"[{_index_text(index)}] is this step", f"write {name}"
                )
            case ast.Constant(value=int(steps)) if steps > MAX_LAG:
                raise _NotInTheLanguage(index, *too_far(_index_text(index)))
            case ast.Constant(value=int(steps)):
                return steps
        fix = f"write a whole number or an option: {name}[t-2], or {name}[t-lag]"
        raise _NotInTheLanguage(index, f"[{_index_text(index)}] is not a step", fix)

    def transposed_vector(self, node: ast.BinOp | ast.Compare, depth: int) -> Tree | None:
        """Report `v @ k.T`, and `k.T @ v`, of what is no matrix by its name; the first is read as
        the outer product that it is.
        """
        match node:
            case ast.BinOp(left=left, op=ast.MatMult(), right=ast.Attribute() as right) if (
                _is_vector_turned(right)
            ):
                fix = f"write outer({_operand(left)}, {ast.unparse(right.value)})"
                span = _span(self.code, node)
                self.mistakes.add(span, "two vectors make a matrix by `outer`", fix)
                vectors = self.tree(left, depth + 1), self.tree(right.value, depth + 1)
                return Call(outer_product, vectors, span)
            case ast.BinOp(left=ast.Attribute() as left, op=ast.MatMult(), right=right) if (
                _is_vector_turned(left)
            ):
                fix = f"write dot({ast.unparse(left.value)}, {_operand(right)})"
                raise _NotInTheLanguage(node, "two vectors make a number by `dot`", fix)
        return None

    def infix(self, node: ast.BinOp | ast.Compare, span: Span, depth: int) -> Tree:
        if (outer := self.transposed_vector(node, depth)) is not None:
            return outer
        match node:
            case ast.BinOp(left=left, op=ast.MatMult(), right=ast.List(elts=[_, *_]) as right):
                return Call(matmul, (self.tree(left, depth + 1), self.joined(right, depth)), span)
            case ast.BinOp(left=left, op=ast.MatMult(), right=ast.Tuple(elts=[_, *_]) as right):
                fix = f"write {_side_by_side(ast.unparse(left), right.elts)}"
                raise _NotInTheLanguage(right, "vectors are joined in square brackets", fix)
            case ast.BinOp(left=left, op=ast.BitXor(), right=right) if _leads_with_t(right) and (
                name := _last_name(left)
            ):
                fix = f"write {name.id}' for the transposed matrix"
                if not name.id[:1].isupper():
                    fix = (
                        f"write outer(a, {name.id}) for a matrix of two vectors, dot({name.id}, a)"
                    )
                    fix += " for a number"
                raise _NotInTheLanguage(name, "`^` is not an operation", fix)
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                return Call(matmul, (self.tree(left, depth + 1), self.tree(right, depth + 1)), span)
            case (
                ast.BinOp(left=left, op=op, right=right)
                | ast.Compare(left=left, ops=[op], comparators=[right])
            ) if type(op) in _INFIX:
                return Call(
                    INFIX[_INFIX[type(op)]],
                    (self.tree(left, depth + 1), self.tree(right, depth + 1)),
                    span,
                )
            case ast.Compare(ops=[_, _, *_]):
                raise _NotInTheLanguage(
                    node, "comparisons cannot be chained", "write (a < b) * (b < c)"
                )
        raise self.refuse(node)

    def dotted(self, node: ast.expr) -> tuple[ast.Name, ast.expr] | None:
        """Both sides of a product as it is printed: `f . h[t-1]`, or `W . x` with spaces around the
        dot.
        """
        # Python takes `f . h[t-1]` for an element of `f.h`: what is indexed, or called, becomes the
        # right side alone
        inner = node
        if isinstance(node, ast.Subscript):
            inner = node.value
        elif isinstance(node, ast.Call):
            inner = node.func
        if (
            not isinstance(inner, ast.Attribute)
            or not isinstance(inner.value, ast.Name)
            or inner.value.id == "below"
        ):
            return None
        right = ast.copy_location(ast.Name(inner.attr, ast.Load()), node)
        match node:
            case ast.Subscript(slice=index):
                return inner.value, ast.copy_location(ast.Subscript(right, index, ast.Load()), node)
            case ast.Call(args=args) if inner.attr in CALLS and self.has_spaced_dot(inner):
                return inner.value, ast.copy_location(ast.Call(right, args, []), node)
            case ast.Attribute() if self.has_spaced_dot(inner):
                return inner.value, right
        return None

    def has_spaced_dot(self, node: ast.Attribute) -> bool:
        return (
            re.search(r"\s\.", ast.get_source_segment(f"({self.code.text}\n)", node) or "")
            is not None
        )

    def dot_product(self, node: ast.expr, left: ast.Name, right: ast.expr, depth: int) -> Tree:
        """Report a dot between factors, and read it as the product that it is in print."""
        sign, op = ("@", matmul) if left.id[:1].isupper() else ("*", mul)
        span = _span(self.code, node)
        self.mistakes.add(
            span, "`.` is not an operation", f"write {left.id} {sign} {_factor(right)}"
        )
        return Call(op, (Name(left.id, span), self.tree(right, depth + 1)), span)

    def joined(self, node: ast.List, depth: int) -> Tree:
        """`[a, b]` after a matrix; of one vector alone, that vector."""
        self.check_size(node, depth)
        parts = tuple(self.tree(part, depth + 1) for part in node.elts)
        return parts[0] if len(parts) == 1 else Joined(parts, _span(self.code, node))

    def call(self, node: ast.Call, depth: int) -> Tree:
        if not isinstance(node.func, ast.Name):
            raise _NotInTheLanguage(node.func, "only operations can be called", nearest("", calls))
        name = node.func.id
        if name not in calls:
            return self.no_operation(node, name, depth)
        try:
            operation = named(name, self.code.file)
        except UsageError as error:
            raise _NotInTheLanguage(node.func, *error.parts) from None
        if node.keywords:
            raise _NotInTheLanguage(node, f"{name} takes no named arguments", f"write {name}(a)")
        if len(node.args) not in _counts_of_operands(operation):
            wanted, got = operation.arity, len(node.args)
            letters = ", ".join("abc"[:wanted])
            groups = f", or {name}({letters}, heads) for groups" * _takes_groups(operation)
            raise _NotInTheLanguage(
                node,
                f"{name} takes {number_of(wanted, 'operand')}, not {got}",
                f"write {name}({letters}){groups}",
            )
        return Call(
            operation, tuple(self.tree(arg, depth + 1) for arg in node.args), _span(self.code, node)
        )

    def no_operation(self, node: ast.Call, name: str, depth: int) -> Tree:
        """Report an unknown operation; its operands are read all the same, so that their mistakes
        are reported too.
        """
        span = _span(self.code, node.func)
        if name in _PRODUCTS and len(node.args) == 2:
            left, right = map(_factor, node.args)
            self.mistakes.add(span, f"no operation '{name}'", f"write {left} @ {right}")
            return Call(
                matmul,
                (self.tree(node.args[0], depth + 1), self.tree(node.args[1], depth + 1)),
                span,
            )
        if name in _TRANSPOSITIONS and len(node.args) == 1:
            self.mistakes.add(span, f"no operation '{name}'", f"write {_factor(node.args[0])}'")
            return self.tree(node.args[0], depth + 1)
        if lagged := _of_time(node):
            self.mistakes.add(_span(self.code, node), "a step stands in square brackets", lagged)
            return reported(span)
        if name in _JOINS:
            fix = f"write {_side_by_side('W', _joined(node))}"
            self.mistakes.add(span, f"no operation '{name}'", fix)
            return reported(span)
        if not is_reported(name):
            self.mistakes.add(span, f"no operation '{name}'", _fix_of_unknown(name))
        operands = [self.tree(arg, depth + 1) for arg in node.args]
        has_other_size = name in _SYNONYMS or not nearest(name, calls).startswith("did you mean")
        return reported(span) if has_other_size or not operands else operands[0]

    def refuse(self, node: ast.expr) -> _NotInTheLanguage:
        for part in (node, getattr(node, "op", None)):
            if isinstance(part, ast.AST) and type(part) in _HABITS:
                problem, fix = _HABITS[type(part)]
                return _NotInTheLanguage(node, problem, fix)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
            written = ast.unparse(node.value)[:40]
            fix = f"write {written}; only the cell's own equations have a previous step"
            return _NotInTheLanguage(node, "the layer below is read at this step only", fix)
        if isinstance(node, ast.Attribute):
            fix = "below.NAME is the only dotted name: the value in the layer below"
            if node.attr in _TRANSPOSITIONS:
                fix = f"write {_operand(node.value)}' for the transposed matrix"
            return _NotInTheLanguage(node, f"'{_operand(node)}' is not a name", fix)
        return _NotInTheLanguage(
            node, f"'{ast.unparse(node)[:40]}' is not part of the language", "see docs/language.md"
        )


def _of_time(node: ast.Call) -> str:
    """What to write for `h(t-1)`, or `x(t)`; empty where this is no such."""
    text = re.sub(r"\s", "", ast.unparse(node))
    match = re.fullmatch(r"(\w+)\((t)(-\d+)?\)", text)
    if match is None:
        return ""
    return f"write {match[1]}[t{match[3]}]" if match[3] else f"write {match[1]}"


def _counts_of_operands(operation: Primitive) -> tuple[int, ...]:
    """How many operands an operation takes; one over units takes a number of groups, too."""
    assert operation.arity is not None  # users can call it
    return operation.arity, *((operation.arity + 1,) if _takes_groups(operation) else ())


def _takes_groups(operation: Primitive) -> bool:
    return isinstance(operation, OverUnits) or operation is outer_product


def _operand(node: ast.expr) -> str:
    """An operand of a call as it is written."""
    return ast.unparse(node).replace("[t - ", "[t-")[:40]


def _factor(node: ast.expr) -> str:
    """A factor of a product as it is written, in brackets where it needs them."""
    text = _operand(node)
    return f"({text})" if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare) else text


def _is_vector_turned(node: ast.Attribute) -> bool:
    """Whether this is `k.T` of what is no matrix by its name."""
    is_vector = isinstance(node.value, ast.Name) and not node.value.id[:1].isupper()
    return is_vector and node.attr in _TRANSPOSITIONS


def _leads_with_t(node: ast.expr) -> bool:
    """Whether an exponent is `T`, as in `R^T @ h`: Python takes it for `R^(T @ h)`."""
    while isinstance(node, ast.BinOp):
        node = node.left
    return isinstance(node, ast.Name) and node.id == "T"


def _last_name(node: ast.expr) -> ast.Name | None:
    """The name that an expression ends with, as that of `A - A^T` before `^`."""
    while isinstance(node, ast.BinOp):
        node = node.right
    return node if isinstance(node, ast.Name) else None


def _joined(node: ast.Call) -> list[ast.expr]:
    """What a call would join: its operands, or those of a list of them."""
    first = node.args[0] if node.args else None
    return first.elts if isinstance(first, ast.List | ast.Tuple) else node.args


def too_far(index: str) -> tuple[str, str]:
    """What is wrong with a lag above `MAX_LAG`, and the fix."""
    problem = f"[{index}] is more than {MAX_LAG} steps back"
    return problem, "use a smaller lag: each step between is carried as a state"


def _index_text(index: ast.expr) -> str:
    """An index as people write it."""
    text = ast.unparse(index)
    if isinstance(index, ast.Tuple) and index.elts:  # which has brackets there
        text = text[1:-1]
    return re.sub(r"\bt ([-+]) ", r"t\1", text)[:40]


def _of_all_units(name: str, index: ast.expr) -> str | None:
    """What `h[t-1, :]`, which picks all units, is without that; None where an index picks some."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    times = [part for part in parts if not _picks_all(part)]
    if len(times) == len(parts):
        return None
    match times:
        case [] | [ast.Name(id="t")]:
            return name
        case [ast.BinOp(left=ast.Name(id="t"), op=ast.Sub())]:
            return f"{name}[{_index_text(times[0])}]"
    return None


def _picks_all(part: ast.expr) -> bool:
    """Whether a part of an index is `:` or `...`."""
    match part:
        case ast.Slice(lower=None, upper=None, step=None):
            return True
        case ast.Constant(value=value):
            return value is ...
    return False


def _side_by_side(matrix: str, operands: Sequence[ast.expr]) -> str:
    """A product with joined vectors as it is written."""
    texts = [this_step(_operand(operand)) for operand in operands[:6]]
    return f"{matrix} @ [{', '.join(texts)}]"


def _fix_of_unknown(name: str) -> str:
    """What to write instead of an unknown operation."""
    if name in _PRODUCTS:
        return "write W @ x"
    if name.lower() in calls:
        return f"write {name.lower()}(...)"
    if name.lower() in _SYNONYMS:
        return f"write {_SYNONYMS[name.lower()]}"
    is_letter = re.fullmatch(r"[A-Z](_\w+)?", name) is not None
    return f"write {name} @ (...) if it is a matrix" if is_letter else nearest(name, calls)


def _span(code: Code, node: ast.AST) -> Span:
    """Python counts columns in bytes of UTF-8, and our first line begins with one parenthesis
    more.
    """
    line, column = node.lineno - 1, node.col_offset  # type: ignore[attr-defined]
    end_line, end = node.end_lineno - 1, node.end_col_offset  # type: ignore[attr-defined]
    lines = code.text.split("\n")
    first = _characters(lines, line, column)
    last = _characters(lines, end_line, end)
    return code.span(line, first, max(1, (last if end_line == line else len(lines[line])) - first))


def _characters(lines: list[str], line: int, column: int) -> int:
    raw = (("(" if line == 0 else "") + lines[line]).encode() if line < len(lines) else b""
    # `a, b` begins at our own
    return max(0, len(raw[:column].decode("utf-8", "ignore")) - (1 if line == 0 else 0))
