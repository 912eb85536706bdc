"""What an experiment has measured of a task beside, or instead of, what the task itself says.

In: `metric:` and `also:` among the options of any task.  Out: the task with them; its baselines and
its `solved` are those of the metric that selects.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rnnzoo import losses, metrics
from rnnzoo.errors import UsageError, nearest
from rnnzoo.losses import Loss
from rnnzoo.metrics import Metric
from rnnzoo.spec.plugins import Wrong
from rnnzoo.spec.trial import ALSO, METRIC
from rnnzoo.spec.written import setting
from rnnzoo.tasks._contract import SPLITS, Task
from rnnzoo.tasks._packed import packed, weighted_mean

MEASURED: Mapping[str, Any] = {METRIC: "", ALSO: ()}  # of every task, with what says nothing
RESERVED = tuple(MEASURED)
EMPTY = "empty transcription"
CERTAIN = 20.0  # a logit of a class that is answered for sure
OF_CODE = "."  # between the digest of data and that of an own metric's code


class Unmeasurable(UsageError):
    """A metric that is not for a task.

    Attributes:
        option: that names it: `metric`, or `also.0`.
    """

    def __init__(self, option: str, problem: str, fix: str) -> None:
        super().__init__(problem, fix)
        self.option = option


@dataclass(frozen=True, slots=True)
class Measures:
    """What is to be measured.

    Attributes:
        metric: by whose cost trials are chosen and judged; empty for the task's own.
        also: those that are reported beside it.
    """

    metric: str = ""
    also: tuple[str, ...] = ()


def divided(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options that are the task's, and those that say what is measured."""
    ours = {name: given[name] for name in RESERVED if name in given}
    return {name: value for name, value in given.items() if name not in RESERVED}, ours


def wrong(given: Mapping[str, Any]) -> Iterator[Wrong]:
    """What is wrong with what is to be measured, as far as it can be told without data."""
    if not given:
        return
    known = _names()
    metric, also = given.get(METRIC, ""), given.get(ALSO, [])
    if not isinstance(metric, str):
        yield Wrong(
            METRIC, f"`metric` must be a name, not {metric!r}", "one metric; others: `also`"
        )
    elif metric and metric not in known:
        yield Wrong(METRIC, f"no metric '{metric}'", nearest(metric, known))
    if not isinstance(also, list | tuple) or not all(isinstance(name, str) for name in also):
        problem = f"`also` must be a list of metrics, not {also!r}"
        yield Wrong(ALSO, problem, setting(ALSO, ["accuracy"]))
        return
    for number, name in enumerate(also):
        if name not in known:
            yield Wrong(f"{ALSO}.{number}", f"no metric '{name}'", nearest(name, known))


def unfit(given: Mapping[str, Any], task: str, loss: str) -> Iterator[Wrong]:
    """Metrics that are not for a task's targets.

    Args:
        task: what it is called.
        loss: its name; of an empty one nothing is known.
    """
    if not loss or loss not in losses.names() or any(wrong(given)):
        return
    yield from _not_for(losses.load(loss), task, measures(given))


def _not_for(loss: Loss, task: str, asked: Measures) -> Iterator[Wrong]:
    known = metrics.fitting(loss)
    options = {METRIC: asked.metric} if asked.metric else {}
    options |= {f"{ALSO}.{number}": name for number, name in enumerate(asked.also)}
    for option, name in options.items():
        if name not in known:
            problem = f"the targets of '{task}' are {loss.targets}, which '{name}' is not for"
            yield Wrong(option, problem, f"one of: {', '.join(known)}")


def _names() -> list[str]:
    """Of all metrics, and what losses call themselves; a loss that is broken is told elsewhere."""
    names = list(metrics.names())
    for loss in losses.names():
        with suppress(UsageError):
            names.append(losses.load(loss).metric)
    return names


def measures(given: Mapping[str, Any]) -> Measures:
    """
    Raises:
        UsageError: about the first mistake of `wrong`.
    """
    for mistake in wrong(given):
        raise UsageError(mistake.problem, mistake.fix)
    return Measures(given.get(METRIC, ""), tuple(dict.fromkeys(given.get(ALSO, ()))))


def measured(task: Task, asked: Measures, label: str = "") -> Task:
    """The task with what is to be measured.

    Args:
        label: what it is called in messages, if that is not its name.

    Raises:
        Unmeasurable: a metric is not for such targets, or cannot be told of a split.
    """
    loss = losses.load(task.loss)
    for mistake in _not_for(loss, label or task.name, asked):
        raise Unmeasurable(*mistake)
    selecting = asked.metric or task.metric
    also = asked.also or task.also
    if metrics.is_higher_better(selecting):
        also = (selecting, *also)  # beside its cost
    else:
        also = tuple(name for name in also if name != selecting)
    task = replace(task, also=tuple(dict.fromkeys(also)))
    if selecting == task.metric:
        return task
    return _selected_by(task, loss, selecting, label or task.name)


def _selected_by(task: Task, loss: Loss, name: str, label: str) -> Task:
    """The task with another metric; what is known in terms of the old one is told in the new one
    where that follows, and is measured anew or left out where it does not.

    Args:
        label: what the task is called in messages.

    Raises:
        Unmeasurable: of a split it cannot be told.
    """
    metric = None if name == loss.metric else metrics.load(name)
    if metric is None:
        return replace(
            task, metric=name, unit=loss.about, baselines=_baselines(task, loss), solved=None
        )
    if metric.whole is not None:
        _check_splits(task, metric, label)
    follows = task.metric == loss.metric and _of_loss(metric, loss)
    if follows:
        baselines = {label: metric.finish(score) for label, score in task.baselines.items()}
    else:
        baselines = _baselines(task, metric)
    solved = metric.finish(task.solved) if follows and task.solved is not None else None
    digest = f"{task.digest}{OF_CODE}{metric.digest[:12]}" if metric.digest else task.digest
    return replace(
        task,
        metric=name,
        unit=metric.cost_unit,
        baselines=baselines,
        solved=solved,
        digest=digest,
    )


def _check_splits(task: Task, metric: Metric, label: str) -> None:
    """
    Raises:
        Unmeasurable: whatever a model answers, a split has no such score.
    """
    usual = _usual(task)
    for name in SPLITS:
        score = _score(task, metric, name, usual)
        if not math.isfinite(score):
            problem = f"of the {name} split of '{label}' '{metric.name}' cannot be told"
            raise Unmeasurable(METRIC, problem, "another metric, or a split with all that it needs")


def of_data(digest: str) -> str:
    """The digest of a task's data alone."""
    return digest.partition(OF_CODE)[0]


def _of_loss(metric: Metric, loss: Loss) -> bool:
    """Whether a metric is what the loss's own mean is turned into."""
    if metric.higher:
        return False
    if loss.targets == "labels":
        return False  # no metric of labels has a value of each answer
    y = np.zeros(1, np.int32) if loss.targets == "classes" else np.full((1, 2), 0.25)
    logits = np.array([[0.3, -1.1]])
    values = (_values(measure, y, logits) for measure in (metric, loss))
    of_metric, of_loss = (value is not None and float(value[0]) for value in values)
    return of_metric is not False and of_loss is not False and abs(of_metric - of_loss) < 1e-9


def _values(measure: Metric | Loss, y: np.ndarray, logits: np.ndarray) -> np.ndarray | None:
    """Of each answer in NumPy; None where NumPy lacks what it is made of, or no answer has one."""
    try:
        if measure.numpy is not None:
            return np.asarray(measure.numpy(y, logits), float)
        return None if measure.value is None else np.asarray(measure.value(y, logits, np), float)
    except (AttributeError, TypeError):  # a function of `keras.ops`, or arguments as only it has
        return None


def _baselines(task: Task, measure: Metric | Loss) -> dict[str, float]:
    """The cost on test of always answering what was usual in train."""
    if task.targets == "labels" and isinstance(measure, Loss):
        return {}  # what is answered for sure, and wrong, has an infinite loss
    score = _score(task, measure, "test", _usual(task))
    if not math.isfinite(score):
        return {}
    cost = measure.cost(score) if isinstance(measure, Metric) else score
    if task.targets == "numbers":
        return {"mean of train": cost}
    if task.targets == "labels":
        return {EMPTY: cost}
    if measure.name in ("error", "accuracy"):
        return {"most frequent class": cost}
    return {"frequencies of train": cost}


def _usual(task: Task) -> np.ndarray:
    """(outputs,) of logits that answer what was usual in train; of labels (1, outputs), none of
    them.
    """
    if task.targets == "labels":
        return np.where(np.arange(task.outputs) == 0, 0.0, -np.inf)[None]
    train = packed(task.splits["train"], task.per == "step")
    known, weights = train.counted, train.counts
    if task.targets == "classes":
        counts = np.bincount(known, weights, task.outputs)
        return np.asarray(np.log(np.maximum(counts / counts.sum(), np.exp(-CERTAIN))))
    mean = weighted_mean(known.astype(float), weights)
    if task.targets == "numbers":
        return np.asarray(mean)
    shares = np.clip(mean, np.exp(-CERTAIN), 1 - np.exp(-CERTAIN))
    return np.asarray(np.log(shares / (1 - shares)))


def _score(task: Task, measure: Metric | Loss, split: str, logits: np.ndarray) -> float:
    """Of a split where every answer is the same; NaN where that cannot be told in NumPy."""
    questions = packed(task.splits[split], task.per == "step")
    asked, weights = questions.counted, questions.counts
    answers = np.broadcast_to(logits, (len(asked), *logits.shape))
    asked, answers = map(task.in_own_unit, (asked, answers))
    if isinstance(measure, Metric) and measure.whole is not None:
        alike = np.ones(len(asked))
        return float(measure.whole(asked, answers, alike if weights is None else weights))
    values = _values(measure, asked, answers)
    if values is None:
        return math.nan
    mean = float(weighted_mean(values, weights))
    return float(measure.finish(mean)) if isinstance(measure, Metric) else mean
