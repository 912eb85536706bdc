"""Trials of a search -> the settings at which all variants do well.

In: points of the unit cube with the scores of several variants.  Out: the best part of the space, as points of a fixed
quasi-random grid.  Variants are measured against their own best: what counts at a point is how much worse than its optimum
each variant is there, on average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.stats.sobol import sobol
from rnnzoo.stats.surrogate import fit

Array = np.ndarray[Any, Any]
GRID = 2048  # points; a power of two, so that they fill the cube evenly


@dataclass(frozen=True, eq=False, slots=True)
class Scored:
    """Trainings: where each was, of which variant, and its score.

    Attributes:
        points: (trainings, axes) in the unit cube.
        variants: (trainings,) their labels.
        scores: (trainings,) lower is better; infinite where there is none.
    """

    points: Array
    variants: tuple[str, ...]
    scores: Array

    def with_more(self, other: Scored) -> Scored:
        return Scored(
            np.concatenate([self.points, other.points]),
            self.variants + other.variants,
            np.concatenate([self.scores, other.scores]),
        )


@dataclass(frozen=True, eq=False, slots=True)
class Region:
    """Points at which variants are expected to do well, the best first.

    Attributes:
        points: (points, axes).
        expected: by variant, (points,) the score to expect.
    """

    points: Array
    expected: dict[str, Array]


def region_size(share: float) -> int:
    """How many points of the grid a share of the space has."""
    return max(1, round(share * GRID))


def regions(trials: Scored, variants: Sequence[str], share: float, common: bool) -> dict[str, Region]:
    """The best `share` of the space for each of the variants; one region for all, where it is common.

    Raises:
        StatsError: too few trials have a score.
    """
    names = tuple(dict.fromkeys(trials.variants))
    number = {name: at for at, name in enumerate(names)}
    surface = fit(trials.points, np.array([number[name] for name in trials.variants]), trials.scores)
    grid = sobol(GRID, trials.points.shape[1])
    expected = {name: surface.predict(grid, number[name]) for name in variants}
    excess = {name: scores - scores.min() for name, scores in expected.items()}
    together = np.mean(list(excess.values()), axis=0)
    size = region_size(share)

    def best(excess: Array) -> Region:
        order = np.argsort(excess, kind="stable")[:size]
        return Region(grid[order], {name: scores[order] for name, scores in expected.items()})

    if common:
        shared = best(together)
        return dict.fromkeys(variants, shared)
    return {name: best(excess[name]) for name in variants}
