"""JAX computes what the reference and TensorFlow compute; each test asks a process in which Keras
is set to JAX.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.backends.jax import process
from rnnzoo.backends.native import build
from rnnzoo.nn.update import AllAtOnce, OneByOne, updating
from rnnzoo.spec.cell import built_in_names
from rnnzoo.spec.hyperparameters import OPTIMIZERS
from tests.backends.trained import curve, predictions, trial
from tests.keras_process import printed, returned
from tests.lang.test_scans import JOINED, LINEAR, NONLINEAR, SCALED, SQUASHED
from tests.strategies import unit_by_unit

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)
UNMOVED = """
name: unmoved
title: Equations of a state that read no input
equations: |
  h = tanh(p * h[t-1] + b)
  y = h + W @ x
output: y
"""
EXACT, OF_GRADIENTS = 1e-12, 1e-11
NATIVE = 1e-4  # in float32
SINGLE = 1e-5  # relative, over the first epochs in float32
# the same of a cell whose states jump: where what modReLU reads changes its sign, they do so by
# twice its bias, and rounding decides on which side of the jump a unit is
JUMPING = {"exprnn": 1e-3}
OF_SUMS = 3e-5  # relative, of gradients that are sums over steps in float32
# cells whose trainings are not packed: they read the number of the step, have delays, or draw
PADDED = {
    "clockwork", "qrnn", "retnet", "rwkv4", "rwkv7", "typed_gru", "typed_lstm", "zoneout_lstm",
}  # fmt: skip
compiler = pytest.mark.skipif(
    shutil.which(build.COMPILER) is None, reason=f"needs {build.COMPILER}"
)


class UnderJax(Protocol):
    def __call__(self, function: str, *arguments: object) -> Any:
        """What a function of `under_jax` returns."""


@pytest.fixture
def under_jax(tmp_path: Path) -> UnderJax:
    def asked(function: str, *arguments: object) -> Any:
        return returned(f"tests.backends.under_jax.{function}", arguments, tmp_path)

    return asked


def check_curves(folder: Path, *names: str) -> None:
    """Whether trainings have the same losses under both backends, by Adam or by gradient descent.

    Rounding parts them here and there: Adam divides a gradient that nearly cancels by itself, and
    descent may climb.  What computes something else parts both.
    """
    for optimizer in ("adam", "sgd"):
        curves = [_curves(folder, names, optimizer, backend) for backend in ("jax", "tensorflow")]
        names = tuple(name for name in names if not _are_alike(name, *curves))
    assert not names


def _curves(folder: Path, names: tuple[str, ...], optimizer: str, backend: str) -> Any:
    return returned("tests.backends.trained.curves", (optimizer, *names), folder, backend)


def _are_alike(name: str, *curves: Mapping[str, list[float]]) -> bool:
    losses, expected = (curve[name] for curve in curves)
    assert len(losses) == len(expected) == 6
    return np.allclose(losses, expected, rtol=JUMPING.get(name, SINGLE), atol=0)


def check_losses(losses: list[float], expected: list[float]) -> None:
    assert len(expected) == 6
    np.testing.assert_allclose(losses, expected, rtol=SINGLE)


def check_layers(
    under_jax: UnderJax, layers: Sequence[tuple[str, int, bool]], how: str = "layers"
) -> None:
    errors = under_jax(how, *layers)
    wrong = [
        (layer, outputs, gradients)
        for layer, (outputs, gradients) in zip(layers, errors, strict=True)
        if not (outputs <= EXACT and gradients <= OF_GRADIENTS)  # what is no number is wrong, too
    ]
    assert not wrong


def test_layers_equal_the_reference_and_their_gradients_jaxs_own(under_jax: UnderJax) -> None:
    """A stack, and a condition on the step's number."""
    check_layers(under_jax, [("depth_gated", 2, True), ("clockwork", 1, True)])


def check_native(under_jax: UnderJax, layers: Sequence[tuple[str, int, bool]]) -> None:
    errors = under_jax("native_layers", *layers)
    assert not [
        layer for layer, both in zip(layers, errors, strict=True) if not np.max(both) <= NATIVE
    ]


@compiler
def test_native_loops_equal_the_reference_and_what_jax_derives(under_jax: UnderJax) -> None:
    check_native(under_jax, [("rnn", 2, True), ("clockwork", 1, False)])


@pytest.mark.slow
@compiler
def test_native_loops_of_all_cells_equal_what_jax_derives(under_jax: UnderJax) -> None:
    check_native(under_jax, [*product(built_in_names(), (1, 2), (False, True))])


def check_packed(under_jax: UnderJax, layers: Sequence[tuple[str, int]]) -> set[str]:
    """The cells whose sequences are not packed."""
    errors = dict(zip(layers, under_jax("packed_layers", *layers), strict=True))
    packed = {layer: both for layer, both in errors.items() if both is not None}
    assert not [layer for layer, both in packed.items() if not max(both) <= OF_SUMS]
    return {name for name, _ in errors.keys() - packed.keys()}


@compiler
def test_packed_sequences_yield_what_padded_ones_do(under_jax: UnderJax) -> None:
    """A stack, and an adjoint that divides by what is 0 at padding."""
    assert not check_packed(under_jax, [("depth_gated", 2), ("minlstm", 1)])


@pytest.mark.slow
@compiler
def test_packed_sequences_of_all_cells_yield_what_padded_ones_do(under_jax: UnderJax) -> None:
    assert check_packed(under_jax, [*product(built_in_names(), (1, 2))]) == PADDED


@compiler
def test_packed_trainings_have_the_scores_of_padded_ones(under_jax: UnderJax) -> None:
    """With an answer at each step, and with one a sequence."""
    check_packed_trainings(under_jax, "peephole", True)
    check_packed_trainings(under_jax, "gru", False)


def check_packed_trainings(under_jax: UnderJax, cell: str, is_of_steps: bool) -> None:
    packed, without_room, padded = under_jax("packed_trainings", cell, is_of_steps)
    np.testing.assert_allclose(packed, padded, rtol=SINGLE)
    np.testing.assert_allclose(without_room, padded, rtol=SINGLE)


@compiler
def test_native_loops_are_differentiated_twice_and_mapped(under_jax: UnderJax) -> None:
    assert max(under_jax("native_derivatives", "rnn")) < NATIVE


def check_without_loops(
    under_jax: UnderJax, layers: Sequence[tuple[str, bool, bool, str]], how: str = "without_loops"
) -> None:
    errors = under_jax(how, *layers)
    most = [OF_SUMS if dtype == "float32" else EXACT for *_, dtype in layers]
    assert not [each for each in zip(layers, errors, most, strict=True) if not each[1] <= each[2]]


def test_newtons_method_settles_at_what_a_loop_computes(under_jax: UnderJax) -> None:
    cells = ("sru", UNMOVED)
    check_without_loops(under_jax, [(cell, True, True, "float64") for cell in cells])


@pytest.mark.slow
def test_nonlinear_states_without_a_loop_equal_those_of_one(under_jax: UnderJax) -> None:
    """Masked and read backwards, as it is, and in float32."""
    cells = [*NONLINEAR, JOINED, SQUASHED, *map(unit_by_unit, range(2))]
    layers = [(cell, both, both, "float64") for cell, both in product(cells, (False, True))]
    layers += [(cell, False, False, "float32") for cell in NONLINEAR]
    check_without_loops(under_jax, layers)


@pytest.mark.slow
def test_linear_states_without_a_loop_equal_those_of_one(under_jax: UnderJax) -> None:
    """Masked and read backwards, as it is, and in float32."""
    cells = [(cell, both, both, "float64") for cell in (*LINEAR, SCALED) for both in (False, True)]
    check_without_loops(under_jax, [*cells, *((cell, True, False, "float32") for cell in LINEAR)])


@pytest.mark.slow
def test_states_that_would_take_more_rounds_are_those_of_the_loop(under_jax: UnderJax) -> None:
    layers = [("indrnn", True, True, "float64"), ("unicornn", False, False, "float64")]
    check_without_loops(under_jax, layers, "without_rounds")


@pytest.mark.slow
def test_states_that_do_not_settle_are_looped_over(under_jax: UnderJax) -> None:
    of_states, of_gradient = under_jax("chaos")
    assert of_states < EXACT
    assert of_gradient < 1e-6  # of a chaotic cell, whose adjoints grow as its errors do


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sru", "unicornn"])
def test_newtons_method_is_differentiated_twice_and_mapped(under_jax: UnderJax, name: str) -> None:
    assert max(under_jax("derivatives_without_loop", name)) < OF_GRADIENTS


def test_the_loss_of_sigmoids_and_its_derivatives_are_exact(under_jax: UnderJax) -> None:
    assert max(under_jax("of_sigmoids")) < 1e-5


@compiler
def test_a_layer_needs_no_compiler_and_leaves_one_alone_as_soon_as_it_is_told(
    under_jax: UnderJax,
) -> None:
    assert under_jax("what_computes", "rnn") == ["Engine", "NativeEngine", "Engine"]


@compiler
def test_a_training_whose_loops_could_not_be_compiled_says_what_computed(
    under_jax: UnderJax, tmp_path: Path
) -> None:
    compiler = tmp_path / "compiler"
    for fails, reason in (("echo no room >&2; exit 1", "no room"), ('exec g++ "$@"', "")):
        compiler.write_text(
            f'#!/bin/sh\ncase "$*" in *--version*) echo c 1; exit 0;; esac\n{fails}\n'
        )
        compiler.chmod(0o755)
        told, before, after = under_jax("with_compiler", str(compiler))
        assert before == "native code of c 1"
        assert (told, after) == (
            (f"XLA: the compiler failed: {reason}",) * 2 if reason else ("", before)
        )


def test_a_process_on_a_card_whose_kernels_failed_says_so_and_what_a_new_one_has_is_no_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "_failures", [])
    monkeypatch.setattr(process, "model", lambda: "H200")
    monkeypatch.setenv("JAX_PLATFORMS", process.CARD)
    planned = process.loops(on_card=False)
    assert process.fell_back() == ""
    process.fall_back("the compiler failed: no room")
    assert process.fell_back() == "XLA on H200; no kernels: the compiler failed: no room"
    assert process.loops(on_card=False) == planned


def test_units_that_are_not_due_need_not_be_computed(under_jax: UnderJax) -> None:
    """The gradients that JAX derives are those of all units."""
    check_layers(under_jax, [("clockwork", 1, True)], "layers_of_due_units")


@pytest.mark.slow
def test_all_layers_equal_the_reference_and_their_gradients_jaxs_own(under_jax: UnderJax) -> None:
    check_layers(under_jax, [*product(built_in_names(), (1, 2), (False, True))])


def test_a_training_has_the_curve_of_tensorflow_and_either_predicts_the_same_with_the_others_model(
    tmp_path: Path, under_jax: UnderJax
) -> None:
    of_tensorflow, of_jax = tmp_path / "tensorflow", tmp_path / "jax"
    losses, expected = under_jax("saved", str(of_jax), "gru")
    np.testing.assert_allclose(predictions(of_jax / "model.keras"), expected, rtol=1e-5, atol=1e-6)
    check_losses(losses, curve(replace(trial("gru"), folder=str(of_tensorflow))))
    file = of_tensorflow / "model.keras"
    np.testing.assert_allclose(
        under_jax("loaded", str(file)), predictions(file), rtol=1e-5, atol=1e-6
    )


@pytest.mark.slow
def test_labels_without_places_have_the_same_curve_as_under_tensorflow(
    under_jax: UnderJax,
) -> None:
    losses = under_jax("on_task", "gru", "touch_tones")
    check_losses(losses, curve(trial("gru", "touch_tones")))


@pytest.mark.slow
def test_a_training_of_any_cell_has_the_same_curve_as_under_tensorflow(tmp_path: Path) -> None:
    cells = {name: lang.load(name) for name in built_in_names()}
    # those that draw have other numbers, and those with named inputs no task here
    names = [name for name, cell in cells.items() if not cell.draws and not cell.named_inputs]
    check_curves(tmp_path, *names)


@pytest.mark.slow
def test_a_cell_that_jumps_has_the_curve_of_tensorflow_where_it_begins_without_a_jump(
    tmp_path: Path,
) -> None:
    file = tmp_path / "at_zero.yaml"
    file.write_text("extends: exprnn\nname: at_zero\ninit: {b: 0}\n")
    check_curves(tmp_path, str(file))


class InKeras:
    """Weights as one vector."""

    def join(self, weights: Sequence[Any]) -> Any:
        return keras.ops.concatenate([keras.ops.reshape(weight, (-1,)) for weight in weights])

    def cut(self, vector: Any, shapes: Sequence[Sequence[int]]) -> list[Any]:
        ends = np.cumsum([np.prod(shape) for shape in shapes])
        pieces = np.split(np.asarray(vector), ends[:-1])
        return [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_update_of_all_weights_at_once_is_that_of_each(optimizer: str) -> None:
    """Keras changes each weight by itself; the same numbers as one vector end up the same."""
    rng = np.random.default_rng(0)
    values = [rng.normal(size=shape).astype("float32") for shape in ((3, 4), (4,), (1, 2))]
    ways = {}
    for update in (OneByOne, AllAtOnce):
        weights = [keras.Variable(value) for value in values]
        joining = None if update is OneByOne else InKeras()
        applied = updating(keras.optimizers.get(optimizer), weights, joining)
        assert isinstance(applied, update)
        draws = np.random.default_rng(1)
        for _ in range(3):
            gradients = [draws.normal(size=value.shape).astype("float32") for value in values]
            applied.apply(applied.joined([keras.ops.convert_to_tensor(g) for g in gradients]))
        ways[update] = [np.asarray(weight) for weight in weights]
        assert int(applied.count) == 3
    for ours, its, before in zip(ways[AllAtOnce], ways[OneByOne], values, strict=True):
        np.testing.assert_allclose(ours, its, rtol=1e-6, atol=1e-7)
        assert np.abs(its - before).min() > 0


def test_a_trial_finds_imported_what_jax_compiles_with(tmp_path: Path) -> None:
    modules = ("jaxlib.mlir.dialects.mhlo", "rnnzoo.backends.jax.engine")
    program = f"import sys\nprint(set({modules!r}) - set(sys.modules))"
    assert printed(program, tmp_path, backend="jax").strip() == "set()"


def test_trials_under_jax_save_models_without_importing_tensorflow(under_jax: UnderJax) -> None:
    assert under_jax("saves_without_tensorflow") is True


@pytest.mark.slow
def test_a_model_is_exported_from_jax_for_any_shape_and_a_stateful_layer_is_not(
    tmp_path: Path, under_jax: UnderJax
) -> None:
    """Keras would write it without its states, and without a word."""
    # in one process: it imports TensorFlow, which takes four seconds
    errors, refused = under_jax("exports", str(tmp_path / "exported"))
    assert len(errors) == 3
    assert max(errors) < 1e-6
    assert refused == (
        "under jax, Keras exports a stateful layer without its states\n"
        "  fix: model.save(...) as .keras, and export what KERAS_BACKEND=tensorflow loads of it"
    )


@pytest.mark.slow
def test_a_cache_that_is_damaged_or_cannot_be_written_costs_no_training(
    tmp_path: Path, under_jax: UnderJax
) -> None:
    cache = tmp_path / "cache"
    first = under_jax("trainings_with_cache", str(cache), "rnn")
    entries = sorted(cache.glob("*-cache"))
    assert len(entries) > 1
    for entry in entries:
        entry.write_bytes(entry.read_bytes()[: entry.stat().st_size // 2])
    assert under_jax("trainings_with_cache", str(cache), "rnn") == first
    assert under_jax("trainings_with_cache", "/proc/nowhere", "rnn") == first
