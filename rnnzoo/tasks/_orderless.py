"""Baselines of tasks that ask for one class a sequence of numbers: predictors that do not know the
order of steps.
"""

from __future__ import annotations

import numpy as np

from rnnzoo.tasks._contract import Split


def baselines(train: Split, test: Split, steps: str) -> dict[str, float]:
    """Shares of wrong answers on `test`, the best last: of the class that is the most frequent in
    `train`, and of the class whose sequences have the nearest mean over all steps.

    Args:
        steps: what they are called, as `the frames`.
    """
    usual = np.bincount(train.y).argmax()
    known = np.unique(train.y)
    averages, asked = _averages(train), _averages(test)
    centres = np.stack([averages[train.y == label].mean(0) for label in known])
    distances = ((asked[:, None] - centres) ** 2).sum(-1)
    scores = {
        "most frequent class": float((test.y != usual).mean()),
        f"nearest mean of {steps}": float((test.y != known[distances.argmin(1)]).mean()),
    }
    return dict(sorted(scores.items(), key=lambda named: -named[1]))


def _averages(split: Split) -> np.ndarray:
    """(sequences, inputs): the mean over the steps of each; padding is 0."""
    means: np.ndarray = split.x.sum(1, dtype=float) / split.lengths[:, None]
    return means
