"""Cells without the signs that their weights can carry."""

from __future__ import annotations

import itertools
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.lang import ir
from rnnzoo.lang.behaviour import _Probe, fingerprint
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.primitives import matmul, neg
from rnnzoo.lang.signs import is_even, turnable, without_free_signs
from rnnzoo.lang.text import cell_text
from rnnzoo.spec.cell import Init
from tests.lang.test_behaviour import cell_of
from tests.lang.test_rewriting import descendants

MIXED = """
    z = sigmoid(W_z @ x + R_z @ h[t-1] + b_z)
    n = tanh(W_n @ x + R_n @ h[t-1] + b_n)
    h = z * n + (1 - z) * h[t-1]
"""


def form(cell: ir.Cell) -> str:
    return canonical_hash(without_free_signs(cell))


def print_of(cell: ir.Cell) -> str:
    return fingerprint(without_free_signs(cell))


@pytest.mark.parametrize(
    ("given", "other"),
    [
        ("h = tanh(W @ x + R @ h[t-1])", "h = tanh(W @ x - R @ h[t-1])"),
        ("h = tanh(W @ x + R @ h[t-1] + b)", "h = tanh(R @ h[t-1] - (W @ x - b))"),
        ("h = h[t-1] + tanh(W @ x)", "n = tanh(W @ x)\nh = h[t-1] - n"),
        ("h = h[t-1] + W @ x", "h = 0 - (W @ x - h[t-1])"),
        ("h = sigmoid(W @ x) * (R @ h[t-1])", "h = sigmoid(W @ x) * (0 - R @ h[t-1])"),
        # both factors of a product can turn, and with them the term beside the state
        ("h = (W @ x) * (U @ x - h[t-1])", "h = (W @ x) * (U @ x + h[t-1])"),
        ("h = tanh(R @ (h[t-1] - W @ x))", "h = tanh(R @ (h[t-1] + W @ x))"),
        ("h = tanh(R @ (W @ x - h[t-1]))", "h = tanh(R @ (W @ x + h[t-1]))"),
        (MIXED, MIXED.replace("z * n + (1 - z) * h[t-1]", "(1 - z) * h[t-1] - z * n")),
    ],
)  # fmt: skip
def test_twins_by_the_sign_of_a_weight_are_one(given: str, other: str) -> None:
    one, two = cell_of(given), cell_of(other)
    assert canonical_hash(one) != canonical_hash(two)
    assert form(one) == form(two)
    assert print_of(one) == print_of(two)


@pytest.mark.parametrize(
    ("given", "other", "more"),
    [
        # a state has no sign to give, nor has a gate
        ("h = W @ x + h[t-1]", "h = W @ x - h[t-1]", ""),
        (MIXED, MIXED.replace("+ (1 - z)", "- (1 - z)"), ""),
        ("h = tanh(W @ x) + h[t-1] * sigmoid(b)", "h = tanh(W @ x) - h[t-1] * sigmoid(b)", ""),
        # a weight that is read twice cannot carry both signs
        ("u = W @ x\nh = u * h[t-1] + u", "u = W @ x\nh = u * h[t-1] - u", ""),
        # it begins otherwise with the other sign
        ("h = tanh(W @ x + h[t-1] + b)", "h = tanh(W @ x + h[t-1] - b)", "init: {b: 1}"),
        ("h = relu(W @ x) + h[t-1]", "h = h[t-1] - relu(W @ x)", ""),
    ],
)
def test_cells_that_differ_stay_two(given: str, other: str, more: str) -> None:
    one, two = cell_of(given, more), cell_of(other, more)
    assert form(one) != form(two)
    assert print_of(one) != print_of(two)


def descended(count: int, most: int) -> list[ir.Cell]:
    """Descendants of the LSTM and the GRU, with so few weights that all signs can be tried."""
    cells = (child.cell for child in descendants(40 * count, seed=7))
    return list(islice((cell for cell in cells if len(turnable(cell.step)) <= most), count))


def turned(cell: ir.Cell, name: str) -> ir.Cell:
    """The cell with the other sign before one of its matrices or vectors."""

    def of(expr: ir.Expr) -> ir.Expr:
        if isinstance(expr, ir.Apply):
            return replace(expr, args=tuple(map(of, expr.args)))
        is_it = isinstance(expr, ir.Ref) and expr.name == name
        return ir.Apply(neg, (expr,), expr.shape) if is_it else expr

    def before_product(expr: ir.Expr) -> ir.Expr:
        """The sign of a matrix stands before its product."""
        if not isinstance(expr, ir.Apply):
            return of(expr) if len(expr.shape) == 1 else expr
        inner = replace(expr, args=tuple(map(before_product, expr.args)))
        matrix = expr.args[0]
        is_it = expr.op is matmul and isinstance(matrix, ir.Ref) and matrix.name == name
        return ir.Apply(neg, (inner,), inner.shape) if is_it else inner

    equations = tuple(replace(each, expr=before_product(each.expr)) for each in cell.step.equations)
    step = replace(cell.step, equations=equations)
    return replace(cell, step=step, first=step)


def assert_computes_the_same_up_to_signs(cell: ir.Cell) -> None:
    """With one choice of signs of its weights, the cell without free signs has the outputs."""
    given, other = _Probe.of(cell, 3), _Probe.of(without_free_signs(cell), 3)
    weights = given.drawn(np.random.default_rng(1))
    wanted = given.outputs(weights)
    names = sorted(turnable(cell.step))
    for signs in itertools.product((1.0, -1.0), repeat=len(names)):
        signed = {name: sign * weights[name] for name, sign in zip(names, signs)}
        if np.allclose(other.outputs({**weights, **signed}), wanted, equal_nan=True):
            return
    raise AssertionError(cell_text(cell))


def test_nothing_but_signs_of_weights_is_lost() -> None:
    for cell in descended(6, most=4):
        assert_computes_the_same_up_to_signs(cell)


@pytest.mark.slow
def test_nothing_but_signs_of_weights_is_lost_in_many_cells() -> None:
    for cell in descended(100, most=8):
        assert_computes_the_same_up_to_signs(cell)


def test_a_sign_before_any_weight_that_can_carry_it_is_lost() -> None:
    counted = 0
    for cell in descended(6, most=20):
        for name in sorted(turnable(cell.step)):
            counted += 1
            assert form(turned(cell, name)) == form(cell), f"{name} of {cell_text(cell)}"
    assert counted > 20


def test_many_descendants_have_signs_to_lose() -> None:
    """Else the tests above would say little."""
    cells = descended(40, most=20)
    assert sum(form(cell) != canonical_hash(cell) for cell in cells) >= 12


def test_a_cell_without_signs_has_none_to_lose() -> None:
    for cell in descended(6, most=20):
        once = without_free_signs(cell)
        assert canonical_hash(without_free_signs(once)) == canonical_hash(once)


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm", "mut1", "mut2", "mut3", "peephole"])
def test_a_cell_of_the_zoo_keeps_what_it_computes(name: str) -> None:
    cell = lang.load(name)
    assert without_free_signs(cell).step.weights == cell.step.weights
    assert print_of(cell) == fingerprint(cell)  # it is written with + before its weights


@pytest.mark.parametrize(
    ("init", "even"),
    [
        (Init("zeros"), True),
        (Init("glorot_uniform"), True),
        (Init("orthogonal", (2.0,)), True),
        (Init("constant", (0.0,)), True),
        (Init("constant", (1.0,)), False),
        (Init("ones"), False),
        (Init("identity"), False),
        (Init("uniform", (0.1,)), True),
        (Init("uniform", (-0.1, 0.1)), True),
        (Init("uniform", (0.0, 0.1)), False),
        (Init("expression", ("0.9 * (row == col)",)), False),
        (Init("by columns", ("glorot_uniform", "orthogonal")), True),
        (Init("by columns", ("glorot_uniform", "identity")), False),
    ],
)
def test_a_beginning_has_two_signs_or_one(init: Init, even: bool) -> None:
    assert is_even(init) is even
