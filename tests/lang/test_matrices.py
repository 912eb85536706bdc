"""Transposed matrices: what they compute is the reference's and the adjoint's business
(`test_adjoint` has the zoo), what they mean is here.
"""

from __future__ import annotations

import numpy as np

from rnnzoo import lang
from rnnzoo.lang import counts, ir, latex, reference, unicode
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.text import cell_text
from tests.lang.test_adjoint import agrees_with_numeric_differentiation

INPUTS, UNITS, BATCH, TIME = 3, 4, 2, 5
TIED = "name: q\nequations: |\n  e = x - W' @ h[t-1]\n  h = tanh(W @ e + W @ x + R' @ h[t-1])\n"


def cell_of(equation: str) -> ir.Cell:
    return lang.parse_text(f"name: q\nequations: |\n  h = {equation}\n")


def test_a_transposed_matrix_is_the_transposed_matrix() -> None:
    cell = lang.parse_text(TIED)
    (weights,) = reference.random_weights(cell, INPUTS, UNITS, 1, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(1, TIME, INPUTS))
    h = np.zeros(UNITS)
    for t in range(TIME):
        error = x[0, t] - weights["W"].T @ h
        h = np.tanh(weights["W"] @ (error + x[0, t]) + weights["R"].T @ h)
    np.testing.assert_allclose(reference.run(cell, [weights], x, UNITS).outputs[0, -1], h)


def test_a_matrix_on_inputs_may_be_used_transposed_before_it_is_used_plain() -> None:
    cell = lang.parse_text(TIED)
    shapes = {weight.name: weight.shape for weight in cell.step.weights}
    assert shapes == {"W": ("units", "inputs"), "R": ("units", "units")}
    assert lang.parse_text(cell_text(cell)) == cell
    agrees_with_numeric_differentiation(TIED)


def test_plain_and_transposed_are_one_weight() -> None:
    cell = cell_of("tanh(R @ h[t-1] - R' @ h[t-1] + W @ x)")
    assert counts.weights(cell, INPUTS, UNITS) == UNITS * UNITS + UNITS * INPUTS
    assert counts.multiply_adds(cell, INPUTS, UNITS) == 2 * UNITS * UNITS + UNITS * INPUTS


def test_transposed_matrices_are_printed_as_papers_have_them() -> None:
    cell = cell_of("tanh(R_f' @ h[t-1] + W @ x)")
    assert latex.equations(cell) == (r"h_{t} = \tanh\left({R_{f}}^{\top} h_{t-1} + W x_{t}\right)",)
    (line,) = unicode.lines(cell.step.equations, cell.step)
    assert line == "h\u209c = tanh(R_f\u1d40 h\u209c\u208b\u2081 + W x\u209c)"


def test_the_canonical_form_tells_which_use_is_transposed() -> None:
    one, same, other = map(
        cell_of,
        (
            "tanh(R @ h[t-1] - R' @ h[t-1] + W @ x)",
            "tanh(W @ x - (Q' @ h[t-1] - Q @ h[t-1]))",
            "tanh(R @ h[t-1] - R @ h[t-1] + W @ x)",
        ),
    )
    assert canonical_hash(one) == canonical_hash(same) != canonical_hash(other)
