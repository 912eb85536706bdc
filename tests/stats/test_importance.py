"""Importance against closed forms, against integration of scikit-learn's own predictions, and
against Optuna's.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from optuna.importance._fanova._fanova import _Fanova
from sklearn.ensemble import RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

from rnnzoo.errors import StatsError
from rnnzoo.stats.importance import (
    Axis,
    Forest,
    Importance,
    RegressionTree,
    Share,
    fit_forest,
    forest_of,
    importance,
    marginal,
)

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Known:
    """A function on the unit cube, and its shares: of the main effects, of pairs, of all
    interactions.
    """

    function: Callable[[Array], Array]
    main: tuple[float, ...]
    pairs: dict[tuple[str, str], float]
    interactions: float

    @property
    def axes(self) -> tuple[Axis, ...]:
        return tuple(Axis(name) for name in "abcd"[: len(self.main)])


def ishigami(unit: Array) -> Array:
    x, y, z = (2.0 * unit.T - 1.0) * np.pi
    result: Array = np.sin(x) + 7.0 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x)
    return result


def sobol_of_ishigami() -> tuple[float, float, float]:
    """Shares of x, of y, and of x with z (Ishigami and Homma 1990; Sobol and Levitan 1999)."""
    a, b = 7.0, 0.1
    x, y = 0.5 * (1.0 + b * np.pi**4 / 5.0) ** 2, a**2 / 8.0
    both = b**2 * np.pi**8 * (1.0 / 18.0 - 1.0 / 50.0)
    return x / (x + y + both), y / (x + y + both), both / (x + y + both)


FIRST, SECOND, BOTH = sobol_of_ishigami()
KNOWN = {
    "ishigami": Known(ishigami, (FIRST, SECOND, 0.0), {("a", "c"): BOTH, ("a", "b"): 0.0}, BOTH),
    "additive": Known(
        lambda u: u @ [4.0, 3.0, 2.0, 0.0], (16 / 29, 9 / 29, 4 / 29, 0.0), {("a", "b"): 0.0}, 0.0
    ),
    "product": Known(
        lambda u: (u[:, 0] - 0.5) * (u[:, 1] - 0.5), (0.0, 0.0, 0.0), {("a", "b"): 1.0}, 1.0
    ),
    "mixed": Known(  # variances 4/12, 1/12 and 16/144
        lambda u: 2 * u[:, 0] + u[:, 1] + 4 * (u[:, 0] - 0.5) * (u[:, 1] - 0.5),
        (12 / 19, 3 / 19, 0.0),
        {("a", "b"): 4 / 19, ("a", "c"): 0.0},
        4 / 19,
    ),
}


def trials(
    known: Known, count: int, seed: int, noise: float = 0.0
) -> tuple[Array, Array, np.random.Generator]:
    rng = np.random.default_rng(seed)
    points = rng.uniform(size=(count, len(known.main)))
    scores = known.function(points)
    return points, scores + noise * scores.std() * rng.normal(size=count), rng


def grown(axes: int, count: int = 60, trees: int = 3, leaves: int = 9) -> RandomForestRegressor:
    rng = np.random.default_rng(4)
    unit = rng.uniform(size=(count, axes))
    scores = np.sin(5.0 * unit[:, 0]) * unit[:, 1] + unit[:, -1] + 0.1 * rng.normal(size=count)
    return RandomForestRegressor(trees, max_leaf_nodes=leaves, random_state=0).fit(unit, scores)


def integrated(
    forest: RandomForestRegressor, axes: int
) -> tuple[list[Array], list[Array], list[Array]]:
    """What the trees predict on a grid that has a point in each cell between any splits; the cells'
    middles and widths.
    """
    edges = [
        np.unique(
            [
                0.0,
                1.0,
                *(
                    t
                    for estimator in forest.estimators_
                    for t in estimator.tree_.threshold[estimator.tree_.feature == axis]
                ),
            ]
        )
        for axis in range(axes)
    ]
    middles, widths = [(e[1:] + e[:-1]) / 2 for e in edges], [np.diff(e) for e in edges]
    grid = np.stack(np.meshgrid(*middles, indexing="ij"), axis=-1)
    predicted = [
        estimator.predict(grid.reshape(-1, axes)).reshape(grid.shape[:-1])
        for estimator in forest.estimators_
    ]
    return predicted, middles, widths


def averaged(values: Array, widths: list[Array], keep: tuple[int, ...]) -> Array:
    for axis in reversed(range(values.ndim)):
        if axis not in keep:
            values = np.tensordot(values, widths[axis], axes=(axis, 0))
    return values


def covariance(first: Array, second: Array, widths: list[Array], keep: tuple[int, ...]) -> float:
    """Of the marginals of two trees over the axes kept."""
    left, right = (averaged(v, widths, keep) - averaged(v, widths, ()) for v in (first, second))
    return float(averaged(left * right, [widths[axis] for axis in keep], ()))


def by_tree(forest: Forest) -> list[Importance]:
    """Shares of each tree's own variance, as Hutter, Hoos and Leyton-Brown 2014 average them: a
    tree agrees with itself, and redrawn scores that grow it again leave nothing to correct.
    """
    alone = (Forest(forest.axes, (tree,), redrawn=((tree,),) * 4) for tree in forest.trees)
    return [importance(tree) for tree in alone]


def mean(shares: Iterable[Share]) -> float:
    return statistics.fmean(share.value for share in shares)


def predicted_at(forest: Forest, points: Array) -> Array:
    """What the forest predicts at points inside the search space."""
    columns = [axis.to_unit(column) for axis, column in zip(forest.axes, points.T)]
    unit = np.column_stack(columns)[:, None]

    def of_tree(tree: RegressionTree) -> Array:
        predicted: Array = ((tree.low < unit) & (unit <= tree.high)).all(axis=2) @ tree.values
        return predicted

    return np.mean([of_tree(tree) for tree in forest.trees], axis=0)


def test_shares_by_tree_are_those_that_optuna_finds_in_the_same_forest() -> None:
    axes = 3
    unit = np.random.default_rng(0).uniform(size=(80, axes))
    scores = ishigami(unit)
    theirs = _Fanova(n_trees=8, max_depth=64, min_samples_split=2, min_samples_leaf=1, seed=0)
    columns = [np.array(pair) for pair in combinations(range(axes), 2)]
    theirs.fit(
        unit,
        scores,
        np.tile([0.0, 1.0], (axes, 1)),
        [np.array([axis]) for axis in range(axes)] + columns,
    )
    ours = by_tree(forest_of(theirs._forest.estimators_, [Axis(name) for name in "abc"]))
    main = [theirs.get_importance(axis)[0] for axis in range(axes)]
    for axis, name in enumerate("abc"):
        assert mean(tree.main[name] for tree in ours) == pytest.approx(main[axis], abs=1e-9)
    # theirs hold the main effects of both
    for place, (first, second) in enumerate(combinations(range(axes), 2)):
        theirs_alone = theirs.get_importance(axes + place)[0] - main[first] - main[second]
        pair = "abc"[first], "abc"[second]
        assert mean(tree.pairs[pair] for tree in ours) == pytest.approx(theirs_alone, abs=1e-9)
    interactions = mean(tree.interactions for tree in ours)
    assert interactions == pytest.approx(1.0 - sum(main), abs=1e-9)


def test_shares_by_tree_are_those_of_the_integrated_predictions() -> None:
    forest = grown(axes=3)
    predicted, _, widths = integrated(forest, 3)
    ours = by_tree(forest_of(forest.estimators_, [Axis(name) for name in "abc"]))

    def share(keep: tuple[int, ...]) -> Array:
        return np.array(
            [
                covariance(p, p, widths, keep) / covariance(p, p, widths, (0, 1, 2))
                for p in predicted
            ]
        )

    for axis, name in enumerate("abc"):
        main = [tree.main[name].value for tree in ours]
        np.testing.assert_allclose(main, share((axis,)), atol=1e-9)
    pairs = [tree.pairs["a", "b"].value for tree in ours]
    np.testing.assert_allclose(pairs, share((0, 1)) - share((0,)) - share((1,)), atol=1e-9)


def test_shares_of_what_trees_agree_on_are_covariances_of_the_integrated_predictions() -> None:
    forest = grown(axes=3)
    predicted, _, widths = integrated(forest, 3)
    ours = forest_of(forest.estimators_, [Axis(name) for name in "abc"])
    # redrawn alike: nothing to correct
    shares = importance(Forest(ours.axes, ours.trees, redrawn=(ours.trees,) * 4))

    def total(keep: tuple[int, ...]) -> float:
        return sum(covariance(predicted[k], predicted[(k + 1) % 3], widths, keep) for k in range(3))

    for axis, name in enumerate("abc"):
        expected = max(0.0, total((axis,)) / total((0, 1, 2)))
        assert shares.main[name].value == pytest.approx(expected, abs=1e-9)
        assert shares.main[name].low == pytest.approx(shares.main[name].high, abs=1e-9)
    pair = (total((0, 1)) - total((0,)) - total((1,))) / total((0, 1, 2))
    assert shares.pairs["a", "b"].value == pytest.approx(pair, abs=1e-9)


def test_all_shares_of_two_axes_are_one() -> None:
    forest = forest_of(grown(axes=2, leaves=40).estimators_, [Axis("a"), Axis("b")])
    for shares in by_tree(forest):
        interaction = shares.pairs["a", "b"].value
        main = shares.main["a"].value + shares.main["b"].value
        assert main + interaction == pytest.approx(1.0, abs=1e-12)
        assert shares.interactions.value == pytest.approx(interaction, abs=1e-12)


def test_a_marginal_is_the_mean_of_the_integrated_predictions() -> None:
    forest = grown(axes=3)
    predicted, middles, widths = integrated(forest, 3)
    ours = forest_of(forest.estimators_, [Axis(name) for name in "abc"])
    curve = marginal(ours, "b", middles[1])
    expected = np.array([averaged(prediction, widths, (1,)) for prediction in predicted])
    np.testing.assert_allclose(curve.mean, expected.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(curve.spread, expected.std(axis=0), atol=1e-12)


def test_a_marginal_averages_to_the_mean_of_the_forest() -> None:
    forest = grown(axes=3)
    predicted, middles, widths = integrated(forest, 3)
    ours = forest_of(forest.estimators_, [Axis(name) for name in "abc"])
    for axis, name in enumerate("abc"):
        average = marginal(ours, name, middles[axis]).mean @ widths[axis]
        assert average == pytest.approx(averaged(np.mean(predicted, axis=0), widths, ()), abs=1e-12)


def test_both_ends_of_an_axis_belong_to_it() -> None:
    tree = DecisionTreeRegressor().fit([[0.25], [0.75]], [1.0, 3.0])
    np.testing.assert_array_equal(
        marginal(forest_of([tree], [Axis("a")]), "a", np.array([0, 0.5, 0.6, 1])).mean, [1, 1, 3, 3]
    )


@pytest.mark.parametrize(
    "seeds", [range(1), pytest.param(range(4), marks=pytest.mark.slow)], ids=["short", "long"]
)
@pytest.mark.parametrize("noise", [pytest.param(0.0, marks=pytest.mark.slow), 0.5])
@pytest.mark.parametrize("name", KNOWN)
def test_intervals_cover_known_shares(name: str, noise: float, seeds: range) -> None:
    known = KNOWN[name]
    hits = []
    for seed in seeds:
        points, scores, rng = trials(known, 200, seed, noise)
        shares_found = importance(fit_forest(points, scores, known.axes, rng))
        shares = [
            *shares_found.main.values(),
            *(shares_found.pairs[pair] for pair in known.pairs),
            shares_found.interactions,
        ]
        truth = [*known.main, *known.pairs.values(), known.interactions]
        assert all(share.low <= share.value <= share.high for share in shares)
        hits += [
            share.low - 1e-3 <= true <= share.high + 1e-3 for share, true in zip(shares, truth)
        ]
    assert np.mean(hits) >= 0.85


def test_an_interval_is_no_wider_than_it_has_to_be() -> None:
    points, scores, rng = trials(KNOWN["mixed"], 200, 0)
    shares_found = importance(fit_forest(points, scores, KNOWN["mixed"].axes, rng))
    assert all(
        share.high - share.low < 0.12
        for share in (*shares_found.main.values(), *shares_found.pairs.values())
    )
    assert shares_found.pairs["a", "b"].low > 0.1


def test_steps_of_trees_are_interactions_by_tree_and_are_taken_out() -> None:
    points, scores, rng = trials(KNOWN["additive"], 200, 1, noise=0.5)
    forest = fit_forest(points, scores, KNOWN["additive"].axes, rng)
    interactions = [shares.interactions.value for shares in by_tree(forest)]
    assert np.percentile(interactions, 2.5) > 0.08
    assert importance(forest).interactions.value < 0.04
    assert importance(forest).interactions.low == 0.0


def test_more_trials_narrow_the_interval() -> None:
    widths = []
    for count in (100, 800):
        points, scores, rng = trials(KNOWN["mixed"], count, 5, noise=0.5)
        share = importance(fit_forest(points, scores, KNOWN["mixed"].axes, rng)).main["a"]
        widths.append(share.high - share.low)
    assert widths[1] < 0.7 * widths[0]


def test_what_the_forest_explains_falls_with_noise() -> None:
    explained = []
    for noise in (0.0, 1.0):
        points, scores, rng = trials(KNOWN["additive"], 200, 2, noise)
        explained.append(fit_forest(points, scores, KNOWN["additive"].axes, rng).explained)
    assert explained[0] > 0.9
    # half of the variance is noise; some signal is lost with it
    assert explained[1] == pytest.approx(0.45, abs=0.12)


def test_a_logarithmic_axis_is_uniform_in_the_logarithm() -> None:
    rng = np.random.default_rng(0)
    points = np.column_stack([10.0 ** rng.uniform(-5.0, -1.0, 300), rng.uniform(-2.0, 2.0, 300)])
    scores = np.log10(points[:, 0]) + points[:, 1]
    axes = [Axis("rate", 1e-5, 1e-1, log=True), Axis("other", -2.0, 2.0)]
    forest = fit_forest(points, scores, axes, rng)
    for share in importance(forest).main.values():
        assert share.value == pytest.approx(0.5, abs=0.05)
    curve = marginal(forest, "rate", np.array([1e-4, 1e-3, 1e-2]))
    np.testing.assert_allclose(curve.mean, [-4.0, -3.0, -2.0], atol=0.35)
    linear = importance(fit_forest(points, scores, [Axis("rate", 1e-5, 1e-1), axes[1]], rng))
    assert linear.main["rate"].value < 0.2  # nearly all of the linear range is one decade


def test_choices_weigh_alike_however_often_they_were_tried() -> None:
    rng = np.random.default_rng(0)
    effects = np.array([0.0, 3.0, 1.0])
    codes = rng.choice(3, size=400, p=[0.7, 0.2, 0.1])
    points = np.column_stack([codes, rng.uniform(size=400)])
    forest = fit_forest(
        points, effects[codes] + 4.0 * points[:, 1], [Axis("cell", choices=3), Axis("size")], rng
    )
    share = importance(forest).main["cell"]
    expected = effects.var() / (effects.var() + 16.0 / 12.0)
    assert share.value == pytest.approx(expected, abs=0.06)
    assert share.low <= expected <= share.high
    np.testing.assert_allclose(marginal(forest, "cell", np.arange(3)).mean, 2.0 + effects, atol=0.3)


@pytest.mark.parametrize("choices", [2, 3, 5, 8])
def test_a_split_among_some_choices_leaves_each_choice_whole(choices: int) -> None:
    axis = Axis("cell", choices=choices)
    codes = np.array([0, choices - 1])
    tree = DecisionTreeRegressor().fit(axis.to_unit(codes)[:, None], [0.0, 1.0])
    everywhere = np.arange(choices)
    means = marginal(forest_of([tree], [axis]), "cell", everywhere).mean
    np.testing.assert_array_equal(means, everywhere >= (choices + 1) // 2)
    fine = Axis("fine")  # the same forest, looked at between the codes
    inside = (np.repeat(everywhere, 3) + np.tile([0.1, 0.5, 0.9], choices)) / choices
    same = Forest((fine,), forest_of([tree], [axis]).trees)
    np.testing.assert_array_equal(marginal(same, "fine", inside).mean, np.repeat(means, 3))


def test_a_condition_is_an_interaction_with_what_it_hangs_on() -> None:
    rng = np.random.default_rng(0)
    logarithm, has = rng.uniform(-3.0, 1.0, size=400), rng.integers(2, size=400)
    points = np.column_stack([has, np.where(has, 10.0**logarithm, np.nan)])
    axes = [Axis("momentum", choices=2), Axis("decay", 1e-3, 10.0, log=True)]
    important = importance(fit_forest(points, has * logarithm, axes, rng))
    shares = [*important.main.values(), *important.pairs.values()]
    expected = np.array([3.0, 4.0, 4.0]) / 11.0  # variances 1/4, 1/3 and 1/3
    assert [share.value for share in shares] == pytest.approx(expected, abs=0.06)
    assert all(share.low <= true <= share.high for share, true in zip(shares, expected))


def test_a_choice_that_does_not_exist_is_drawn_among_the_choices() -> None:
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(size=200), rng.integers(3, size=200)])
    has = points[:, 0] > 0.5
    scores = np.where(has, points[:, 1] == 1.0, 5.0)
    points[~has, 1] = np.nan
    forest = fit_forest(points, scores, [Axis("a"), Axis("b", choices=3)], rng)
    places = np.array([[0.2, 0.0], [0.2, 1.0], [0.2, 2.0], [0.8, 0.0], [0.8, 1.0], [0.8, 2.0]])
    np.testing.assert_allclose(predicted_at(forest, places), [5, 5, 5, 0, 1, 0], atol=0.1)


def test_equal_generators_give_equal_importance() -> None:
    points, scores, _ = trials(KNOWN["mixed"], 60, 0)
    first, second = (
        importance(fit_forest(points, scores, KNOWN["mixed"].axes, np.random.default_rng(3)))
        for _ in range(2)
    )
    assert first == second


def test_one_axis_has_the_whole_variance() -> None:
    points = np.linspace(0.0, 1.0, 40)[:, None]
    important = importance(fit_forest(points, points[:, 0], [Axis("a")], np.random.default_rng(0)))
    assert important.main["a"].value == pytest.approx(1.0)
    assert important.pairs == {}
    assert important.interactions.value == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": np.full(20, np.nan)}, "finite"),
        ({"scores": np.zeros(19)}, "fit together"),
        ({"points": np.full((20, 3), 0.5)}, "fit together"),
        ({"points": np.full((7, 2), 0.5), "scores": np.zeros(7)}, "at least 8 trials"),
        ({"points": np.full((20, 2), 1.5)}, "outside"),
        ({"points": np.full((20, 2), np.inf)}, "outside"),
        ({"axes": [Axis("a"), Axis("a")]}, "same name"),
        ({"axes": [Axis("a"), Axis("b", choices=2)]}, "outside"),
        ({"trees": 8}, "at least 32 trees"),
        ({"draws": 1}, "4 draws"),
    ],
)
def test_trials_that_cannot_answer_are_refused(change: dict[str, Any], message: str) -> None:
    whole = {
        "points": np.full((20, 2), 0.4),
        "scores": np.arange(20.0),
        "axes": [Axis("a"), Axis("b")],
    }
    with pytest.raises(StatsError, match=message):
        fit_forest(**{**whole, **change}, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    "axis",
    [
        {"low": 1.0, "high": 1.0},
        {"low": 0.0, "high": np.inf},
        {"low": np.nan},
        {"low": 0.0, "high": 1.0, "log": True},
        {"choices": 1},
        {"choices": -2},
    ],
)
def test_axes_with_nothing_to_search_are_refused(axis: dict[str, Any]) -> None:
    with pytest.raises(StatsError, match="'a'"):
        Axis("a", **axis)


def test_equal_scores_and_forests_without_redrawn_scores_are_refused() -> None:
    points = np.random.default_rng(0).uniform(size=(30, 2))
    forest = fit_forest(points, np.full(30, 0.1), [Axis("a"), Axis("b")], np.random.default_rng(0))
    with pytest.raises(StatsError, match="agree on nothing"):
        importance(forest)
    with pytest.raises(StatsError, match="redrawn"):
        importance(forest_of(grown(axes=2).estimators_, [Axis("a"), Axis("b")]))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("z", [0.5], "a marginal of z: searched are a, b"),
        ("b", [0.5, 1.5], "a value of 'b' lies outside its search space"),
        ("b", [0.5, np.nan], "a value of 'b' lies outside its search space"),
    ],
)
def test_marginals_of_what_was_not_searched_are_refused(
    name: str, values: list[float], message: str
) -> None:
    forest = forest_of(grown(axes=2).estimators_, [Axis("a"), Axis("b")])
    with pytest.raises(StatsError, match=message):
        marginal(forest, name, np.array(values))
