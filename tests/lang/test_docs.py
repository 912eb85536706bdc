"""docs/language.md stays true: its table is the table of operations, its cells check, its example message is what we print."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.errors import SpecError
from rnnzoo.lang import reference
from rnnzoo.lang.ops import OPS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/language.md").read_text()
BLOCKS = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) if "equations:" in block and "name:" in block]


def test_the_table_of_operations_is_the_one_in_the_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d) \| (.*) \|$", PAGE, re.M)
    assert [(name, int(arity)) for name, arity, _ in rows] == [(name, op.arity) for name, op in OPS.items()]
    for name, _, text in rows:
        assert (f" {OPS[name].symbol} " in text or text.startswith("`-a")) if OPS[name].symbol else f"`{name}(" in text
        conditional = OPS[name].symbol in ("<", "<=", ">", ">=", "==", "!=")
        assert ("no gradient" in text) == (not OPS[name].differentiable and not conditional)


@pytest.mark.parametrize("text", BLOCKS, ids=lambda text: text.split("\n")[0])
def test_every_whole_cell_on_the_page_is_right(text: str) -> None:
    assert lang.parse_text(text).states


def test_the_low_rank_example_is_right_too() -> None:
    (text,) = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) if "rank" in block]
    cell = lang.parse_text("name: low_rank\n" + text)
    assert {one.name: one.shape for one in cell.step.weights}["U"] == ("units", "rank")


def test_the_example_message_is_what_we_print() -> None:
    lstm = (ROOT / "rnnzoo/zoo/lstm.yaml").read_text()
    with pytest.raises(SpecError) as caught:
        lang.parse_text(re.sub(r"tanh\(c\)", "tanh(cc)", lstm), "lstm.yaml")
    found = re.sub(r":\d+:\d+:", ":", str(caught.value))
    shown = re.search(r"```\n(lstm\.yaml.*?)```", PAGE, re.S)
    assert shown is not None
    assert found.replace("  h = o * tanh(cc)", "  h = o * tanh(cc)") == re.sub(r":\d+:\d+:", ":", shown[1].rstrip("\n"))


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def mgu(w: dict, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    f = sigmoid(w["W_f"] @ x + w["R_f"] @ h + w["b_f"])
    n = np.tanh(w["W_n"] @ x + w["R_n"] @ (f * h) + w["b_n"])
    return (1 - f) * h + f * n


def janet(w: dict, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    s = w["W_f"] @ x + w["R_f"] @ h + w["b_f"]
    return sigmoid(s) * h + (1 - sigmoid(s - 1)) * np.tanh(w["W_g"] @ x + w["R_g"] @ h + w["b_g"])


@pytest.mark.parametrize(("name", "step"), [("mgu", mgu), ("janet", janet)])
def test_cells_of_ones_own_are_what_their_papers_say(name: str, step) -> None:
    cell = lang.load(str(ROOT / f"experiments/cells/{name}.yaml"))
    weights = reference.random_weights(cell, 3, 4, 1, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(2, 6, 3))
    found = reference.run(cell, weights, x, 4).outputs
    for row, sequence in enumerate(x):
        h = np.zeros(4)
        for t, one in enumerate(sequence):
            h = step(weights[0], one, h)
            np.testing.assert_allclose(found[row, t], h, atol=1e-12)
