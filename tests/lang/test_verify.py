"""What every program and its adjoint hold, and that it is noticed where one does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from rnnzoo import lang
from rnnzoo.errors import SpecError
from rnnzoo.lang import ir
from rnnzoo.lang.adjoint import Adjoint, adjoint
from rnnzoo.lang.primitives import CALLS, Elementwise
from rnnzoo.lang.program import Program, reads
from rnnzoo.lang.verify import MalformedProgram, verify, verify_adjoint
from rnnzoo.lang.widen import compile_step, operands
from tests.samples import cells, compiled, examples
from tests.strategies import cell_texts

CELLS = Path(__file__).parents[2] / "experiments" / "cells"
NAMES = (*cells(compiled()), *(str(path) for path in sorted(CELLS.glob("*.yaml"))))
PARTS = {Program: ("once", "before", "loop"), Adjoint: ("fixed", "loop", "after", "once")}


def programs(cell: ir.Cell, step: ir.Step) -> Iterator[tuple[Program, Adjoint]]:
    """All programs that a layer makes of a step: with and without recurrent dropout, for each use
    of its values.
    """
    states = [state.name for state in cell.states]
    for above in ((), (cell.output,), (cell.output, *sorted(cell.needs_below))):
        for drops in (False, True):
            program = compile_step(step, list(dict.fromkeys([*states, *above])), drops)
            yield program, adjoint(program, states)


def holds(cell: ir.Cell) -> None:
    """Programs are verified when they are made; here once more, so that this does not depend on who
    made them.
    """
    for step in dict.fromkeys((cell.step, cell.first)):
        shapes = [operand.shape for operand in operands(step)]
        for program, back in programs(cell, step):
            verify(program)
            verify_adjoint(program, back)
            masks = [ref for ref in reads(program.instructions) if ref.kind == "drop"]
            assert all(ref.shape == shapes[int(ref.name)] for ref in masks)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: Path(name).stem)
def test_every_name_of_a_cells_programs_has_a_line_before_it_is_read(name: str) -> None:
    holds(lang.load(name))


@given(cell_texts())
@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.too_slow])
def test_every_name_of_the_programs_of_any_cell_has_a_line(text: str) -> None:
    holds(lang.parse_text(text))


@pytest.mark.slow
@given(cell_texts())
@settings(max_examples=1_000, suppress_health_check=[HealthCheck.too_slow], derandomize=False)
def test_every_name_of_the_programs_of_other_cells_each_time_has_a_line(text: str) -> None:
    holds(lang.parse_text(text))


DIVIDED = (
    "name: q\nequations: |\n  h = tanh((W @ x) / p + R @ h[t-1] * s)\nweights: {s: {shape: []}}\n"
)
BROKEN = {"lstm": lang.load("lstm"), "gru": lang.load("gru"), "divided": lang.parse_text(DIVIDED)}


def damaged(parts: Program | Adjoint) -> Iterator[tuple[str, Program | Adjoint]]:
    """The same with one line less, or with one line of another size."""
    names = [line.name for part in PARTS[type(parts)] for line in getattr(parts, part)]
    for part in PARTS[type(parts)]:
        lines = getattr(parts, part)
        for number, line in enumerate(lines):
            if names.count(line.name) > 1:
                continue  # a part of a sequence that the loop takes itself
            yield (
                f"without {line.name}",
                replace(parts, **{part: lines[:number] + lines[number + 1 :]}),
            )
            wrong = replace(line, shape=("elsewhere",))
            yield (
                f"{line.name} of another size",
                replace(parts, **{part: (*lines[:number], wrong, *lines[number + 1 :])}),
            )


def malformed(verified: Callable[[], None]) -> bool:
    try:
        verified()
    except MalformedProgram:
        return True
    return False


@pytest.mark.parametrize("cell", BROKEN.values(), ids=BROKEN)
def test_a_program_that_lacks_a_line_or_has_a_wrong_size_is_malformed(cell: ir.Cell) -> None:
    states = [state.name for state in cell.states]
    program = compile_step(cell.step, states)
    back = adjoint(program, states)
    accepted = [
        damage for damage, wrong in damaged(program) if not malformed(partial(verify, wrong))
    ]
    accepted += [
        damage
        for damage, wrong in damaged(back)
        if not malformed(partial(verify_adjoint, program, wrong))
    ]
    assert not accepted


def test_a_line_in_the_wrong_phase_is_malformed() -> None:
    cell = lang.load("lstm")
    states = [state.name for state in cell.states]
    program = compile_step(cell.step, states)
    back = adjoint(program, states)
    with pytest.raises(MalformedProgram, match="before the loop"):
        verify(replace(program, before=(*program.before, *program.loop), loop=()))
    with pytest.raises(MalformedProgram, match="reduces over all steps"):
        verify_adjoint(program, replace(back, after=(*back.after, *back.once), once=()))
    with pytest.raises(MalformedProgram, match="nothing before it defines"):
        verify_adjoint(program, replace(back, saved=()))
    with pytest.raises(MalformedProgram, match="nothing before it defines"):
        verify_adjoint(program, replace(back, emitted=()))


def test_a_name_that_means_another_value_backward_is_malformed() -> None:
    program = compile_step(lang.load("lstm").step, ["h", "c"])
    back = adjoint(program, ["h", "c"])
    renamed = replace(back.after[-1], name="c")
    with pytest.raises(
        MalformedProgram, match="'c' is the name of another value in the forward program"
    ):
        verify_adjoint(program, replace(back, after=(*back.after, renamed)))


@pytest.mark.parametrize(
    "expression", ["round({})", "where(round({}) > 0, 1, h[t-1])", "h[t-1] + round({})"]
)
@pytest.mark.parametrize("operand", ["W @ x", "h[t-1]", "b", "x"])
def test_any_operation_without_derivatives_is_refused_on_what_is_trained(
    expression: str, operand: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a dict
    monkeypatch.setitem(CALLS, "round", Elementwise("round", 1, np.round, "round", "{}"))  # type: ignore[arg-type]
    text = (
        "name: q\n"
        "equations: |\n"
        "  e = tanh(W @ x + R @ h[t-1])\n"
        "  h = e + U @ ({})\n"
        "weights: {{U: {{shape: [units, {}]}}}}\n"
    )
    size = "inputs" if operand == "x" else "units"
    fitting = expression.replace("h[t-1]", "x") if operand == "x" else expression
    with pytest.raises(SpecError, match="round has no gradient and cannot be applied to this"):
        lang.parse_text(text.format(fitting.format(operand), size))
    assert lang.parse_text(text.format("h[t-1] * round(t / 2)", "units")).states


def test_an_operation_without_derivatives_is_right_on_time_options_and_constants() -> None:
    text = (
        "name: q\n"
        "options: {k: 3}\n"
        "constants: |\n"
        "  T = floor(unit / k)\n"
        "equations: |\n"
        "  h = tanh(W @ x + h[t-1] * (t % T))\n"
    )
    assert lang.parse_text(text).states


def test_recurrent_dropout_masks_what_a_product_with_a_state_multiplies_and_nothing_else() -> None:
    text = "name: q\nequations: |\n  c = tanh(P @ h[t-1])\n  h = tanh({})\n"
    text += "weights: {{P: {{shape: [3, units]}}, U: {{shape: [units, 3]}}}}\n"
    folded = lang.parse_text(text.format("R @ b + 0 * (R @ (R @ h[t-1])) + U @ c + W @ x"))
    assert [operand.shape for operand in operands(folded.step)] == [("units",), ("units",), (3,)]
    holds(folded)  # the second is needed by nothing, and does not change the number of the third
