"""Parallel coordinates: an axis for each hyper-parameter that was searched and one for the score,
and a line for each trial (Inselberg 1985).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnzoo.report.figures import marks
from rnnzoo.report.figures.style import FAINT, INK, KEPT, SOFT
from rnnzoo.report.summary import Summary, TaskTable
from rnnzoo.report.trials import ListedTrial, hyperparameters, in_words, listed


@dataclass(frozen=True, slots=True)
class _Axis:
    """One of the vertical axes.

    Attributes:
        values: of each trial that is drawn.
        choices: where values are no numbers, what they are, from the bottom to the top.
    """

    name: str
    values: tuple[Any, ...]
    is_log: bool = False
    choices: tuple[str, ...] = ()

    @property
    def heights(self) -> np.ndarray:
        """Of the values, from 0 to 1."""
        if self.choices:
            places = [self.choices.index(str(value)) for value in self.values]
            return np.array(places) / max(len(self.choices) - 1, 1)
        scaled: np.ndarray = np.array(self.values, dtype=float)
        if self.is_log:
            scaled = np.log(scaled)
        heights: np.ndarray = (scaled - scaled.min()) / (np.ptp(scaled) or 1.0)
        return heights

    @property
    def ticks(self) -> Mapping[float, str]:
        """What stands beside the axis, by height."""
        if self.choices:
            return {
                place / max(len(self.choices) - 1, 1): name
                for place, name in enumerate(self.choices)
            }
        low, high = min(self.values), max(self.values)
        middle = (low * high) ** 0.5 if self.is_log else (low + high) / 2
        return {0.0: f"{low:.3g}", 0.5: f"{middle:.3g}", 1.0: f"{high:.3g}"}


def parallel(summary: Summary, table: TaskTable, highest: float) -> Figure | None:
    """None where no two complete trials differ in a hyper-parameter.

    Args:
        highest: scores above it stand there.
    """
    numbered = [trial for trial in enumerate(listed(table)) if _is_drawn(trial[1])]
    trials = [trial for _, trial in numbered]
    varied = [
        name for name in hyperparameters(table) if all(name in trial.setting for trial in trials)
    ]
    if not varied:
        return None
    axes_of = [_axis(summary, name, trials) for name in varied]
    scores = tuple(min(trial.score or 0.0, highest) for trial in trials)
    axes_of.append(_Axis(f"{table.metric} on {summary.report}", scores))
    heights = np.stack([axis.heights for axis in axes_of], axis=1)
    figure = Figure(figsize=(10, 3.6))
    axes = figure.subplots()
    for kept, colour, width in ((False, FAINT, 0.5), (True, KEPT, 0.9)):
        for row in table.rows:
            drawn = [
                place
                for place, trial in enumerate(trials)
                if trial.variant == row.variant and trial.kept == kept
            ]
            numbers = [numbered[place][0] for place in drawn]
            marks.lines(axes, heights[drawn], row.variant, numbers, colour, width)
    _frame(axes, axes_of)
    return figure


def _is_drawn(trial: ListedTrial) -> bool:
    return trial.score is not None and not trial.stage


def _axis(summary: Summary, name: str, trials: Sequence[ListedTrial]) -> _Axis:
    values = tuple(trial.setting[name] for trial in trials)
    if not all(isinstance(value, (int, float)) and value is not True for value in values):
        return _Axis(in_words(name), values, choices=tuple(sorted(map(str, set(values)))))
    dimension = summary.spec["search"]["space"].get(name)
    is_log = isinstance(dimension, Mapping) and bool(dimension.get("log")) and min(values) > 0
    return _Axis(in_words(name), values, is_log)


def _frame(axes: Axes, axes_of: Sequence[_Axis]) -> None:
    """Vertical axes with their names and values; nothing else."""
    for place, axis in enumerate(axes_of):
        axes.plot((place, place), (0, 1), color=INK, lw=0.8, zorder=4)
        axes.annotate(
            axis.name, (place, 1), (0, 10), textcoords="offset points", ha="center", fontsize=9.5
        )
        for height, text in axis.ticks.items():
            axes.annotate(
                text, (place, height), (4, 0), textcoords="offset points", va="center",
                fontsize=8.5, color=SOFT, bbox={"fc": "white", "ec": "none", "pad": 0.8}, zorder=5,
            )  # fmt: skip
    axes.set(xlim=(-0.05, len(axes_of) - 0.6), ylim=(-0.03, 1.03))
    axes.set_axis_off()
