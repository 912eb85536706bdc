"""LaTeX, as a textbook has it."""

import pytest

from rnnzoo import lang
from rnnzoo.lang import latex
from rnnzoo.spec.cell import built_in_names


def test_the_lstm_is_the_six_equations_of_the_textbook() -> None:
    assert latex.equations(lang.load("lstm")) == (
        r"i_{t} = \sigma\left(W_{i} x_{t} + R_{i} h_{t-1} + b_{i}\right)",
        r"f_{t} = \sigma\left(W_{f} x_{t} + R_{f} h_{t-1} + b_{f}\right)",
        r"g_{t} = \tanh\left(W_{g} x_{t} + R_{g} h_{t-1} + b_{g}\right)",
        r"c_{t} = f_{t} \odot c_{t-1} + i_{t} \odot g_{t}",
        r"o_{t} = \sigma\left(W_{o} x_{t} + R_{o} h_{t-1} + b_{o}\right)",
        r"h_{t} = o_{t} \odot \tanh\left(c_{t}\right)",
    )


@pytest.mark.parametrize("name", built_in_names())
def test_every_cell_becomes_mathml(name: str) -> None:
    from rnnzoo.report.html import mathml

    cell = lang.load(name)
    for line in (*latex.constants(cell), *latex.equations(cell), *latex.first_layer(cell)):
        shown = mathml(line)
        assert shown.startswith("<math")
        assert "\\" not in shown, f"{line} left a command behind"
