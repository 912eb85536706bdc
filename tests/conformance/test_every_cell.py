"""Every cell of the zoo, whatever is in the folder: the compiled layer against the NumPy reference
and numeric gradients.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import rnnzoo
from rnnzoo import lang
from rnnzoo.lang import ir, reference
from rnnzoo.spec.cell import built_in_names, sources
from tests import samples

tf = pytest.importorskip("tensorflow")

INPUTS, UNITS, BATCH, TIME = 4, 9, 3, 6
CELLS = built_in_names()
# What is compiled for a few only, the test in float64 does for more: with padding, initial states
# and gradients, and where layers differ in a stack of two.
SOME = samples.cells(samples.FEW)
PADDED, BEGUN = samples.cells(("depth_gated",)), samples.cells(("clockwork",))
MORE = samples.cells(samples.compiled())
# right-padded; with a hole and padding in front; nothing but padding
FIRST = np.array([[0], [5], [1000]])  # steps behind each sequence, where initial states are given
KEEP = np.array([[1, 1, 1, 1, 1, 0], [0, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0]], bool)


@cache
def cell_of(name: str) -> ir.Cell:
    return lang.load(name)


@cache
def weights_of(name: str, layers: int) -> list[dict[str, np.ndarray]]:
    cell = cell_of(name)
    return reference.random_weights(
        cell, cell.columns(INPUTS), UNITS, layers, np.random.default_rng(5)
    )


@cache
def layer_of(name: str, layers: int, dtype: str):
    """A layer that returns everything, with the reference's weights; built and compiled once for
    all tests.
    """
    layer = rnnzoo.layer(
        name, UNITS, layers=layers, return_sequences=True, return_state=True, dtype=dtype
    )
    layer.build((None, None, cell_of(name).columns(INPUTS)))
    named = {
        (f"{number}.{key}" if layers > 1 else key): value
        for number, by_name in enumerate(weights_of(name, layers), start=1)
        for key, value in by_name.items()
    }
    layer.set_weights_by_name(named)
    return layer


def data(name: str) -> np.ndarray:
    return samples.inputs_of(cell_of(name), INPUTS, (BATCH, TIME))


def expected(
    name: str, layers: int, x: np.ndarray, keep: np.ndarray | None, initial=None
) -> list[np.ndarray]:
    first = FIRST if initial else 0 * FIRST
    run = reference.run(cell_of(name), weights_of(name, layers), x, UNITS, initial, keep, first)
    return [*everything(name, run), *([first + TIME] if cell_of(name).reads_time else [])]


def everything(name: str, run: reference.Run) -> list[np.ndarray]:
    """What the layer returns, in its order: the outputs, then the states of each layer; without the
    number of steps.
    """
    return [
        run.outputs,
        *(states[state.name] for states in run.states for state in cell_of(name).states),
    ]


def initial_states(name: str, layers: int) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(2)
    cell = cell_of(name)
    sizes = ir.sizes(cell, cell.columns(INPUTS), UNITS, 1)  # of states: alike in all layers
    shapes = {state.name: (BATCH, sizes.of(state.size)) for state in cell_of(name).states}
    return [
        {state: rng.normal(0, 0.5, shape) for state, shape in shapes.items()} for _ in range(layers)
    ]


def flat(name: str, initial: list[dict[str, np.ndarray]], dtype: str) -> list[tf.Tensor]:
    clock = [tf.constant(FIRST, "int32")] if cell_of(name).reads_time else []
    return [
        *(
            tf.constant(of_layer[state.name], dtype)
            for of_layer in initial
            for state in cell_of(name).states
        ),
        *clock,
    ]


def floating(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    """Those with a gradient: the number of steps has none."""
    return [tensor for tensor in tensors if tensor.dtype.is_floating]


def single(name: str) -> float:
    """How near values in float32 are: a phase is divided by a period that may be small here."""
    return 1e-3 if name == "phased_lstm" else 1e-5


def close(computed: list, wanted: list[np.ndarray], tolerance: float) -> None:
    for value, exact in zip(computed, wanted, strict=True):
        # cells that divide by a state have large values where it begins near 0
        np.testing.assert_allclose(value, exact, atol=tolerance, rtol=10 * tolerance)


@pytest.mark.parametrize("name", SOME)
def test_the_layer_equals_the_reference(name: str) -> None:
    close(
        layer_of(name, 1, "float32")(data(name)), expected(name, 1, data(name), None), single(name)
    )


@pytest.mark.parametrize("name", SOME)
def test_a_stack_of_layers_equals_the_reference(name: str) -> None:
    layers = samples.layers_at_most(cell_of(name), 2)
    computed = layer_of(name, layers, "float32")(data(name))
    close(computed, expected(name, layers, data(name), None), single(name))


@pytest.mark.parametrize("name", PADDED)
def test_the_layer_equals_the_reference_where_steps_are_padding(name: str) -> None:
    layers = samples.layers_at_most(cell_of(name), 2)
    computed = layer_of(name, layers, "float32")(data(name), mask=tf.constant(KEEP))
    close(computed, expected(name, layers, data(name), KEEP), single(name))


@pytest.mark.parametrize("name", BEGUN)
def test_initial_states_are_used(name: str) -> None:
    layers = samples.layers_at_most(cell_of(name), 2)
    initial = initial_states(name, layers)
    outputs_and_states = layer_of(name, layers, "float32")(
        data(name), initial_state=flat(name, initial, "float32")
    )
    close(outputs_and_states, expected(name, layers, data(name), None, initial), single(name))


def layers_that_differ(name: str) -> int:
    """One layer compiles in half the time."""
    return 1 if cell_of(name).first == cell_of(name).step else 2


@pytest.mark.parametrize("name", MORE)
def test_in_float64_values_and_gradients_are_exact(name: str) -> None:
    """With padding and initial states; gradients against differences of the reference along random
    directions.
    """
    layers = layers_that_differ(name)
    layer, rng = layer_of(name, layers, "float64"), np.random.default_rng(4)
    x, initial = tf.constant(data(name)), initial_states(name, layers)
    states = flat(name, initial, "float64")
    variables = {variable.name: variable.value for variable in layer.trainable_variables}
    with tf.GradientTape() as tape:
        tape.watch([x, *floating(states)])
        computed = layer(x, mask=tf.constant(KEEP), initial_state=states)
        goal = [rng.normal(size=tensor.shape) for tensor in floating(computed)]
        loss = tf.add_n(
            [
                tf.reduce_sum(tensor * weight)
                for tensor, weight in zip(floating(computed), goal, strict=True)
            ]
        )
    close(computed, expected(name, layers, data(name), KEEP, initial), 1e-10)

    places = [
        "x",
        *((number, state) for number in range(layers) for state in initial[0]),
        *variables,
    ]
    gradients = tape.gradient(loss, [x, *floating(states), *variables.values()])
    for place, gradient in zip(places, gradients, strict=True):
        assert gradient is not None, place
        direction = rng.normal(size=gradient.shape)
        up, down = (moved(name, layers, place, by * direction, goal) for by in (1e-5, -1e-5))
        slope = (up - down) / 2e-5
        assert slope == pytest.approx(float(np.sum(gradient * direction)), rel=1e-5, abs=1e-7), (
            place
        )


def moved(
    name: str, layers: int, place: str | tuple[int, str], by: np.ndarray, goal: list[np.ndarray]
) -> float:
    """The loss by the reference, with a weight (`W_i`, or `1.W_i`), a state (layer, name) or the
    inputs moved a little.
    """
    x, initial = data(name), initial_states(name, layers)
    weights = [dict(of_layer) for of_layer in weights_of(name, layers)]
    if place == "x":
        x = x + by
    elif isinstance(place, tuple):
        initial[place[0]][place[1]] += by
    else:
        number, _, key = place.rpartition(".")
        layer = int(number or 1) - 1
        weights[layer][key] = weights[layer][key] + by.T  # kernels are transposed
    run = reference.run(cell_of(name), weights, x, UNITS, initial, KEEP, FIRST)
    return sum(
        float(np.sum(value * weight))
        for value, weight in zip(everything(name, run), goal, strict=True)
    )


def outputs(name: str, x: np.ndarray, keep: np.ndarray) -> list[tf.Tensor]:
    """Everything that the layer returns in float64, of what is compiled for the test above."""
    layers = layers_that_differ(name)
    start = flat(name, initial_states(name, layers), "float64")
    return layer_of(name, layers, "float64")(x, mask=tf.constant(keep), initial_state=start)


@pytest.mark.parametrize("name", MORE)
def test_an_output_does_not_depend_on_what_comes_later(name: str) -> None:
    x, changed, all_real = data(name), data(name), np.ones_like(KEEP)
    changed[:, TIME // 2 :] += 1.0
    first, second = (outputs(name, given, all_real)[0] for given in (x, changed))
    np.testing.assert_array_equal(first[:, : TIME // 2], second[:, : TIME // 2])
    assert np.abs(first[:, TIME // 2 :] - second[:, TIME // 2 :]).max() > 1e-3


@pytest.mark.parametrize("name", MORE)
def test_what_stands_in_the_padding_does_not_matter(name: str) -> None:
    x, changed = data(name), data(name)
    changed[~KEEP] = 100.0
    for before, after in zip(*(outputs(name, given, KEEP) for given in (x, changed)), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", CELLS)
def test_every_source_is_in_the_bibliography(name: str) -> None:
    assert cell_of(name).source
    assert set(cell_of(name).source) <= set(sources())


# What random cells have found to end in an error in training, in one cell: a value that is computed
# once and that only the backward pass needs, matrices on weights and on numbers, costly functions
# of time, a state of one number for all units, and one that is the same at every step.
FOUND = """\
name: found
equations: |
  e = sin(s * t)
  c = tanh(b_c)
  k = tanh((W @ x) / (1 + p) * exp(-t) + W @ where(1, 2, x) + R @ b + R_2 @ (0 * h[t-1]))
  h = tanh(k + (R @ h[t-1]) / (2 + t) + U @ e + U @ e[t-1] + U @ c + U @ c[t-1])
weights: {s: {shape: []}}
"""


def test_what_random_cells_have_found_is_computed_and_differentiated_by_the_layer(
    tmp_path: Path,
) -> None:
    (tmp_path / "found.yaml").write_text(FOUND)
    cell, rng = lang.parse_text(FOUND), np.random.default_rng(3)
    weights = reference.random_weights(cell, INPUTS, UNITS, 1, rng)
    layer = rnnzoo.layer(
        tmp_path / "found.yaml",
        UNITS,
        return_sequences=True,
        dtype="float64",
        recurrent_dropout=0.0,
    )
    layer.build((None, None, INPUTS))
    layer.set_weights_by_name(weights[0])
    goal = rng.normal(size=(BATCH, TIME, UNITS))
    with tf.GradientTape() as tape:
        outputs = layer(data("lstm"))
        loss = tf.reduce_sum(outputs * goal)
    variables = {variable.name: variable.value for variable in layer.trainable_variables}
    np.testing.assert_allclose(
        outputs, reference.run(cell, weights, data("lstm"), UNITS).outputs, atol=1e-10
    )

    def moved_loss(name: str, by: np.ndarray) -> float:
        return float(
            (
                reference.run(
                    cell, [{**weights[0], name: weights[0][name] + by}], data("lstm"), UNITS
                ).outputs
                * goal
            ).sum()
        )

    for (name, variable), gradient in zip(
        variables.items(), tape.gradient(loss, list(variables.values()))
    ):
        direction = rng.normal(size=variable.shape)
        slope = (
            moved_loss(name, 1e-5 * direction.T) - moved_loss(name, -1e-5 * direction.T)
        ) / 2e-5
        assert slope == pytest.approx(float(np.sum(gradient * direction)), rel=1e-5, abs=1e-7), name


# ------------------------------------------------------------------ what the papers say, by hand


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def one_step(
    name: str, h: np.ndarray, c: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Values of all equations after one step from given states, the weights, and the input."""
    weights, x = weights_of(name, 1)[0], data("lstm")[:1, :1]
    states = [
        {
            state.name: {"h": h, "c": c}.get(state.name, np.zeros_like(h))
            for state in cell_of(name).states
        }
    ]
    run = reference.run(cell_of(name), [weights], x, UNITS, states)
    return {key: value[0, 0] for key, value in run.values[0].items()}, weights, x[0, 0]


def test_the_output_gate_of_a_peephole_lstm_sees_the_new_cell() -> None:
    rng = np.random.default_rng(8)
    h, c = rng.normal(size=(1, UNITS)), rng.normal(size=(1, UNITS))
    value, w, x = one_step("peephole", h, c)
    i, f = (
        sigmoid(w[f"W_{k}"] @ x + w[f"R_{k}"] @ h[0] + w[f"p_{k}"] * c[0] + w[f"b_{k}"])
        for k in "if"
    )
    g = np.tanh(w["W_g"] @ x + w["R_g"] @ h[0] + w["b_g"])
    new = f * c[0] + i * g
    o = sigmoid(w["W_o"] @ x + w["R_o"] @ h[0] + w["p_o"] * new + w["b_o"])
    np.testing.assert_allclose(value["c"], new)
    np.testing.assert_allclose(value["h"], o * np.tanh(new))


def test_coupled_keeps_the_forget_gate_and_cifg_the_input_gate() -> None:
    assert {"W_f", "b_f"} <= set(weights_of("coupled", 1)[0])
    assert "W_i" not in weights_of("coupled", 1)[0]
    assert {"W_i", "p_i"} <= set(weights_of("cifg", 1)[0])
    assert "W_f" not in weights_of("cifg", 1)[0]


def test_the_update_gate_of_gru_writes_and_that_of_gru_reset_after_keeps() -> None:
    rng = np.random.default_rng(8)
    h = rng.normal(size=(1, UNITS))
    for name, writes in (("gru", True), ("gru_reset_after", False)):
        value, _, _ = one_step(name, h, h)
        z, n = value["z"], value["n"]
        np.testing.assert_allclose(
            value["h"], (1 - z) * h[0] + z * n if writes else z * h[0] + (1 - z) * n
        )


@pytest.mark.parametrize("name", ["mut1", "mut2", "mut3"])
def test_the_cells_found_by_evolution_are_as_printed(name: str) -> None:
    """Jozefowicz et al. 2015, section 4; `x` there is already embedded to the size of the state."""
    h = np.random.default_rng(8).normal(size=(1, UNITS))
    value, w, inputs = one_step(name, h, h)
    x, old = w["E"] @ inputs, h[0]
    z = w["W_z"] @ x + w["b_z"]
    if name != "mut1":
        z = z + w["R_z"] @ (old if name == "mut2" else np.tanh(old))
    r = (x if name == "mut2" else w["W_r"] @ x) + w["R_r"] @ old + w["b_r"]
    seen = np.tanh(x) if name == "mut1" else w["W_h"] @ x
    new = np.tanh(w["R_h"] @ (sigmoid(r) * old) + seen + w["b_h"])
    np.testing.assert_allclose(value["h"], new * sigmoid(z) + old * (1 - sigmoid(z)))


def test_a_depth_gate_lets_memory_of_the_layer_below_through_at_this_step() -> None:
    """Yao et al. 2015: c = f c' + i g + d c_below, where d sees x, the own past memory and the
    memory below, all diagonal.
    """
    weights = weights_of("depth_gated", 2)
    run = reference.run(cell_of("depth_gated"), weights, data("depth_gated"), UNITS)
    below, upper = ({key: value[:, -1] for key, value in values.items()} for values in run.values)
    past, w = run.values[1]["c"][:, -2], weights[1]
    d = sigmoid(below["h"] @ w["W_d"].T + w["p_d"] * past + w["p_l"] * below["c"] + w["b_d"])
    np.testing.assert_allclose(
        upper["c"], upper["f"] * past + upper["i"] * upper["g"] + d * below["c"]
    )
    first, past = weights[0], run.values[0]["c"][:, -2]
    d = sigmoid(data("depth_gated")[:, -1] @ first["W_d"].T + first["p_d"] * past + first["b_d"])
    carried = d * (
        data("depth_gated")[:, -1] @ first["W_l"].T
    )  # there is no memory below the first layer
    np.testing.assert_allclose(below["c"], below["f"] * past + below["i"] * below["g"] + carried)


def test_full_gate_recurrence_adds_nine_matrices_on_the_last_gates() -> None:
    extra = set(weights_of("fgr", 1)[0]) - set(weights_of("peephole", 1)[0])
    assert extra == {f"R_{source}{gate}" for source in "ifo" for gate in "ifo"}
    assert {state.name for state in cell_of("fgr").states} == {"h", "c", "i", "f", "o"}


def test_slow_modules_of_a_clockwork_rnn_feed_fast_ones_and_idle_ones_keep_their_value() -> None:
    cell, units, modules = cell_of("clockwork"), 16, 8
    sizes = ir.sizes(cell, INPUTS, units, 1)
    periods = reference.constants(cell, sizes)["T"]
    np.testing.assert_array_equal(periods, np.repeat(2.0 ** np.arange(modules), units // modules))
    mask = reference.mask(
        cell, next(weight for weight in cell.step.weights if weight.name == "R"), sizes
    )
    for row in range(units):
        for col in range(units):
            # R[row, col] carries col to row
            assert mask[row, col] == (periods[col] >= periods[row])
    weights = reference.random_weights(cell, INPUTS, units, 1, np.random.default_rng(0))
    h = reference.run(
        cell, weights, np.random.default_rng(1).normal(size=(1, 20, INPUTS)), units
    ).outputs[0]
    for t in range(1, 20):
        idle = t % periods != 0
        np.testing.assert_array_equal(h[t][idle], h[t - 1][idle])
        assert (h[t][~idle] != h[t - 1][~idle]).all()


def test_spare_units_of_a_clockwork_rnn_go_to_the_fast_modules() -> None:
    cell = lang.load("clockwork", options={"modules": 4})
    periods = reference.constants(cell, ir.sizes(cell, 1, 10, 1))["T"]
    assert [int((periods == period).sum()) for period in (1, 2, 4, 8)] == [3, 3, 2, 2]


def test_too_few_units_for_the_modules_are_refused_in_words() -> None:
    with pytest.raises(rnnzoo.errors.UsageError, match=r"'m' has no value with units=4, modules=8"):
        rnnzoo.layer("clockwork", 4).build((None, None, 3))
