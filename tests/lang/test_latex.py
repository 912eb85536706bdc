"""LaTeX, as a textbook has it."""

import pytest

import rnnzoo
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


def shown(equation: str) -> str:
    """The right-hand side of one equation of a cell whose `c` is a vector of this step."""
    cell = lang.parse_text(
        f"name: q\nequations: |\n  c = W @ x\n  d = {equation}\n  h = d + h[t-1]\n"
    )
    return latex.expression(cell.step.equation("d").expr)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("(c / 2) ** 2", r"{\left(\frac{c_{t}}{2}\right)}^{2}"),
        ("c ** -2", r"{c_{t}}^{-2}"),
        ("c - (c - b)", r"c_{t} - \left(c_{t} - b\right)"),
        ("c - -b", r"c_{t} - \left(-b\right)"),
        ("2 * c", r"2 \, c_{t}"),
        ("(c + b) * c", r"\left(c_{t} + b\right) \odot c_{t}"),
        ("R @ (c * b)", r"R \left(c_{t} \odot b\right)"),
        ("b_alpha_2 + c", r"b_{\alpha,2} + c_{t}"),
        (
            "where(t > 1, c, b) + c",
            r"\left(\begin{cases} c_{t} & \text{if } t > 1 \\ b & \text{otherwise}"
            r" \end{cases}\right) + c_{t}",
        ),
        (
            "where(t > 1, where(t > 2, c, b), where(c > 0, 1, where(b > 0, 2, 3)))",
            r"\begin{cases} c_{t} & \text{if } t > 1 \text{ and } t > 2"
            r" \\ b & \text{else if } t > 1 \\ 1 & \text{else if } c_{t} > 0"
            r" \\ 2 & \text{else if } b > 0 \\ 3 & \text{otherwise} \end{cases}",
        ),
        ("c / maximum(b, 1e-12)", r"\frac{c_{t}}{\max\left(b, 10^{-12}\right)}"),
        ("2.5e-07 * c", r"2.5 \cdot 10^{-7} \, c_{t}"),
        ("abs(floor(t) - c)", r"\left|\left\lfloor t \right\rfloor - c_{t}\right|"),
    ],
)  # fmt: skip
def test_expressions_read_as_they_are_meant(written: str, wanted: str) -> None:
    assert shown(written) == wanted


def test_a_first_layer_and_constants_stand_in_the_whole_cell() -> None:
    text = rnnzoo.cell("depth_gated").latex()
    assert text.startswith(r"\begin{aligned}")
    assert text.count("d_{t} &= ") == 2
    assert r"c_{t}^{\mathrm{below}}" in text
    assert rnnzoo.cell("clockwork").latex().splitlines()[4].startswith(r"T &= {\mathrm{base}}^{m}")
