"""A search over cells -> pictures: how it went, what cells cost, from whom they descend."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from rnnzoo.evolve.facts import Cost, Progress
from rnnzoo.evolve.rows import Drawn
from rnnzoo.report.figures.style import COLOURS, FAINT, INK, SOFT, STYLE, svg

WIDTH = 8.0
Side = Literal["left", "right"]
# where the name of a dot may stand: so many points to the right and up, and which of its sides
BESIDE: tuple[tuple[tuple[int, int], Side], ...] = (
    ((4, 4), "left"),
    ((-4, 4), "right"),
    ((4, -12), "left"),
    ((-4, -12), "right"),
)


def course(steps: Sequence[Progress]) -> str:
    """SVG text: how many candidates have passed, and the best fitness, against those trained."""
    tried = [step.trained for step in steps]
    has_best = any(step.best is not None for step in steps)
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 4.4 if has_best else 2.4), layout="constrained")
        panels = figure.subplots(1 + has_best, sharex=True, squeeze=False)[:, 0]
        panels[-1].plot(tried, [step.passed for step in steps], color=COLOURS[0], lw=1.6)
        panels[-1].set_ylabel("passed")
        panels[-1].set_xlabel("candidates trained")
        if has_best:
            best = np.array([step.best for step in steps], float)  # None is NaN: nothing drawn
            panels[0].step(tried, best, where="post", color=COLOURS[1], lw=1.6)
            panels[0].axhline(1.0, color=FAINT, lw=0.8)
            panels[0].set_ylabel("best fitness so far")
        return svg(figure)


def frontier(costs: Sequence[Cost], names: Mapping[int, str], first: Collection[int] = ()) -> str:
    """SVG text: fitness against the milliseconds of a training step; who is on the frontier is
    named, and with whom the search began.

    Args:
        first: the cells that the search began with.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        axes = figure.subplots()
        for cost in costs:
            colour = COLOURS[0] if cost.on_frontier else FAINT
            axes.plot(1000 * cost.step, cost.fitness, "o", color=colour, ms=5, mew=0)
        axes.set_xlabel("milliseconds of a training step")
        axes.set_ylabel("fitness")
        figure.draw_without_rendering()  # where labels lie is known once axes have their place
        labels: list[Bbox] = []
        for cost in costs:
            if cost.on_frontier or cost.number in first:
                place = (1000 * cost.step, cost.fitness)
                colour = INK if cost.on_frontier else SOFT
                labels.append(_label(axes, names[cost.number], place, colour, labels))
        return svg(figure)


def _label(
    axes: Axes, name: str, place: tuple[float, float], colour: str, others: Sequence[Bbox]
) -> Bbox:
    """Name a dot beside it, where no other name lies; in the last place, if all are taken."""
    label = axes.annotate(name, place, BESIDE[0][0], textcoords="offset points", color=colour)
    for offset, side in BESIDE:
        label.xyann = offset
        label.set_horizontalalignment(side)
        box = label.get_window_extent()
        if not any(map(box.overlaps, others)):
            break
    return box


def tree(descent: Sequence[Drawn], names: Mapping[int, str]) -> str:
    """SVG text: candidates by generation, each joined to its parents."""
    columns: dict[int, list[int]] = defaultdict(list)
    for drawn in descent:
        columns[drawn.generation].append(drawn.number)
    ranks = {generation: rank for rank, generation in enumerate(sorted(columns))}
    places: dict[int, tuple[float, float]] = {}
    for generation, numbers in columns.items():
        for row, number in enumerate(numbers):
            places[number] = float(ranks[generation]), -float(row)
    height = 0.6 + 0.42 * max(map(len, columns.values()))
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.subplots()
        for drawn in descent:
            x, y = places[drawn.number]
            for parent in drawn.parents:
                axes.plot(*zip(places[parent], (x, y)), color=FAINT, lw=0.9, zorder=1)
            axes.plot(x, y, "o", color=COLOURS[0], ms=6, mew=0, zorder=2)
            axes.annotate(
                names[drawn.number], (x, y), (6, 4), textcoords="offset points", color=INK, size=8
            )
        axes.set_xticks(range(len(ranks)), [str(generation) for generation in ranks])
        axes.set_xlabel("generation")
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.12, y=0.2)
        return svg(figure)
