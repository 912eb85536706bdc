"""What to say of products that are written in another way than `W @ a`."""

from __future__ import annotations

from rnnzoo.errors import Span
from rnnzoo.lang import ir
from rnnzoo.lang.check.scope import Scope
from rnnzoo.lang.check.trees import as_written, in_words, walk
from rnnzoo.lang.primitives import div, matmul, mul, neg, transposed
from rnnzoo.lang.tree import Call, Lag, Name, Primed, Tree

_LETTERS = (*"SABCDEFGHIJKLMNOPQRTUVWXYZ", "S_new")  # to call a matrix in a fix
# what may stand before @ where a matrix is meant
_TAKEN_FOR_PRODUCTS = frozenset({mul, div, neg})


def outer_product_of(scope: Scope, left: Tree, right: Tree) -> str:
    """How to write `v @ k'` of two vectors, as papers have it; empty where it is none."""
    if not isinstance(right, Primed) or right.name not in scope.trees:
        return ""
    if scope.stands_for_matrix(right) or scope.stands_for_matrix(left):
        return ""
    column = as_written(left)
    column = column[1:-1] if column.startswith("(") else column
    return f"write outer({column}, {right.name})"


def not_a_matrix(scope: Scope, left: Tree, right: Tree, span: Span) -> None:
    """Report what stands before @, and is no matrix, or none that may stand there."""
    state = _without_equation(scope, left)
    is_told = isinstance(left, Name) and (
        scope.is_reported(left.name) or scope.is_mistaken(left.name)
    )
    if state is not None:
        scope.report_no_previous(state)
    elif not is_told:
        _report_no_matrix(scope, left, right, span)


def _report_no_matrix(scope: Scope, left: Tree, right: Tree, span: Span) -> None:
    match left:
        case Name() | Primed() if left.name in scope.trees and _is_vector(scope, right):
            fixes = (
                f"write dot({left.name}, {as_written(right)})",
                scope.declared_to_be_matrix(left.name),
            )
            problem = "two vectors make a number by `dot`"
            scope.mistakes.add(span, problem, "; ".join(filter(None, fixes)))
        case Primed():
            scope.mistakes.add(left.span, *lone_prime(scope, left))
        case Name(name=name):
            scope.mistakes.add(left.span, *_no_matrix(scope, name))
        case Call():
            _report_operation(scope, left, right, span)
        case _:
            _report_nothing_like_it(scope, left)


def _report_operation(scope: Scope, left: Call, right: Tree, span: Span) -> None:
    """Report an operation before @ by what it was meant as: the likeliest meaning comes first."""
    match left:
        case Call(op=op, args=(first, matrix)) if op is matmul and (
            scope.stands_for_matrix(matrix) or scope.computes_matrix(matrix)
        ):
            _report_row_of_products(scope, first, matrix, right, span)
        case Call() if _is_of_matrices(scope, left):
            computed_in_place(scope, left)
        case Call(op=op, args=(*_, Name() | Primed() as matrix)) if op in _TAKEN_FOR_PRODUCTS:
            problem = "@ and * bind alike, from the left: the left side of @ is not one matrix here"
            scope.mistakes.add(span, problem, f"write a * ({as_written(matrix)} @ ...)")
        case Call(op=op, args=args) if op.signs and all(map(scope.stands_for_matrix, args)):
            terms = [f"{as_written(matrix)} @ {as_written(right)}" for matrix in args]
            _report_sum(scope, left, f"write {f' {op.symbol} '.join(terms)}")
        case Call() if scope.is_meant_as_matrix(left):
            computed_in_place(scope, left)
        case Call(op=op) if op.signs and any(map(scope.stands_for_matrix, walk(left))):
            matrix = next(part for part in walk(left) if scope.stands_for_matrix(part))
            product = f"{as_written(matrix)} @ a"
            fix = f"write one product for each matrix: {product}, and a number * a"
            _report_sum(scope, left, fix)
        case _:
            _report_nothing_like_it(scope, left)


def _report_row_of_products(
    scope: Scope, first: Tree, matrix: Tree, right: Tree, span: Span
) -> None:
    """Report `a @ W @ b`, which is read as `(a @ W) @ b`."""
    problem = "@ binds from the left: the left side of @ is not one matrix here"
    product = f"{as_written(matrix)} @ {as_written(right)}"
    fix = f"write {as_written(first)} @ ({product})"
    if isinstance(first, Primed) and first.name in scope.trees:
        fix = f"write dot({first.name}, {product})"  # of two vectors, a' @ b is a number
    scope.mistakes.add(span, problem, fix)


def _report_sum(scope: Scope, left: Tree, fix: str) -> None:
    scope.mistakes.add(left.span, "a sum of matrices does not stand before @", fix)


def _report_nothing_like_it(scope: Scope, left: Tree) -> None:
    fixes = "write W @ (...)", _declared_to_be_matrix(scope, left)
    problem = "before @ stands a matrix, and this is none"
    scope.mistakes.add(left.span, problem, "; ".join(filter(None, fixes)))


def _is_of_matrices(scope: Scope, left: Call) -> bool:
    """Whether this is `A * B` of two matrices, by this sign or another that makes no sum."""
    has_sign = left.op.symbol and len(left.args) > 1 and not left.op.signs
    return bool(has_sign) and all(map(scope.is_meant_as_matrix, left.args))


def _without_equation(scope: Scope, left: Tree) -> Lag | None:
    """`C[t-1]`, or `C[t-1]'`, of what has the name of a matrix and no equation."""
    inner = left.args[0] if isinstance(left, Call) and left.op is transposed else left
    if not isinstance(inner, Lag) or inner.name in scope.trees:
        return None
    return inner if scope.is_weight(inner.name, True) else None


def _declared_to_be_matrix(scope: Scope, left: Tree) -> str:
    """What to write where `softmax(W_a @ x)` is meant as a matrix; empty where it is no such."""
    product = next(scope.products_in(left), None)
    if product is None or (isinstance(left, Call) and left.op.is_product):
        return ""
    matrix, operand = product
    declared = f"{matrix}: {{shape: [units, units, {scope.size_of_name(operand)}]}}"
    return f"for a matrix made of {as_written(operand)}, declare `weights: {{{declared}}}`"


def _no_matrix(scope: Scope, name: str) -> tuple[str, str]:
    """What to say of a name before @ that is no matrix."""
    if name in scope.shared.spec.constants and ir.names_matrix(name):
        problem = f"'{name}' is no matrix: it reads neither `row` nor `col`"
        fix = f"read them, as `{name} = 1 + 0 * row` does; or draw it:"
        fix += f" `weights: {{{name}: {{trainable: false}}}}` and `init:`"
        return problem, fix
    fix = "write * for a product element by element, and a matrix before @: W @ x"
    return f"'{name}' is no matrix", fix


def _is_vector(scope: Scope, tree: Tree) -> bool:
    """Whether this is an equation's value, now or before, and no matrix."""
    is_value = isinstance(tree, Name | Lag) and tree.name in scope.trees
    return is_value and not scope.stands_for_matrix(tree)


def computed_in_place(scope: Scope, left: Tree) -> None:
    """Report arithmetic on matrices of weights that stands before @ without a name."""
    letter = next(candidate for candidate in _LETTERS if not scope.is_known(candidate))
    named = as_written(left).removeprefix("(").removesuffix(")")
    fix = f"write `{letter} = {named}` on a line of its own, and {letter} @ ..."
    scope.mistakes.add(left.span, "a matrix that is computed has a name before @", fix)


def lone_prime(scope: Scope, primed: Primed) -> tuple[str, str]:
    """What to say of a prime that transposes no matrix, or of a transposed matrix that
    multiplies nothing.
    """
    if scope.stands_for_matrix(primed):
        problem = "a transposed matrix stands before @, or beside matrices"
        return problem, f"write {primed.name}' @ a"
    problem = "only a matrix is transposed"
    if primed.name in scope.trees:  # some papers mean the previous step
        fix = f"write {primed.name}[t-1] for the previous step, or outer(a, {primed.name})"
        return problem, f"{fix} for a matrix of two vectors"
    return problem, "write R' @ h[t-1]"


def wrong_operand(
    scope: Scope, matrix: Name | Primed, shape: ir.Shape, got: ir.Shape, first_use: Span
) -> tuple[str, str]:
    name = matrix.name
    where = (
        "declared so" if name in scope.shared.spec.shapes else f"used so on line {first_use.line}"
    )
    problem = f"{as_written(matrix)} is {in_words(shape)} ({where}), and this is {in_words(got)}"
    if name in scope.shared.spec.shapes and got == shape[:1] and isinstance(matrix, Name):
        turned = f"[{ir.size_text(shape[1])}, {ir.size_text(shape[0])}]"
        return problem, f"a shape is [rows, columns]: `{name}: {{shape: {turned}}}`"
    if isinstance(shape[1], tuple) or isinstance(got[0], tuple):
        return problem, "use another matrix, or join the same vectors in the same order"
    if isinstance(matrix, Primed):
        return problem, f"{name}' takes a vector as large as what {name} @ ... gives"
    return (
        problem,
        f"`x` has size inputs, which never equals units: use another matrix, such as {name}_x",
    )
