"""What always gives the answer that was usual in train scores on test: baselines of one's own data.

In: splits without padding, whose answers may count unequally.  Out: a baseline by its name.
"""

from __future__ import annotations

import numpy as np

from rnnzoo.tasks._packed import PackedSplit, weighted_mean

BLOCK = 1000  # answers that are scored together
WEIGHED = "The loss and all scores are weighted means: answers count as the data say."


def most_frequent(train: PackedSplit, test: PackedSplit) -> dict[str, float]:
    """Of classes, the share of wrong answers."""
    usual = int(np.bincount(train.counted, train.counts).argmax())
    wrong = test.counted != usual
    return {"most frequent class": float(weighted_mean(wrong, test.counts))}


def mean_of_train(train: PackedSplit, test: PackedSplit) -> dict[str, float]:
    """Of numbers, the mean squared error."""
    mean = weighted_mean(train.counted.astype(float), train.counts)
    errors = (test.counted.astype(float) - mean) ** 2
    return {"mean of train": float(weighted_mean(errors, test.counts).mean())}


def shares_of_train(train: PackedSplit, test: PackedSplit) -> dict[str, float]:
    """Of yes and no, the negative log-likelihood in nats, summed over outputs."""
    known, asked = train.counted, test.counted
    likely = (_sum(known, train.counts) + 0.5) / (_sum(np.ones(len(known)), train.counts) + 1.0)
    # in eight bytes a number
    blocks = [asked[start : start + BLOCK] for start in range(0, len(asked), BLOCK)]
    scores = [np.where(block == 1, np.log(likely), np.log1p(-likely)).sum(1) for block in blocks]
    score = -weighted_mean(np.concatenate(scores), test.counts)
    return {"frequencies of train": float(score)}


def _sum(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Over the first axis."""
    if weights is None:
        return np.asarray(values.sum(0, dtype=float))
    return np.asarray(weights.astype(float) @ values)
