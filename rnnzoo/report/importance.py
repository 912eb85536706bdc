"""Results -> which hyper-parameters explain the scores, by functional ANOVA (Hutter et al. 2014).

In: an experiment and its results.  Out: for each task a forest, and from it the shares of variance
and the marginal curves that a report shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnzoo.errors import StatsError, in_percent
from rnnzoo.report.results import belonging
from rnnzoo.spec.experiment import Dimension, Experiment, Space
from rnnzoo.spec.points import within
from rnnzoo.spec.trial import Result
from rnnzoo.stats.importance import (
    Axis,
    Forest,
    Importance,
    Share,
    fit_forest,
    importance,
    marginal,
)

POINTS = 41  # of a marginal curve
FENCE = 3.0  # distances between the quartiles, above the upper one (Tukey 1977)
# times the median variant's spread: trials of a wider one would be most of the variance
SPREAD_LIMIT = 10.0
# of so few trials, so much of the variance
FEW, MOST = 0.2, 0.5
PREDICTED = 0.5  # below, shares are shares of what is mostly noise
PREDICTING = 0.005  # below, nothing is predicted


@dataclass(frozen=True, slots=True)
class Marginal:
    """The expected score for each value of one hyper-parameter, averaged over all the others.

    Attributes:
        values: where it is expected; of a choice, positions in `choices`.
        mean: expected score, less the median of its variant.
        spread: how much the trees differ.
    """

    name: str
    log: bool
    choices: tuple[str, ...]
    values: tuple[float, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ImportanceSummary:
    """What a report shows of one task's hyper-parameters.

    Attributes:
        main: the share of the variance that each explains by itself, the largest first.
        pairs: the shares that two explain only together, the largest first.
        interactions: everything that no hyper-parameter explains by itself.
        predicted: how much of the variance of unseen trials' scores the forest predicts.
        trials: how many trials the forest was fitted to.
        without: the variants whose trials were left out because their scores spread too wide.
    """

    main: tuple[tuple[str, Share], ...]
    pairs: tuple[tuple[str, str, Share], ...]
    interactions: Share
    predicted: float
    trials: int
    marginals: tuple[Marginal, ...]
    without: tuple[str, ...] = ()

    @property
    def prediction(self) -> str:
        """How well the forest predicts, as a sentence; it may do worse than no forest at all."""
        if not self.predicted >= PREDICTING:
            return (
                "The forest predicts trials that it has not seen no better than their mean does:"
                " these settings do not predict the score, and the shares above say nothing."
            )
        text = (
            f"The forest predicts {in_percent(self.predicted)} of the variance of trials that it"
            " has not seen"
        )
        weak = "" if self.predicted >= PREDICTED else "; below half, shares are mostly of noise"
        return f"{text}{weak}."


class ImportanceModel:
    """Regression forests from hyper-parameters to scores, one for each task, fitted on first use.

    All variants' trials enter one forest, each variant's scores less their median: the question is
    which hyper-parameter matters, not which variant.  One trial that went wrong would be most of
    the variance, so a score far above the others counts as their fence (Tukey 1977: the upper
    quartile plus three times the distance between the quartiles), and so does a trial that did not
    complete.  A variant whose trials often go wrong, as those of an unbounded cell do, would still
    be most of the variance.  Its trials are left out, and the report names it, where the middle
    half of its scores spreads `SPREAD_LIMIT` times as wide as that of the median variant, or where
    they are at most a fifth of all trials and more than half of the variance.
    """

    def __init__(self, experiment: Experiment, results: Sequence[Result]) -> None:
        self.experiment = experiment
        self.searched, self.axes = searched(experiment), axes(experiment)
        choices = Space(
            tuple(dimension for dimension in self.searched if dimension.kind == "choice")
        )
        # a table may be older than its spec, which has lost a choice since
        self.results = [
            result for result in results if within(choices, result.trial.hyperparameters)
        ]
        self._forests: dict[str, Forest] = {}
        self._importances: dict[str, Importance] = {}
        self._trials: dict[str, int] = {}
        self._excluded: dict[str, tuple[str, ...]] = {}

    def forest(self, task: str) -> Forest:
        """The forest of a task.

        Raises:
            StatsError: too few trials, or nothing is searched.
        """
        if task not in self._forests:
            points, scores = self._points(task)
            self._trials[task] = len(scores)
            self._forests[task] = fit_forest(points, scores, self.axes, np.random.default_rng(0))
        return self._forests[task]

    def importance(self, task: str) -> Importance:
        """The shares of a task's forest, with intervals.

        Raises:
            StatsError: as `forest`.
        """
        if task not in self._importances:
            self._importances[task] = importance(self.forest(task))
        return self._importances[task]

    def shares(self, task: str) -> Mapping[str, Share]:
        """The share of each hyper-parameter by itself; of all interactions under the empty name.

        Raises:
            StatsError: the forest predicts too little for its shares to say anything.
        """
        shares = self.importance(task)
        if not shares.explained >= PREDICTED:
            raise StatsError(
                f"hyper-parameters predict {_predicting(shares.explained)} of trials that the"
                f" forest has not seen, and at least {in_percent(PREDICTED)} of their variance are"
                " needed to say which of them matters"
            )
        return {**shares.main, "": shares.interactions}

    def excluded(self, task: str) -> tuple[str, ...]:
        """The variants that are left out because their scores spread too wide."""
        if task not in self._excluded:
            scores = {
                variant.label: self._scores(variant.label, task)
                for variant in self.experiment.variants
            }
            known = {label: reached for label, reached in scores.items() if _finite(reached).size}
            wide = _wide(known)
            rest = {label: reached for label, reached in known.items() if label not in wide}
            self._excluded[task] = (*wide, *_most(rest))
        return self._excluded[task]

    def summary(self, task: str) -> ImportanceSummary:
        """What a report shows of a task.

        Raises:
            StatsError: as `forest`.
        """
        shares, forest = self.importance(task), self.forest(task)
        pairs = [(a, b, share) for (a, b), share in shares.pairs.items()]
        return ImportanceSummary(
            main=tuple(sorted(shares.main.items(), key=lambda named: -named[1].value)),
            pairs=tuple(sorted(pairs, key=lambda pair: -pair[2].value)),
            interactions=shares.interactions,
            predicted=shares.explained,
            trials=self._trials[task],
            marginals=tuple(_marginal(forest, dimension) for dimension in self.searched),
            without=self.excluded(task),
        )

    def _scores(self, label: str, task: str) -> np.ndarray:
        """What the trials of a variant reached on the reported split; infinite where one did not
        complete.
        """
        report = self.experiment.select.report
        trials = belonging(self.results, label, task)
        return np.array([trial.outcome.scores.get(report, math.inf) for trial in trials])

    def _points(self, task: str) -> tuple[np.ndarray, np.ndarray]:
        """The forest's inputs and targets, variant after variant: (trials, axes) and (trials,)."""
        points: list[list[float]] = []
        scores: list[float] = []
        for variant in self.experiment.variants:
            reached = self._scores(variant.label, task)
            finite = _finite(reached)
            if finite.size and variant.label not in self.excluded(task):
                points += [
                    self._point(trial) for trial in belonging(self.results, variant.label, task)
                ]
                scores += _deviations(reached).tolist()
        return np.array(points, dtype=float).reshape(len(points), len(self.axes)), _fenced(
            np.array(scores)
        )

    def _point(self, result: Result) -> list[float]:
        chosen = result.trial.hyperparameters
        return [_coded(dimension, chosen.get(dimension.name)) for dimension in self.searched]


def _predicting(share: float) -> str:
    if not share >= PREDICTING:
        return "nothing"
    return f"{in_percent(share)} of the variance"


def _finite(scores: np.ndarray) -> np.ndarray:
    finite: np.ndarray = scores[np.isfinite(scores)]
    return finite


def _deviations(scores: np.ndarray) -> np.ndarray:
    """A variant's scores less the median of those that are finite."""
    deviations: np.ndarray = scores - np.median(_finite(scores))
    return deviations


def _wide(scores: Mapping[str, np.ndarray]) -> list[str]:
    """The variants whose middle half spreads wide beside that of the median variant."""
    spread = {}
    for label, reached in scores.items():
        lower, upper = np.percentile(_finite(reached), (25, 75))
        spread[label] = float(upper - lower)
    median = float(np.median(list(spread.values()))) if spread else 0.0
    return [label for label, width in spread.items() if width > SPREAD_LIMIT * median > 0]


def _most(scores: Mapping[str, np.ndarray]) -> list[str]:
    """The variant that has few trials and most of the variance; none but one can.

    Trials that explode in fewer than a quarter of the cases leave the middle half as it is.
    """
    if not scores:
        return []
    deviations = {label: _deviations(reached) for label, reached in scores.items()}
    squares = _fenced(np.concatenate([*deviations.values()])) ** 2
    ends = np.cumsum([len(own) for own in deviations.values()])
    return [
        label
        for label, own in zip(deviations, np.split(squares, ends[:-1]))
        if len(own) <= FEW * len(squares) and own.sum() > MOST * squares.sum()
    ]


def _fenced(scores: np.ndarray) -> np.ndarray:
    """The scores, none of them above the fence of those that are finite."""
    if not scores.size:
        return scores
    lower, upper = np.percentile(_finite(scores), (25, 75))
    fenced: np.ndarray = np.minimum(scores, upper + FENCE * (upper - lower))
    return fenced


def searched(experiment: Experiment) -> tuple[Dimension, ...]:
    """The hyper-parameters that every variant searches, over the same choices or in ranges.

    A range becomes the one from the lowest to the highest value of any variant.
    """
    by_name: dict[str, list[Dimension]] = {}
    for variant in experiment.variants:
        for dimension in variant.space.dimensions:
            by_name.setdefault(dimension.name, []).append(dimension)
    merged = []
    for dimensions in by_name.values():
        if len(dimensions) == len(experiment.variants) and _alike(dimensions):
            first = dimensions[0]
            low = min(dimension.low for dimension in dimensions)
            high = max(dimension.high for dimension in dimensions)
            if len(first.choices) > 1 or low < high:
                merged.append(replace(first, low=low, high=high))
    return tuple(merged)


def _alike(dimensions: Sequence[Dimension]) -> bool:
    """Whether dimensions of one name have the same choices, or are ranges on the same scale."""
    kinds = {
        (dimension.kind == "choice", dimension.choices, dimension.log) for dimension in dimensions
    }
    return len(kinds) == 1


def axes(experiment: Experiment) -> tuple[Axis, ...]:
    """The axes of the forest: one for each searched hyper-parameter."""
    return tuple(_axis(dimension) for dimension in searched(experiment))


def _axis(dimension: Dimension) -> Axis:
    if dimension.kind == "choice":
        count = len(dimension.choices)
        return Axis(dimension.name, 0, max(count - 1, 0), choices=count)
    return Axis(dimension.name, dimension.low, dimension.high, dimension.log)


def _coded(dimension: Dimension, value: object) -> float:
    """A number for each value; NaN where the hyper-parameter does not exist."""
    if value is None:
        return math.nan
    return float(dimension.choices.index(value)) if dimension.kind == "choice" else float(value)  # type: ignore[arg-type]


def _marginal(forest: Forest, dimension: Dimension) -> Marginal:
    if dimension.kind == "choice":
        values = np.arange(len(dimension.choices), dtype=float)
    elif dimension.log:
        values = np.geomspace(dimension.low, dimension.high, POINTS)
    else:
        values = np.linspace(dimension.low, dimension.high, POINTS)
    curve = marginal(forest, dimension.name, values)
    return Marginal(
        dimension.name, dimension.log, tuple(map(str, dimension.choices)),
        tuple(values.tolist()), tuple(curve.mean.tolist()), tuple(curve.spread.tolist()),
    )  # fmt: skip
