"""Several cells on several tasks -> how fast each learns, by updates and by seconds (Chung,
Gulcehre, Cho and Bengio 2014, figures 2 and 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnzoo.report.figures.axes import line_style
from rnnzoo.report.figures.style import GRID, STYLE, svg

ROW, WIDTH = 2.6, 9.8  # inches
SHOWN = 0.4  # of the way from the worst first epoch to the best score, from below
LAST = 1.5  # of the way to where the slowest cell ends
ROOM = 0.05  # of the height, below the best score


@dataclass(frozen=True, slots=True)
class CellCurves:
    """Trainings of one cell on one task.

    Attributes:
        cell: what the line is called.
        updates: of the weights, in an epoch.
        seconds: that an update takes.
        curves: the score on validation after each epoch, of each training.
    """

    cell: str
    updates: int
    seconds: float
    curves: tuple[tuple[float, ...], ...]

    def median(self) -> list[float]:
        """After each epoch, of the trainings that went so far."""
        epochs = zip_longest(*self.curves, fillvalue=np.nan)
        return [float(np.nanmedian(scores)) for scores in epochs]


@dataclass(frozen=True, slots=True)
class TaskCurves:
    """The cells on one task."""

    task: str
    unit: str
    cells: tuple[CellCurves, ...]


def learning_curves(tasks: Sequence[TaskCurves]) -> str:
    """A row for each task: scores on validation by updates, and by seconds; a bold line is the
    median of a cell's trainings.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, ROW * len(tasks)), layout="constrained")
        rows = figure.subplots(len(tasks), 2, squeeze=False, sharey="row")
        for task, (by_updates, by_seconds) in zip(tasks, rows, strict=True):
            for number, curves in enumerate(task.cells):
                _lines(by_updates, curves, curves.updates, number)
                _lines(by_seconds, curves, curves.updates * curves.seconds, number)
            by_updates.set(ylabel=task.unit, ylim=_frame(task.cells), title=task.task)
            for axes in (by_updates, by_seconds):
                axes.set_xlim(0, None)
                axes.grid(color=GRID, lw=0.8)
        by_updates, by_seconds = rows[-1]
        by_updates.set_xlabel("updates")
        by_seconds.set_xlabel("seconds of a core")
        rows[0][1].legend(frameon=False, fontsize=9)
        return svg(figure)


def _lines(axes: Axes, curves: CellCurves, epoch: float, number: int) -> None:
    """All trainings thin, their median bold; an epoch is so far from the one before."""
    look = line_style(number)
    for curve in curves.curves:
        axes.plot(_epochs(curve) * epoch, curve, **look, lw=0.6, alpha=0.45)
    median = curves.median()
    axes.plot(_epochs(median) * epoch, median, **look, lw=2, label=curves.cell)


def _epochs(curve: Sequence[float]) -> np.ndarray:
    return np.arange(1, len(curve) + 1)


def _frame(cells: Sequence[CellCurves]) -> tuple[float, float]:
    """From below the best score up to a part of the way that all cells have to go, at least to
    where the slowest one can be seen to end.
    """
    medians = [curves.median() for curves in cells]
    low = min(min(median) for median in medians)
    way = max(median[0] for median in medians) - low
    slowest = max(min(median) for median in medians) - low
    height = max(SHOWN * way, LAST * slowest)
    return low - ROOM * height, low + height
