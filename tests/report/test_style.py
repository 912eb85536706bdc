"""Pictures as SVG, against what Matplotlib's own `savefig` cuts out."""

from __future__ import annotations

import io
import re

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from rnnzoo.report.figures.style import STYLE, svg

NUMBER = re.compile(r"-?\d+\.\d+")
CLIP = re.compile(r"\bp[0-9a-f]{10}\b")  # the name of a clip path, made from its size


def picture(layout: str | None) -> Figure:
    """With text beside the axes, a legend outside of them, and a logarithmic axis."""
    figure = Figure(figsize=(4, 2), layout=layout)
    axes = figure.subplots(1, 2)
    for scale, panel in zip(("linear", "log"), axes):
        panel.plot([1, 10, 1000], [0.5, 0.2, 0.1], label="lstm")
        panel.set_xscale(scale)
        panel.set_xlabel("epoch")
    axes[0].annotate("far below", (1, 0.1), (-60, -50), textcoords="offset points")
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), title="best trial of")
    return figure


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_a_picture_is_cut_to_what_is_drawn_as_savefig_does_it(layout: str | None) -> None:
    with rc_context(STYLE):
        stream = io.StringIO()
        picture(layout).savefig(stream, format="svg", bbox_inches="tight")
        expected, drawn = (CLIP.sub("", text) for text in (stream.getvalue(), svg(picture(layout))))
    expected = re.sub(
        r"<metadata>.*?</metadata>", "", expected[expected.index("<svg") :], flags=re.S
    )
    assert NUMBER.sub("", drawn).split() == NUMBER.sub("", expected).split()
    places, expected_places = (
        [float(number) for number in NUMBER.findall(text)] for text in (drawn, expected)
    )
    assert places == pytest.approx(expected_places, abs=0.0051)  # two digits are written
