"""`inputs: {dt: 1, mask: inputs}`: what equations read beside x."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.errors import UsageError
from rnnzoo.lang import counts, ir, latex, listing, reference
from rnnzoo.lang.at_start import at_start
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.lint import lint
from rnnzoo.lang.probes import probes
from rnnzoo.lang.program import names_of
from rnnzoo.lang.text import cell_text, digest
from rnnzoo.lang.view import CellView
from rnnzoo.lang.widen import compile_step
from tests.lang.test_adjoint import agrees_with_numeric_differentiation

INPUTS, UNITS, BATCH, TIME = 3, 4, 2, 6
# `u` is carried with the size of the inputs; `q` is a number, and is carried, too
READS = """name: q
inputs: {dt: 1, mask: inputs}
equations: |
  q = q[t-1] + dt
  u = mask * x + (1 - mask) * u[t-1]
  g = exp(-dt * abs(w_g))
  h = tanh(W @ u + V @ mask + D @ [h[t-1], dt] * g + sin(q))
init: {w_g: 1}
"""


def cell_of(text: str) -> ir.Cell:
    return lang.parse_text(text)


def read(cell: ir.Cell, seed: int = 1) -> dict[str, np.ndarray]:
    return probes(cell, INPUTS, (BATCH, TIME), np.random.default_rng(seed))


def test_equations_read_them_beside_x() -> None:
    cell = cell_of(READS)
    columns = INPUTS + 1 + INPUTS
    (w,) = reference.random_weights(cell, columns, UNITS, 1, np.random.default_rng(0))
    given = read(cell)
    x = np.concatenate([given["x"], given["dt"], given["mask"]], -1)
    computed = reference.run(cell, [w], x, UNITS).outputs
    for number in range(BATCH):
        q, u, h = 0.0, np.zeros(INPUTS), np.zeros(UNITS)
        for t in range(TIME):
            now, (dt,), mask = (given[name][number, t] for name in ("x", "dt", "mask"))
            q = q + dt
            u = np.where(mask == 1, now, u)
            joined = w["D"] @ np.concatenate([h, [dt]])
            gate = np.exp(-dt * np.abs(w["w_g"]))
            h = np.tanh(w["W"] @ u + w["V"] @ mask + joined * gate + np.sin(q))
            np.testing.assert_allclose(computed[number, t], h, rtol=0, atol=1e-12)


def test_gradients_reach_them() -> None:
    agrees_with_numeric_differentiation(READS)


def test_what_depends_on_inputs_only_is_computed_before_the_loop() -> None:
    cell = cell_of(READS)
    program = compile_step(cell.step, [state.name for state in cell.states])
    assert "g" in names_of(program.before)
    assert "g" not in names_of(program.loop)


def test_the_text_of_a_cell_keeps_them() -> None:
    cell = cell_of(READS)
    assert cell_of(cell_text(cell)) == cell
    assert "mask: inputs" in cell_text(cell)


def test_names_and_sizes_of_inputs_are_a_part_of_what_a_cell_computes() -> None:
    plain = "name: q\ninputs: {a: 1}\nequations: |\n  h = tanh(D @ a + R @ h[t-1] + W @ x)\n"
    texts = [
        plain,
        plain.replace("a: 1", "b: 1").replace("@ a", "@ b"),
        plain.replace("a: 1", "a: 2"),
        plain.replace("a: 1", "a: inputs"),
        plain.replace("inputs: {a: 1}", "options: {o: 1}").replace("@ a", "@ (o * x)"),
    ]
    for identity in (digest, canonical_hash):
        assert len({identity(cell_of(text)) for text in texts}) == len(texts)


def test_what_a_layer_reads_is_x_and_then_the_others_in_their_order() -> None:
    cell = cell_of(READS)
    parts = cell.split(np.arange(7.0)[None])
    assert {name: value.tolist() for name, value in parts.items()} == {
        "x": [[0, 1, 2]], "dt": [[3]], "mask": [[4, 5, 6]],
    }  # fmt: skip
    assert cell.columns(3) == 7


@pytest.mark.parametrize("columns", [1, 2, 4])
def test_columns_that_leave_no_x_are_refused(columns: int) -> None:
    with pytest.raises(UsageError) as caught:
        cell_of(READS).inputs_in(columns)
    assert str(caught.value) == (
        f"cell 'q' reads dt (1) and mask (as wide as x) beside x, and {columns} numbers a step"
        " leave no whole number of inputs\n"
        "  fix: give it x, dt and mask side by side in the last axis, 3 numbers for an x of 1"
    )


def test_an_input_as_wide_as_x_is_one_of_the_first_layer() -> None:
    with pytest.raises(UsageError, match="'mask', which is as wide as the inputs"):
        cell_of(READS).check_layers(2)
    first = "first_layer: |\n  u = mask * x\n"
    alone = "name: q\ninputs: {mask: inputs}\nequations: |\n  u = x\n  h = W @ u + R @ h[t-1]\n"
    cell_of(alone + first).check_layers(2)


def test_further_layers_read_the_same_numbers() -> None:
    cell = cell_of("name: q\ninputs: {dt: 1}\nequations: |\n  h = W @ x + exp(-dt) * h[t-1]\n")
    weights = reference.random_weights(cell, INPUTS + 1, UNITS, 2, np.random.default_rng(0))
    given = read(cell)
    x = np.concatenate([*given.values()], -1)
    low = reference.run(cell, weights[:1], x, UNITS).outputs
    high = reference.run(cell, weights[1:], np.concatenate([low, given["dt"]], -1), UNITS).outputs
    np.testing.assert_allclose(reference.run(cell, weights, x, UNITS).outputs, high, atol=1e-12)


def test_weights_are_counted_without_them() -> None:
    """W and V on 3 inputs, D on 4 units and dt, and w_g."""
    cell = cell_of(READS)
    expected = 2 * UNITS * INPUTS + UNITS * (UNITS + 1) + UNITS
    assert counts.weights(cell, 7, UNITS) == expected
    assert CellView(cell).count_params(INPUTS, UNITS) == expected


def test_each_direction_of_a_further_layer_reads_both_outputs_and_the_numbers() -> None:
    cell = cell_of("name: q\ninputs: {dt: 1}\nequations: |\n  h = W @ x + exp(-dt) * h[t-1]\n")
    below, above = UNITS * INPUTS, UNITS * 2 * UNITS
    assert counts.weights(cell, INPUTS + 1, UNITS, 2, bidirectional=True) == 2 * (below + above)


@pytest.mark.parametrize("was", ["options: {dt: 2}\n", "equations: |\n  dt = exp(w_dt)\n"])
def test_a_variant_makes_an_input_of_what_was_something_else(was: str, tmp_path) -> None:
    lines = "  h = W @ x + exp(-dt) * h[t-1]\n"
    base = f"name: base\n{was}" + (lines if "equations" in was else f"equations: |\n{lines}")
    (tmp_path / "base.yaml").write_text(base)
    variant = tmp_path / "variant.yaml"
    variant.write_text("name: variant\nextends: base\ninputs: {dt: 1}\n")
    cell = lang.load(variant)
    assert cell.named_inputs == (ir.NamedInput("dt", 1),)
    assert not cell.options
    back = tmp_path / "back.yaml"
    back.write_text("name: back\nextends: variant\noptions: {dt: 3}\n")
    assert lang.load(back).named_inputs == ()


def test_what_an_inherited_input_was_for_may_go(tmp_path) -> None:
    (tmp_path / "base.yaml").write_text(READS.replace("name: q", "name: base"))
    (tmp_path / "less.yaml").write_text(
        "name: less\nextends: base\nequations: |\n  u = x\n  h = tanh(W @ u + g * h[t-1])\n"
    )
    assert lang.load(tmp_path / "less.yaml").named_inputs == (ir.NamedInput("dt", 1),)


def test_people_read_them_as_other_names() -> None:
    view = CellView(cell_of(READS))
    assert view.unicode[0] == "qₜ = qₜ₋₁ + dtₜ"
    assert r"\mathrm{dt}_{t}" in latex.equations(view.ir)[0]
    assert "exp(-dt * abs(w_g))" in listing.listing(view.ir)
    words = "".join(ElementTree.fromstring(view.diagram()).itertext())
    assert "dt" in words
    assert "mask" in words
    assert view.to_dict(INPUTS, UNITS)["named_inputs"] == {"dt": 1, "mask": "inputs"}


def test_a_number_of_all_sequences_is_a_recurrence_of_its_own() -> None:
    kinds = {group.states: group.kind for group in CellView(cell_of(READS)).recurrences}
    assert kinds == {
        ("q",): "linear diagonal", ("u",): "linear diagonal", ("h",): "nonlinear dense",
    }  # fmt: skip


def test_warnings_and_half_lives_come_from_probable_inputs() -> None:
    """A logarithm of what may be negative would be warned of."""
    text = "name: q\ninputs: {dt: 1}\nequations: |\n  h = tanh(W @ x + log(dt) + R @ h[t-1])\n"
    assert not [*lint(cell_of(text))]
    assert at_start(cell_of(text)) is not None


def test_a_state_as_wide_as_x_is_as_wide_as_what_a_layer_reads() -> None:
    cell = cell_of("name: q\nequations: |\n  u = x\n  h = tanh(W @ u[t-1] + R @ h[t-1])\n")
    weights = reference.random_weights(cell, INPUTS, UNITS, 2, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(BATCH, TIME, INPUTS))
    run = reference.run(cell, weights, x, UNITS)
    assert [states["u"].shape[-1] for states in run.states] == [INPUTS, UNITS]
    low = run.values[0]["h"]
    np.testing.assert_array_equal(run.values[1]["u"], low)


def test_a_remainder_has_a_gradient() -> None:
    agrees_with_numeric_differentiation(
        "name: q\ninputs: {dt: 1}\nequations: |\n  s = s[t-1] + dt\n"
        "  h = tanh(W @ x + s % (0.3 + w * w) + R @ h[t-1])\n"
    )
