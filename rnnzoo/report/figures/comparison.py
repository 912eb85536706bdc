"""Several experiments -> a picture: the scores of each variant side by side, a panel for each
task.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnzoo.report.comparison import ComparedTask, Comparison, Score
from rnnzoo.report.figures.style import COLOURS, GRID, MARKERS, STYLE, svg

BAND = 0.7  # of a row's height, over which experiments spread


def side_by_side(comparison: Comparison) -> str:
    """SVG text: means with their intervals, an experiment in a colour and a marker of its own."""
    heights = [0.9 + _height(task, comparison.experiments) for task in comparison.tasks]
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 0.5 + sum(heights)), layout="constrained")
        panels = figure.subplots(len(heights), squeeze=False, height_ratios=heights)[:, 0]
        for axes, task in zip(panels, comparison.tasks):
            _panel(axes, task, comparison.experiments)
        handles = [_sign(number, name) for number, name in enumerate(comparison.experiments)]
        figure.legend(handles=handles, frameon=False, loc="outside upper left", ncols=3)
        return svg(figure)


def _height(task: ComparedTask, experiments: Sequence[str]) -> float:
    """Of a panel's rows, in inches."""
    return len(task.rows) * (0.2 + 0.13 * len(experiments))


def _panel(axes: Axes, task: ComparedTask, experiments: Sequence[str]) -> None:
    offsets = (np.arange(len(experiments)) + 0.5) / len(experiments) - 0.5
    for position, row in enumerate(task.rows):
        for number, name in enumerate(experiments):
            if name in row.scores:
                _score(axes, position + BAND * offsets[number], row.scores[name], number)
    axes.set_ylim(len(task.rows) - 0.5, -0.5)
    axes.set_yticks(range(len(task.rows)), [row.label for row in task.rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(task.title.replace("$", r"\$"))


def _score(axes: Axes, height: float, score: Score, number: int) -> None:
    colour = COLOURS[number % len(COLOURS)]
    if score.interval:
        axes.plot(score.interval, (height, height), color=colour, lw=1.6, solid_capstyle="butt")
    axes.plot(score.mean, height, color=colour, marker=MARKERS[number % len(MARKERS)], ms=6, mew=0)


def _sign(number: int, name: str) -> Line2D:
    """What the legend shows of an experiment."""
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    return Line2D([], [], lw=1.6, ms=6, mew=0, label=name, color=colour, marker=marker)
