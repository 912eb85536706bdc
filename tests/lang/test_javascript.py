"""Cells in a browser against the float64 reference: operations, weights, and runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from rnnzoo import lang
from rnnzoo.errors import UsageError
from rnnzoo.lang import ir, javascript, reference, start
from rnnzoo.lang.javascript import playable
from rnnzoo.lang.primitives import CALLS, ELEMENTWISE, INFIX, OVER_UNITS, PRIMITIVES
from rnnzoo.lang.probes import probes
from rnnzoo.spec.cell import built_in_names
from tests.browser import chromium, needs_chromium
from tests.lang.over_groups import OVER_GROUPS
from tests.lang.test_matrices import ONE_NUMBER
from tests.samples import cells, compiled, examples
from tests.strategies import cell_texts

pytestmark = needs_chromium
STEPS = 20
Values = dict[str, np.ndarray]


class Script:
    """The script in a page."""

    def __init__(self, page: Any) -> None:
        self.page = page
        page.set_content(f"<script>{javascript.script()}</script>")

    def __call__(self, function: str, *arguments: object) -> Any:
        plain = json.loads(json.dumps(arguments))
        return self.page.evaluate(f"(all) => ({function})(...all)", plain)

    def weights(self, cell: ir.Cell, seed: int = 1, numbers: Mapping[str, float] = {}) -> Values:
        """As the page draws them, in the shapes of the cell."""
        content = dict(playable(cell).content)
        function = "(cell, numbers, seed) => drawWeights(cell, numbers, seed)"
        drawn = self(function, content, {**content["numbers"], **numbers}, seed)
        shapes = {weight["name"]: weight["shape"] for weight in content["weights"]}
        return {name: np.reshape(value, shapes[name]) for name, value in drawn.items()}

    def values(self, cell: ir.Cell, weights: Values, inputs: Values, **more: object) -> Values:
        """Of each equation, (steps, size)."""
        content = dict(playable(cell).content)
        flat = {name: value.ravel().tolist() for name, value in weights.items()}
        plain = {name: value.tolist() for name, value in inputs.items()}
        numbers = {**content["numbers"], **more.get("numbers", {})}  # type: ignore[dict-item]
        found = self("run", content, flat, plain, numbers, more.get("held", {}))
        return {name: np.array(value, float) for name, value in found.items()}


@pytest.fixture(scope="module")
def script() -> Iterator[Script]:
    with chromium() as browser:
        yield Script(browser.new_page())


def inputs_of(cell: ir.Cell) -> Values:
    return probes(cell, javascript.INPUTS, (STEPS,), np.random.default_rng(0))


def referred(cell: ir.Cell, weights: Values, inputs: Values) -> Values:
    """What the reference computes of the first layer."""
    units = playable(cell).units
    sizes = ir.sizes(cell, cell.columns(javascript.INPUTS), units, 1)
    learned = {
        f"initial_{state.name}": np.zeros(sizes.of(state.size))
        for state in cell.states
        if state.initial == "learned"
    }
    x = np.concatenate([*inputs.values()], -1)[None]
    run = reference.run(cell, [{**weights, **learned}], x, units)
    return {name: value[0] for name, value in run.values[0].items()}


def check(script: Script, cell: ir.Cell) -> None:
    weights, inputs = script.weights(cell), inputs_of(cell)
    computed, expected = script.values(cell, weights, inputs), referred(cell, weights, inputs)
    for name, value in expected.items():
        np.testing.assert_allclose(computed[name], value, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", cells((*compiled(), "gla", "goru", "lmu_zoh", "phased_lstm")))
def test_a_page_computes_what_the_reference_does(script: Script, name: str) -> None:
    check(script, lang.load(name))


@settings(
    max_examples=examples(40), deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(cell_texts())
def test_a_page_computes_what_the_reference_does_of_random_cells(script: Script, text: str) -> None:
    check(script, lang.parse_text(text))


def test_groups_of_units_have_as_many_units_as_they_need(script: Script) -> None:
    cell = lang.parse_text(OVER_GROUPS)
    assert playable(cell).units == 9
    check(script, cell)


def test_masks_and_constant_matrices_read_a_constant_of_one_number(script: Script) -> None:
    check(script, lang.parse_text(ONE_NUMBER))


def test_what_is_too_large_for_a_page_is_refused() -> None:
    with pytest.raises(UsageError, match="too many weights for a page"):
        playable(lang.load("lmu", options={"order": 300}))


def test_every_operation_that_equations_may_have_has_a_row(script: Script) -> None:
    rows = set(script("() => Object.keys(OPERATIONS)"))
    of_matrices_ = {"times", "times_turned", "rows_scaled", "columns_scaled", "entries"}
    made = of_matrices_ | {"as_weight", "matrix_exponential", "transposed", "stack", "neg"}
    written = {op.name for op in (*CALLS.values(), *INFIX.values())} | made
    # `diag` becomes a scaling; functions of constant matrices are computed before the page is made
    assert rows == written - {"diag", "expm", "zoh"}
    assert rows <= set(PRIMITIVES)


NUMBERS = [-800.0, -7.5, -2.6, -2.4, -1.0, -0.3, 0.0, 0.2, 1.0, 2.45, 2.55, 5.9, 6.5, 750.0]
POSITIVE = {"log", "sqrt", "pow"}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_elementwise_operation_is_that_of_numpy(script: Script, name: str) -> None:
    operation = ELEMENTWISE[name]
    domain = [0.2, 0.5, 1.0, 2.0, 7.5] if name in POSITIVE else NUMBERS
    grids = np.meshgrid(*[domain] * operation.arity)
    operands = [grid.ravel() for grid in grids]
    with np.errstate(all="ignore"):
        expected = operation.numpy(*operands)
    function = "(name, ...operands) => OPERATIONS[name](...operands).map(String)"
    computed = script(function, name, *(operand.tolist() for operand in operands))
    as_numbers = [float(text.replace("Infinity", "inf")) for text in computed]
    np.testing.assert_allclose(as_numbers, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("groups", [(), (1,), (3,)])
@pytest.mark.parametrize("name", OVER_UNITS)
def test_an_operation_over_units_is_that_of_numpy(
    script: Script, name: str, groups: tuple[int, ...]
) -> None:
    operation = OVER_UNITS[name]
    rng = np.random.default_rng(1)
    vectors = [rng.normal(size=6) for _ in range(operation.arity)]
    expected = operation.numpy(*vectors, *map(np.asarray, groups))
    function = "(name, ...operands) => OPERATIONS[name](...operands)"
    computed = script(function, name, *(vector.tolist() for vector in vectors), *groups)
    np.testing.assert_allclose(computed, expected, rtol=1e-13)


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize(
    ("name", "sizes"),
    [("outer", (4, 6)), ("times", (24, 6)), ("times_turned", (24, 4)), ("rows_scaled", (4, 24)),
     ("columns_scaled", (24, 6))],
)  # fmt: skip
def test_an_operation_on_matrices_is_that_of_numpy(
    script: Script, name: str, sizes: tuple[int, int], heads: int
) -> None:
    rng = np.random.default_rng(2)
    operands = [rng.normal(size=size // heads if size == 24 else size) for size in sizes]
    expected = PRIMITIVES[name].numpy(*operands, np.asarray(heads))
    function = "(name, ...operands) => OPERATIONS[name](...operands)"
    computed = script(function, name, *(operand.tolist() for operand in operands), heads)
    np.testing.assert_allclose(computed, expected, rtol=1e-13)


def test_the_exponential_of_a_rotation_is_its_sine_and_cosine(script: Script) -> None:
    angle = 40.0
    computed = script("exponential", [0.0, -angle, angle, 0.0])
    sine, cosine = np.sin(angle), np.cos(angle)
    np.testing.assert_allclose(computed, [cosine, -sine, sine, cosine], atol=1e-11)


# -- weights


def test_weights_follow_from_the_seed_and_another_seed_draws_others(script: Script) -> None:
    cell = lang.load("lstm")
    first, again, other = (script.weights(cell, seed)["R_f"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_weights_begin_as_the_cell_says(script: Script) -> None:
    weights = script.weights(lang.load("lstm"))
    np.testing.assert_allclose(weights["R_i"] @ weights["R_i"].T, np.eye(8), atol=1e-12)
    limit = np.sqrt(6 / 9)  # of Glorot and Bengio 2010, with 1 input and 8 outputs
    assert limit / 2 < np.abs(weights["W_i"]).max() < limit
    np.testing.assert_array_equal(weights["b_f"], np.ones(8))
    np.testing.assert_array_equal(weights["b_i"], np.zeros(8))


def test_a_matrix_on_joined_vectors_begins_block_by_block(script: Script) -> None:
    text = "name: joined\nequations: |\n  h = tanh(W @ [h[t-1], x] + b)\n"
    (weight,) = (script.weights(lang.parse_text(text))[name] for name in ["W"])
    block = weight[:, :8]
    np.testing.assert_allclose(block @ block.T, np.eye(8), atol=1e-12)


def test_a_reservoir_begins_with_its_spectral_radius(script: Script) -> None:
    weights = script.weights(lang.load("echo_state"), numbers={"density": 1.0, "radius": 0.7})
    (matrix,) = (value for value in weights.values() if value.shape == (8, 8))
    assert np.abs(np.linalg.eigvals(matrix)).max() == pytest.approx(0.7, rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "number", "deviation"),
    [("normal", 0.5, 0.5), ("scaled", 1.0, 1 / 5)],  # 10 inputs and 40 outputs: 25 in the mean
)
def test_normal_numbers_have_the_deviation_that_is_asked_for(
    script: Script, kind: str, number: float, deviation: float
) -> None:
    begins = {"kind": kind, "numbers": [number], "fan": "fan_avg", "distribution": "normal"}
    function = "(begins) => begun(begins, [40, 10], {}, generator(3))"
    drawn = np.array(script(function, begins))
    assert drawn.std() == pytest.approx(deviation, rel=0.1)
    assert abs(drawn.mean()) < 3 * deviation / np.sqrt(len(drawn))


@pytest.mark.parametrize("name", ["retnet", "goru", "lru", "s4d", "phased_lstm", "lmu_zoh"])
def test_expressions_begin_weights_as_numpy_says_from_the_same_random_numbers(
    script: Script, name: str
) -> None:
    cell = lang.load(name)
    content = playable(cell).content
    places = {weight["name"]: place for place, weight in enumerate(content["weights"])}
    sizes = ir.sizes(cell, cell.columns(javascript.INPUTS), int(content["units"]), 1)

    def random(weight: str, shape: tuple[int, ...]) -> np.ndarray:
        function = "(place, count) => range(count).map(generatorOf(1, place))"
        drawn = script(function, places[weight], int(np.prod(shape)))
        return np.reshape(drawn, shape)

    known = reference.constants(cell, sizes)
    expected = start.expressions(cell, 1, sizes, known, random)
    drawn = script.weights(cell)
    assert expected
    for weight, value in expected.items():
        np.testing.assert_allclose(drawn[weight], value, rtol=1e-12, atol=1e-14, err_msg=weight)


# -- what a reader changes


def test_an_option_that_is_changed_is_that_option_of_the_cell(script: Script) -> None:
    cell, changed = (
        lang.load("clockwork"),
        lang.load("clockwork", options={"base": 3, "modules": 4}),
    )
    weights, inputs = script.weights(cell), inputs_of(cell)
    computed = script.values(cell, weights, inputs, numbers={"base": 3, "modules": 4})
    np.testing.assert_allclose(computed["h"], referred(changed, weights, inputs)["h"], rtol=1e-9)
    assert not np.allclose(computed["h"], referred(cell, weights, inputs)["h"])


def test_a_number_of_an_equation_that_is_changed_is_that_of_another_cell(script: Script) -> None:
    text = "name: leaky\nequations: |\n  h = 0.9 * h[t-1] + 0.1 * tanh(W @ x + b)\n"
    cell, other = lang.parse_text(text), lang.parse_text(text.replace("0.9", "0.5"))
    (name,) = (name for name, value in playable(cell).numbers.items() if value == 0.9)
    weights, inputs = script.weights(cell), inputs_of(cell)
    computed = script.values(cell, weights, inputs, numbers={name: 0.5})
    np.testing.assert_allclose(computed["h"], referred(other, weights, inputs)["h"], rtol=1e-12)


def test_a_gate_that_is_held_open_forgets_nothing(script: Script) -> None:
    cell = lang.load("lstm")
    weights, inputs = script.weights(cell), inputs_of(cell)
    held = script.values(cell, weights, inputs, held={"f": 1})
    np.testing.assert_allclose(held["c"], np.cumsum(held["i"] * held["g"], axis=0), rtol=1e-12)
    shut = script.values(cell, weights, inputs, held={"f": 0})
    np.testing.assert_allclose(shut["c"], shut["i"] * shut["g"], rtol=1e-12)


def test_the_number_that_a_bias_begins_with_can_be_changed(script: Script) -> None:
    assert playable(lang.load("lstm")).numbers == {"b_i": 0.0, "b_f": 1.0, "b_g": 0.0, "b_o": 0.0}
    weights = script.weights(lang.load("lstm"), numbers={"b_f": -2.0})
    np.testing.assert_array_equal(weights["b_f"], np.full(8, -2.0))


def test_a_vector_that_begins_with_an_option_follows_the_option(script: Script) -> None:
    text = "name: q\noptions: {beta: 2}\nequations: |\n  h = tanh(W @ x + R @ h[t-1] + b)\n"
    cell = lang.parse_text(f"{text}init: {{b: beta}}\n")
    assert playable(cell).numbers == {"beta": 2}
    np.testing.assert_array_equal(script.weights(cell)["b"], np.full(8, 2.0))
    changed = script.weights(cell, numbers={"beta": 0.5})
    np.testing.assert_array_equal(changed["b"], np.full(8, 0.5))


def test_numbers_that_sizes_depend_on_stay(script: Script) -> None:
    assert "heads" not in playable(lang.load("mlstm")).numbers
    assert "order" not in playable(lang.load("lmu_zoh")).numbers
    assert "theta" not in playable(lang.load("lmu_zoh")).numbers  # of a function of matrices
    assert playable(lang.load("lmu")).numbers["theta"] == 200.0


def test_a_number_is_not_named_as_an_equation_is() -> None:
    text = "name: odd\nequations: |\n  number0 = tanh(W @ x)\n  h = 0.5 * h[t-1] + number0\n"
    numbers = playable(lang.parse_text(text)).numbers
    assert [name for name, value in numbers.items() if value == 0.5] == ["number_0"]


def test_every_cell_of_the_zoo_can_be_written() -> None:
    for name in built_in_names():
        json.dumps(playable(lang.load(name)).content, allow_nan=False)
