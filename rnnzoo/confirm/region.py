"""Trials of a search -> the settings at which all variants do well.

In: points of the unit cube with the scores of several variants.  Out: the best part of the space,
as points of a fixed quasi-random grid.  Each variant is measured against its own best score: a
point is good if, on average over the variants, the expected score is little worse than that.

A surface goes on rising or falling where nothing was tried, and nothing says that it is right to.
So a region has points within the range of what was tried only, unless it is pilots' to try more; a
variant's own region, within the range of its own trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any

import numpy as np

from rnnzoo.stats.scales import told_apart
from rnnzoo.stats.sobol import sobol
from rnnzoo.stats.surrogate import Surface, fit

Array = np.ndarray[Any, Any]
GRID = 2048  # points; a power of two, so that they fill the cube evenly


class Reach(Enum):
    """How far the points of a region may lie from what was tried."""

    TRIED = auto()  # within the range of the trials of the variants whose region it is
    TRIED_BY_ANY = auto()  # within that of all trials
    ANYWHERE = auto()


@dataclass(frozen=True, eq=False, slots=True)
class Scored:
    """The point, variant and score of each training.

    Attributes:
        points: (trainings, axes) in the unit cube.
        variants: (trainings,) their labels.
        scores: (trainings,) lower is better; infinite where there is none.
    """

    points: Array
    variants: tuple[str, ...]
    scores: Array

    def with_more(self, more: Scored) -> Scored:
        return Scored(
            np.concatenate([self.points, more.points]),
            self.variants + more.variants,
            np.concatenate([self.scores, more.scores]),
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


def regions(
    trials: Scored,
    variants: Sequence[str],
    share: float,
    common: bool,
    reach: Reach = Reach.TRIED,
    own_scales: bool = True,
) -> dict[str, Region]:
    """The best `share` of the space for each variant; with `common`, one region for all of them.

    Args:
        own_scales: whether a variant whose scores are clearly of another level or spread is
            measured in a scale of its own.

    Raises:
        StatsError: too few trials have a score.
    """
    axes = trials.points.shape[1]
    grid = sobol(GRID, axes)
    surface = _SurfaceOf.trials(trials, own_scales)
    expected = dict(zip(variants, _expected(surface, tuple(variants))))
    size = region_size(share)
    if reach is Reach.ANYWHERE:
        allowed = dict.fromkeys(variants, np.full(GRID, True))
    elif common or reach is Reach.TRIED_BY_ANY:
        allowed = dict.fromkeys(variants, _within_tried(trials, grid, size))
    else:
        allowed = {name: _within_tried(trials, grid, size, name) for name in variants}
    excess = {
        name: np.where(allowed[name], scores - scores[allowed[name]].min(), np.inf)
        for name, scores in expected.items()
    }
    together = np.mean(list(excess.values()), axis=0)

    def best(excess: Array) -> Region:
        order = np.argsort(excess, kind="stable")[:size]
        return Region(grid[order], {name: scores[order] for name, scores in expected.items()})

    if common:
        shared = best(together)
        return dict.fromkeys(variants, shared)
    return {name: best(excess[name]) for name in variants}


def _within_tried(trials: Scored, grid: Array, size: int, variant: str = "") -> Array:
    """(points,) whether a point of the grid lies within the range of the trials that gave a score,
    axis by axis; where these are fewer than a region has, so do the nearest ones beyond.

    Args:
        variant: whose trials count; empty: all.  One none of whose trials gave a score has the
            range of all.
    """
    has_score = np.isfinite(trials.scores)
    own = has_score & [variant in ("", label) for label in trials.variants]
    tried = trials.points[own if own.any() else has_score]
    outside = np.maximum(tried.min(axis=0) - grid, grid - tried.max(axis=0)).max(axis=1)
    within: Array = outside <= max(0.0, np.sort(outside)[size - 1])
    return within


def best_expected(
    trials: Scored, counted: Sequence[bool], own_scales: bool = True
) -> dict[str, float]:
    """The best score of each variant that is more than one lucky seed.

    The best of many scores is mostly that of a lucky seed.  So a training counts as no better than
    what the surface through all trainings expects at its setting, which draws each score towards
    those of settings nearby.

    Args:
        counted: of each training, whether it may be the best; the others have a part in the surface
            only.
        own_scales: as of `regions`.

    Raises:
        StatsError: too few trainings have a score.
    """
    expected = _expected_where_trained(_SurfaceOf.trials(trials, own_scales))
    best: dict[str, float] = {}
    for variant, score, of_surface, counts in zip(
        trials.variants, trials.scores, expected, counted, strict=True
    ):
        if counts:
            best[variant] = min(best.get(variant, math.inf), max(float(score), float(of_surface)))
    return best


@dataclass(frozen=True, slots=True)
class _SurfaceOf:
    """What a surface is fitted to, in a form that a cache can know again.

    Attributes:
        points, scores: the bytes of these arrays of a `Scored`.
        own_scale: the variants that have a scale of their own.
    """

    axes: int
    points: bytes
    variants: tuple[str, ...]
    scores: bytes
    own_scale: frozenset[str]

    @classmethod
    def trials(cls, trials: Scored, own_scales: bool) -> _SurfaceOf:
        own: frozenset[str] = frozenset()
        if own_scales:
            number = _numbered(trials.variants)
            names = list(number)
            variants = np.array([number[name] for name in trials.variants])
            own = frozenset(names[variant] for variant in told_apart(variants, trials.scores))
        points, scores = (
            values.astype(float).tobytes() for values in (trials.points, trials.scores)
        )
        return cls(trials.points.shape[1], points, trials.variants, scores, own)

    def fitted(self) -> tuple[Surface, dict[str, int]]:
        """The surface, and the number that each variant has in it.

        Raises:
            StatsError: too few trainings have a score.
        """
        number = _numbered(self.variants)
        surface = fit(
            np.frombuffer(self.points).reshape(-1, self.axes).copy(),
            np.array([number[name] for name in self.variants]),
            np.frombuffer(self.scores).copy(),
            frozenset(number[name] for name in self.own_scale),
        )
        return surface, number


def _numbered(labels: Sequence[str]) -> dict[str, int]:
    """A number for each variant, in the order in which they come."""
    return {name: number for number, name in enumerate(dict.fromkeys(labels))}


@lru_cache(maxsize=16)  # every round asks for the same surface once more
def _expected(of: _SurfaceOf, variants: tuple[str, ...]) -> tuple[Array, ...]:
    """The expected score of each variant at every point of the grid: read-only arrays."""
    surface, number = of.fitted()
    expected = surface.predict_each(sobol(GRID, of.axes), [number[name] for name in variants])
    for scores_expected in expected:
        scores_expected.flags.writeable = False
    return tuple(expected)


@lru_cache(maxsize=16)
def _expected_where_trained(of: _SurfaceOf) -> Array:
    """(trainings,) the expected score of each training: a read-only array."""
    surface, number = of.fitted()
    expected = np.empty(len(of.variants))
    for variant in number.values():
        own = surface.variants == variant
        expected[own] = surface.predict(surface.points[own], variant)
    expected.flags.writeable = False
    return expected
