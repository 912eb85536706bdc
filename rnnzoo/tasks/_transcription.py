"""Sequences that are transcribed: the task of `touch_tones`, and of `kind: transcribe` of `arrays`.

In: splits whose targets are labels, and what these are called.  Out: a task that learns by `ctc`,
is scored by the label error rate, and knows what an answer that is always the same scores.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnnzoo.tasks._contract import Split, Task, digest_of

LOSS, METRIC, UNIT = "ctc", "edit_distance", "label error rate"


def task(
    name: str,
    splits: Mapping[str, Split],
    names: tuple[str, ...] = (),
    outputs: int = 0,
    solved: float | None = None,
) -> Task:
    """A task of such splits.

    Args:
        names: of labels 1, 2, ...
        outputs: labels and the blank; of names one more, if it is not said.
    """
    return Task(
        name=name,
        splits=splits,
        loss=LOSS,
        per="sequence",
        outputs=outputs or len(names) + 1,
        metric=METRIC,
        unit=UNIT,
        baselines=baselines(splits),
        digest=digest_of(splits),
        solved=solved,
        classes=("", *names) if names else (),
    )


def baselines(splits: Mapping[str, Split]) -> dict[str, float]:
    """The label error rate of the best answer that is always the same: the most frequent label, as
    often as is best in train, or not at all.
    """
    train, test = splits["train"], splits["test"]
    label = int(np.bincount(train.y[train.y > 0]).argmax())
    rates = [_rate(train, label, times) for times in range(train.y.shape[1] + 1)]
    return {"best constant answer": _rate(test, label, int(np.argmin(rates)))}


def _rate(split: Split, label: int, times: int) -> float:
    """The label error rate of answering a label so many times.

    What is missing is inserted, or what is too much deleted; as many as may be stay as they are,
    and the others are replaced.
    """
    weights = np.ones(len(split)) if split.weights is None else split.weights.astype(float)
    count = (split.y > 0).sum(1)
    right = np.minimum((split.y == label).sum(1), times)
    edits = np.maximum(count, times) - right
    return float((weights * edits).sum() / (weights * count).sum())
