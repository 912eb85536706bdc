"""What the engine runs, as text: the page of docs shows what the code prints."""

from pathlib import Path

import pytest

from rnnzoo import lang
from rnnzoo.lang.listing import costs, listing
from rnnzoo.spec.cell import built_in_names

DOCS = Path(__file__).parent.parent.parent / "docs" / "engine.md"


def test_the_page_shows_the_lstm_as_it_is_printed() -> None:
    assert listing(lang.load("lstm")) in DOCS.read_text()


@pytest.mark.parametrize("name", built_in_names())
def test_every_name_is_given_before_it_is_read_and_nothing_internal_shows(name: str) -> None:
    text = listing(lang.load(name))
    assert "$" not in text
    backward = text.partition("# in the loop, backward")[2]
    for state in lang.load(name).states:
        assert f"d.{state.name}[t-1] = " in backward
    for weight in lang.load(name).step.weights:
        assert (f"d.{weight.name} = " in backward) == weight.trained


def test_the_textbooks_backward_pass_of_a_plain_network() -> None:
    lines = listing(lang.load("rnn")).splitlines()
    assert "h = tanh(z1 + R @ h[t-1] + b)" in lines
    assert "z2 = next.h * (1 - h * h)" in lines
    assert "d.h[t-1] = R' @ z2" in lines
    assert "d.R = sum_t(z2 @ h[t-1]')" in lines


def test_costs_are_counted_in_units() -> None:
    assert dict(costs(lang.load("rnn"))) == {"kept": 1, "emitted": 1}
    assert dict(costs(lang.load("lstm"))) == {"kept": 6, "emitted": 4}
