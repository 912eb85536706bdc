"""Scans against loops; layers without a loop against the reference, under TensorFlow's operations
of Keras', which are those of JAX.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnnzoo
from rnnzoo import lang
from rnnzoo.backends.contract import PADDING, X
from rnnzoo.backends.delays import without_delays
from rnnzoo.backends.scans import linear_scan, scanned
from rnnzoo.backends.step import ProgramStep
from rnnzoo.backends.tensorflow import backend
from rnnzoo.backends.tensorflow.engine import Engine
from rnnzoo.errors import UsageError
from rnnzoo.lang import ir, reference
from rnnzoo.lang.view import CellView
from rnnzoo.nn import Recurrent
from rnnzoo.spec.cell import built_in_names
from tests.nn.differentiated import gradients

TIME, BATCH, UNITS, INPUTS = 6, 4, 4, 3
# padding at the end; none; in front, and a gap; nothing else
KEEP = np.array([[1, 1, 1, 1, 0, 0], [1] * 6, [0, 1, 0, 1, 1, 1], [0] * 6], bool)


@pytest.mark.parametrize(("count", "time"), [(1, 1), (1, 7), (2, 6)])
def test_a_scan_and_its_gradients_are_those_of_a_loop(count: int, time: int) -> None:
    rng = np.random.default_rng(0)
    gains = [
        [tf.constant(rng.normal(size=(time, 2, 3))) for _ in range(count)] for _ in range(count)
    ]
    rests = [tf.constant(rng.normal(size=(time, 2, 3))) for _ in range(count)]
    starts = [tf.constant(rng.normal(size=(2, 3))) for _ in range(count)]
    upstream = rng.normal(size=(count, time, 2, 3))

    def looped(gains, rests, starts):  # type: ignore[no-untyped-def]
        states, rows = starts, []
        for t in range(time):
            states = [
                rests[i][t] + sum(gains[i][j][t] * states[j] for j in range(count))
                for i in range(count)
            ]
            rows.append(states)
        return [tf.stack([row[i] for row in rows]) for i in range(count)]

    def computed(function):  # type: ignore[no-untyped-def]
        with tf.GradientTape() as tape:
            tape.watch([gains, rests, starts])
            values = tf.stack(function(gains, rests, starts))
            total = tf.reduce_sum(values * upstream)
        return [values, *tf.nest.flatten(tape.gradient(total, [gains, rests, starts]))]

    by_scan = computed(lambda *given: linear_scan(*map(_tuples, given)))
    for value, expected in zip(by_scan, computed(looped), strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-12)


def _tuples(nested):  # type: ignore[no-untyped-def]
    return tuple(map(_tuples, nested)) if isinstance(nested, list) else nested


@pytest.fixture
def scanning(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow as if it computed without loops."""
    monkeypatch.setattr(backend, "scans", True)
    monkeypatch.setattr(
        backend, "compiled_step",
        lambda step: (scanned if step.scanned else without_delays)(step, Engine, backend._loop),
    )  # fmt: skip


# matrices, the number of the step, and a quotient
OF_MATRICES = [
    pytest.param(name, marks=pytest.mark.slow) for name in ("gla", "mamba", "linear_transformer")
]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", ["qrnn", "lru", "retnet", *OF_MATRICES])
@pytest.mark.usefixtures("scanning")
def test_a_layer_without_a_loop_equals_the_reference_and_its_gradients_the_loops(
    name: str, masked: bool
) -> None:
    cell, rng = lang.load(name), np.random.default_rng(1)
    weights = reference.random_weights(cell, INPUTS, UNITS, 1, rng)
    x = keras.Variable(rng.normal(size=(BATCH, TIME, INPUTS)), dtype="float64")
    upstream = rng.normal(size=(BATCH, TIME, UNITS))
    mask = keras.ops.convert_to_tensor(KEEP) if masked else None

    def layer(engine: str) -> Recurrent:
        made = Recurrent(
            cell, UNITS, return_sequences=True, return_state=True, dtype="float64", engine=engine
        )
        made.build(x.shape)
        made.set_weights_by_name(weights[0])
        return made

    def slopes(made: Recurrent) -> list[np.ndarray]:
        def loss() -> object:
            return keras.ops.sum(made(x.value, mask=mask)[0] * upstream)

        return gradients(loss, [x, *made.trainable_variables])

    of_loop = slopes(layer("portable"))
    made = layer("scan")
    outputs, *states = made(x.value, mask=mask)
    expected = reference.run(cell, weights, np.asarray(x), UNITS, keep=KEEP if masked else None)
    np.testing.assert_allclose(outputs, expected.outputs, atol=1e-12)
    for state, of_cell in zip(states, cell.states, strict=not cell.reads_time):
        np.testing.assert_allclose(state, expected.states[0][of_cell.name], atol=1e-12)
    for slope, of_the_loop in zip(slopes(made), of_loop, strict=True):
        np.testing.assert_allclose(slope, of_the_loop, atol=1e-11)


QUOTIENTS = """name: quotients
equations: |
  k = V @ x / norm(V @ x)
  c = c[t-1] * sigmoid(W @ x) + k
  h = log(abs(c)) + 2 * k[t-1]
"""
WITHOUT = """name: elman
equations: |
  h = tanh(W @ x + R @ h[t-1])
"""


@pytest.mark.parametrize("text", [QUOTIENTS, WITHOUT])
def test_padding_has_the_values_of_a_real_step_where_a_step_divides(text: str) -> None:
    cell = lang.parse_text(text)
    step = ProgramStep(
        cell.step, ir.Sizes(UNITS, INPUTS, {}), "float64", {}, states=("h",), shown=(),
        wanted=("h",), below=(), drops=0, weights=(), masked=True,
    )  # fmt: skip
    x = np.arange(1.0, 1 + BATCH * TIME * INPUTS).reshape(TIME, BATCH, INPUTS)
    real = KEEP.T[..., None]
    given = {X: tf.constant(np.where(real, x, 0)), PADDING: tf.constant(real, "float64")}
    filled = x[0, 0] if text == QUOTIENTS else 0.0
    np.testing.assert_array_equal(step.without_zeros(given)[X], np.where(real, x, filled))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["portable", "scan"])
@pytest.mark.usefixtures("scanning")
def test_where_a_step_divides_by_what_is_padded_with_zeros_gradients_are_as_with_other_padding(
    engine: str,
) -> None:
    rng = np.random.default_rng(2)
    numbers = rng.normal(size=(BATCH, TIME, INPUTS))
    made = Recurrent(
        lang.parse_text(QUOTIENTS), UNITS, return_sequences=True, dtype="float64", engine=engine
    )
    made.build(numbers.shape)

    def slopes(keep: np.ndarray, at_padding: float) -> list[np.ndarray]:
        padded = np.where(keep[..., None], numbers, at_padding)
        x = keras.Variable(padded, dtype="float64")
        mask = keras.ops.convert_to_tensor(keep)

        def loss() -> object:
            return keras.ops.sum(made(x.value, mask=mask)[:, 1:] ** 2)

        return gradients(loss, [x, *made.trainable_variables])

    for slope, expected in zip(slopes(KEEP, 0.0), slopes(KEEP, 7.0), strict=True):
        np.testing.assert_allclose(slope, expected, rtol=1e-9, atol=1e-12)
    of_nothing = slopes(np.zeros_like(KEEP), 0.0)
    assert not any(np.any(slope) for slope in of_nothing)


@pytest.mark.usefixtures("scanning")
def test_a_layer_without_a_loop_is_made_of_the_cells_of_which_show_says_so() -> None:
    """And refused of all others, with the reason that it gives."""
    refused = {}
    views = {name: rnnzoo.cell(name) for name in built_in_names()}
    for name in views:
        try:
            rnnzoo.layer(name, UNITS, engine="scan")
        except UsageError as error:
            refused[name] = error.problem.partition("' needs one: ")[2]
    of_engine = 'by engine="scan", under JAX'
    by_engine = {name for name, cell in views.items() if of_engine in cell.scanned}
    assert by_engine == views.keys() - refused.keys()
    for name, cell in views.items():
        assert cell.why_a_loop == refused.get(name, "")
        assert cell.to_dict(INPUTS, 8)["why_a_loop"] == refused.get(name)
        told = [f"not by this engine: {refused[name]}"] if name in refused else [of_engine]
        # where there is nothing but a loop, there is nothing to tell
        could = any("scanned" in kind or "Newton" in kind for kind in cell.kinds)
        assert list(cell.scanned) == (told if could else [])


@pytest.mark.usefixtures("scanning")
def test_every_layer_of_a_stack_is_asked() -> None:
    text = "name: mine\nequations: |\n  h = {} + W @ x + b\nfirst_layer: |\n  h = h[t-1] + W @ x\n"
    cell = lang.parse_text(text.format("tanh(R @ h[t-1])"))
    assert CellView(cell).scanned == (
        'by engine="scan", under JAX',
        "in further layers: not by this engine: it is nonlinear in h, all units together",
    )
    Recurrent(cell, UNITS, engine="scan")
    with pytest.raises(UsageError, match="'mine' needs one: it is nonlinear in h"):
        Recurrent(cell, UNITS, layers=2, engine="scan")


@pytest.mark.usefixtures("scanning")
def test_half_precision_is_refused_where_states_have_to_settle() -> None:
    with pytest.raises(UsageError, match="of 'sru' in float32 and float64, not in float16"):
        rnnzoo.layer("sru", UNITS, engine="scan", dtype="mixed_float16")
    rnnzoo.layer("mingru", UNITS, engine="scan", dtype="mixed_float16")


def test_a_library_that_has_the_loop_only_says_so() -> None:
    with pytest.raises(UsageError) as refused:
        rnnzoo.layer("mingru", UNITS, engine="scan")
    assert str(refused.value) == (
        "engine='scan' computes states without a loop under JAX only, and Keras runs tensorflow\n"
        "  fix: engine='auto', or KERAS_BACKEND=jax before Keras is imported"
    )


def test_a_layer_that_was_made_to_scan_has_the_loop_where_there_is_no_other() -> None:
    config = rnnzoo.layer("mingru", UNITS).get_config() | {"engine": "scan"}
    with pytest.warns(UserWarning, match="Keras runs tensorflow: this layer has the loop here"):
        made = Recurrent.from_config(config)
    assert made.engine == "auto"


@pytest.mark.usefixtures("scanning")
def test_dropout_that_acts_in_the_loop_is_refused_without_one() -> None:
    with pytest.raises(UsageError, match="acts in the loop"):
        rnnzoo.layer("lru", UNITS, engine="scan", recurrent_dropout=0.5)
    rnnzoo.layer("mingru", UNITS, engine="scan", recurrent_dropout=0.5)  # which has no such product
