"""Where the second stage of an experiment stands -> what a report says of it beside the verdicts.

In: a `Stand` and the results.  Out: a frozen `Second`, and sentences: where the settings lie, for
how long was trained, what failed, and what it cost.  Both say what could be wrong with a verdict,
which no number of rounds would show.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.confirm import told
from rnnzoo.confirm.own_settings import may_miss
from rnnzoo.confirm.region import Region
from rnnzoo.confirm.stand import Stand, extent
from rnnzoo.confirm.told import span, value
from rnnzoo.errors import StatsError, number_of
from rnnzoo.report.results import belonging, staged, variant
from rnnzoo.report.verdict import LEVEL, counted
from rnnzoo.spec import points
from rnnzoo.spec.experiment import Experiment, Space
from rnnzoo.spec.trial import PILOT, ROUND, Kind, Result
from rnnzoo.stats.linear import mean_interval, slopes
from rnnzoo.stats.shares import share_interval

LATE = 0.05  # of the epochs: a training that is best in the last of them might have gone on
# of the span of a hyper-parameter: a region that comes so close touches the border of the space
NEAR = 0.05
CLEAR = 0.01  # p, for all borders together
MOSTLY = 0.5  # of the trainings; where more were best so late, the report says what that means
PROMISE = (
    "At most 5 % of such studies contain a wrong word, as far as chance is that of seeds and of"
    " settings. Not in it: that the search misses a cell's best settings."
)

LOOKS = (
    "\u201cOver all looks\u201d: an open claim is looked at after every round, and its interval"
    " holds at all of these looks together, at the level beside it (look, in docs/glossary.md)."
)


@dataclass(frozen=True, slots=True)
class Fresh:
    """A variant's trainings in the rounds of the second stage.

    Attributes:
        mean, spread: of their scores on the reported split, and the standard deviation; None where
            there are too few.
        interval: of the mean, Student's, 95 %.
        failed: how many of them gave no score.
        failing: the exact interval of that share.
    """

    mean: float | None
    spread: float | None
    interval: tuple[float, float] | None
    trainings: int
    failed: int
    failing: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Border:
    """A border of the space towards which scores still improve.

    Attributes:
        variants: whose region it is.
        value: of the hyper-parameter, at the border.
        by, error: how much scores improve over the width of the region, and the standard error.
    """

    variants: tuple[str, ...]
    name: str
    value: Any
    by: float
    error: float


@dataclass(frozen=True, slots=True)
class Second:
    """The second stage on one task.

    Attributes:
        searched, pilots, trainings: how many trainings there were in the search, as pilots, and in
            all.
        by_claim: how many rounds each claim took.
        ended: why there were no more.
        untuned: variants that did worse than predicted where all should do well.
        common: whether all variants trained at the same settings.
        missed: why the search may miss settings of a variant's own; empty where it does not.
        share: of the space, that the region is.
        spaces: by variant and hyper-parameter, the lowest and highest value that was searched.
        settings: by variant and hyper-parameter, the lowest and highest value in the region.
        borders: of the space, towards which scores clearly improve.
        epochs: at most, in a training.
        late, complete: trainings of the rounds that were best in the last 5 % of these epochs, at
            least in the last one, of so many.
        means: by variant, its trainings in the rounds.
    """

    task: str
    searched: int
    pilots: int
    trainings: int
    rounds: int
    by_claim: Mapping[str, int]
    ended: str
    untuned: tuple[str, ...]
    common: bool
    missed: str
    share: float
    spaces: Mapping[str, Mapping[str, tuple[Any, Any]]]
    settings: Mapping[str, Mapping[str, tuple[Any, Any]]]
    borders: tuple[Border, ...]
    epochs: int
    late: int
    complete: int
    means: Mapping[str, Fresh]


def second(experiment: Experiment, results: Sequence[Result], now: Stand) -> Second:
    """What the report says of a second stage.

    Args:
        results: of the experiment's present studies.
    """
    confirm = experiment.confirm
    assert confirm is not None, "there is no stage without it"
    regions, epochs = now.regions or {}, experiment.training.epochs
    means = {label: fresh(label, now) for label in regions}
    rounds = [result for label in regions for result in staged(results, label, now.task, ROUND)]
    judged = [result for result in rounds if result.trial.index < means[variant(result)].trainings]
    complete = [result for result in judged if result.outcome.kind is Kind.COMPLETE]
    return Second(
        task=now.task,
        searched=now.searched,
        pilots=now.pilots,
        trainings=now.trainings,
        rounds=len(now.rounds),
        by_claim={text: standing.rounds for text, standing in now.standings.items()},
        ended=now.ended,
        untuned=now.untuned,
        common=confirm.settings == "common",
        missed=may_miss(experiment, regions),
        share=confirm.region,
        spaces={label: _space(experiment.variant(label).space) for label in regions},
        settings={label: extent(experiment, label, region) for label, region in regions.items()},
        borders=tuple(_borders(experiment, results, now, confirm.settings == "common")),
        epochs=epochs,
        late=sum(result.outcome.best_epoch > epochs - _last(epochs) for result in complete),
        complete=len(complete),
        means=means,
    )


def _last(epochs: int) -> int:
    """In how many of the last epochs a best one is late."""
    return max(1, round(LATE * epochs))


def fresh(label: str, now: Stand) -> Fresh:
    """A variant's trainings in the rounds."""
    scores = [scored[label] for scored in now.rounds if label in scored]
    finite = [score for score in scores if math.isfinite(score)]
    failed = len(scores) - len(finite)
    return Fresh(
        mean=statistics.fmean(finite) if finite else None,
        spread=statistics.stdev(finite) if len(finite) > 1 else None,
        interval=mean_interval(np.array(finite), LEVEL),
        trainings=len(scores),
        failed=failed,
        failing=share_interval(failed, len(scores), LEVEL) if scores else (0.0, 1.0),
    )


def _space(space: Space) -> dict[str, tuple[Any, Any]]:
    """The lowest and highest value of each searched range."""
    ranges = [dimension for dimension in space.dimensions if dimension.kind != "choice"]
    return {dimension.name: (dimension.low, points.highest(dimension)) for dimension in ranges}


def _borders(
    experiment: Experiment, results: Sequence[Result], now: Stand, common: bool
) -> Iterator[Border]:
    """The borders of the space that a region touches and towards which its scores clearly
    improve.
    """
    regions = now.regions or {}
    for group in [tuple(regions)] if common and regions else [(label,) for label in regions]:
        yield from _of_region(experiment, results, now.task, group, regions[group[0]])


def _of_region(
    experiment: Experiment,
    results: Sequence[Result],
    task: str,
    group: tuple[str, ...],
    region: Region,
) -> Iterator[Border]:
    dimensions = experiment.variant(group[0]).space.dimensions
    low, high = region.points.min(axis=0), region.points.max(axis=0)
    axes = [
        axis
        for axis, dimension in enumerate(dimensions)
        if dimension.kind != "choice" and high[axis] > low[axis]
    ]
    lower, upper = -1, 1
    touched = sorted([
        *((axis, lower) for axis in axes if low[axis] < NEAR),
        *((axis, upper) for axis in axes if high[axis] > 1.0 - NEAR),
    ])  # fmt: skip
    places, scores = _points_within(experiment, results, task, group, low, high)
    try:
        plane = slopes(places[:, axes], scores)
    except StatsError:
        return
    for axis, end in touched:
        slope, width, dimension = axes.index(axis), float(high[axis] - low[axis]), dimensions[axis]
        if plane.p(slope, end) < CLEAR / len(touched):
            value = points.highest(dimension) if end > 0 else dimension.low
            by, error = abs(float(plane.slope[slope])) * width, float(plane.error[slope]) * width
            yield Border(group, dimension.name, value, by, error)


def _points_within(
    experiment: Experiment,
    results: Sequence[Result],
    task: str,
    group: Sequence[str],
    low: Any,
    high: Any,
) -> tuple[Any, Any]:
    """The points of all trainings within a region, and their scores: (points, axes) and (points,).

    Trainings of the search, pilots and rounds count alike.  Each score is less the mean of its
    variant.  Several trainings at one point, as in a round, count once, by their mean.
    """
    report = experiment.select.report
    scores: dict[tuple[float, ...], list[float]] = {}
    for label in group:
        space = experiment.variant(label).space
        trainings = [
            *belonging(results, label, task),
            *staged(results, label, task, PILOT),
            *staged(results, label, task, ROUND),
        ]
        inside = []
        for result in trainings:
            if not points.within(space, result.trial.hyperparameters):
                continue
            place = np.array(points.places(space, result.trial.hyperparameters))
            if (
                report in result.outcome.scores
                and (low - 1e-9 <= place).all()
                and (place <= high + 1e-9).all()
            ):
                inside.append((tuple(place.tolist()), result.outcome.scores[report]))
        mean = statistics.fmean(score for _, score in inside) if inside else 0.0
        for place_inside, score in inside:
            scores.setdefault(place_inside, []).append(score - mean)
    means = [statistics.fmean(at_one_place) for at_one_place in scores.values()]
    return np.array([*scores]).reshape(len(scores), len(low)), np.array(means)


# ------------------------------------------------------------------ in sentences


def box(stage: Second) -> Iterator[tuple[str, str]]:
    """What to know before a verdict is believed: a heading and a sentence each."""
    missed = f". {stage.missed}" if stage.missed else ""
    yield "settings", f"{_regions_in_words(stage)}{_improving(stage)}{missed}"
    yield "epochs", _how_long(stage)
    yield "failures", _failing(stage)
    yield "trainings", _spent(stage)


def _regions_in_words(stage: Second) -> str:
    if not stage.settings and stage.ended == "decided":
        return "nowhere: the tasks before decide the claims"
    if not stage.settings:
        return "no region was found"
    best = f"the best {100 * stage.share:g} % of the space"
    if stage.common:
        return f"{best}: {_extent(stage, next(iter(stage.settings)))}"
    return f"{best} of each: " + "; ".join(
        f"{label} {_extent(stage, label)}" for label in stage.settings
    )


def _extent(stage: Second, label: str) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {span(low, high)}{_searched(stage, label, name)}"
        for name, (low, high) in stage.settings[label].items()
    )


def _searched(stage: Second, label: str, name: str) -> str:
    if name not in stage.spaces[label]:
        return ""
    low, high = stage.spaces[label][name]
    return f" (searched: {value(low)} to {value(high)})"


def _improving(stage: Second) -> str:
    texts = [
        f"{_scores_of(stage, border)} still improve towards {_towards(border)}"
        for border in stage.borders
    ]
    return "".join(f". {text[0].upper()}{text[1:]}" for text in texts)


def _towards(border: Border) -> str:
    return (
        f"{border.name.replace('_', ' ')} {value(border.value)}, the border of the space, by"
        f" {border.by:.2g} within the region (standard error {border.error:.1g}): a wider space"
        " may change the answers"
    )


def _scores_of(stage: Second, border: Border) -> str:
    return "scores" if stage.common else f"scores of {', '.join(border.variants)}"


def _how_long(stage: Second) -> str:
    last = _last(stage.epochs)
    late = (
        f"{stage.late} of {number_of(stage.complete, 'training')} of the rounds were best in the"
        f" last {last if last > 1 else 'one'}"
    )
    if stage.late > MOSTLY * stage.complete:
        return (
            f"at most {stage.epochs}; {late}: curves were still falling, and the answers are about"
            " how fast cells learn as well as about what they can do"
        )
    return f"at most {stage.epochs}; {late}" if stage.complete else f"at most {stage.epochs}"


def _failing(stage: Second) -> str:
    """Failed trainings are not in the mean, so their share gets an interval: 0 of 12 still allows a
    quarter.
    """
    counts = [
        f"{label} {counted(mean.failed, mean.trainings, mean.failing)}"
        for label, mean in stage.means.items()
        if mean.trainings
    ]
    if counts:
        return f"trainings of the rounds that gave no score: {', '.join(counts)}"
    return "no round was run"


def _spent(stage: Second) -> str:
    rounds = stage.trainings - stage.searched - stage.pilots
    spent = ", ".join(f"{text} {count}" for text, count in stage.by_claim.items())
    claims = f" (how many rounds each claim took: {spent})" if spent else ""
    ended = told.ending(stage.ended, stage.untuned)
    untuned = f"; not tuned: {', '.join(stage.untuned)}" if stage.untuned else ""
    parts = (
        f"{stage.searched} in the search, {number_of(stage.pilots, 'pilot')}, {rounds} in"
        f" {number_of(stage.rounds, 'round')}{claims}"
    )
    return f"{stage.trainings}: {parts}{untuned}" + (f"; {ended}" if ended else "")
