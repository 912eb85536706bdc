"""Results -> which hyper-parameters explain the scores, by functional ANOVA (Hutter et al. 2014).

In: an experiment and its results.  Out: for each task a forest, and from it the shares of variance and the marginal curves
that a report shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnzoo.errors import StatsError
from rnnzoo.report.results import belonging
from rnnzoo.spec.experiment import Dimension, Experiment, Space
from rnnzoo.spec.points import within
from rnnzoo.spec.trial import Result
from rnnzoo.stats import importance
from rnnzoo.stats.importance import Axis, Forest, Importance, Share

POINTS = 41  # of a marginal curve
FENCE = 3.0
WILD = 10.0  # times the usual spread of a variant's scores: beyond, it would be most of the variance
PREDICTED = 0.5  # below, shares are shares of what is mostly noise


@dataclass(frozen=True, slots=True)
class Marginal:
    """The score that is to be expected for each value of one hyper-parameter, over all the others.

    Attributes:
        at: values, or numbers of `choices`.
        mean: expected score, less the median of its variant.
        spread: how much the trees differ.
    """

    name: str
    log: bool
    choices: tuple[str, ...]
    at: tuple[float, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """What the trials of a task say of its hyper-parameters.

    Attributes:
        main: share of the variance that each explains by itself, the largest first.
        pairs: what two explain only together.
        interactions: all that no hyper-parameter explains by itself.
        predicted: how much of the scores' variance the forest predicts for trials that it has not seen.
        trials: how many it was fitted to.
        without: the variants whose trials it was not fitted to, since their scores spread too wide.
    """

    main: tuple[tuple[str, Share], ...]
    pairs: tuple[tuple[str, str, Share], ...]
    interactions: Share
    predicted: float
    trials: int
    marginals: tuple[Marginal, ...]
    without: tuple[str, ...] = ()


class Forests:
    """Regression forests from hyper-parameters to scores, one for each task, fitted when asked for.

    The trials of all variants are taken together, each variant's scores less their median, since what is asked is which
    hyper-parameter matters and not which variant.  What is far above the others then counts as their fence (Tukey 1977: the
    upper quartile and three times the distance between the quartiles), and so does a trial that did not complete: else one
    trial that went wrong would be most of the variance.  A variant whose trials go wrong by the dozen, as those of an
    unbounded cell do, would still be most of it: where the middle half of its scores spreads `WILD` times as wide as that of
    the median variant, its trials are left out, and the report names it.
    """

    def __init__(self, experiment: Experiment, results: Sequence[Result]) -> None:
        self.experiment = experiment
        self.searched, self.axes = searched(experiment), axes(experiment)
        choices = Space(tuple(dimension for dimension in self.searched if dimension.kind == "choice"))
        # a table may be older than its spec, which has lost a choice since
        self.results = [result for result in results if within(choices, result.trial.hyperparameters)]
        self.known: dict[str, Forest] = {}
        self.found: dict[str, Importance] = {}
        self.trials: dict[str, int] = {}
        self.wild: dict[str, tuple[str, ...]] = {}

    def forest(self, task: str) -> Forest:
        """The forest of a task.

        Raises:
            StatsError: too few trials, or nothing is searched.
        """
        if task not in self.known:
            points, scores = self._points(task)
            self.trials[task] = len(scores)
            self.known[task] = importance.fit_forest(points, scores, self.axes, np.random.default_rng(0))
        return self.known[task]

    def importance(self, task: str) -> Importance:
        if task not in self.found:
            self.found[task] = importance.importance(self.forest(task))
        return self.found[task]

    def shares(self, task: str) -> Mapping[str, Share]:
        """The share of each hyper-parameter by itself; of all interactions under the empty name.

        Raises:
            StatsError: the forest predicts too little for its shares to say anything.
        """
        found = self.importance(task)
        if not found.explained >= PREDICTED:
            raise StatsError(
                f"hyper-parameters predict {max(found.explained, 0.0):.0%} of the variance of trials that the forest has not"
                f" seen, and at least {PREDICTED:.0%} are needed to say which of them matters"
            )
        return {**found.main, "": found.interactions}

    def without(self, task: str) -> tuple[str, ...]:
        """The variants whose scores spread so wide that they are left out."""
        if task not in self.wild:
            spread: dict[str, float] = {}
            for variant in self.experiment.variants:
                finite = _finite(self._scores(variant.label, task))
                if finite.size:
                    lower, upper = np.percentile(finite, (25, 75))
                    spread[variant.label] = float(upper - lower)
            usual = float(np.median(list(spread.values()))) if spread else 0.0
            self.wild[task] = tuple(label for label, width in spread.items() if width > WILD * usual > 0)
        return self.wild[task]

    def _scores(self, label: str, task: str) -> np.ndarray:
        """What the trials of a variant reached on the reported split; infinite where one did not complete."""
        report = self.experiment.select.report
        return np.array([one.outcome.scores.get(report, math.inf) for one in belonging(self.results, label, task)])

    def _points(self, task: str) -> tuple[np.ndarray, np.ndarray]:
        points: list[list[float]] = []
        scores: list[float] = []
        for variant in self.experiment.variants:
            reached = self._scores(variant.label, task)
            finite = _finite(reached)
            if finite.size and variant.label not in self.without(task):
                points += [self._point(one) for one in belonging(self.results, variant.label, task)]
                scores += (reached - np.median(finite)).tolist()
        return np.array(points, dtype=float).reshape(len(points), len(self.axes)), _fenced(np.array(scores))

    def _point(self, result: Result) -> list[float]:
        chosen = result.trial.hyperparameters
        return [_coded(dimension, chosen.get(dimension.name)) for dimension in self.searched]


def _finite(scores: np.ndarray) -> np.ndarray:
    finite: np.ndarray = scores[np.isfinite(scores)]
    return finite


def _fenced(scores: np.ndarray) -> np.ndarray:
    """The scores, none of them above the fence of those that are finite."""
    if not scores.size:
        return scores
    lower, upper = np.percentile(_finite(scores), (25, 75))
    fenced: np.ndarray = np.minimum(scores, upper + FENCE * (upper - lower))
    return fenced


def searched(experiment: Experiment) -> tuple[Dimension, ...]:
    """What every variant searches: a range from the lowest to the highest of theirs, or the same choices."""
    found = []
    for name in dict.fromkeys(one.name for variant in experiment.variants for one in variant.space.dimensions):
        own = [one for variant in experiment.variants for one in variant.space.dimensions if one.name == name]
        low, high = min(one.low for one in own), max(one.high for one in own)
        alike = len({(one.kind == "choice", one.choices, one.log) for one in own}) == 1
        if len(own) == len(experiment.variants) and alike and (len(own[0].choices) > 1 or low < high):
            found.append(replace(own[0], low=low, high=high))
    return tuple(found)


def axes(experiment: Experiment) -> tuple[Axis, ...]:
    return tuple(
        Axis(one.name, 0, max(len(one.choices) - 1, 0), choices=len(one.choices))
        if one.kind == "choice"
        else Axis(one.name, one.low, one.high, one.log)
        for one in searched(experiment)
    )


def _coded(dimension: Dimension, value: object) -> float:
    """A number for each value; NaN where the hyper-parameter does not exist."""
    if value is None:
        return math.nan
    return float(dimension.choices.index(value)) if dimension.kind == "choice" else float(value)  # type: ignore[arg-type]


def explained(forests: Forests, task: str) -> Explained:
    """What a report shows.

    Raises:
        StatsError: too few trials, or nothing is searched.
    """
    found, forest = forests.importance(task), forests.forest(task)
    main = sorted(found.main.items(), key=lambda one: -one[1].value)
    pairs = sorted(((a, b, share) for (a, b), share in found.pairs.items()), key=lambda one: -one[2].value)
    return Explained(
        main=tuple(main),
        pairs=tuple(pairs),
        interactions=found.interactions,
        predicted=found.explained,
        trials=forests.trials[task],
        marginals=tuple(_marginal(forest, one) for one in forests.searched),
        without=forests.without(task),
    )


def _marginal(forest: Forest, dimension: Dimension) -> Marginal:
    if dimension.kind == "choice":
        at = np.arange(len(dimension.choices), dtype=float)
    elif dimension.log:
        at = np.geomspace(dimension.low, dimension.high, POINTS)
    else:
        at = np.linspace(dimension.low, dimension.high, POINTS)
    curve = importance.marginal(forest, dimension.name, at)
    return Marginal(
        dimension.name, dimension.log, tuple(map(str, dimension.choices)),
        tuple(at.tolist()), tuple(curve.mean.tolist()), tuple(curve.spread.tolist()),
    )  # fmt: skip
