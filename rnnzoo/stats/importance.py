"""Importance: which searched hyper-parameters change the score, alone or together, and along which
curve.

In: trials (points and scores) and the axes of their search space.  Out: shares of the variance over
the whole search space, with intervals, and marginal curves.

Contains: functional ANOVA of a random forest (Hutter, Hoos and Leyton-Brown 2014), exact, from the
boxes of its leaves; a bootstrap of residuals that removes the forest's own bias from the shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from rnnzoo.errors import StatsError
from rnnzoo.stats._scipy import special

Array = np.ndarray[Any, Any]
FEWEST_TRIALS = 8
# with fewer, some trial is in the sample of every tree and has no out-of-bag prediction
FEWEST_TREES = 32
FEWEST_DRAWS = 4
SMALLEST_LEAF = 3
TREES_PER_DRAW = 8


@dataclass(frozen=True, slots=True)
class Axis:
    """A searched hyper-parameter with a uniform distribution.

    A categorical is an axis of `choices` equal cells, one for each code, in the order of the codes;
    a tree splits between cells.  A tree can separate any set of choices from the rest, but adjacent
    choices take fewer splits.

    Attributes:
        low, high: the range, both ends included.  Integers are treated as reals.
        log: whether the distribution is uniform in the logarithm.
        choices: above 0, a categorical with the values 0, 1, ..., choices - 1, whose range is
            ignored.

    Raises:
        StatsError: an empty range, a logarithmic range that is not positive, a categorical without
            a choice.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    choices: int = 0

    def __post_init__(self) -> None:
        if self.choices == 1 or self.choices < 0:
            raise StatsError(f"'{self.name}' has {self.choices} choices: nothing was searched")
        if not self.choices and not -np.inf < self.low < self.high < np.inf:
            raise StatsError(
                f"'{self.name}' runs from {self.low} to {self.high}: the range is empty or has no"
                " end"
            )
        if self.log and not self.choices and self.low <= 0.0:
            raise StatsError(
                f"'{self.name}' runs from {self.low}: a logarithm needs a positive range"
            )

    def to_unit(self, values: Array) -> Array:
        """Values mapped to [0, 1], where the distribution is uniform.

        Raises:
            StatsError: a value outside the range, or not a code.
        """
        if self.choices:
            unit, valid = (values + 0.5) / self.choices, np.isin(values, np.arange(self.choices))
        else:
            low, high = self._scaled(np.array([self.low, self.high]))
            unit = (self._scaled(values) - low) / (high - low)
            valid = (unit > -1e-9) & (unit < 1.0 + 1e-9)  # exp(log(high)) may differ from `high`
        if not np.all(valid):
            raise StatsError(f"a value of '{self.name}' lies outside its search space")
        return np.clip(unit, 0.0, 1.0)

    def _scaled(self, values: Array) -> Array:
        if not self.log:
            return values
        # other values lie far below the range
        logarithms: Array = np.log(np.maximum(values, np.finfo(float).tiny))
        return logarithms

    def edge(self, threshold: float) -> float:
        """The position of a split at `threshold`; for a categorical the nearest edge of a cell that
        splits choices alike.
        """
        if not self.choices:
            return threshold
        # scikit-learn rounds points to float32: halfway between two edges, that must not decide
        return float(np.floor(threshold * self.choices + 0.5 + 1e-6) / self.choices)


@dataclass(frozen=True, slots=True, eq=False)
class RegressionTree:
    """A regression tree as a step function on the unit cube.

    Attributes:
        low, high: (leaves, axes) the boxes of its leaves.  They tile the cube; each includes its
            upper faces.
        values: (leaves,) the predictions.
    """

    low: Array
    high: Array
    values: Array


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """A random forest on a search space.

    Attributes:
        redrawn: small forests, each grown on redrawn scores; `importance` needs them.
        explained: the share of the scores' variance that the trees predict for out-of-bag trials
            (R^2); nan if unknown.  If it is low, importances are shares of little.
    """

    axes: tuple[Axis, ...]
    trees: tuple[RegressionTree, ...]
    redrawn: tuple[tuple[RegressionTree, ...], ...] = ()
    explained: float = float("nan")


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the variance, in [0, 1], and an interval around it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Importance:
    """How much each hyper-parameter changes the score.

    Attributes:
        main: main effects by name: the effect of one hyper-parameter, averaged over all others.
        pairs: interactions by two names, in the order of the axes: the joint effect of both beyond
            the sum of their main effects.
        interactions: all effects but main effects: of pairs, triples and more.
        explained: as in `Forest`.
    """

    main: Mapping[str, Share]
    pairs: Mapping[tuple[str, str], Share]
    interactions: Share
    explained: float


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A marginal at some points: mean and standard deviation over the trees, in the unit of the
    scores.
    """

    mean: Array
    spread: Array


def fit_forest(
    points: Array,
    scores: Array,
    axes: Sequence[Axis],
    rng: np.random.Generator,
    trees: int = 64,
    draws: int = 12,
) -> Forest:
    """Grow a forest on trials, and small forests on redrawn scores.

    Trees are grown on bootstrap samples of the trials, on all axes, down to leaves of three trials;
    smaller leaves fit noise.  A redrawn score is the forest's prediction plus the out-of-bag
    residual of a random trial.

    Args:
        points: (trials, axes) in the units of the axes.  nan where a condition removes the
            hyper-parameter from a trial: any value would have given the same score, so a random one
            is filled in.  The condition then shows as an interaction with the hyper-parameter that
            it depends on; a constant, such as the center, would hide it.
        scores: (trials,) finite.
        draws: the number of redrawn score sets, for the intervals of `importance`; each takes eight
            trees.

    Raises:
        StatsError: fewer than 8 trials, 32 trees or 4 draws; shapes that do not match; scores that
            are not finite; points outside the search space.

    Source:
        Breiman 2001, Random forests.
    """
    from sklearn.ensemble import RandomForestRegressor

    points, scores = np.asarray(points, dtype=float), np.asarray(scores, dtype=float)
    _check_trials(points, scores, axes)
    if trees < FEWEST_TREES or draws < FEWEST_DRAWS:
        raise StatsError(
            f"a forest needs at least {FEWEST_TREES} trees and {FEWEST_DRAWS} draws, not {trees}"
            f" and {draws}"
        )
    unit = np.column_stack([_filled_in(axis, column, rng) for axis, column in zip(axes, points.T)])

    def grow(count: int, targets: Array) -> Any:
        # scikit-learn takes a number, and no `Generator`
        seed = int(rng.integers(2**31))
        forest = RandomForestRegressor(
            count, min_samples_leaf=SMALLEST_LEAF, oob_score=count == trees, random_state=seed
        )
        return forest.fit(unit, targets)

    grown = grow(trees, scores)
    predicted, residuals = grown.predict(unit), scores - grown.oob_prediction_
    # else all redrawn scores would be shifted by their mean
    residuals -= residuals.mean()
    redrawn = (
        grow(TREES_PER_DRAW, predicted + rng.choice(residuals, len(scores))) for _ in range(draws)
    )
    return Forest(
        tuple(axes),
        forest_of(grown.estimators_, axes).trees,
        tuple(forest_of(forest.estimators_, axes).trees for forest in redrawn),
        float(grown.oob_score_) if np.ptp(scores) > 0.0 else float("nan"),
    )


def forest_of(estimators: Iterable[Any], axes: Sequence[Axis]) -> Forest:
    """The forest of scikit-learn's regression trees, fitted on points of the unit cube
    (`Axis.to_unit`).
    """
    return Forest(tuple(axes), tuple(_boxes(estimator.tree_, axes) for estimator in estimators))


def importance(forest: Forest, level: float = 0.95) -> Importance:
    """Shares of the variance that the trees agree on, corrected for the forest's bias.

    Two corrections to the paper, which averages the shares of each tree's own variance.  There a
    tree's own steps count as interactions, and its greedy first split counts as a main effect.
    Here variances are covariances of each tree with the next one, so differences between bootstrap
    samples drop out.  The rest is bias, mostly of weak main effects, along which a tree hardly
    splits.  The bias is measured where the truth is known: the same estimate on redrawn scores,
    whose truth is this forest, and the mean shift is subtracted.

    The interval is the share plus and minus a quantile of Student's t times sqrt(s^2 + shift^2),
    cut to [0, 1].  s is the standard deviation over redrawn scores.  The shift counts as an error
    of its own size, since the remaining bias is unknown.  So the interval covers noise, and bias as
    far as a forest can show it.  It assumes that the trials cover the search space: regions without
    trials contribute nothing.

    Measured on 5 functions of 3 or 4 axes, 20 searches of 200 uniform trials each, without noise
    and with noise of half the signal's standard deviation, at 95 %.  Interactions are right: at
    most 0.01 for additive functions (0.07 to 0.17 by tree), 0.97 for a product, which has no other
    effect (0.75 by tree); intervals cover 85 to 100 %, as for pairs and for effects that are truly
    0 (to 0.001).  Weak main effects are estimated too small, and the strongest then too large: 0.07
    as 0.03 to 0.05 (coverage 20 to 60 %), 0.14 as 0.10 (80 %), 0.64 as 0.67 to 0.70 (50 to 90 %);
    for all others coverage was 80 to 100 %.

    Args:
        forest: of `fit_forest`.
        level: such as 0.95.

    Raises:
        StatsError: a forest without redrawn scores, or one whose trees agree on nothing.

    Source:
        Hutter, Hoos and Leyton-Brown 2014, An efficient approach for assessing hyperparameter
        importance, for the decomposition; Efron and Tibshirani 1993, An introduction to the
        bootstrap, chapters 9 (residuals) and 10 (bias).
    """
    if len(forest.redrawn) < FEWEST_DRAWS:
        raise StatsError("importance needs a forest with redrawn scores: use fit_forest")
    observed = _agreed_shares(forest.trees)
    resampled = np.array([_agreed_shares(trees) for trees in forest.redrawn])
    shift = resampled.mean(axis=0) - observed
    error = np.hypot(resampled.std(axis=0, ddof=1), shift)
    reach = special.stdtrit(len(resampled) - 1, 0.5 + level / 2.0) * error
    value = observed - shift
    return _importance(forest, value, value - reach, value + reach)


def marginal(forest: Forest, name: str, values: Array) -> Curve:
    """The expected score at values of one hyper-parameter, averaged over all others.

    Args:
        values: (points,) in the unit of the axis.

    Raises:
        StatsError: an unknown axis, or a value outside its range.

    Source:
        Hutter, Hoos and Leyton-Brown 2014.
    """
    searched = [axis.name for axis in forest.axes]
    if name not in searched:
        raise StatsError(f"a marginal of {name}: searched are {', '.join(searched)}")
    column = searched.index(name)
    unit = forest.axes[column].to_unit(np.asarray(values, dtype=float))
    curves = np.array([_marginal(tree, column, unit) for tree in forest.trees])
    return Curve(curves.mean(axis=0), curves.std(axis=0))


def _check_trials(points: Array, scores: Array, axes: Sequence[Axis]) -> None:
    if points.ndim != 2 or scores.ndim != 1 or points.shape != (len(scores), len(axes)) or not axes:
        raise StatsError(
            f"points {points.shape}, scores {scores.shape} and {len(axes)} axes do not fit together"
        )
    if len({axis.name for axis in axes}) < len(axes):
        raise StatsError("two axes have the same name")
    if len(scores) < FEWEST_TRIALS:
        raise StatsError(
            f"importance needs at least {FEWEST_TRIALS} trials, not {len(scores)}: run more trials"
        )
    if not np.isfinite(scores).all():
        raise StatsError("importance needs finite scores: count trials that diverged by themselves")


def _filled_in(axis: Axis, values: Array, rng: np.random.Generator) -> Array:
    """Values mapped to [0, 1], missing ones drawn at random."""
    missing = np.isnan(values)
    count = int(missing.sum())
    unit = np.empty(len(values))
    unit[~missing] = axis.to_unit(values[~missing])
    if axis.choices:
        unit[missing] = (rng.integers(axis.choices, size=count) + 0.5) / axis.choices
    else:
        unit[missing] = rng.uniform(size=count)
    return unit


def _boxes(nodes: Any, axes: Sequence[Axis]) -> RegressionTree:
    low, high = np.zeros((nodes.node_count, len(axes))), np.ones((nodes.node_count, len(axes)))
    columns, lefts, rights = (
        nodes.feature.tolist(),
        nodes.children_left.tolist(),
        nodes.children_right.tolist(),
    )
    # parents come before their children
    for node, (column, left, right) in enumerate(zip(columns, lefts, rights)):
        if left == right:  # -1, a leaf
            continue
        low[left] = low[right] = low[node]
        high[left] = high[right] = high[node]
        high[left, column] = low[right, column] = axes[column].edge(nodes.threshold[node])
    leaf = nodes.children_left < 0
    return RegressionTree(low[leaf], high[leaf], nodes.value[leaf, 0, 0])


def _weights(tree: RegressionTree, columns: Sequence[int]) -> Array:
    """The contribution of each leaf to the marginal along `columns`: its value times its volume
    along all other axes.
    """
    volumes: Array = np.delete(tree.high - tree.low, columns, axis=1).prod(axis=1)
    return tree.values * volumes


def _marginal(tree: RegressionTree, column: int, unit: Array) -> Array:
    """(points,) the mean of the tree over all axes but one."""
    # boxes exclude their lower faces, the cube includes 0
    points = np.maximum(unit, np.finfo(float).tiny)[:, None]
    inside = (tree.low[:, column] < points) & (points <= tree.high[:, column])
    mean: Array = inside @ _weights(tree, [column])
    return mean


def _effects(tree: RegressionTree, other: RegressionTree) -> Array:
    """Covariances of two trees' effects: one for each axis, one for each pair of axes, and the
    total.

    Of a tree with itself they are variances.  The integral of a product of step functions is a sum
    over pairs of boxes; the volume of the intersection of two boxes is a product over the axes.
    """
    left, right = _centered(tree), _centered(other)
    axes = range(tree.low.shape[1])
    overlaps = [_overlaps(tree, other, axis) for axis in axes]
    main = [_weights(left, [axis]) @ overlaps[axis] @ _weights(right, [axis]) for axis in axes]
    # the marginal along two axes has the effects of each of them in it
    pairs = [
        _weights(left, [a, b]) @ (overlaps[a] * overlaps[b]) @ _weights(right, [a, b])
        - main[a]
        - main[b]
        for a, b in combinations(axes, 2)
    ]
    total = left.values @ np.multiply.reduce(overlaps) @ right.values
    return np.array([*main, *pairs, total])


def _centered(tree: RegressionTree) -> RegressionTree:
    """A tree minus its mean over the cube."""
    return RegressionTree(tree.low, tree.high, tree.values - _weights(tree, ()).sum())


def _overlaps(tree: RegressionTree, other: RegressionTree, axis: int) -> Array:
    """(leaves, other's leaves) the length of the intersection of two boxes along an axis."""
    high = np.minimum.outer(tree.high[:, axis], other.high[:, axis])
    low = np.maximum.outer(tree.low[:, axis], other.low[:, axis])
    # boxes that lie apart have no negative length in common
    return np.asarray(np.maximum(high - low, 0.0))


def _shares(effects: Array, axes: int) -> Array:
    """Effects (trees, axes + pairs + total) as shares of the total: (trees, axes + pairs +
    interactions).
    """
    main, total = effects[:, :axes].sum(axis=1, keepdims=True), effects[:, -1:]
    shares: Array = np.hstack([effects[:, :-1], total - main]) / total
    return shares


def _agreed_shares(trees: Sequence[RegressionTree]) -> Array:
    """Shares of the covariances of each tree with the next, of the last with the first."""
    pairs = zip(trees, (*trees[1:], trees[0]))
    effects = np.mean([_effects(tree, other) for tree, other in pairs], axis=0, keepdims=True)
    if effects[0, -1] <= 0.0:
        raise StatsError(
            "the trees agree on nothing: the scores hardly depend on the hyper-parameters, or the"
            " trials are too few to show how"
        )
    shares: Array = _shares(effects, trees[0].low.shape[1])[0]
    return shares


def _importance(forest: Forest, value: Array, low: Array, high: Array) -> Importance:
    names = [axis.name for axis in forest.axes]
    shares = [Share(*np.clip(bounds, 0.0, 1.0).tolist()) for bounds in zip(value, low, high)]
    pairs = zip(combinations(names, 2), shares[len(names) : -1])
    return Importance(dict(zip(names, shares)), dict(pairs), shares[-1], forest.explained)
