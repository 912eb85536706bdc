"""Metrics: what is reported beside a loss, one file each.

A metric is one file: of this folder, of a project's `experiments/metrics/`, or what an entry point
of the group `rnnzoo.metrics` names.  A task chooses it by the file's name; it need not be
differentiable.  The file holds

    ABOUT: str                  one line for `rnnzoo list metrics`
    TARGETS: str                `classes`, `shares`, `numbers` or `labels`, as for losses: it fits
                                losses of the same
    def value(y, logits, ops)   the metric of each answer: (..., outputs) of logits -> (...); the
                                score is their mean

and may hold

    def finish(mean)            what the mean is turned into, as by a root; grows with it
    def score(y, logits, weights)
                                instead of `value`, where a score is no mean: of all answers of a
                                split together, in NumPy: (n,) or (n, outputs), (n, outputs) of
                                float64, and (n,) how much each counts -> a number; of labels
                                (n, labels) and (n, time, outputs)
    def numpy(y, logits)        `value` in float64, where NumPy lacks what that is made of
    UNIT: str                   for axes and tables
    HIGHER: bool                whether higher is better; False where it is not said
    BEST: float                 where higher is better, the best that there is; 1 if it is not said

`ops` is as for losses.  Trials are chosen and judged by a cost, of which lower is better: the
metric, or, where higher is better, what it lacks of the best.  `rnnzoo.testing.metrics` has
`MetricContract`, which tests one.

Contains: of classes `error`, `accuracy`, `balanced_accuracy`, `f1`, `auroc`, `bits`, `perplexity`;
of numbers `mae`, `rmse`, `r2`; of labels `edit_distance`; and `_counts`, what several of them
count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rnnzoo.errors import UsageError
from rnnzoo.losses import Array, Loss, Tensor, lacking_targets
from rnnzoo.spec import plugins


def as_it_is(mean: float) -> float:
    """The finish of a metric that is a mean."""
    return mean


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric.

    Attributes:
        targets: one of `losses.TARGETS`.
        value: (y, logits, ops) -> the metric of each answer; None where it has no such thing.
        numpy: (y, logits) -> the same in float64, where its file has that; else None.
        finish: what the mean of these is turned into.
        whole: (y, logits, weights) -> the metric of all answers, where there is no `value`.
        higher: whether higher is better.
        best: where it is, the best score.
        digest: of its code where it is not one of the package's, for the identity of studies; else
            empty.
    """

    name: str
    about: str
    targets: str
    value: Callable[[Tensor, Tensor, Any], Tensor] | None
    numpy: Callable[[Array, Array], Array] | None = None
    finish: Callable[[float], float] = as_it_is
    whole: Callable[[Array, Array, Array], float] | None = None
    unit: str = ""
    higher: bool = False
    best: float = 1.0
    digest: str = ""

    def cost(self, score: float) -> float:
        """What trials are chosen and judged by; lower is better."""
        return self.best - score if self.higher else score

    @property
    def cost_name(self) -> str:
        """What that is called where it is reported."""
        return f"{self.best:g} - {self.name}" if self.higher else self.name

    @property
    def cost_unit(self) -> str:
        """For axes and tables."""
        return f"{self.best:g} less {self.unit or self.name}" if self.higher else self.unit


def names() -> tuple[str, ...]:
    """All metrics, those of the project and of installed packages too."""
    return plugins.names("metrics")


def load(name: str) -> Metric:
    """A metric.

    Raises:
        UsageError: there is none of that name, it cannot be imported, or it lacks something; the
            message names the file.
    """
    source = plugins.load("metrics", name)
    plugins.require("metric", source, _lacks(source))
    numpy = getattr(source, "numpy", None)  # the module of that name, where the file imports it so
    return Metric(
        name,
        source.ABOUT,
        source.TARGETS,
        getattr(source, "value", None),
        numpy if callable(numpy) else None,
        getattr(source, "finish", as_it_is),
        getattr(source, "score", None),
        getattr(source, "UNIT", ""),
        bool(getattr(source, "HIGHER", False)),
        float(getattr(source, "BEST", 1.0)),
        plugins.digest("metrics", name),
    )


def fitting(loss: Loss) -> tuple[str, ...]:
    """What may be reported of answers to a loss's targets: the loss itself, and metrics of the same
    targets.

    A metric that cannot be imported is left out; a task that names it is told why.
    """
    return loss.metric, *(name for name in names() if _fits(name, loss))


def cost_name(name: str) -> str:
    """What is reported where trials are chosen by something of this name: a metric, or a loss."""
    metric = _known(name)
    return metric.cost_name if metric else name


def is_higher_better(name: str) -> bool:
    """Of a metric; of a loss, and of one that is gone since its trials were run, it is not."""
    metric = _known(name)
    return metric is not None and metric.higher


def _fits(name: str, loss: Loss) -> bool:
    metric = _known(name)
    return metric is not None and metric.targets == loss.targets


def _known(name: str) -> Metric | None:
    """A metric; None where it is a loss, or its file is gone or broken."""
    try:
        return load(name)
    except UsageError:
        return None


def _lacks(source: Any) -> Iterator[str]:
    yield from plugins.lacking_about(source)
    yield from lacking_targets(source)
    functions = [hasattr(source, name) for name in ("value", "score")]
    if all(functions):
        yield "it has `value` and `score`, and a metric is one of both"
    elif functions[1]:
        yield from plugins.lacking_functions(source, "score(y, logits, weights)")
    else:
        yield from plugins.lacking_functions(source, "value(y, logits, ops)")
    if hasattr(source, "finish"):
        yield from plugins.lacking_functions(source, "finish(mean)")
