"""The label error rate: edits that make the labels out of what a model spells, as a share of all
labels.

A model spells its best path: the likeliest output of each step, with repeated outputs made one and
blanks deleted (Graves, Fernandez, Gomez and Schmidhuber 2006, section 3.2).  An edit inserts,
deletes or replaces one label; their least number is that of Levenshtein (1966).  Edits of all
sequences are summed, and divided by the labels of all sequences, so that the rate may be above 1.
"""

from __future__ import annotations

import numpy as np

from rnnzoo.losses import Array

ABOUT = "edits to the right labels from those of the best path, a label"
TARGETS = "labels"
UNIT = "label error rate"
BLANK = 0


def score(y: Array, logits: Array, weights: Array) -> float:
    total = (weights * (y != BLANK).sum(1)).sum()
    edited = (weights * edits(y, spelt(logits.argmax(-1)))).sum()
    return float(edited / total) if total else float("nan")


def spelt(paths: Array) -> Array:
    """What paths (n, time) of outputs spell: (n, time) labels, with zeros behind the last."""
    new = paths != BLANK
    new[:, 1:] &= paths[:, 1:] != paths[:, :-1]
    labels = np.zeros_like(paths)
    labels[new.nonzero()[0], (new.cumsum(1) - 1)[new]] = paths[new]
    return labels


def edits(y: Array, answers: Array) -> Array:
    """(n,) the least numbers of edits between labels (n, most) and (n, time), with zeros behind the
    last of each.
    """
    place = np.arange(y.shape[1] + 1)
    # of the first labels of an answer and the first of y: a row for each of the former
    row = np.repeat(place[None], len(y), axis=0)
    for labels in answers.T:
        replaced = row[:, :-1] + (y != labels[:, None])
        fewest = np.concatenate([row[:, :1] + 1, np.minimum(row[:, 1:] + 1, replaced)], axis=1)
        after = np.minimum.accumulate(fewest - place, axis=1) + place  # labels of y inserted
        row = np.where((labels != BLANK)[:, None], after, row)
    return np.take_along_axis(row, (y != BLANK).sum(1)[:, None], axis=1)[:, 0]
