"""docs/language.md stays true: its table is the table of operations, its cells check, its example
message is what we print.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.errors import SpecError
from rnnzoo.lang import reference
from tools.operations import with_operations

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/language.md").read_text()
BLOCKS = [
    block
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    if "equations:" in block and "name:" in block
]


def test_the_table_of_operations_is_the_one_in_the_code() -> None:
    assert (ROOT / "docs/language.md").read_text() == with_operations(PAGE), (
        "make accept writes it anew"
    )


@pytest.mark.parametrize("text", BLOCKS, ids=lambda text: text.split("\n")[0])
def test_every_whole_cell_on_the_page_is_right(text: str) -> None:
    assert lang.parse_text(text).states


def test_the_low_rank_example_is_right_too() -> None:
    (text,) = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) if "rank" in block]
    cell = lang.parse_text("name: low_rank\n" + text)
    assert {weight.name: weight.shape for weight in cell.step.weights}["U"] == ("units", "rank")


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
