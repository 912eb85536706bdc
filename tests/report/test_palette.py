"""Colours of figures and pages, as people with each common kind of colour vision see them.

Simulated after Machado, Oliveira and Fernandes 2009, at severity 1; distances are those of CIELAB
1976.
"""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import rnnzoo
from rnnzoo.report.figures.style import COLOURS, FAINT, INK, KEPT, SOFT

VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
STYLE = Path(rnnzoo.__file__).with_name("report") / "pages/style.css"


def linear(colour: str) -> np.ndarray:
    """Light of the three primaries, from 0 to 1."""
    digits = colour.removeprefix("#")
    values = np.array([int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    relative = XYZ @ np.clip(light, 0.0, 1.0) / WHITE
    x, y, z = np.where(
        relative > 216 / 24389, np.cbrt(relative), (24389 / 27 * relative + 16) / 116
    )
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one: str, other: str, vision: str) -> float:
    seen = [lab(VISION[vision] @ linear(colour)) for colour in (one, other)]
    return float(np.linalg.norm(seen[0] - seen[1]))


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it."""
    low, high = sorted(float(XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def test_distances_are_those_of_a_known_pair() -> None:
    """Pure red and green: 170.6 in CIELAB 1976; black and white have a contrast of 21."""
    assert distance("#ff0000", "#00ff00", "normal") == pytest.approx(170.6, abs=0.1)
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.parametrize("vision", VISION)
def test_lines_of_any_two_colours_are_told_apart(vision: str) -> None:
    pairs = {pair: distance(*pair, vision) for pair in combinations(COLOURS, 2)}
    assert min(pairs.values()) > 18, min(pairs, key=pairs.__getitem__)


@pytest.mark.parametrize("vision", VISION)
def test_what_is_compared_is_told_from_the_other_trials(vision: str) -> None:
    assert min(distance(*pair, vision) for pair in combinations((KEPT, FAINT, INK), 2)) > 20


def test_marks_and_letters_stand_out_from_white() -> None:
    assert min(contrast(colour, "#ffffff") for colour in (*COLOURS, FAINT, KEPT)) >= 3
    assert min(contrast(colour, "#ffffff") for colour in (INK, SOFT)) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_of_a_page_stands_out_from_its_paper(theme: int) -> None:
    block = re.findall(r":root \{(.*?)\}", STYLE.read_text())[theme]
    colours = dict(re.findall(r"--(\w+): (#\w{6})\b", block))
    for name in ("ink", "soft", "accent", "good", "bad"):
        for paper in ("paper", "tint"):
            assert contrast(colours[name], colours[paper]) >= 4.5, (name, paper)
