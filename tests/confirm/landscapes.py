"""Landscapes whose truth is known, none of them of the surrogate's own kind.

A landscape says what each of several variants scores, on average, anywhere in the unit cube.  The
mean over the best 1 % of the space is 0 for each variant, so that all are equal when tuned; effects
are added on top.  Those that begin with `forest` and `kernel` go through the trials of Greff et al.
that are in `results/greff2015.csv`; `bowls` are new in every study.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import qmc

Array = np.ndarray[Any, Any]
TABLE = Path(__file__).parent.parent.parent / "results/greff2015.csv"
AXES = ("learning_rate", "units", "noise", "one_minus_momentum")
RANGES = {
    "learning_rate": (1e-6, 1e-2),
    "units": (20, 200),
    "noise": (0, 1),
    "one_minus_momentum": (0.01, 1),
}
DECADE = 0.25  # of the axis of the learning rate
EXPLODES = "noaf"
VARIANTS = 11
BEST = 0.01  # share of the space over which a variant counts as tuned
CHECKED = 4096  # points, for that mean
Truth = Callable[[Array, int], Array]  # (points, axes) and a variant -> (points,)


@dataclass(frozen=True, slots=True)
class Landscape:
    """What a study is simulated on.

    Attributes:
        noise: standard deviation of a training's score where it is best.
        grows: by how much more it is, a unit of excess.
        skew: of the lognormal that the noise is drawn from; 0 for the normal.
        fails: by variant, share of the trainings that score 1 worse; their mean is what the
            landscape says all the same.
    """

    truth: Truth
    noise: float = 0.1
    grows: float = 0.3
    skew: float = 0.0
    fails: Mapping[int, float] = field(default_factory=dict)

    def score(self, points: Array, variant: int, rng: np.random.Generator) -> Array:
        mean = self.truth(points, variant)
        error = rng.standard_normal(len(points))
        if self.skew:
            spread = math.sqrt((math.exp(self.skew**2) - 1.0) * math.exp(self.skew**2))
            error = (np.exp(self.skew * error) - math.exp(self.skew**2 / 2.0)) / spread
        failed = rng.random(len(points)) < self.fails.get(variant, 0.0)
        scores: Array = mean + (self.noise + self.grows * np.maximum(mean, 0.0)) * error
        return scores + failed - self.fails.get(variant, 0.0)


def level(raw: Truth, axes: int = len(AXES)) -> Truth:
    """The landscape with every variant's best 1 % moved to 0."""
    points = qmc.Sobol(axes, seed=7).random(CHECKED)
    best = np.array(
        [np.sort(raw(points, variant))[: int(BEST * CHECKED)].mean() for variant in range(VARIANTS)]
    )
    return lambda points, variant: raw(points, variant) - best[variant]


def along(truth: Truth, axes: int) -> Truth:
    """The landscape where only the first axes are searched, the learning rate over its upper two
    decades; all others stay in the middle.
    """

    def searched(points: Array, variant: int) -> Array:
        whole = np.full((len(points), len(AXES)), 0.5)
        whole[:, :axes] = points
        whole[:, 0] = (1.0 + points[:, 0]) / 2.0
        return truth(whole, variant)

    return level(searched, axes)


@cache
def trials() -> tuple[Array, Array, tuple[str, ...]]:
    """(trials, axes) in the unit cube, (trials,) scores and the variant of each, of JSB
    Chorales.
    """
    points, scores, variants = [], [], []
    with TABLE.open() as stream:
        stream.readline()
        for row in csv.DictReader(stream):
            if (
                row["task"] == "jsb_chorales"
                and row["kind"] == "complete"
                and row["variant"] != EXPLODES
            ):
                points.append([_place(axis, float(row[axis])) for axis in AXES])
                scores.append(float(row["test"]))
                variants.append(row["variant"])
    bounded = np.minimum(scores, np.quantile(scores, 0.98))
    return np.array(points), bounded, tuple(variants)


def _place(axis: str, value: float) -> float:
    low, high = RANGES[axis]
    return (math.log(value / low) / math.log(high / low)) if low else (value - low) / (high - low)


def forest(own: bool) -> Truth:
    """Trees of all variants' trials, or of each variant's own."""
    trees = [_trees(number if own else None) for number in range(VARIANTS)]
    return level(lambda points, variant: trees[variant].predict(points))


@dataclass(frozen=True, eq=False, slots=True)
class Trees:
    """A forest as arrays, (trees, nodes) each: for one point at a time much faster than
    scikit-learn's own.
    """

    axis: Array
    threshold: Array
    left: Array
    right: Array
    value: Array

    def predict(self, points: Array) -> Array:
        tree = np.arange(len(self.axis))[:, None]
        node = np.zeros((len(self.axis), len(points)), dtype=int)
        column = np.arange(len(points))
        while (inner := self.left[tree, node] >= 0).any():
            below = points[column, self.axis[tree, node]] <= self.threshold[tree, node]
            child = np.where(below, self.left[tree, node], self.right[tree, node])
            node = np.where(inner, child, node)
        mean: Array = self.value[tree, node].mean(0)
        return mean


@cache
def _trees(variant: int | None) -> Trees:
    from sklearn.ensemble import ExtraTreesRegressor

    points, scores, variants = trials()
    names = sorted(set(variants))
    mine = (
        np.full(len(scores), True)
        if variant is None
        else np.array(variants) == names[variant % len(names)]
    )
    grown = ExtraTreesRegressor(100, min_samples_leaf=2, random_state=variant or 0).fit(
        points[mine], scores[mine]
    )
    trees = [estimator.tree_ for estimator in grown.estimators_]
    most = max(tree.node_count for tree in trees)

    def padded(name: str) -> Array:
        return np.array(
            [np.pad(np.ravel(getattr(tree, name)), (0, most - tree.node_count)) for tree in trees]
        )

    axis = np.maximum(padded("feature"), 0)  # -2 stands for a leaf's
    return Trees(
        axis,
        padded("threshold"),
        padded("children_left"),
        padded("children_right"),
        padded("value"),
    )


def kernel(own: bool, width: float = 0.12) -> Truth:
    """Means of the trials around (Nadaraya 1964, Watson 1964), of all variants or of each variant's
    own.
    """
    points, scores, variants = trials()
    names = sorted(set(variants))
    mine = [
        np.array(variants) == names[number % len(names)] if own else np.full(len(scores), True)
        for number in range(VARIANTS)
    ]

    def raw(asked: Array, variant: int) -> Array:
        there, heights = points[mine[variant]], scores[mine[variant]]
        squared = ((asked[:, None, :] - there[None, :, :]) ** 2).sum(-1)
        near = np.exp(-0.5 * squared / width**2) + 1e-12
        smoothed: Array = near @ heights / near.sum(1)
        return smoothed

    return level(raw)


def apart(base: Truth, decades: Mapping[int, float]) -> Truth:
    """Basins of some variants lie elsewhere on the axis of the learning rate; at the end of the
    axis they are cut.
    """

    def raw(points: Array, variant: int) -> Array:
        moved = points.copy()
        moved[:, 0] = np.clip(moved[:, 0] + DECADE * decades.get(variant, 0.0), 0.0, 1.0)
        return base(moved, variant)

    return level(raw)


def cliffs(base: Truth, variants: tuple[int, ...], behind: float = 0.0) -> Truth:
    """Some variants explode just above the learning rate at which they are best."""
    grid = qmc.Sobol(len(AXES), seed=7).random(CHECKED)
    best = {variant: grid[int(np.argmin(base(grid, variant))), 0] + behind for variant in variants}

    def raw(points: Array, variant: int) -> Array:
        fallen = points[:, 0] > best.get(variant, math.inf)
        return base(points, variant) + 3.0 * fallen

    return level(raw)


def steeper(base: Truth, variant: int, times: float) -> Truth:
    """One variant does so many times worse than the others wherever it is not at its best; its
    noise grows with that.
    """
    return lambda points, asked: base(points, asked) * (times if asked == variant else 1.0)


def bowls(seed: int, ripple: float) -> Truth:
    """A bowl with ripples: the bowl and half of the ripples are shared, the other half is each
    variant's own.
    """
    rng = np.random.default_rng(seed)
    centre, width = rng.uniform(0.4, 0.95, len(AXES)), rng.uniform(0.25, 0.8, len(AXES))
    depth = rng.uniform(0.8, 2.5)
    waves = 24
    turns = 4.0 * rng.standard_normal((VARIANTS + 1, waves, len(AXES)))
    phases = rng.uniform(0.0, 2.0 * math.pi, (VARIANTS + 1, waves))
    heights = ripple * rng.standard_normal((VARIANTS + 1, waves)) / math.sqrt(waves / 2)

    def wavy(points: Array, number: int) -> Array:
        wave: Array = np.cos(points @ turns[number].T + phases[number]) @ heights[number]
        return wave

    def raw(points: Array, variant: int) -> Array:
        bowl = depth * np.minimum((((points - centre) / width) ** 2).sum(-1), 4.0)
        score: Array = bowl + wavy(points, VARIANTS) + wavy(points, variant)
        return score

    return level(raw)
