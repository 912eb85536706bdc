"""A search over cells -> pictures: how it went, what cells cost, from whom they descend."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from rnnzoo.evolve.facts import Cost, Progress
from rnnzoo.evolve.rows import Drawn
from rnnzoo.report.figures.style import COLOURS, FAINT, INK, SOFT, STYLE, svg

WIDTH = 8.0


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
            place = (1000 * cost.step, cost.fitness)
            axes.plot(*place, "o", color=COLOURS[0] if cost.on_frontier else FAINT, ms=5, mew=0)
            if cost.on_frontier or cost.number in first:
                colour = INK if cost.on_frontier else SOFT
                axes.annotate(
                    names[cost.number], place, (4, 4), textcoords="offset points", color=colour
                )
        axes.set_xlabel("milliseconds of a training step")
        axes.set_ylabel("fitness")
        return svg(figure)


def tree(descent: Sequence[Drawn], names: Mapping[int, str]) -> str:
    """SVG text: candidates by generation, each joined to its parents."""
    columns: dict[int, list[int]] = defaultdict(list)
    for drawn in descent:
        columns[drawn.generation].append(drawn.number)
    ranks = {generation: rank for rank, generation in enumerate(sorted(columns))}
    places = {
        number: (float(ranks[generation]), -float(row))
        for generation, numbers in columns.items()
        for row, number in enumerate(numbers)
    }
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
