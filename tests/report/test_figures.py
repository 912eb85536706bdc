"""What pictures of data and of cells say of their lines and axes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from rnnzoo.lang.at_start import Start
from rnnzoo.lang.view import view
from rnnzoo.report import figures

NAMES = ("pulse", "dose")


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


def test_lines_of_inputs_are_named() -> None:
    samples = [(np.ones((3, 2)), "ill"), (np.zeros((3, 2)), "well")]
    shown = texts(figures.sequences(samples, NAMES))
    assert shown[-3:] == ["inputs", *NAMES]
    assert "inputs" not in texts(figures.sequences(samples))


def test_weights_are_drawn_over_units_that_double() -> None:
    drawn = texts(figures.weights(view("rnn"), [view("gru")], inputs=8, most=128))
    assert drawn[:4] == ["16", "32", "64", "128"]


def test_what_is_drawn_as_rows_has_no_legend_of_lines() -> None:
    names = [f"key {number}" for number in range(8)]
    shown = texts(figures.sequences([(np.ones((3, 8)), "a")], names))
    assert not {"inputs", *names} & {*shown}


@pytest.mark.parametrize(("most", "labelled"), [(1.0, False), (50.0, True)])
def test_an_axis_that_is_logarithmic_in_parts_says_so(most: float, labelled: bool) -> None:
    left = np.linspace(most, 0.0, 200)
    shown = texts(figures.forgetting(Start({"c": left}, {})))
    assert "steps after a small disturbance (linear to 2, then logarithmic)" in shown
    assert ("(linear to 2, then logarithmic)" in shown) is labelled
    assert {"0", "1", "10", "100"} <= {*shown}
