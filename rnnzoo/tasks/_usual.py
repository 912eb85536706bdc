"""What always gives the answer that was usual in train scores on test: baselines of one's own data.

In: splits without padding, whose answers may count unequally.  Out: a baseline by its name.
"""

from __future__ import annotations

import numpy as np

from rnnzoo.tasks._packed import PackedSplit, weighted_mean

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
