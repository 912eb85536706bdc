"""Functions of constant matrices: `expm(A)` and `zoh(A, B)`."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg, signal

from rnnzoo import lang
from rnnzoo.lang import reference
from rnnzoo.lang.primitives.exponentials import exponential, held

CELL = """\
name: mine
options: {size: 3}
constants: |
  A = 0.5 * (row - col)
  S = 2 * A
  B = row + 1
  E = expm(S)
  F = zoh(A, B)
equations: |
  m = E @ m[t-1] + F @ u
  u = V @ x
  h = tanh(W @ m)
weights:
  E: {shape: [size, size]}
  F: {shape: [size, 1]}
  V: {shape: [1, inputs]}
"""


def fixed(text: str) -> dict[str, np.ndarray]:
    cell = lang.parse_text(text)
    (weights,) = reference.random_weights(cell, 2, 4, 1, np.random.default_rng(0))
    names = [weight.name for weight in cell.step.weights if not weight.trained]
    return {name: weights[name] for name in names}


@pytest.mark.parametrize("size", [1e-9, 0.3, 1.0, 7.0, 40.0])
def test_the_exponential_is_scipys(size: float) -> None:
    matrix = np.random.default_rng(1).normal(size=(6, 6)) * size / 6
    np.testing.assert_allclose(exponential(matrix), linalg.expm(matrix), rtol=1e-11, atol=1e-13)


def test_exponentials_that_are_known() -> None:
    angle = 2.0
    turned = exponential(np.array([[0, -angle], [angle, 0]]))
    rotation = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    np.testing.assert_allclose(turned, rotation, atol=1e-14)
    np.testing.assert_array_equal(exponential(np.zeros((2, 2))), np.eye(2))
    skew = np.random.default_rng(2).normal(size=(5, 5))
    orthogonal = exponential(skew - skew.T)
    np.testing.assert_allclose(orthogonal @ orthogonal.T, np.eye(5), atol=1e-13)


def test_a_held_input_is_scipys_zero_order_hold_and_needs_no_inverse() -> None:
    rng = np.random.default_rng(3)
    for matrix in (rng.normal(size=(4, 4)), np.zeros((4, 4))):
        inputs = rng.normal(size=(4, 2))
        system = matrix, inputs, np.zeros((1, 4)), np.zeros((1, 2))
        _, expected, *_ = signal.cont2discrete(system, dt=1.0, method="zoh")
        np.testing.assert_allclose(held(matrix, inputs), expected, rtol=1e-12, atol=1e-13)


def test_a_constant_may_be_made_of_other_matrices() -> None:
    rows, columns = np.meshgrid(np.arange(3.0), np.arange(3.0), indexing="ij")
    a, b = 0.5 * (rows - columns), np.arange(3.0)[:, None] + 1
    constants = fixed(CELL)
    assert {*constants} == {"E", "F"}
    np.testing.assert_allclose(constants["E"], linalg.expm(2 * a), atol=1e-13)
    np.testing.assert_allclose(constants["F"], held(a, b), atol=1e-13)


def test_the_text_of_a_cell_with_such_constants_reads_back() -> None:
    cell = lang.parse_text(CELL)
    again = lang.parse_text(lang.text.cell_text(cell))
    assert again.step == cell.step
    assert r"\operatorname{expm}\left(" in " ".join(lang.latex.constants(cell))


def test_the_legendre_memory_by_zero_order_hold_is_the_limit_of_small_steps_of_eulers() -> None:
    """One step that is held is as many small steps of Euler's method, as far as these are small."""
    cell = lang.load("lmu_zoh")
    (weights,) = reference.random_weights(cell, 2, 4, 1, np.random.default_rng(0))
    (euler,) = reference.random_weights(lang.load("lmu"), 2, 4, 1, np.random.default_rng(0))
    count = 2**16
    small = np.eye(16) + euler["A"] / count
    np.testing.assert_allclose(np.linalg.matrix_power(small, count), weights["C"], atol=1e-3)
