"""A task's data -> pictures: a few sequences, how long sequences are, how often classes occur.

sequences  inputs over the steps: lines where they are few, else a heat map
lengths    a histogram of each split
classes    the share of each class in each split
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from rnnzoo.report.figures.style import COLOURS, STYLE, svg

LINES = 7  # inputs that are drawn as lines
LONGEST = 2000  # steps of a sequence that are drawn
_LONGEST_NAME = 24  # characters


def sequences(samples: Sequence[tuple[np.ndarray, str]], names: Sequence[str] = ()) -> str:
    """
    Args:
        samples: (steps, inputs) of each sequence, and what is asked for.
        names: of the inputs, which lines are told apart by.
    """
    with rc_context(STYLE):
        columns = min(3, len(samples))
        rows = -(-len(samples) // columns)
        figure = Figure(figsize=(8, 0.5 + 1.5 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, (values, answer) in zip(grid.flat, samples):
            _sequence(axes, values[:LONGEST])
            axes.set_title(_short(answer), fontsize=9, loc="left")
        for axes in grid.flat[len(samples) :]:
            axes.set_visible(False)
        for axes in grid[-1]:
            axes.set_xlabel("step", fontsize=9)
        if 1 < len(names) <= LINES:
            handles = [Line2D([], [], color=colour) for colour in COLOURS[: len(names)]]
            figure.legend(handles, list(map(_short, names)), loc="outside lower left", ncols=4,
                frameon=False, fontsize=9, title="inputs", alignment="left")  # fmt: skip
        return svg(figure)


def _sequence(axes: Axes, values: np.ndarray) -> None:
    steps = np.arange(1, len(values) + 1)
    if values.shape[1] <= LINES:
        mark = "o" if len(values) == 1 else ""
        for column, colour in zip(values.T, COLOURS):
            axes.plot(steps, column, color=colour, lw=0.9, marker=mark)
    else:
        most = float(np.abs(values).max()) or 1.0
        low = 0.0 if values.min() >= 0 else -most
        colours = "Greys" if low == 0 else "RdBu_r"
        axes.imshow(
            values.T, aspect="auto", cmap=colours, vmin=low, vmax=most, interpolation="nearest",
            extent=(0.5, len(values) + 0.5, values.shape[1] - 0.5, -0.5),
        )  # fmt: skip
        axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.tick_params(labelsize=8)


def lengths(edges: Sequence[float], counts: Mapping[str, Sequence[int]]) -> str:
    """
    Args:
        edges: of the bins, one more than there are.
        counts: of each split, by bin.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 2.2), layout="constrained")
        axes = figure.subplots()
        for (split, of_split), colour in zip(counts.items(), COLOURS):
            share = np.array(of_split) / max(1, sum(of_split))
            axes.stairs(share, edges, color=colour, lw=1.6, label=split)
        axes.set(xlabel="steps of a sequence", ylim=(0, None))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        figure.legend(frameon=False, loc="outside upper right", ncols=3)
        return svg(figure)


def classes(counts: Mapping[str, Mapping[str, int]]) -> str:
    """
    Args:
        counts: of each split, by class.
    """
    names = list(next(iter(counts.values())))
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 0.8 + 0.34 * len(names)), layout="constrained")
        axes = figure.subplots()
        height = 0.8 / len(counts)
        for number, ((split, of_split), colour) in enumerate(zip(counts.items(), COLOURS)):
            total = max(1, sum(of_split.values()))
            places = np.arange(len(names)) + (number - (len(counts) - 1) / 2) * height
            shares = [of_split[name] / total for name in names]
            axes.barh(places, shares, height, color=colour, label=split)
        axes.set_yticks(range(len(names)), [_short(name) for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.set_xlabel("share of the answers of a split")
        figure.legend(frameon=False, loc="outside upper right", ncols=3)
        return svg(figure)


def _short(name: str) -> str:
    text = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."
    return text.replace("$", r"\$")
