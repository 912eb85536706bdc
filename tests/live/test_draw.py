"""Pictures of the live page: axes with numbers, and nothing outside of its frame."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from rnnzoo.live import draw
from rnnzoo.live.draw import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, limits, ticks, whole_ticks


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.5, 1.0]),
        (-0.3, 0.3, [-0.2, 0.0, 0.2]),
        (0.0712, 0.0741, [0.072, 0.073, 0.074]),
        (3.0, 3.0, [3.0]),
        (0.0, 2e6, [0.0, 1e6, 2e6]),
    ],
)
def test_an_axis_has_a_few_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


@pytest.mark.parametrize(
    ("last", "expected"),
    [(1, [0, 1]), (2, [0, 1, 2]), (12, [0, 5, 12]), (25, [0, 10, 25]), (60, [0, 20, 40, 60])],
)
def test_an_axis_of_whole_numbers_ends_at_the_last(last: int, expected: list[int]) -> None:
    assert whole_ticks(last) == expected


@pytest.mark.parametrize("values", [[], [0.0], [0.5], [0.5] * 9, [-1.0, 2.0], [1e-9, 2e-9]])
def test_an_axis_goes_over_all_values(values: list[float]) -> None:
    low, high = limits(values)
    assert low < high
    assert all(low <= value <= high for value in values)


def test_the_first_epoch_of_a_training_does_not_flatten_the_others() -> None:
    assert limits([1e6, *(0.3 - 0.01 * step for step in range(20))])[1] < 1.0


def points(svg: str) -> list[tuple[float, float]]:
    """Every point of every line in a picture."""
    root = ElementTree.fromstring(svg)
    texts = [line.get("points", "") for line in root.iter() if line.get("points")]
    return [(float(x), float(y)) for x, y in re.findall(r"([-\d.]+),([-\d.]+)", " ".join(texts))]


def test_what_lies_beyond_an_axis_is_drawn_at_its_edge() -> None:
    own = [(1.0, 50.0), *((float(epoch), 1 / epoch) for epoch in range(2, 30))]
    shown = points(draw.curve(own, [[(1.0, 1e9)]], 30, "MSE", "lstm 3"))
    assert len(shown) == 30
    assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - BOTTOM for x, y in shown)


def test_a_trial_without_an_epoch_has_axes_too() -> None:
    shown = draw.curve([], [], 12, "MSE", "lstm 3")
    texts = [text.text for text in ElementTree.fromstring(shown).iter("text")]
    assert {"epoch", "12", "MSE", "no epoch is over yet"} <= set(texts)


def test_an_interval_closes_in_its_frame_and_is_drawn_where_it_is() -> None:
    looks = [(1, 0.3, None, None), (2, 0.25, -3.0, 3.5), (3, 0.2, 0.1, 0.3)]
    svg = draw.closing(looks, (0.05, 0.07, 0.1), ("a < b", "b"), "nats", "a worse than b")
    root = ElementTree.fromstring(svg)
    shown = points(svg)
    assert all(TOP <= y <= HEIGHT - BOTTOM for _, y in shown)
    (now,) = (line for line in root.iter("line") if line.get("class") == "now")
    heights = {line.get("class"): line for line in root.iter("line")}
    assert (
        float(now.get("y2", "")) < float(now.get("y1", "")) < float(heights["zero"].get("y1", ""))
    )
    assert "a < b worse" in {text.text for text in root.iter("text")}
