"""Random numbers in equations, `d = bernoulli(p)`, before a layer draws them."""

from __future__ import annotations

import pytest

from rnnzoo import lang
from rnnzoo.lang import ir
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.plain import plain_text
from rnnzoo.lang.program import Program
from rnnzoo.lang.widen import compile_step

CELL = """\
name: noisy
options: {share: 0.25}
equations: |
  d = bernoulli(share)
  e = bernoulli(share)
  n = tanh(W @ x + R @ h[t-1] + b)
  h = d * h[t-1] + (1 - d) * e * n
"""


def cell_of(text: str) -> ir.Cell:
    return lang.parse_text(text)


def compiled(step: ir.Step) -> Program:
    return compile_step(step, ["h"])


def test_what_is_drawn_is_printed_as_it_is_written() -> None:
    cell = cell_of(CELL)
    assert "d = bernoulli(share)" in lang.text.cell_text(cell)
    assert cell_of(lang.text.cell_text(cell)) == cell
    assert r"\operatorname{Bernoulli}\left(\mathrm{share}\right)" in lang.latex.equations(cell)[0]


def test_a_draw_is_no_number_and_two_are_not_one() -> None:
    texts = {
        CELL,
        CELL.replace("bernoulli(share)", "share"),
        CELL.replace("  e = bernoulli(share)\n", "").replace("* e *", "* d *"),
        CELL.replace("  e = bernoulli(share)\n", "  e = d\n"),
    }
    hashes = [canonical_hash(cell_of(text)) for text in texts]
    assert len(texts) == 4
    assert len({*hashes}) == 3  # the last two are one cell


def test_a_step_reads_what_is_given_of_draws() -> None:
    cell = cell_of(CELL)
    given = cell.step.with_draws_given()
    assert [*cell.step.draws] == ["d", "e"]
    assert [equation.name for equation in given.equations] == ["n", "h"]
    assert given.named_inputs == {"d", "e"}
    assert {("input", "d"), ("input", "e")} <= {
        (ref.kind, ref.name) for each in given.equations for ref in ir.refs(each.expr, "input")
    }
    assert given.with_draws_given() == given


def test_a_program_computes_with_the_mean_unless_draws_are_given() -> None:
    cell = cell_of(CELL)
    mean, given = compiled(cell.step), compiled(cell.step.with_draws_given())
    for program in (mean, given):
        operations = {instruction.primitive.name for instruction in program.loop}
        assert "bernoulli" not in operations


def test_the_mean_may_be_computed_of_options() -> None:
    cell = cell_of(CELL.replace("d = bernoulli(share)", "d = bernoulli(1 - 2 * share)"))
    assert cell.mean_of(cell.step.draws["d"]) == pytest.approx(0.5)


def test_files_for_other_libraries_have_the_mean() -> None:
    text = plain_text("jax", cell_of(CELL), {}, ())
    assert "d = share\n" in text
