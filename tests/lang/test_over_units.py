"""Operations over the units of a vector: their numbers, their adjoints, sizes, and groups."""

from __future__ import annotations

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.errors import UsageError
from rnnzoo.lang import ir, latex, reference, text, unicode
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.diagram.graph import graph
from rnnzoo.lang.listing import listing
from rnnzoo.lang.primitives import OVER_UNITS
from tests.lang.test_adjoint import UNITS, Problem, agrees_with_numeric_differentiation

HEADS = 3  # of `UNITS`, which are 9

# By the definition, on the units of one sequence.
DEFINED = {
    "sum": lambda a: [sum(a)],
    "mean": lambda a: [sum(a) / len(a)],
    "max": lambda a: [max(a)],
    "norm": lambda a: [sum(each * each for each in a) ** 0.5],
    "softmax": lambda a: [np.exp(each) / sum(map(np.exp, a)) for each in a],
    "layer_norm": lambda a: [
        (each - sum(a) / len(a))
        / (sum((u - sum(a) / len(a)) ** 2 for u in a) / len(a) + 1e-5) ** 0.5
        for each in a
    ],
    "cumsum": lambda a: [sum(a[: number + 1]) for number in range(len(a))],
    "cumax": lambda a: [
        sum(map(np.exp, a[: number + 1])) / sum(map(np.exp, a)) for number in range(len(a))
    ],
}


def of_equation(expression: str, options: str = "") -> ir.Cell:
    return lang.parse_text(
        f"name: q\n{options}equations: |\n  a = tanh(W @ x + R @ h[t-1] + b)\n"
        f"  h = {expression} + 0.5 * a\n"
    )


def test_there_is_a_definition_of_each() -> None:
    assert {*DEFINED, "dot"} == {*OVER_UNITS}


@pytest.mark.parametrize("name", DEFINED)
def test_each_is_what_its_definition_says(name: str) -> None:
    vectors = np.random.default_rng(0).normal(size=(4, UNITS))
    expected = np.array([DEFINED[name](list(row)) for row in vectors])
    np.testing.assert_allclose(OVER_UNITS[name].numpy(vectors), expected, rtol=1e-12)


@pytest.mark.parametrize("name", DEFINED)
def test_within_groups_each_group_is_a_vector_of_its_own(name: str) -> None:
    operation, vectors = OVER_UNITS[name], np.random.default_rng(0).normal(size=(4, UNITS))
    of_groups = [operation.numpy(part) for part in np.split(vectors, HEADS, axis=-1)]
    repeated = np.concatenate(
        [np.broadcast_to(value, (4, UNITS // HEADS)) for value in of_groups], axis=-1
    )
    np.testing.assert_array_equal(operation.numpy(vectors, np.asarray(3.0)), repeated)


def test_dot_is_the_sum_of_products() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 4, UNITS))
    np.testing.assert_allclose(OVER_UNITS["dot"].numpy(a, b)[:, 0], np.einsum("ni,ni->n", a, b))


ONE_OPERAND = [name for name in OVER_UNITS if name != "dot"]


@pytest.mark.parametrize("name", ONE_OPERAND)
def test_programs_and_adjoints_agree_with_the_reference_and_its_differences(name: str) -> None:
    Problem(of_equation(f"{name}(R_2 @ a + p * h[t-1]) * sin(a)"), 1).check()
    Problem(of_equation(f"{name}(a * h[t-1] + W_2 @ x, heads)", "options: {heads: 3}\n"), 1).check()


OTHERS = {
    "a dot product": "dot(a, R_2 @ h[t-1]) * a",
    "a dot product of each head": "dot(a, R_2 @ h[t-1], 3) * a",
    "numbers before the loop": "layer_norm(W_2 @ x) * p + mean(x) * a",
    "of weights": "p / norm(p) * a + softmax(p) * (R_2 @ h[t-1])",
    "of time": "a * mean(sin(t * b)) + mean(where(t > 2, t, x)) * b",
    "of what was folded": "a + mean(0 * a) + sum(where(1, 2, a)) * a + softmax(0 * a)",
    "of a number": "a * mean(sum(a) + b)",
    "a matrix on a number": "P @ mean(a) + P @ max(R_2 @ h[t-1])",
    "several gates": "softmax(R_2 @ a + W_2 @ x) + softmax(R_3 @ a + W_3 @ x)",
    "a number added to sequences": "(W_2 @ x + mean(h[t-1]) + W_3 @ x) * a",
    "over an option's size": "U @ softmax(V @ h[t-1])",
}


@pytest.mark.parametrize("expression", OTHERS.values(), ids=OTHERS)
def test_numbers_are_differentiated_wherever_they_stand(expression: str) -> None:
    declared = (
        "options: {rank: 2}\nweights: {U: {shape: [units, rank]}, V: {shape: [rank, units]}}\n"
    )
    agrees_with_numeric_differentiation(
        f"name: q\n{declared if 'rank' in expression or 'U @' in expression else ''}equations: |\n"
        f"  a = tanh(W @ x + R @ h[t-1] + b)\n  h = 0.5 * a + {expression}\n"
    )


def test_a_state_may_be_one_number() -> None:
    cell = lang.parse_text(
        "name: q\nequations: |\n  m = 0.9 * m[t-1] + 0.1 * mean(R @ h[t-1])\n  n = 2 * m\n"
        "  h = tanh(W @ x - m * b + n)\ninitial: {m: learned}\n"
    )
    assert {state.name: state.size for state in cell.states} == {"h": "units", "m": 1}
    assert cell.step.equation("n").size == 1
    Problem(cell, 1).check()


def test_a_product_of_one_row_is_a_number() -> None:
    cell = lang.parse_text(
        "name: q\nequations: |\n  g = sigmoid(V @ h[t-1] + s)\n  h = g * tanh(W @ x + R @ h[t-1])\n"
        "weights: {V: {shape: [1, units]}, s: {shape: [1]}}\n"
    )
    assert cell.step.equation("g").size == 1
    Problem(cell, 1).check()


def test_what_fills_a_vector_stays_one_beside_a_number() -> None:
    cell = lang.parse_text(
        "name: q\nequations: |\n  k = 1\n  m = k * mean(W @ x + R @ h[t-1])\n  h = tanh(m + b)\n"
    )
    assert cell.step.equation("m").size == "units"
    Problem(cell, 1).check()


def test_each_sequence_of_a_batch_has_numbers_of_its_own() -> None:
    cell = of_equation("layer_norm(R_2 @ a) + softmax(a) * max(a)")
    weights = reference.random_weights(cell, 4, UNITS, 1, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(3, 5, 4))
    alone = [reference.run(cell, weights, row[None], UNITS).outputs[0] for row in x]
    np.testing.assert_allclose(reference.run(cell, weights, x, UNITS).outputs, alone, atol=1e-14)


def test_softmax_and_layer_norm_hold_where_numbers_are_large() -> None:
    large = np.array([[1000.0, 1000.0, -1000.0]])
    np.testing.assert_array_equal(OVER_UNITS["softmax"].numpy(large), [[0.5, 0.5, 0.0]])
    assert np.isfinite(OVER_UNITS["layer_norm"].numpy(np.zeros((1, 3)))).all()


def test_the_norm_of_nothing_has_the_gradient_0() -> None:
    """The first step reads a state of zeros."""
    problem = Problem(lang.parse_text("name: q\nequations: |\n  h = W @ x + p * norm(h[t-1])\n"), 1)
    problem.values["start", "h"][:] = 0.0
    problem.check()


def test_groups_that_do_not_divide_the_units_are_refused() -> None:
    cell = of_equation("softmax(a, heads)", "options: {heads: 3}\n")
    with pytest.raises(UsageError, match="3 groups, which do not divide 8 units") as raised:
        reference.constants(cell, ir.Sizes(8, 4, cell.options))
    assert "such as 9" in str(raised.value)


def test_they_are_written_as_they_are_read() -> None:
    cell = of_equation("max(a, heads) * norm(a) + dot(a, b)", "options: {heads: 3}\n")
    assert lang.parse_text(text.cell_text(cell)) == cell
    assert "max(a, heads) * norm(a) + dot(a, b)" in text.cell_text(cell)
    assert r"\max_{\mathrm{heads}}\left(a_{t}\right)" in latex.equations(cell)[-1]
    # no circle between a vector and a number
    assert r"\left(a_{t}\right) \, \left\|a_{t}\right\|" in latex.equations(cell)[-1]
    assert "norm(aₜ)" in unicode.lines(cell.step.equations, cell.step)[-1]
    assert "sum(a)" in listing(of_equation("mean(a) * a"))


def test_the_picture_tells_groups_from_a_second_operand() -> None:
    cell = of_equation("max(a, heads) * dot(a, p) + maximum(a, 3)", "options: {heads: 3}\n")
    labels = [node.label for node in graph(cell).nodes if node.kind == "pointwise"]
    assert {"max (heads)", "dot (p)", "max 3"} < {*labels}


def test_the_canonical_form_does_not_depend_on_names_and_tells_operations_apart() -> None:
    hashes = [
        canonical_hash(of_equation(expression))
        for expression in ("mean(a) + c", "c + mean(a)", "sum(a) + c", "mean(a, 3) + c")
        for expression in (expression.replace("c", "p"),)
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_the_e_of_a_number_is_no_name_of_an_equation() -> None:
    cell = lang.parse_text(
        "name: q\nequations: |\n  e = maximum(norm(W @ x), 1e-12)\n  h = tanh(W @ x / e) + h[t-1]\n"
    )
    assert "eₜ = maximum(norm(W xₜ), 1e-12)" in unicode.lines(cell.step.equations, cell.step)
