"""What a frame leaves out: an arrow where a line leaves it, and words for what stays outside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.markers import CARETUPBASE

from rnnzoo.report.text import number

FAR_ABOVE = 4.0  # heights of a frame that is made for the others


def reaching(low: float, high: float, ends: Sequence[float]) -> float:
    """Up to where a frame goes so that every line comes into it, unless one is far off.

    Args:
        low, high: of a frame that shows most.
        ends: the lowest score of each line.
    """
    worst = max(ends)
    return max(high, worst) if worst - low <= FAR_ABOVE * (high - low) else high


def named(label: str, values: Sequence[float], high: float) -> str:
    """What a legend says of a line: where all of it is above the frame, how low it comes."""
    lowest = min(values)
    return label if lowest <= high else f"{label} (above: {number(lowest)})"


def beyond(words: str, score: float | None = None) -> str:
    """What stands at the right edge for what lies beyond it."""
    return " ".join(filter(None, (words, number(score), "\N{RIGHTWARDS ARROW}")))


def mark_cut(axes: Axes) -> None:
    """An arrow at the upper edge where a line first and last crosses it, once its scales stand."""
    for line in list(axes.get_lines()):
        crossings = _crossings(axes, line)
        for place in {crossings[0], crossings[-1]} if crossings else ():
            axes.plot(
                place, 1.0, marker=CARETUPBASE, ms=6, mew=0, color=line.get_color(),
                transform=axes.transAxes, clip_on=False,
            )  # fmt: skip


def _crossings(axes: Axes, line: Line2D) -> list[float]:
    """Where a line crosses the upper edge, as shares of the frame's width, from left to right."""
    to_frame = axes.transData - axes.transAxes
    x, y = to_frame.transform(np.column_stack(line.get_data())).T
    places = np.flatnonzero((y[:-1] > 1.0) != (y[1:] > 1.0))
    shares = (1.0 - y[places]) / (y[places + 1] - y[places])
    crossed: list[float] = (x[places] + shares * (x[places + 1] - x[places])).tolist()
    return crossed
