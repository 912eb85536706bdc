"""docs/language.md stays true: its table is the table of operations, its cells check, its example
message is what we print.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.cli import cells
from rnnzoo.errors import SpecError
from rnnzoo.lang import ir, reference, start
from rnnzoo.lang.at_start import at_start
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.check import check
from rnnzoo.lang.lint import warnings
from rnnzoo.lang.view import view
from rnnzoo.spec.cell import parse_cell, sources
from tools.operations import with_operations

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/language.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
WHOLE = [text for text in BLOCKS if text.startswith("name:")]
# Of each block that is a part of a file, by its first key, what the rest may be.
RESTS = {
    "options": "name: low_rank\n",
    "init": "name: begun\noptions: {beta: 1}\nequations: |\n  f = sigmoid(W @ x + b_f + b_i)\n"
    "  h = f * tanh(R @ h[t-1] + b)\n",
    "initial": "name: started\nextends: lstm\n",
    "source": "name: known\nextends: peephole\n",
}
IN_THE_ZOO = {  # which cells on the page the zoo has, too
    "mine": "mgu", "dilated": "dilated_rnn", "rhn": "rhn", "cifg": "cifg", "janet": "janet",
    "clockwork": "clockwork", "depth_gated": "depth_gated",
}  # fmt: skip
UNITS, INPUTS = 16, 3


def test_the_table_of_operations_is_the_one_in_the_code() -> None:
    assert (ROOT / "docs/language.md").read_text() == with_operations(PAGE), (
        "make accept writes it anew"
    )


def cell_of(text: str) -> ir.Cell:
    key = text.partition(":")[0]
    return lang.parse_text(RESTS.get(key, "") + text)


@pytest.mark.parametrize("text", BLOCKS, ids=lambda text: text.split("\n")[0])
def test_every_cell_on_the_page_is_right_and_computes_numbers(text: str) -> None:
    assert text in WHOLE or text.partition(":")[0] in RESTS
    cell = cell_of(text)
    rng = np.random.default_rng(0)
    weights = start.weights(cell, 1, ir.Sizes(UNITS, INPUTS, cell.options), rng)
    x = rng.normal(size=(2, 5, cell.columns(INPUTS)))
    outputs = reference.run(cell, [weights], x, UNITS).outputs
    assert np.isfinite(outputs).all()
    assert outputs.any()


def test_cells_that_the_zoo_has_are_those_of_the_zoo() -> None:
    shown = {text.split()[1]: text for text in WHOLE}
    for name, built_in in IN_THE_ZOO.items():
        assert canonical_hash(cell_of(shown[name])) == canonical_hash(lang.load(built_in))


def test_the_parts_of_files_say_what_the_page_says() -> None:
    parts = {text.partition(":")[0]: cell_of(text) for text in BLOCKS if text not in WHOLE}
    assert {*parts} == {*RESTS}
    weights = {each.name: each for each in parts["options"].step.weights}
    assert (weights["U"].shape, weights["V"].shape) == (("units", "rank"), ("rank", "units"))
    assert weights["scale"].shape == ()
    starts = {state.name: state.initial for state in parts["initial"].states}
    assert starts == {"h": "learned", "c": 0.5}
    shown = next(text for text in BLOCKS if text.startswith("source"))
    spec = parse_cell(RESTS["source"] + shown)
    assert (spec.family, spec.year, spec.claim) == ("lstm", 2015, "nfg worse than peephole")
    assert {*spec.source} <= {*sources()}


def test_what_show_prints_is_what_the_page_shows() -> None:
    states, kinds = (", ".join(view("rwkv4").states), view("rwkv4").kinds)
    assert "\n".join([f"states   {states}", *cells._labelled("kind", kinds)]) in PAGE
    begun = at_start(lang.load("lstm"))
    assert begun is not None
    assert "\n".join(cells._labelled("start", begun.lines())) in PAGE


def test_a_layer_has_as_many_columns_as_the_page_lays_side_by_side() -> None:
    shown = next(text for text in WHOLE if text.startswith("name: leaky"))
    assert cell_of(shown).columns(8) == 8 + 1 + 8
    assert "# 8 inputs: 8 + 1 + 8 columns" in PAGE


DEAD = """\
name: dead
equations: |
  u = W @ x + b
  h = tanh(u + R @ h[t-1] + w_c * a)
  a = a[t-1] * exp(-exp(w_a)) + w_b * u
"""


def test_the_example_of_a_warning_is_what_we_print() -> None:
    spec = parse_cell(DEAD, "dead.yaml")
    (warning,) = warnings(spec, check(spec))
    assert str(warning) in PAGE


def test_the_example_message_is_what_we_print() -> None:
    lstm = (ROOT / "rnnzoo/zoo/lstm.yaml").read_text()
    with pytest.raises(SpecError) as caught:
        lang.parse_text(re.sub(r"tanh\(c\)", "tanh(cc)", lstm), "lstm.yaml")
    message = re.sub(r":\d+:\d+:", ":", str(caught.value))
    shown = re.search(r"```\n(lstm\.yaml.*?)```", PAGE, re.S)
    assert shown is not None
    assert message.replace("  h = o * tanh(cc)", "  h = o * tanh(cc)") == re.sub(
        r":\d+:\d+:", ":", shown[1].rstrip("\n")
    )


MISTAKES = re.findall(r"^\| `(\w+ = .+?)` \| (.+?) \| (.+?) \|$", PAGE, re.M)


def test_the_page_shows_mistakes() -> None:
    assert len(MISTAKES) == PAGE.partition("Common mistakes:")[2].count("\n| `")


@pytest.mark.parametrize(("written", "message", "instead"), MISTAKES)
def test_common_mistakes_give_the_messages_on_the_page(
    written: str, message: str, instead: str
) -> None:
    right = "" if written.startswith("h") else "  h = tanh(W @ x + R @ h[t-1])\n"
    with pytest.raises(SpecError) as caught:
        lang.parse_text(f"name: bad\nequations: |\n{right}  {written}\n")
    assert caught.value.mistakes[0].problem == message
    assert "`" in instead


ADVICE = {
    "two steps back": "  k = h[t-1]\n  h = tanh(W @ x + R @ k[t-1])\n",
    "the last input": "  u = V @ x\n  h = tanh(u[t-1] + R @ h[t-1])\n",
}


@pytest.mark.parametrize("equations", ADVICE.values(), ids=ADVICE)
def test_what_the_page_advises_instead_of_a_lag_works(equations: str) -> None:
    assert len(lang.parse_text(f"name: q\nequations: |\n{equations}").states) == 2


def test_two_steps_back_are_two_steps_back() -> None:
    cell = lang.parse_text(f"name: q\nequations: |\n{ADVICE['two steps back']}")
    weights = {"W": np.eye(1), "R": np.eye(1)}
    x = np.array([0.3, -0.2, 0.5, 0.1])
    h = [0.0, 0.0]
    for row in x:
        h.append(float(np.tanh(row + h[-2])))
    np.testing.assert_allclose(
        reference.run(cell, [weights], x[None, :, None], 1).outputs[0, :, 0], h[2:]
    )
