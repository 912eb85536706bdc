"""Losses: what is minimised, one file each.

A loss is one file: of this folder, of a project's `experiments/losses/`, or what an entry point of
the group `rnnzoo.losses` names.  A task chooses it by the file's name.  The file holds

    ABOUT: str              one line for `rnnzoo list losses`
    TARGETS: str            `classes` (whole numbers from 0), `shares` (numbers from 0 to 1),
                            `numbers`, or `labels` (see below)
    METRIC: str             what the loss itself is called where it is reported, as `mse`
    def value(y, logits, ops)   the loss of each answer: (..., outputs) of logits -> (...)
    def slope(y, logits)        d value / d logits in float64 NumPy: (..., outputs)

With `labels` an answer is that of a whole sequence: y (..., labels) holds whole numbers from 1,
with zeros behind the last, and a model answers at each step, so that logits are (..., time,
outputs) and the loss of each answer is (...).  Output 0 is the blank, which is no label; steps that
are padding answer it for sure.

`ops` is `keras.ops`.  In the tests it is NumPy, with the functions of `keras.ops` that NumPy lacks;
a file that has `numpy(y, logits)` besides is tested against that.
`rnnzoo.testing.losses.LossContract` tests one.

Contains: `bernoulli`, `categorical`, `squared`; of labels `ctc`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.spec import plugins

Array = np.ndarray[Any, Any]
Tensor = Any
TARGETS = ("classes", "shares", "numbers", "labels")
WHOLE = ("classes", "labels")  # targets that are whole numbers


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss.

    Attributes:
        targets: one of `TARGETS`; with `classes` y has no axis of outputs, with `labels` one of
            labels.
        metric: what it is called where it is reported.
        value: (y, logits, ops) -> the loss of each answer.
        numpy: (y, logits) -> the same in float64, where its file has that; else None.
        slope: (y, logits) -> d value / d logits in float64.
        digest: of its code where it is not one of the package's, for the identity of studies; else
            empty.
    """

    name: str
    about: str
    targets: str
    metric: str
    value: Callable[[Tensor, Tensor, Any], Tensor]
    numpy: Callable[[Array, Array], Array] | None
    slope: Callable[[Array, Array], Array]
    digest: str = ""


def names() -> tuple[str, ...]:
    """All losses, those of the project and of installed packages too."""
    return plugins.names("losses")


def load(name: str) -> Loss:
    """A loss.

    Raises:
        UsageError: there is none of that name, it cannot be imported, or it lacks something; the
            message names the file.
    """
    source = plugins.load("losses", name)
    plugins.require("loss", source, _lacks(source))
    numpy = getattr(source, "numpy", None)  # the module of that name, where the file imports it so
    digest = plugins.digest("losses", name)
    return Loss(
        name,
        source.ABOUT,
        source.TARGETS,
        source.METRIC,
        source.value,
        numpy if callable(numpy) else None,
        source.slope,
        digest,
    )


def lacking_targets(source: Any) -> Iterator[str]:
    """What the `TARGETS` of a file lack."""
    if getattr(source, "TARGETS", None) not in TARGETS:
        yield f"its `TARGETS` is none of {', '.join(TARGETS)}"


def _lacks(source: Any) -> Iterator[str]:
    yield from plugins.lacking_about(source)
    yield from lacking_targets(source)
    if not isinstance(getattr(source, "METRIC", None), str):
        yield "it has no `METRIC`, what the loss is called where it is reported"
    yield from plugins.lacking_functions(source, "value(y, logits, ops)", "slope(y, logits)")
