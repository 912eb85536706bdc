"""Curves of trials that run, and claims that close: numbers -> SVG.

Colours are classes of style.css, which has them for light and for dark.  Every axis has numbers at
its ends and says what is on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import quantiles

from rnnzoo.markup import Markup, join, tag

Point = tuple[float, float]
WIDTH, HEIGHT = 340, 170  # of a picture, in its own units
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 18, 32  # of the frame around what is drawn
ROW = 13  # of text above the frame, below the title of the axis
FAR = 3.0  # spans of the middle of the values beyond which one is drawn at the edge
STEPS = (1, 2, 5)  # of numbers at an axis, times a power of ten


@dataclass(frozen=True, slots=True)
class Frame:
    """What an axis goes over, to both sides.

    Attributes:
        low, high: of x and of y.
        top: where it begins, from above.
    """

    low: Point
    high: Point
    top: float = TOP

    def x(self, value: float) -> float:
        share = (value - self.low[0]) / (self.high[0] - self.low[0])
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        """A place; what lies beyond the frame stands at its edge."""
        share = (value - self.low[1]) / (self.high[1] - self.low[1])
        return round(HEIGHT - BOTTOM - min(max(share, 0.0), 1.0) * (HEIGHT - self.top - BOTTOM), 1)

    def line(self, points: Sequence[Point]) -> str:
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)


def limits(values: Sequence[float]) -> Point:
    """From where to where an axis goes: over all values, but for those that are far beyond the
    middle of them upwards, as the first epochs of trainings are.
    """
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if len(values) > 3:
        first, _, third = quantiles(values, n=4, method="inclusive")
        high = min(high, third + FAR * (third - first)) if third > first else high
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-3):
        room = 0.05 * (abs(high) or 1.0)
        return low - room, high + room
    room = 0.06 * (high - low)
    return (max(low - room, 0.0) if low >= 0 else low - room), high + room


def ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Round numbers from `low` to `high`, at most so many."""
    if not high > low:
        return [low]
    exponent = math.floor(math.log10((high - low) / most))
    for power, factor in product((exponent, exponent + 1), STEPS):
        step = factor * 10.0**power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [float(f"{number * step:.12g}") for number in range(first, last + 1)]
    return [low]


def whole_ticks(last: int, most: int = 5) -> list[int]:
    """Whole numbers from 0 to `last`, which is among them."""
    step = next(step for step in (_steps()) if last / step <= most - 1)
    shown = list(range(0, last, step))
    if len(shown) > 1 and last - shown[-1] < 0.6 * step:
        shown.pop()
    return [*shown, last]


def _steps() -> Iterator[int]:
    power = 1
    while True:
        yield from (factor * power for factor in STEPS)
        power *= 10


def curve(
    own: Sequence[Point], others: Sequence[Sequence[Point]], epochs: int, unit: str, name: str
) -> Markup:
    """The scores of a trial by epoch, before those of others that run.

    Args:
        unit: of the scores, with what they are.
        name: for those who cannot see it.
    """
    values = [y for points in (own, *others) for _, y in points]
    low, high = limits(values)
    frame = Frame((0.0, low), (float(max(epochs, 1)), high))
    lines = [_line(frame, points, "faint") for points in others if points]
    if own:
        lines += [_line(frame, own, "own"), _dot(frame, own[-1], "own")]
    else:
        lines.append(_text(WIDTH - RIGHT, TOP + 8, "no epoch is over yet", "end", "soft"))
    return _picture(
        name,
        _y_axis(frame, ticks(low, high) if values else [], unit),
        _x_axis(frame, whole_ticks(max(epochs, 1)), "epoch"),
        *lines,
    )


def closing(
    looks: Sequence[tuple[int, float | None, float | None, float | None]],
    bounds: tuple[float, float, float],
    sides: tuple[str, str],
    unit: str,
    name: str,
) -> Markup:
    """The interval of a difference as rounds come: it closes until it lies on one side.

    Args:
        looks: round, mean, low and high; None where there is none yet.
        bounds: the floor, what an interval must lie inside to be the same, and the margin.
        sides: the variants A and B; above 0, A is worse.
        unit: of the difference.
        name: for those who cannot see it.
    """
    floor, inside, margin = bounds
    latest = looks[-1][1:] if looks else ()
    ends = [end for end in latest if end is not None]
    means = [mean for _, mean, *_ in looks if mean is not None]
    far = max([1.6 * margin, *(1.2 * abs(end) for end in ends), *(1.1 * abs(m) for m in means)])
    far = far or 1.0
    last = max(looks[-1][0] if looks else 0, 2)
    frame = Frame((0.0, -far), (last + 0.5, far), TOP + ROW)
    parts = [_band(frame, margin, "margin"), _band(frame, floor, "floor")]
    parts += [_level(frame, bound) for bound in (-inside, inside)]
    parts.append(_level(frame, 0.0, "zero"))
    bounded = [(r, low, high) for r, _, low, high in looks if low is not None and high is not None]
    if bounded:
        upper = [(float(r), high) for r, _, high in bounded]
        lower = [(float(r), low) for r, low, _ in bounded]
        around = frame.line([*upper, *lower[::-1]])
        parts.append(tag("polygon", points=around, class_="interval"))
        r, low, high = bounded[-1]
        x = frame.x(r)
        parts.append(tag("line", x1=x, x2=x, y1=frame.y(low), y2=frame.y(high), class_="now"))
    course = [(float(r), mean) for r, mean, *_ in looks if mean is not None]
    parts += [_line(frame, course, "own"), *(_dot(frame, point, "own") for point in course[-1:])]
    for side, y in zip(sides, (TOP + ROW - 5, HEIGHT - 4)):
        parts.append(_text(WIDTH - RIGHT, y, f"{side} worse", "end", "soft"))
    return _picture(
        name,
        *parts,
        _y_axis(frame, ticks(-far, far), f"difference, {unit}" if unit else "difference"),
        _x_axis(frame, whole_ticks(last), "round"),
    )


def _picture(name: str, *parts: Markup) -> Markup:
    return tag(
        "svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="plot", role="img", aria_label=name
    )


def _line(frame: Frame, points: Sequence[Point], kind: str) -> Markup:
    return tag("polyline", points=frame.line(points), class_=f"line {kind}")


def _dot(frame: Frame, point: Point, kind: str) -> Markup:
    return tag("circle", cx=frame.x(point[0]), cy=frame.y(point[1]), r=3, class_=f"dot {kind}")


def _band(frame: Frame, half: float, kind: str) -> Markup:
    top, bottom = frame.y(half), frame.y(-half)
    wide = WIDTH - LEFT - RIGHT
    return tag(
        "rect", x=LEFT, y=top, width=wide, height=round(bottom - top, 1), class_=f"band {kind}"
    )


def _level(frame: Frame, value: float, kind: str = "bound") -> Markup:
    y = frame.y(value)
    return tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_=kind)


def _y_axis(frame: Frame, values: Sequence[float], title: str) -> Markup:
    labels = [_text(LEFT - 6, frame.y(value) + 3.5, number(value), "end") for value in values]
    marks = [
        tag("line", x1=LEFT - 3, x2=LEFT, y1=frame.y(value), y2=frame.y(value), class_="axis")
        for value in values
    ]
    axis = tag("line", x1=LEFT, x2=LEFT, y1=frame.top, y2=HEIGHT - BOTTOM, class_="axis")
    return join([*labels, *marks, axis, _text(2, 10, title, "start", "soft")])


def _x_axis(frame: Frame, values: Sequence[int], title: str) -> Markup:
    y = HEIGHT - BOTTOM
    labels = [_text(frame.x(value), y + 14, str(value), "middle") for value in values]
    marks = [
        tag("line", x1=frame.x(value), x2=frame.x(value), y1=y, y2=y + 3, class_="axis")
        for value in values
    ]
    axis = tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="axis")
    middle = (LEFT + WIDTH - RIGHT) / 2
    return join([*labels, *marks, axis, _text(middle, HEIGHT - 4, title, "middle", "soft")])


def _text(x: float | str, y: float, content: str, anchor: str, kind: str | None = None) -> Markup:
    return tag("text", content, x=x, y=round(y, 1), text_anchor=anchor, class_=kind)


def number(value: float) -> str:
    """As it stands at an axis."""
    if value == 0:
        return "0"
    return f"{value:.0e}" if not 1e-3 <= abs(value) < 1e5 else f"{value:g}"
