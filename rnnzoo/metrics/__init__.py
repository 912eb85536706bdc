"""Metrics: what is reported beside a loss, one file each.  Lower is better.

A metric is one file: of this folder, of a project's `experiments/metrics/`, or what an entry point
of the group `rnnzoo.metrics` names.  A task chooses it by the file's name; it need not be
differentiable.  The file holds

    ABOUT: str                  one line for `rnnzoo list metrics`
    TARGETS: str                `classes`, `shares` or `numbers`, as for losses: it fits losses of
                                the same
    def value(y, logits, ops)   the metric of each answer: (..., outputs) of logits -> (...); scores
                                are means over answers

`ops` is as for losses.  `rnnzoo.testing.metrics.MetricContract` tests one.

Contains: `error`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rnnzoo.errors import UsageError
from rnnzoo.losses import Loss, Tensor, lacking_targets
from rnnzoo.spec import plugins


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric.

    Attributes:
        targets: one of `losses.TARGETS`.
        value: (y, logits, ops) -> the metric of each answer.
        digest: of its code where it is not one of the package's, for the identity of studies; else
            empty.
    """

    name: str
    about: str
    targets: str
    value: Callable[[Tensor, Tensor, Any], Tensor]
    digest: str = ""


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
    return Metric(name, source.ABOUT, source.TARGETS, source.value, plugins.digest("metrics", name))


def fitting(loss: Loss) -> tuple[str, ...]:
    """What may be reported of answers to a loss's targets: the loss itself, and metrics of the same
    targets.

    A metric that cannot be imported is left out; a task that names it is told why.
    """
    return loss.metric, *(name for name in names() if _fits(name, loss))


def _fits(name: str, loss: Loss) -> bool:
    try:
        return load(name).targets == loss.targets
    except UsageError:
        return False


def _lacks(source: Any) -> Iterator[str]:
    yield from plugins.lacking_about(source)
    yield from lacking_targets(source)
    yield from plugins.lacking_functions(source, "value(y, logits, ops)")
