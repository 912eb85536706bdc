"""Dots and lines that know what they stand for, against where Matplotlib puts them."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnzoo.report.figures import marks
from rnnzoo.report.figures.style import STYLE, svg

PATH = "{http://www.w3.org/2000/svg}path"


def drawn(draw: Callable[[Axes], object]) -> str:
    with rc_context(STYLE):
        figure = Figure(figsize=(4, 2))
        axes = figure.subplots()
        axes.set(xlim=(0, 4), ylim=(0, 4))
        draw(axes)
        return svg(figure)


def the_path(picture: str, kind: str) -> dict[str, str]:
    paths = [path.attrib for path in ElementTree.fromstring(picture).iter(PATH)]
    (attributes,) = [of_path for of_path in paths if of_path.get("class") == kind]
    return attributes


def places(path: str) -> np.ndarray:
    return np.array([float(number) for number in re.findall(r"\d+\.\d+", path)]).reshape(-1, 2)


def test_dots_lie_where_matplotlib_draws_them_and_keep_their_order() -> None:
    x, y = [3.0, 1.0, 2.0], [1.0, 2.5, 3.0]
    plain = drawn(lambda axes: axes.plot(x, y, "o", ms=4, mew=0))
    expected = re.findall(r'<use xlink:href="[^"]*" x="([^"]*)" y="([^"]*)" style="fill:', plain)
    path = the_path(drawn(lambda axes: marks.dots(axes, (x, y), [7, 5, 6], 4, "#0072B2")), "dots")
    assert path["data-trials"] == "7 5 6"
    assert places(path["d"]) == pytest.approx(np.array(expected[-3:], dtype=float), abs=0.06)


def test_a_line_has_a_place_on_every_axis() -> None:
    heights = np.array([[0.0, 4.0, 1.0], [2.0, 3.0, 4.0]])
    picture = drawn(lambda axes: marks.lines(axes, heights, "a & <b>", [4, 9], "#0072B2", 1.0))
    path = the_path(picture, "lines")
    assert (path["data-trials"], path["data-variant"]) == ("4 9", "a & <b>")
    spots = places(path["d"]).reshape(2, 3, 2)
    assert np.ptp(spots[:, :, 0], axis=0) == pytest.approx(0.0)
    steps = np.diff(spots[:, :, 1].ravel()) / np.diff(heights.ravel())
    assert steps == pytest.approx(np.full(5, steps[0]), rel=0.01)  # up on the page is less


def test_texts_of_dots_are_escaped() -> None:
    picture = drawn(lambda axes: marks.dots(axes, ([1], [1]), ["a <b> \"c\" 'd'"], 4, "#0072B2"))
    assert "<b>" not in picture
    assert the_path(picture, "dots")["data-texts"] == "a <b> \"c\" 'd'"


def test_a_dot_that_is_not_drawn_is_never_taken_for_another() -> None:
    x = [1.0, np.nan, 2.0]
    with pytest.raises(ValueError, match="2 of 3 marks"):
        drawn(lambda axes: marks.dots(axes, (x, [1.0, 1.0, 1.0]), [0, 1, 2], 4, "#0072B2"))


def test_nothing_is_drawn_of_nothing() -> None:
    assert drawn(lambda axes: marks.dots(axes, ([], []), [], 4, "#0072B2")) == drawn(id)
