"""Transposed matrices, and vectors side by side: what they mean; `test_adjoint` has what the zoo
computes with them.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

import rnnzoo
from rnnzoo import lang
from rnnzoo.errors import UsageError
from rnnzoo.lang import counts, diagram, ir, latex, listing, passes, reference, start, unicode
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.diagram.graph import graph
from rnnzoo.lang.recurrence import recurrences
from rnnzoo.lang.text import cell_text
from rnnzoo.lang.view import CellView
from rnnzoo.spec.cell import Init
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


# -- vectors side by side

JOINED = """name: joined
equations: |
  f = sigmoid(W_f @ [h[t-1], x] + b_f)
  i = sigmoid(W_i @ [h[t-1], x] + b_i)
  g = tanh(W_g @ [h[t-1], x] + b_g)
  c = f * c[t-1] + i * g
  o = sigmoid(W_o @ [h[t-1], x] + b_o)
  h = o * tanh(c)
init: {b_f: 1}
"""  # Olah 2015, "Understanding LSTM networks"
GATES = "ifog"


def joined_weights(apart: reference.Values) -> dict[str, np.ndarray]:
    """The weights of `JOINED` that compute what those of `lstm` do."""
    joined = {
        f"W_{gate}": np.concatenate([apart[f"R_{gate}"], apart[f"W_{gate}"]], axis=1)
        for gate in GATES
    }
    return joined | {f"b_{gate}": apart[f"b_{gate}"] for gate in GATES}


def test_a_matrix_on_joined_vectors_computes_what_a_matrix_on_each_does() -> None:
    (apart,) = reference.random_weights(
        lang.load("lstm"), INPUTS, UNITS, 1, np.random.default_rng(0)
    )
    x = np.random.default_rng(1).normal(size=(BATCH, TIME, INPUTS))
    joined = reference.run(lang.parse_text(JOINED), [joined_weights(apart)], x, UNITS)
    expected = reference.run(lang.load("lstm"), [apart], x, UNITS)
    np.testing.assert_allclose(joined.outputs, expected.outputs, atol=1e-14)


def test_its_adjoint_agrees_with_numeric_differentiation() -> None:
    agrees_with_numeric_differentiation(JOINED)
    agrees_with_numeric_differentiation(
        "name: q\nequations: |\n  h = tanh(W @ [h[t-1] * b, 0 * x, t * x, h[t-1]])\n"
    )


def test_the_cell_with_joined_vectors_is_the_cell_with_a_matrix_for_each() -> None:
    joined, apart = lang.parse_text(JOINED), lang.load("lstm")
    assert canonical_hash(joined) == canonical_hash(apart)
    for count in (counts.weights, counts.multiply_adds):
        assert count(joined, INPUTS, UNITS, 2) == count(apart, INPUTS, UNITS, 2)
    assert recurrences(joined.step, joined.states) == recurrences(apart.step, apart.states)
    assert lang.parse_text(cell_text(joined)) == joined
    whole = lang.parse_text(JOINED.replace("{b_f: 1}", "{b_f: 1, W_f: orthogonal}"))
    assert canonical_hash(whole) != canonical_hash(joined)


def test_the_part_of_the_inputs_leaves_the_loop() -> None:
    (product,) = passes.schedule(cell_of("tanh(W @ [h[t-1], x] + b)").step).before
    assert [ref.name for ref in ir.refs(product.expr, "input", "previous")] == ["x"]


def test_columns_begin_as_matrices_of_their_own_do() -> None:
    cell = lang.parse_text(JOINED)
    (weight,) = [weight for weight in cell.step.weights if weight.name == "W_f"]
    assert weight.shape == ("units", ("units", "inputs"))
    values = start.drawn(weight, ir.Sizes(50, 70, {}), np.random.default_rng(0))
    np.testing.assert_allclose(values[:, :50] @ values[:, :50].T, np.eye(50), atol=1e-12)
    limit = np.sqrt(6 / (50 + 70))
    assert 0.98 * limit < abs(values[:, 50:]).max() <= limit


def test_joined_vectors_are_printed_and_drawn_as_papers_have_them() -> None:
    cell = lang.parse_text(JOINED)
    assert latex.equations(cell)[0] == (
        r"f_{t} = \sigma\left(W_{f} \left[h_{t-1}, x_{t}\right] + b_{f}\right)"
    )
    line = unicode.lines(cell.step.equations, cell.step)[0]
    assert line == "f\u209c = \u03c3(W_f [h\u209c\u208b\u2081, x\u209c] + b_f)"
    drawn, nodes = graph(cell), graph(cell).nodes
    (gate,) = [node for node in nodes if node.name == "f"]
    assert sorted(nodes[number].name for number in gate.joined) == ["h", "x"]
    assert sum(node.covers for node in drawn.nodes) == sum(
        isinstance(node, ir.Apply)
        for equation in cell.step.equations
        for node in ir.walk(equation.expr)
    )
    assert "<svg" in diagram.diagram(cell)


@pytest.mark.parametrize("engine", [pytest.param("auto", marks=pytest.mark.slow), "portable"])
def test_the_layer_with_joined_vectors_is_the_layer_with_a_matrix_for_each(
    engine: str, tmp_path
) -> None:
    file = tmp_path / "joined.yaml"
    file.write_text(JOINED)
    joined, apart = (
        rnnzoo.layer(cell, UNITS, seed=3, return_sequences=True, engine=engine)
        for cell in (str(file), "lstm")
    )
    x = np.random.default_rng(1).normal(size=(BATCH, TIME, INPUTS)).astype("float32")
    joined(x)
    expected = apart(x)
    kernel = joined.weights_by_name()["W_i"]
    np.testing.assert_allclose(kernel[:, :UNITS] @ kernel[:, :UNITS].T, np.eye(UNITS), atol=1e-6)
    joined.set_weights_by_name(joined_weights(apart.weights_by_name()))
    np.testing.assert_array_equal(joined(x), expected)


# -- weights that are never trained

RESERVOIR = """name: reservoir
equations: |
  h = tanh(W @ x + R @ h[t-1] + S @ (p * h[t-1]) + S' @ h[t-1] + V @ [h[t-1], x] + b)
weights:
  R: {trainable: false}
  V: {trainable: false}
  p: {trainable: false}
init:
  R: {spectral_radius: [0.8, 0.5]}
  V: {normal: 0.1}
  p: 0.5
"""


def test_what_is_never_trained_has_no_gradient_and_does_not_count() -> None:
    cell = lang.parse_text(RESERVOIR)
    agrees_with_numeric_differentiation(RESERVOIR)
    trained = UNITS * INPUTS + UNITS * UNITS + UNITS
    assert counts.weights(cell, INPUTS, UNITS) == trained
    assert lang.parse_text(cell_text(cell)) == cell
    other = lang.parse_text(RESERVOIR.replace("  p: {trainable: false}\n", ""))
    assert canonical_hash(cell) != canonical_hash(other)
    assert counts.weights(other, INPUTS, UNITS) == trained + UNITS


def test_matrices_that_are_trained_are_not_multiplied_beside_others() -> None:
    cell = lang.parse_text(RESERVOIR)
    assert "d.S = " in listing.listing(cell)
    assert not [name for name in "RVp" if f"d.{name} = " in listing.listing(cell)]
    back = [line for line in listing.listing(cell).splitlines() if "sum_t" in line]
    assert not [line for line in back if "@ h[t-1]')" in line and "d.S" not in line]


def test_a_reservoir_has_its_spectral_radius_and_density() -> None:
    cell = lang.parse_text(RESERVOIR)
    sizes = ir.Sizes(60, 3, {})
    matrix = start.weights(cell, 1, sizes, np.random.default_rng(0))["R"]
    assert np.abs(np.linalg.eigvals(matrix)).max() == pytest.approx(0.8)
    assert np.mean(matrix != 0) == pytest.approx(0.5, abs=0.05)
    sparse = start.reservoir(np.ones((2, 2)), np.array([[1.0, 0.0], [1.0, 1.0]]), 0.9, 0.1)
    np.testing.assert_array_equal(sparse, [[0, 1], [0, 0]])  # nilpotent: it has no other radius


def test_cells_of_which_nothing_is_trained_have_no_number_of_units_for_a_number_of_weights() -> (
    None
):
    with pytest.raises(UsageError, match="no trained weights"):
        counts.units_for(lang.load("echo_state"), INPUTS, 1000)


def test_an_init_for_all_weights_leaves_alone_what_is_never_trained() -> None:
    cell = lang.with_init(lang.parse_text(RESERVOIR), {"*": Init("normal", (1,))})
    inits = {weight.name: weight.init.name for weight in cell.step.weights}
    assert (inits["R"], inits["S"]) == ("spectral_radius", "normal")


@pytest.mark.parametrize("engine", [pytest.param("auto", marks=pytest.mark.slow), "portable"])
def test_a_layer_keeps_what_is_never_trained_and_has_it_again(engine: str, tmp_path) -> None:
    file = tmp_path / "reservoir.yaml"
    file.write_text(RESERVOIR)
    layer = rnnzoo.layer(str(file), UNITS, seed=3, return_sequences=True, engine=engine)
    x = np.random.default_rng(1).normal(size=(BATCH, TIME, INPUTS)).astype("float32")
    outputs = np.asarray(layer(x))
    weights = layer.weights_by_name()
    assert np.abs(np.linalg.eigvals(weights["R"])).max() == pytest.approx(0.8, abs=1e-5)
    assert {variable.name for variable in layer.non_trainable_variables} == {"R", "V", "p"}
    expected = reference.run(layer.cell, [weights], x.astype(float), UNITS).outputs
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    model = keras.Sequential([layer, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, np.ones((BATCH, TIME, 1)), verbose=0)
    trained = layer.weights_by_name()
    assert {name for name in weights if (weights[name] == trained[name]).all()} == {*"RVp"}
    model.save(tmp_path / "model.keras")
    again = rnnzoo.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(x), model(x))


# -- constant matrices

SUMS = """name: sums
options: {slope: 3}
constants: |
  T = 1 / (1 + unit)
  A = row >= col
  D = where(row == col, T[row], 0) * slope
  P = row - col
equations: |
  e = P @ x
  h = tanh(W @ x + R @ (A @ h[t-1]) + D @ (A' @ h[t-1]) + 0.1 * e)
"""


def test_constant_matrices_are_what_they_say() -> None:
    cell = lang.parse_text(SUMS)
    (weights,) = reference.random_weights(cell, INPUTS, UNITS, 1, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(1, TIME, INPUTS))
    numbers = np.arange(UNITS)
    h = np.zeros(UNITS)
    for now in x[0]:
        below = np.cumsum(h[::-1])[::-1]
        e = (numbers[:, None] - np.arange(INPUTS)) @ now
        sums = weights["W"] @ now + weights["R"] @ np.cumsum(h) + 3 / (1 + numbers) * below
        h = np.tanh(sums + 0.1 * e)
    np.testing.assert_allclose(reference.run(cell, [weights], x, UNITS).outputs[0, -1], h)
    agrees_with_numeric_differentiation(SUMS)


def test_constant_matrices_are_printed_as_constants() -> None:
    cell = lang.parse_text(SUMS)
    assert lang.parse_text(cell_text(cell)) == cell
    assert "  A = row >= col\n" in cell_text(cell)
    assert "trainable" not in cell_text(cell)
    assert r"A = \mathrm{row} \ge \mathrm{col}" in latex.constants(cell)
    assert "A = row >= col" in view_of(SUMS).constants
    assert counts.weights(cell, INPUTS, UNITS) == UNITS * (INPUTS + UNITS)
    renamed = lang.parse_text(SUMS.replace("A", "Q").replace("P", "Z"))
    assert canonical_hash(renamed) == canonical_hash(cell)
    other = lang.parse_text(SUMS.replace("row >= col", "row > col"))
    assert canonical_hash(other) != canonical_hash(cell)


def view_of(text: str) -> CellView:
    return CellView(lang.parse_text(text))


def test_a_layer_has_its_constant_matrices_from_the_start(tmp_path) -> None:
    file = tmp_path / "sums.yaml"
    file.write_text(SUMS)
    layer = rnnzoo.layer(str(file), UNITS, engine="portable", return_sequences=True)
    x = np.random.default_rng(1).normal(size=(BATCH, TIME, INPUTS)).astype("float32")
    outputs = layer(x)
    weights = layer.weights_by_name()
    np.testing.assert_array_equal(weights["A"], np.tri(UNITS))
    assert {variable.name for variable in layer.trainable_variables} == {"W", "R"}
    expected = reference.run(layer.cell, [weights], x.astype(float), UNITS).outputs
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


ONE_NUMBER = """name: one_number
constants: |
  last = max(unit)                     # a vector of one number
  K = where(col == last, 0.5, 0)
equations: |
  h = tanh(W @ x + R @ h[t-1] + K @ h[t-1])
weights:
  R:
    mask: row < last
"""


def test_masks_and_constant_matrices_read_a_constant_of_one_number() -> None:
    cell = lang.parse_text(ONE_NUMBER)
    (weights,) = reference.random_weights(cell, INPUTS, UNITS, 1, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(1, TIME, INPUTS))
    h = np.zeros(UNITS)
    for now in x[0]:
        sums = weights["W"][:-1] @ now + weights["R"][:-1] @ h
        h = np.tanh(np.append(sums, weights["W"][-1] @ now) + 0.5 * h[-1])
    np.testing.assert_allclose(reference.run(cell, [weights], x, UNITS).outputs[0, -1], h)
    agrees_with_numeric_differentiation(ONE_NUMBER)
    assert lang.parse_text(cell_text(cell)) == cell


# -- computed sizes

LOW_RANK = """name: q
options: {rank: 2}
equations: |
  v = V @ h[t-1]
  s = Q @ [h[t-1], x, v]
  h = tanh(W @ x + U @ v + P @ s + b)
weights:
  V: {shape: [units / 3, units]}
  U: {shape: [units, units/3]}
  Q: {shape: [rank + 1, inputs + units + units / 3]}
  P: {shape: [units, rank + 1]}
"""


def test_sizes_may_be_computed() -> None:
    cell = lang.parse_text(LOW_RANK)
    shapes = counts.weight_shapes(cell, INPUTS, 9)
    assert shapes["V"] == (3, 9)
    assert shapes["U"] == (9, 3)
    assert shapes["Q"] == (3, 9 + INPUTS + 3)
    assert shapes["P"] == (9, 3)
    assert dict(cell.options) == {"rank": 2}
    assert lang.parse_text(cell_text(cell)) == cell
    agrees_with_numeric_differentiation(LOW_RANK)


def test_units_of_which_a_size_is_no_whole_number_are_refused() -> None:
    cell = lang.parse_text(LOW_RANK)
    with pytest.raises(
        UsageError, match=r"the size units / 3 is 3.33333 with units = 10"
    ) as caught:
        counts.weight_shapes(cell, INPUTS, 10)
    assert "floor(units / 3)" in str(caught.value)
    counts.check_sizes(cell, 9)
    with pytest.raises(UsageError, match="no whole number"):
        counts.check_sizes(cell, 8)


def test_a_layer_has_computed_sizes(tmp_path) -> None:
    file = tmp_path / "low_rank.yaml"
    file.write_text(LOW_RANK)
    layer = rnnzoo.layer(str(file), 9, layers=2, engine="portable", return_sequences=True)
    x = np.random.default_rng(1).normal(size=(BATCH, TIME, INPUTS)).astype("float32")
    outputs, by_name = layer(x), layer.weights_by_name()
    names = counts.weight_shapes(layer.cell, INPUTS, 9)
    weights = [{name: by_name[f"{number}.{name}"] for name in names} for number in (1, 2)]
    expected = reference.run(layer.cell, weights, x.astype(float), 9).outputs
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
