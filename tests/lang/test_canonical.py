"""One canonical form for all spellings of a cell, and another one for every other cell."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from rnnzoo import lang
from rnnzoo.lang import ir
from rnnzoo.lang.canonical import canonical_hash, canonical_text
from rnnzoo.lang.formulas import names_in
from rnnzoo.lang.primitives import add, neg, sub
from rnnzoo.lang.text import cell_text, content
from rnnzoo.spec.cell import Init, built_in_names
from rnnzoo.spec.document import yaml_text
from tests.samples import cells, compiled, examples
from tests.strategies import cell_texts

RENAMED = ("value", "previous", "below", *ir.WEIGHTS)
CELLS = sorted((Path(__file__).parents[2] / "experiments" / "cells").glob("*.yaml"))
# weights of `lru` begin as other weights do; one of `gla` not as by default
NAMES = (*cells((*compiled(), "lru", "gla")), *map(str, CELLS))


def rewritten(cell: ir.Cell, change: Callable[[ir.Expr], ir.Expr]) -> ir.Cell:
    """The cell with every operation of its equations changed, operands first."""

    def of(expr: ir.Expr) -> ir.Expr:
        if isinstance(expr, ir.Apply):
            expr = replace(expr, args=tuple(of(operand) for operand in expr.args))
        return change(expr)

    def step(old: ir.Step) -> ir.Step:
        return replace(
            old,
            equations=tuple(
                replace(equation, expr=of(equation.expr)) for equation in old.equations
            ),
        )

    return read_again(replace(cell, step=step(cell.step), first=step(cell.first)))


def read_again(cell: ir.Cell) -> ir.Cell:
    """What a user would have who wrote the cell so."""
    return lang.parse_text(cell_text(cell))


def commuted(cell: ir.Cell, rng: random.Random) -> ir.Cell:
    def change(expr: ir.Expr) -> ir.Expr:
        if isinstance(expr, ir.Apply) and expr.op.commutative and rng.random() < 0.5:
            return replace(expr, args=expr.args[::-1])
        return expr

    return rewritten(cell, change)


def with_differences_as_sums(cell: ir.Cell, rng: random.Random) -> ir.Cell:
    def change(expr: ir.Expr) -> ir.Expr:
        if isinstance(expr, ir.Apply) and expr.op is sub and rng.random() < 0.5:
            left, right = expr.args
            return ir.Apply(add, (ir.Apply(neg, (right,), right.shape), left), expr.shape)
        return expr

    return rewritten(cell, change)


def regrouped(cell: ir.Cell, rng: random.Random) -> ir.Cell:
    """(a + b) + c as a + (b + c)."""

    def change(expr: ir.Expr) -> ir.Expr:
        inner = expr.args[0] if isinstance(expr, ir.Apply) and expr.op is add else None
        if (
            isinstance(expr, ir.Apply)
            and isinstance(inner, ir.Apply)
            and inner.op is add
            and rng.random() < 0.5
        ):
            right = ir.Apply(add, (inner.args[1], expr.args[1]), expr.shape)
            return ir.Apply(add, (inner.args[0], right), expr.shape)
        return expr

    return rewritten(cell, change)


def with_name(value: float | str, old: str, new: str) -> float | str:
    return re.sub(rf"\b{old}\b", new, value) if isinstance(value, str) else value


def renamed(cell: ir.Cell, rng: random.Random) -> ir.Cell:
    """Every equation and every weight under another name."""
    steps = (cell.step, cell.first)
    equations = sorted({equation.name for step in steps for equation in step.equations})
    weights = sorted({weight.name for step in steps for weight in step.weights})
    new = {name: f"q{number}" for number, name in enumerate(rng.sample(equations, len(equations)))}
    new |= {name: f"{name}_of_{number}" for number, name in enumerate(weights)}

    def expression(expr: ir.Expr) -> ir.Expr:
        if isinstance(expr, ir.Apply):
            return replace(expr, args=tuple(expression(operand) for operand in expr.args))
        if isinstance(expr, ir.Ref) and expr.kind in RENAMED:
            return replace(expr, name=new[expr.name])
        return expr

    def beginning(init: Init) -> Init:
        """The beginning of a weight, which may read other weights."""
        values = init.values
        for name in names_in(init):
            if name in new:
                values = tuple(with_name(value, name, new[name]) for value in values)
        return replace(init, values=values)

    def step(old: ir.Step) -> ir.Step:
        return ir.Step(
            tuple(
                replace(equation, name=new[equation.name], expr=expression(equation.expr))
                for equation in old.equations
            ),
            tuple(
                replace(weight, name=new[weight.name], init=beginning(weight.init))
                for weight in old.weights
            ),
        )

    states = tuple(replace(state, name=new[state.name]) for state in cell.states)
    changed = replace(
        cell, output=new[cell.output], states=states, step=step(cell.step), first=step(cell.first)
    )
    return read_again(changed)


def reordered(cell: ir.Cell, rng: random.Random) -> ir.Cell:
    """Lines of its text in another order, of those in which what is drawn comes as before.

    Not the equations of the cell: what a weight begins with by default follows from where it is
    read, so a text of them in disorder is another cell's.
    """
    written = content(cell)
    while True:
        mixed = dict(written)
        for key in ("equations", "first_layer"):
            if key in written:
                lines = written[key].splitlines()
                mixed[key] = "".join(f"{line}\n" for line in rng.sample(lines, len(lines)))
        changed = lang.parse_text(yaml_text(mixed))
        if drawing(changed) == drawing(cell):
            return changed


def drawing(cell: ir.Cell) -> list[str]:
    """The equations that draw, in their order."""
    return [
        equation.name
        for equation in cell.step.equations
        if any(isinstance(node, ir.Apply) and node.op.draws for node in ir.walk(equation.expr))
    ]


def with_a_name_for_a_part(cell: ir.Cell, rng: random.Random) -> ir.Cell:
    if cell.first != cell.step:
        return cell  # a name of one layer would be a state of none
    equations = list(cell.step.equations)
    place = rng.randrange(len(equations))
    parts = [
        node
        for node in ir.walk(equations[place].expr)
        if isinstance(node, ir.Apply) and len(node.shape) == 1
    ]
    if not parts:
        return cell
    part = rng.choice(parts)
    name = ir.Ref("value", "named", part.shape)

    def expression(expr: ir.Expr) -> ir.Expr:
        if expr == part:
            return name
        if isinstance(expr, ir.Apply):
            return replace(expr, args=tuple(expression(operand) for operand in expr.args))
        return expr

    equations[place] = replace(equations[place], expr=expression(equations[place].expr))
    equations.insert(place, ir.Equation("named", part, part.shape[0]))
    step = replace(cell.step, equations=tuple(equations))
    return read_again(replace(cell, step=step, first=step))


SPELLINGS = (
    commuted,
    with_differences_as_sums,
    regrouped,
    renamed,
    reordered,
    with_a_name_for_a_part,
)


def has_one_form(cell: ir.Cell) -> None:
    rng = random.Random(1)
    form = canonical_text(cell)
    for change in SPELLINGS:
        assert canonical_text(change(cell, rng)) == form, change.__name__
    for change in SPELLINGS:
        cell = change(cell, rng)
    assert canonical_text(cell) == form


@pytest.mark.parametrize("name", NAMES, ids=lambda name: Path(name).stem)
def test_all_spellings_of_a_cell_have_one_canonical_form(name: str) -> None:
    has_one_form(lang.load(name))


@given(cell_texts())
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
def test_all_spellings_of_any_cell_have_one_canonical_form(text: str) -> None:
    has_one_form(lang.parse_text(text))


def test_of_the_zoo_only_the_lstm_without_peepholes_is_another_cell_too() -> None:
    """Greff et al. 2015 take the peepholes out of their LSTM (`np`); what is left is the LSTM of
    Gers et al. 2000.
    """
    forms = {name: canonical_hash(lang.load(name)) for name in built_in_names()}
    same = [pair for pair in combinations(forms, 2) if forms[pair[0]] == forms[pair[1]]]
    assert same == [("lstm", "np")]


H = "name: q\nequations: |\n  h = {}\n"
DIFFERENT = {
    "one matrix twice, and two": ("tanh(W @ x + R @ h[t-1]) + tanh(R @ h[t-1])",
        "tanh(W @ x + R @ h[t-1]) + tanh(S @ h[t-1])"),
    "a difference turned round": ("tanh(W @ x - R @ h[t-1])", "tanh(R @ h[t-1] - W @ x)"),
    "a quotient turned round": ("tanh(W @ x) / (2 + b * h[t-1])", "(2 + b * h[t-1]) / tanh(W @ x)"),
    "branches exchanged": ("where(t < 3, tanh(W @ x), h[t-1])",
        "where(t < 3, h[t-1], tanh(W @ x))"),
    "another number": ("tanh(W @ x + 0.5 * h[t-1])", "tanh(W @ x + 0.25 * h[t-1])"),
    "another activation": ("tanh(W @ x + R @ h[t-1])", "sigmoid(W @ x + R @ h[t-1])"),
    "a factor more": ("tanh(W @ x) * h[t-1]", "tanh(W @ x) * h[t-1] * h[t-1]"),
    "a term more": ("tanh(W @ x) + h[t-1]", "tanh(W @ x) + h[t-1] + h[t-1]"),
}  # fmt: skip


@pytest.mark.parametrize(("cell", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_cells_that_compute_something_else_have_another_form(cell: str, other: str) -> None:
    assert canonical_text(lang.parse_text(H.format(cell))) != canonical_text(
        lang.parse_text(H.format(other))
    )


def test_which_state_is_read_where_is_part_of_the_form() -> None:
    text = (
        "name: q\n"
        "output: h\n"
        "equations: |\n"
        "  c = tanh(W @ x + {} @ {}[t-1])\n"
        "  h = sigmoid(V @ x + {} @ {}[t-1]) + c\n"
    )
    forms = {
        canonical_text(lang.parse_text(text.format("R", state, "S", other)))
        for state, other in (("c", "h"), ("h", "c"), ("c", "c"), ("h", "h"))
    }
    assert len(forms) == 4


@pytest.mark.parametrize(
    "change", ["init: {R: identity}", "initial: {h: 1}", "initial: {h: learned}"]
)
def test_what_weights_and_states_begin_with_is_part_of_the_form(change: str) -> None:
    text = H.format("tanh(W @ x + R @ h[t-1])")
    assert canonical_text(lang.parse_text(text)) != canonical_text(
        lang.parse_text(f"{text}{change}\n")
    )


SYMMETRIC = {
    "products in two orders": ("(W @ x + V @ x) * tanh(V @ x) * tanh(W @ x) + R @ h[t-1]",
        "(W @ x + V @ x) * tanh(W @ x) * tanh(V @ x) + R @ h[t-1]"),
    "three that are alike": (
        "(W @ x) * tanh(V @ x) + (V @ x) * tanh(S @ x) + (S @ x) * tanh(W @ x) + h[t-1]",
        "(V @ x) * tanh(W @ x) + (W @ x) * tanh(S @ x) + (S @ x) * tanh(V @ x) + h[t-1]"),
}  # fmt: skip


@pytest.mark.parametrize(("cell", "other"), SYMMETRIC.values(), ids=SYMMETRIC)
def test_symmetric_parts_may_stand_in_any_order(cell: str, other: str) -> None:
    assert canonical_text(lang.parse_text(H.format(cell))) == canonical_text(
        lang.parse_text(H.format(other))
    )


def test_a_ring_of_three_is_not_a_ring_of_two_and_one() -> None:
    three, two_and_one = (
        "(W @ x) * tanh(V @ x) + (V @ x) * tanh(S @ x) + (S @ x) * tanh(W @ x) + h[t-1]",
        "(W @ x) * tanh(V @ x) + (V @ x) * tanh(W @ x) + (S @ x) * tanh(S @ x) + h[t-1]",
    )
    assert canonical_text(lang.parse_text(H.format(three))) != canonical_text(
        lang.parse_text(H.format(two_and_one))
    )


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("h = tanh(W @ x + R @ h[t-1]) + x_1 - x_1", "h = tanh(W @ x + R @ h[t-1])"),
        ("h = tanh(W @ x + R @ h[t-1] - x_1 + x_1)", "h = tanh(W @ x + R @ h[t-1])"),
        ("h = tanh(x_1 + x_1 - x_1 + h[t-1])", "h = tanh(x_1 + h[t-1])"),
        ("n = x_1 - h[t-1]\nh = tanh(n) * (h[t-1] + n)", "h = tanh(x_1 - h[t-1]) * x_1"),
        ("v = x_1 - x_1\nh = tanh(v + h[t-1])", "h = tanh(h[t-1])"),
        ("h = tanh(h[t-1]) + (x_1 - x_1)", "h = tanh(h[t-1])"),
    ],
)
def test_terms_of_both_signs_cancel(long: str, short: str) -> None:
    assert canonical_hash(beside_x(long)) == canonical_hash(beside_x(short))
    before = {canonical_hash(beside_x(each), cancels=False) for each in (long, short)}
    assert len(before) == 2


def beside_x(equations: str) -> ir.Cell:
    """A cell of these equations, in which `x_1` is a vector of x."""
    lines = ["x_1 = W_1 @ x", *equations.splitlines(), "o = x_1 * h"]
    text = "".join(f"  {line}\n" for line in lines)
    return lang.parse_text(f"name: given\noutput: o\nequations: |\n{text}")


def test_a_sum_of_which_nothing_is_left_is_zero() -> None:
    zero = beside_x("h = tanh(h[t-1]) * (x_1 - x_1)")
    assert canonical_hash(zero) == canonical_hash(beside_x("z = 0\nh = tanh(h[t-1]) * z"))


def test_what_is_drawn_twice_does_not_cancel() -> None:
    drawn = "d = bernoulli(0.1)\nk = bernoulli(0.1)\n"
    given, other = (beside_x(f"{drawn}h = h[t-1] + d {sign} k") for sign in "-+")
    without = beside_x("h = h[t-1] + 0 * x_1")
    assert len({*map(canonical_hash, (given, other, without))}) == 3
