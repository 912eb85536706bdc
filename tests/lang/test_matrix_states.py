"""Matrices that a step computes: what they mean, against NumPy, in every reading of a cell."""

from __future__ import annotations

import numpy as np
import pytest

import rnnzoo
from rnnzoo import lang
from rnnzoo.errors import UsageError
from rnnzoo.lang import counts, ir, latex, listing, reference, unicode
from rnnzoo.lang.adjoint import adjoint
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.diagram.graph import graph
from rnnzoo.lang.primitives import outer_product, times
from rnnzoo.lang.recurrence import recurrences
from rnnzoo.lang.text import cell_text
from rnnzoo.lang.view import CellView
from rnnzoo.lang.widen import compile_step
from tests.lang.test_adjoint import agrees_with_numeric_differentiation
from tests.lang.test_plain import agrees, run_torch, torch  # noqa: F401  # a fixture
from tests.lang.test_recurrence import Numbers

INPUTS, UNITS, KEYS, HEADS, TIME = 4, 9, 6, 3, 5
# rows and columns of different numbers, heads, a longer lag, both scalings, both products
DELTA = """\
name: delta
options: {heads: 3}
equations: |
  q = W_q @ x
  k = W_k @ x
  v = W_v @ x
  a = sigmoid(W_a @ x)
  D = diag(a) @ C[t-1] @ diag(k)
  C = D + outer(v - D @ k, k, heads) - 0.1 * tanh(C[t-2])
  u = C' @ v
  h = C @ (q + u) + C[t-1] @ (C[t-1]' @ a)
weights:
  W_q: {shape: [2 * units / 3, inputs]}
  W_k: {shape: [2 * units / 3, inputs]}
"""
# a state that its own reading writes to, and matrices of weights that stand for their entries
PLASTIC = """\
name: plastic
options: {rate: 0.1}
equations: |
  H = (1 - rate) * H[t-1] + rate * outer(h[t-1], W_k @ x)
  S = exp(-(diag(softplus(W_d @ x)) @ exp(A))) * S[t-1] + outer(W_v @ x, W_b @ x)
  h = tanh(W @ x + (R + P * H) @ h[t-1] + S @ (W_c @ x))
weights:
  R: {shape: [units, units]}
  P: {shape: [units, units]}
  A: {shape: [units, 2]}
  W_b: {shape: [2, inputs]}
  W_c: {shape: [2, inputs]}
init: {A: log(1 + col)}
initial: {H: learned}
"""
CELLS = {"delta": DELTA, "plastic": PLASTIC}


def of_heads(cell: ir.Cell, weights: reference.Values, x: np.ndarray) -> np.ndarray:
    """What `delta` gives over one sequence, head by head."""
    width, keys = UNITS // HEADS, KEYS // HEADS
    memories = np.zeros((2, HEADS, width, keys))  # of the last step, and of the one before
    outputs = []
    for now in x:
        q, k = ((weights[f"W_{name}"] @ now).reshape(HEADS, keys) for name in "qk")
        v = (weights["W_v"] @ now).reshape(HEADS, width)
        a = 1 / (1 + np.exp(-(weights["W_a"] @ now).reshape(HEADS, width)))
        last, before = memories
        memory, h = np.empty_like(last), np.empty((HEADS, width))
        for head in range(HEADS):
            old = np.diag(a[head]) @ last[head] @ np.diag(k[head])
            error = v[head] - old @ k[head]
            memory[head] = old + np.outer(error, k[head]) - 0.1 * np.tanh(before[head])
            h[head] = memory[head] @ (q[head] + memory[head].T @ v[head])
            h[head] += last[head] @ last[head].T @ a[head]
        memories = np.stack([memory, last])
        outputs.append(h.ravel())
    return np.stack(outputs)


def test_a_matrix_is_computed_within_each_head() -> None:
    cell = lang.parse_text(DELTA)
    rng = np.random.default_rng(0)
    (weights,) = reference.random_weights(cell, INPUTS, UNITS, 1, rng)
    x = rng.normal(size=(1, TIME, INPUTS))
    run = reference.run(cell, [weights], x, UNITS)
    np.testing.assert_allclose(run.outputs[0], of_heads(cell, weights, x[0]), atol=1e-12)
    assert run.states[0]["C"].shape == (1, UNITS * KEYS // HEADS)


@pytest.mark.parametrize("name", CELLS)
def test_what_the_engine_runs_agrees_with_numeric_differentiation(name: str) -> None:
    agrees_with_numeric_differentiation(CELLS[name])


@pytest.mark.parametrize("name", CELLS)
def test_the_text_of_a_cell_gives_the_cell_again(name: str) -> None:
    cell = lang.parse_text(CELLS[name])
    assert lang.parse_text(cell_text(cell)) == cell


@pytest.mark.parametrize("name", CELLS)
def test_files_for_other_libraries_compute_the_same(name: str, torch) -> None:  # noqa: F811
    cell = CellView(lang.parse_text(CELLS[name]))
    agrees(cell.ir, cell.plain("torch"), lambda *given: run_torch(torch, *given), True)


def test_the_number_of_heads_is_part_of_what_a_cell_computes() -> None:
    bare = DELTA.replace("options: {heads: 3}\n", "")
    one, three = (lang.parse_text(bare.replace(", heads)", end)) for end in (")", ", 3)"))
    assert canonical_hash(one) != canonical_hash(three) != canonical_hash(lang.parse_text(DELTA))


def test_sizes_of_a_state_are_those_of_its_vectors() -> None:
    cell = lang.parse_text(DELTA)
    sizes = {state.name: state.size for state in cell.states}
    assert sizes["C"] == sizes["C_lag1"] == ir.Grid("units", "2 * units / 3", "heads")
    assert cell.step.equation("u").size == "2 * units / 3"
    with pytest.raises(UsageError, match="3 groups, which do not divide 10 units"):
        rnnzoo.lang.reference.constants(cell, ir.Sizes(10, INPUTS, cell.options))


WRITES = "name: q\nequations: |\n  C = {} + outer({}, W @ x)\n  h = C @ (V @ x)\n"


@pytest.mark.parametrize(
    ("before", "written", "kind"),
    [
        ("C[t-1]", "U @ x", "linear diagonal"),
        ("diag(sigmoid(U @ x)) @ C[t-1]", "U @ x", "linear diagonal"),
        ("C[t-1] @ diag(sigmoid(U @ x))", "U @ x", "linear diagonal"),
        ("tanh(C[t-1])", "U @ x", "nonlinear diagonal"),
        ("C[t-1]", "C[t-1] @ (U @ x)", "linear block"),  # rows, each by itself
        ("C[t-1]", "tanh(C[t-1] @ (U @ x))", "nonlinear block"),
        ("C[t-1]", "C[t-1]' @ (U @ x)", "linear dense"),
        ("C[t-1]", "R @ (C[t-1] @ (U @ x))", "linear dense"),
        ("diag(sigmoid(C[t-1] @ (U @ x))) @ C[t-1]", "U @ x", "nonlinear block"),
        ("C[t-1] @ diag(C[t-1] @ (U @ x))", "U @ x", "nonlinear dense"),
    ],
)
def test_the_kind_of_a_recurrence_is_what_numbers_say(before: str, written: str, kind: str) -> None:
    cell = lang.parse_text(WRITES.format(before, written))
    (group,) = recurrences(cell.step, cell.states)
    assert group.kind == kind == Numbers(cell, cell.step).kind(frozenset({"C"}))


READS = """\
name: q
options: {heads: 3}
equations: |
  C = C[t-1] + outer(U @ x, W @ x)
  h = C @ h[t-1] + V @ x
"""


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (READS.replace("options: {heads: 3}\n", ""), "linear dense"),
        (READS.replace("W @ x)", "W @ x, heads)"), "linear block"),
    ],
    ids=["one head", "heads"],
)
def test_a_vector_that_a_matrix_multiplies_is_read_within_each_head(text: str, kind: str) -> None:
    cell = lang.parse_text(text)
    kinds = {group.states: group.kind for group in recurrences(cell.step, cell.states)}
    numbers = Numbers(cell, cell.step)
    assert kinds == {("h",): kind, ("C",): "linear diagonal"}
    assert {names: numbers.kind(frozenset(names)) for names in kinds} == kinds


def test_matrices_are_kept_as_states_and_never_for_all_steps_beside_them() -> None:
    cell = lang.load("mlstm")
    program = compile_step(cell.step, ["m", "C", "n", "h"])
    back = adjoint(program, ["m", "C", "n"])
    rows = (*back.saved, *back.emitted, *(each.value for each in (*program.before, *back.after)))
    assert not any(ir.is_matrix(ref.shape) for ref in rows)
    assert any(each.primitive is outer_product for each in program.loop)


def test_multiply_adds_count_each_entry_that_is_written_or_read() -> None:
    cell = lang.parse_text(WRITES.format("C[t-1]", "U @ x"))
    assert counts.weights(cell, INPUTS, UNITS) == 3 * UNITS * INPUTS
    assert counts.multiply_adds(cell, INPUTS, UNITS) == 3 * UNITS * INPUTS + 2 * UNITS * UNITS


def test_units_are_a_multiple_of_the_heads_where_they_follow_from_weights() -> None:
    assert counts.units_for(lang.parse_text(DELTA), INPUTS, 1000) % HEADS == 0


def test_matrices_are_printed_as_papers_have_them() -> None:
    cell = lang.parse_text(
        "name: q\nequations: |\n  C = diag(b_f) @ C[t-1] + outer(2 * W @ x, V @ x, 2)\n"
        "  h = C' @ (C[t-1]' @ b)\n".replace("2 * W @ x", "2 * (W @ x)")
    )
    assert latex.equations(cell) == (
        r"C_{t} = \mathrm{diag}\left(b_{f}\right) C_{t-1}"
        r" + {\left(\left(2 \, \left(W x_{t}\right)\right) \, {\left(V x_{t}\right)}^{\top}"
        r"\right)}_{2}",
        r"h_{t} = {C_{t}}^{\top} \left({C_{t-1}}^{\top} b\right)",
    )
    first, second = unicode.lines(cell.step.equations, cell.step)
    assert first == "Cₜ = diag(b_f) Cₜ₋₁ + outer(2 ⊙ (W xₜ), V xₜ, 2)"
    assert second == "hₜ = Cₜᵀ (Cₜ₋₁ᵀ b)"


def test_the_picture_has_a_node_for_each_operation() -> None:
    labels = [node.label for node in graph(lang.load("mlstm")).nodes]
    assert {"⊗ (heads)", "@ (heads)", "diag (heads)"} <= {*labels}
    assert "⊗" in {node.label for node in graph(lang.parse_text(PLASTIC)).nodes}


def test_the_engine_is_printed_with_what_the_step_before_waits_for() -> None:
    text = listing.listing(lang.load("mlstm"))
    backward = text.partition("# in the loop, backward")[2].partition("# after it")[0]
    assert "d.C = next.C + outer(" in backward
    assert "d.C[t-1] = d.C * outer(" in backward


def test_a_product_is_kept_and_an_outer_product_computed_again() -> None:
    assert times.costly
    assert not outer_product.costly
