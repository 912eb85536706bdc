"""Matrices that are computed of weights alone: what they mean, against NumPy and SciPy, and that
they are computed once.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from rnnzoo import lang
from rnnzoo.lang import counts, diagram, ir, latex, listing, reference, unicode
from rnnzoo.lang.adjoint import adjoint
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.primitives import matmul, matrix_exponential
from rnnzoo.lang.primitives.exponentials import matrix_exponential_back
from rnnzoo.lang.recurrence import recurrences
from rnnzoo.lang.text import cell_text
from rnnzoo.lang.view import CellView
from rnnzoo.lang.widen import compile_step
from tests.lang.test_adjoint import agrees_with_numeric_differentiation
from tests.lang.test_plain import agrees, run_jax, run_torch, torch  # noqa: F401  # a fixture

INPUTS, UNITS, HEADS, TIME = 4, 9, 3, 5
MADE = """\
name: made
options: {scale: 2}
equations: |
  K = softmax(scale * B)
  c = K' @ c[t-1] + abs(W) @ x
  E = expm(A - A')
  u = E @ h[t-1] + (diag(w_u) @ V / norm(V)) @ x
  h = tanh(u + exp(s * U') @ c + E' @ c)
weights:
  A: {shape: [units, units], mask: row < col}
  B: {shape: [units, units]}
  U: {shape: [units, units]}
  V: {shape: [units, inputs]}
  W: {shape: [units, inputs]}
  s: {shape: []}
"""
# by rows, of weights that are not square, and of what a step computes, with heads
BY_ROWS = """\
name: by_rows
options: {heads: 3}
equations: |
  C = 0.5 * C[t-1] + outer(W @ x, k, heads)
  k = V @ x
  S = layer_norm(C) + C / (1 + sum(abs(C))) - mean(C) * dot(C, C) + max(C) + cumsum(C)
  T = cumax(U')
  h = tanh(S @ k + softmax(U) @ x + T' @ x)
weights:
  U: {shape: [units, inputs]}
"""
# columns that stand for all, conditions, named vectors, and matrices beside those of a step
MIXED = """\
name: mixed
equations: |
  N = norm(V) + 1
  M = (V > 0) * V @ diag(w)
  s = exp(w)
  q = softmax(s)
  D = (diag(q) @ V) * H[t-1]
  H = 0.5 * H[t-1] + outer(W @ x, h[t-1]) + N
  u = N @ h[t-1] + sum(V) @ h[t-1] + M' @ (W @ x) + outer(w, q) @ h[t-1]
  h = tanh(u + D @ h[t-1] + (diag(h[t-1]) @ exp(V)) @ h[t-1])
weights:
  V: {shape: [units, units]}
"""
# a matrix of each unit that is multiplied; of joined vectors, too
SECOND = """\
name: second
equations: |
  M = S @ [h[t-1], x]
  h = tanh(T @ x @ h[t-1] + M' @ x + (softmax(T @ x) * B) @ h[t-1] + b)
weights:
  B: {shape: [units, units]}
  S: {shape: [inputs, units, units + inputs]}
  T: {shape: [units, units, inputs]}
"""
CELLS = {"made": MADE, "by_rows": BY_ROWS, "mixed": MIXED, "second": SECOND}


def softmax(a: np.ndarray) -> np.ndarray:
    e = np.exp(a - a.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def weights_of(cell: ir.Cell) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Random weights, and inputs of one sequence."""
    rng = np.random.default_rng(0)
    (weights,) = reference.random_weights(cell, INPUTS, UNITS, 1, rng)
    return weights, rng.normal(size=(1, TIME, INPUTS))


def test_matrices_of_weights_are_what_numpy_and_scipy_say() -> None:
    cell = lang.parse_text(MADE)
    w, x = weights_of(cell)
    upper = np.triu(w["A"], 1)
    rotation = linalg.expm(upper - upper.T)
    rows = w["V"] / np.linalg.norm(w["V"], axis=1, keepdims=True)
    shares = softmax(2 * w["B"])
    h = c = np.zeros(UNITS)
    outputs = []
    for now in x[0]:
        c = shares.T @ c + np.abs(w["W"]) @ now
        u = rotation @ h + w["w_u"] * (rows @ now)
        h = np.tanh(u + np.exp(w["s"] * w["U"].T) @ c + rotation.T @ c)
        outputs.append(h)
    run = reference.run(cell, [w], x, UNITS)
    np.testing.assert_allclose(run.outputs[0], outputs, atol=1e-12)


def test_what_is_over_units_is_over_each_row_of_a_matrix_in_each_head() -> None:
    cell = lang.parse_text(BY_ROWS)
    w, x = weights_of(cell)
    width = UNITS // HEADS
    memory = np.zeros((HEADS, width, width))
    wide = softmax(w["U"]) + np.cumsum(softmax(w["U"].T), axis=-1).T
    outputs = []
    for now in x[0]:
        k, v = ((w[name] @ now).reshape(HEADS, width) for name in "VW")
        memory = 0.5 * memory + v[:, :, None] * k[:, None, :]
        mean, total = memory.mean(-1, keepdims=True), np.abs(memory).sum(-1, keepdims=True)
        spread = np.sqrt(memory.var(-1, keepdims=True) + 1e-5)
        square, largest = (memory**2).sum(-1, keepdims=True), memory.max(-1, keepdims=True)
        read = (memory - mean) / spread + memory / (1 + total) - mean * square + largest
        read += np.cumsum(memory, axis=-1)
        outputs.append(np.tanh((read @ k[:, :, None]).ravel() + wide @ now))
    run = reference.run(cell, [w], x, UNITS)
    np.testing.assert_allclose(run.outputs[0], outputs, atol=1e-12)


def test_a_weight_of_three_sizes_has_a_matrix_for_each_unit_that_it_multiplies() -> None:
    cell = lang.parse_text(SECOND)
    w, x = weights_of(cell)
    t = w["T"].reshape(UNITS, UNITS, INPUTS)
    s = w["S"].reshape(INPUTS, UNITS, UNITS + INPUTS)
    h = np.zeros(UNITS)
    outputs = []
    for now in x[0]:
        of_input, of_both = t @ now, s @ np.concatenate([h, now])
        h = np.tanh(
            of_input @ h + of_both.T @ now + (softmax(of_input) * w["B"]) @ h + w["b"]
        )  # fmt: skip
        outputs.append(h)
    run = reference.run(cell, [w], x, UNITS)
    np.testing.assert_allclose(run.outputs[0], outputs, atol=1e-12)
    assert counts.weights(cell, INPUTS, UNITS) == sum(value.size for value in w.values())


@pytest.mark.parametrize("name", CELLS)
def test_what_the_engine_runs_agrees_with_numeric_differentiation(name: str) -> None:
    agrees_with_numeric_differentiation(CELLS[name])


@pytest.mark.parametrize("name", CELLS)
def test_the_text_of_a_cell_gives_the_cell_again(name: str) -> None:
    cell = lang.parse_text(CELLS[name])
    assert lang.parse_text(cell_text(cell)) == cell


@pytest.mark.parametrize("size", [0.0, 1e-3, 0.3, 1.0, 7.0, 40.0])
def test_the_exponential_and_its_derivative_are_scipys(size: float) -> None:
    rng = np.random.default_rng(1)
    matrix, direction, adjoint_of = rng.normal(size=(3, 6, 6))
    matrix = matrix * size / 6
    value = matrix_exponential.numpy(matrix.ravel(), np.ones(1)).reshape(6, 6)
    expected, derivative = linalg.expm_frechet(matrix, direction)
    largest = np.abs(expected).max()
    np.testing.assert_allclose(value, expected, rtol=1e-11, atol=1e-13 * largest)
    back = matrix_exponential_back.numpy(matrix.ravel(), adjoint_of.ravel(), np.ones(1))
    inner = float((adjoint_of * derivative).sum())
    np.testing.assert_allclose((back.reshape(6, 6) * direction).sum(), inner, rtol=1e-9)


def test_the_exponential_of_an_antisymmetric_matrix_is_a_rotation_at_any_size() -> None:
    for angle in (3.0, 100.0):
        turned = matrix_exponential.numpy(np.array([0, -angle, angle, 0.0]), np.ones(1))
        rotation = [np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)]
        np.testing.assert_allclose(turned, rotation, atol=1e-11)


def test_they_are_computed_once_and_multiply_as_weights_do() -> None:
    cell = lang.parse_text(MADE)
    program = compile_step(cell.step, ["h", "c"])
    back = adjoint(program, ["h", "c"])
    moving = (*program.before, *program.loop, *back.loop, *back.after)
    assert not any(ir.is_matrix(each.shape) for each in moving)
    (rotation,) = (each for each in program.once if each.primitive is matrix_exponential)
    assert rotation.name == "E"
    # of K, E, E' and exp(s * U') on a state; those on the inputs stand before the loop
    products = [each for each in program.loop if each.primitive is matmul]
    assert 0 < len(products) <= 4
    assert len([each for each in program.before if each.primitive is matmul]) == 1
    backward = listing.listing(cell).partition("# in the loop, backward")[2]
    in_loop, _, after = backward.partition("# after it")
    assert "expm_back(" in after
    assert "expm" not in in_loop


def test_a_line_of_its_own_changes_nothing() -> None:
    inline = MADE.replace("  K = softmax(scale * B)\n", "").replace("K' @", "P @")
    inline = inline.replace("  u =", "  P = softmax(scale * B)\n  u =")
    named = lang.parse_text(MADE.replace("K' @", "K @"))
    assert canonical_hash(lang.parse_text(inline)) == canonical_hash(named)
    assert canonical_hash(lang.parse_text(MADE)) != canonical_hash(named)


@pytest.mark.parametrize("name", CELLS)
def test_files_for_other_libraries_compute_the_same(name: str, torch) -> None:  # noqa: F811
    cell = CellView(lang.parse_text(CELLS[name]))
    agrees(cell.ir, cell.plain("torch"), lambda *given: run_torch(torch, *given), True)


@pytest.mark.slow  # JAX compiles
@pytest.mark.parametrize("name", CELLS)
def test_files_for_jax_compute_the_same(name: str) -> None:
    cell = CellView(lang.parse_text(CELLS[name]))
    agrees(cell.ir, cell.plain("jax"), run_jax, True)


def test_files_for_other_libraries_have_them_with_rows_and_columns() -> None:
    cell = CellView(lang.parse_text(MADE))
    of_torch, of_jax = cell.plain("torch"), cell.plain("jax")
    assert "K = (self.scale * self.B).softmax(-1)\n" in of_torch
    assert "c = c_prev @ K + x @ torch.abs(self.W).T\n" in of_torch
    assert "E = torch.matrix_exp(A - A.T)\n" in of_torch
    assert "E = jax.scipy.linalg.expm(A - A.T)\n" in of_jax
    assert 'c = K.T @ c_prev + jnp.abs(p["W"]) @ x\n' in of_jax


def test_kinds_and_counts_are_those_of_matrices_of_weights() -> None:
    cell = lang.parse_text(MADE)
    kinds = {group.states: group.kind for group in recurrences(cell.step, cell.states)}
    assert kinds == {("c",): "linear dense", ("h",): "nonlinear dense"}
    trained = UNITS * (UNITS - 1) // 2 + 2 * UNITS * UNITS + 2 * UNITS * INPUTS + UNITS + 1
    assert counts.weights(cell, INPUTS, UNITS) == trained
    assert counts.multiply_adds(cell, INPUTS, UNITS) == 4 * UNITS * UNITS + 2 * UNITS * INPUTS


def test_they_are_printed_as_papers_have_them() -> None:
    step = lang.parse_text(MADE).step
    lines = dict(
        zip((each.name for each in step.equations), latex.equations(lang.parse_text(MADE)))
    )
    assert lines["E"] == r"E = \operatorname{expm}\left(A - {A}^{\top}\right)"
    assert lines["K"] == r"K = \mathrm{softmax}\left(\mathrm{scale} \, B\right)"
    assert r"\frac{\mathrm{diag}\left(w_{u}\right) V}{\left\|V\right\|} x_{t}" in lines["u"]
    assert "uₜ = E hₜ₋₁ + (diag(w_u) V / norm(V)) xₜ" in unicode.lines(step.equations, step)


def test_what_is_computed_once_is_shown_without_a_time() -> None:
    cell = lang.parse_text(
        "name: q\nequations: |\n"
        "  S = A - A'\n"
        "  a = exp(w)\n"
        "  d = exp(w_d)\n"
        "  u = a * (S @ h[t-1]) + d[t-1] * h[t-1]\n"
        "  h = tanh(u + W @ x)\n"
        "weights:\n  A: {shape: [units, units]}\n"
    )
    lines = unicode.lines(cell.step.equations, cell.step)
    assert lines[:2] == ("S = A - Aᵀ", "a = exp(w)")
    # d is read at the previous step, so its steps are told apart
    assert {"dₜ = exp(w_d)", "uₜ = a ⊙ (S hₜ₋₁) + dₜ₋₁ ⊙ hₜ₋₁"} < {*lines}
    written = r"u_{t} = a \odot \left(S h_{t-1}\right) + d_{t-1} \odot h_{t-1}"
    assert written in latex.equations(cell)
    picture = diagram.diagram(cell)
    for name, subscript in (("S", ""), ("a", ""), ("u", '<tspan class="sub" dy="4">t</tspan>')):
        assert f'<tspan class="name">{name}</tspan>{subscript}</text>' in picture


def test_each_layer_tells_what_it_computes_once() -> None:
    cell = lang.parse_text(
        "name: q\nequations: |\n"
        "  f = sigmoid(V @ below.h + b_f)\n"
        "  h = f * h[t-1] + W @ x\n"
        "first_layer: |\n"
        "  f = sigmoid(b_f)\n"
    )
    assert latex.equations(cell)[0].startswith("f_{t} = ")
    assert latex.first_layer(cell) == (r"f = \sigma\left(b_{f}\right)",)
    assert unicode.lines(cell.first.equations, cell.first)[1] == "hₜ = f ⊙ hₜ₋₁ + W xₜ"
