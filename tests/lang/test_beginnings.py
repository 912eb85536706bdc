"""What weights begin with where that is an expression."""

from __future__ import annotations

import numpy as np
import pytest

import rnnzoo
from rnnzoo import lang
from rnnzoo.errors import SpecError, UsageError
from rnnzoo.lang import ir, philox, start
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.text import cell_text
from rnnzoo.nn.initial import seed_of
from rnnzoo.spec.cell import Init

UNITS, INPUTS = 8, 3
CHRONO = (
    "name: chrono\nextends: lstm\noptions: {longest: 784}\n"
    "init: {b_f: log(1 + random * (longest - 2)), b_i: -b_f}\n"
)


def cell_that_begins(init: str, more: str = "") -> ir.Cell:
    return lang.parse_text(
        f"name: q\n{more}equations: |\n  h = tanh(W @ x + R @ h[t-1] + b * 2 + b_2)\ninit:\n{init}"
    )


def begun(cell: ir.Cell) -> dict[str, np.ndarray]:
    sizes = ir.sizes(cell, INPUTS, UNITS, 1)
    return start.weights(cell, 1, sizes, np.random.default_rng(0))


def expressions(cell: ir.Cell, units: int) -> dict[str, np.ndarray]:
    """Weights that begin with an expression, alone: the others are large."""
    sizes, rng = ir.sizes(cell, INPUTS, units, 1), np.random.default_rng(0)
    return start.expressions(cell, 1, sizes, {}, lambda name, shape: rng.random(shape))


def test_each_entry_of_a_vector_and_of_a_matrix_has_its_numbers() -> None:
    weights = begun(
        cell_that_begins(
            "  b: log(1 + unit) / k\n  b_2: T - units\n  W: row + col / inputs\n"
            "  R: where(row == col, T[row], T[col] ** 2)\n",
            "options: {k: 2}\nconstants: |\n  T = 2 * unit\n",
        )
    )
    unit, (row, col) = np.arange(UNITS), np.indices((UNITS, UNITS))
    np.testing.assert_array_equal(weights["b"], np.log(1 + unit) / 2)
    np.testing.assert_array_equal(weights["b_2"], 2 * unit - UNITS)
    np.testing.assert_allclose(weights["W"], unit[:, None] + np.arange(INPUTS) / INPUTS)
    np.testing.assert_array_equal(weights["R"], np.where(row == col, 2 * row, (2 * col) ** 2))


def test_another_weight_is_what_it_begins_with_and_its_random_numbers_too() -> None:
    cell = lang.parse_text(CHRONO)
    weights = expressions(cell, 1000)
    np.testing.assert_array_equal(weights["b_i"], -weights["b_f"])
    constants = np.exp(weights["b_f"])  # uniform from 1 to 783
    assert 1 < constants.min() < 5
    assert 780 < constants.max() < 783
    assert constants.mean() == pytest.approx(392, rel=0.05)


def test_a_number_may_be_read_and_a_name_alone_is_an_expression_too() -> None:
    weights = begun(cell_that_begins("  b: 3\n  b_2: b\n"))
    np.testing.assert_array_equal(weights["b_2"], np.full(UNITS, 3.0))


@pytest.mark.parametrize("name", ["b_f", "b_i"])
def test_a_layer_has_the_numbers_of_its_seed_and_of_the_weights_name(name: str) -> None:
    layer = rnnzoo.layer(lang.parse_text(CHRONO), UNITS, seed=5)
    layer.build((None, None, INPUTS))
    drawn = philox.open_uniform(seed_of(5, 1, "b_f"), (UNITS,))
    sign = {"b_f": 1, "b_i": -1}[name]
    (variable,) = [each for each in layer.weights if each.name == name]
    np.testing.assert_allclose(variable, sign * np.log(1 + drawn * 782), rtol=1e-6)


def test_a_layer_lays_matrices_its_own_way_and_keeps_masked_entries_at_0() -> None:
    cell = cell_that_begins("  R: 1 + row + 10 * col\n", "weights:\n  R: {mask: row > col}\n")
    layer = rnnzoo.layer(cell, 3)
    layer.build((None, None, INPUTS))
    (kernel,) = [each for each in layer.weights if each.name == "R"]
    np.testing.assert_array_equal(np.asarray(kernel).T, [[0, 0, 0], [2, 0, 0], [3, 13, 0]])


def test_without_a_seed_every_layer_is_another() -> None:
    layers = [rnnzoo.layer(lang.parse_text(CHRONO), UNITS) for _ in range(2)]
    for layer in layers:
        layer.build((None, None, INPUTS))
    first, second = (
        next(np.asarray(each) for each in layer.weights if each.name == "b_f") for layer in layers
    )
    assert (first != second).all()


def test_the_ring_of_the_lru_holds_its_eigenvalues_evenly() -> None:
    cell = lang.load("lru", options={"r_min": 0.5, "r_max": 0.9, "phase": 3.0})
    weights = expressions(cell, 4000)
    moduli, phases = np.exp(-np.exp(weights["p_nu"])), np.exp(weights["p_theta"])
    assert 0.5 < moduli.min() < moduli.max() < 0.9
    assert np.mean(moduli**2) == pytest.approx((0.25 + 0.81) / 2, rel=0.02)  # even in area
    assert 0 < phases.min() < phases.max() < 3
    assert phases.mean() == pytest.approx(1.5, rel=0.05)
    np.testing.assert_allclose(np.exp(2 * weights["p_gamma"]) + moduli**2, 1)


@pytest.mark.parametrize("power", [8, 2])
def test_memories_of_the_rglru_begin_evenly_between_their_limits(power: float) -> None:
    cell = lang.load("rglru", options={"power": power})
    kept = (1 + np.exp(-expressions(cell, 4000)["p"])) ** -power
    assert 0.9 < kept.min() < kept.max() < 0.999
    assert kept.mean() == pytest.approx((0.9 + 0.999) / 2, abs=0.003)  # even, as in De et al. 2024
    assert np.median(kept) == pytest.approx(kept.mean(), abs=0.003)


def test_an_expression_has_one_spelling_and_is_read_again() -> None:
    cell = cell_that_begins("  b: (log(1+unit))*1.0\n  b_2: 'minimum(unit,3)'\n")
    assert "init: {b: log(1 + unit) * 1, b_2: 'minimum(unit, 3)'}\n" in cell_text(cell)
    assert lang.parse_text(cell_text(cell)) == cell


def test_the_canonical_form_tells_beginnings_apart_and_does_not_depend_on_names() -> None:
    def of(text: str) -> str:
        constants = f"constants: |\n  {text[-1]} = unit % 2\n"
        return canonical_hash(cell_that_begins(f"  b: {text}\n  b_2: -b\n", constants))

    assert of("1 + T") == of("1 + S")
    assert of("1 + T") != of("2 + T")
    spelt = cell_text(lang.parse_text(CHRONO)).replace("b_f", "p_forget").replace("b_i", "p_input")
    assert canonical_hash(lang.parse_text(spelt)) == canonical_hash(lang.parse_text(CHRONO))


def test_what_is_not_finite_is_told_with_the_weight() -> None:
    with pytest.raises(UsageError, match="the beginning of 'b' has no value with units=8"):
        begun(cell_that_begins("  b: log(unit)\n"))


@pytest.mark.parametrize("begins", ["softmax(unit, 3)", "mean(softmax(T, 3)) * unit"])
def test_groups_that_do_not_divide_the_units_are_told_with_the_weight(begins: str) -> None:
    more = "constants: |\n  T = 2 * unit\n" if "T" in begins else ""
    cell = cell_that_begins(f"  b: {begins}\n", more)
    words = "softmax in the beginning of 'b' is taken over 3 groups, which do not divide 8 units"
    with pytest.raises(UsageError, match=words):
        begun(cell)
    weights = start.weights(cell, 1, ir.sizes(cell, INPUTS, 9, 1), np.random.default_rng(0))
    assert weights["b"].shape == (9,)


def test_a_variant_may_begin_with_expressions() -> None:
    inits = {"b_f": Init.from_plain("log(1+random*98)"), "b_i": Init.from_plain("-b_f")}
    cell = lang.with_init(lang.load("lstm"), inits)
    weights = begun(cell)
    np.testing.assert_array_equal(weights["b_i"], -weights["b_f"])
    assert Init.from_plain(inits["b_f"].plain()) == inits["b_f"]
    with pytest.raises(SpecError, match="does not know 'unt'"):
        lang.with_init(lang.load("lstm"), {"b_f": Init.from_plain("log(1 + unt)")})
