"""What n-gram models score: the baselines of tasks that predict the next symbol.

In: sequences of symbols, numbered from 0.  Out: nats a symbol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

ORDERS: Mapping[str, int] = {"unigram": 1, "bigram": 2, "5-gram": 5}
_START = 0  # stands before the first symbol of each sequence
_DENSE = 4  # times as many numbers as values may be counted in a table


def baselines(
    train: Sequence[np.ndarray], test: Sequence[np.ndarray], symbols: int
) -> dict[str, float]:
    """Nats a symbol by the name of the model, the best last.

    A model is left out where its contexts, with the symbol behind them, have no number in 63 bits.
    """
    scores = {
        name: cross_entropy(train, test, order, symbols)
        for name, order in ORDERS.items()
        if symbols**order < 2**63
    }
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def cross_entropy(
    train: Sequence[np.ndarray], test: Sequence[np.ndarray], order: int, symbols: int
) -> float:
    """Nats a symbol of an n-gram model that was counted on `train`; the first symbol of a sequence
    is given.

    Orders are interpolated as Witten and Bell 1991 do (their method C): behind a context that came
    n times with k different symbols, the shorter context has the weight k / (n + k); behind the
    empty one come all symbols alike.
    """
    chance = np.full(sum(len(sequence) - 1 for sequence in test), 1 / symbols)
    for reach in range(order):
        context, grams = _grams(train, reach, symbols)
        context_tested, grams_tested = _grams(test, reach, symbols)
        came = _counted(context, context_tested)
        kinds = _counted(_distinct(grams) // symbols, context_tested)
        seen = _counted(grams, grams_tested) + kinds * chance
        chance = np.where(came > 0, seen / np.maximum(came + kinds, 1), chance)
    return float(-np.log(chance).mean())


def _grams(
    sequences: Sequence[np.ndarray], reach: int, symbols: int
) -> tuple[np.ndarray, np.ndarray]:
    """For each symbol but the first of every sequence, the `reach` symbols before it as one number,
    and these with the symbol.
    """
    number = np.int32 if symbols ** (reach + 1) < 2**31 else np.int64
    contexts = []
    for sequence in sequences:
        start = np.full(max(reach - 1, 0), _START)
        padded: np.ndarray = np.concatenate([start, sequence[:-1]]).astype(number)
        context: np.ndarray = np.zeros(len(sequence) - 1, number)
        for back in range(reach):
            context = context * symbols + padded[back : back + len(context)]
        contexts.append(context)
    joined = np.concatenate(contexts)
    following = np.concatenate([sequence[1:] for sequence in sequences])
    return joined, joined * number(symbols) + following.astype(number)


def _counted(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How often each wanted value is among the values."""
    most = int(max(values.max(), wanted.max()))
    if most < _DENSE * len(values):
        counts: np.ndarray = np.bincount(values, minlength=most + 1)[wanted]
        return counts
    ordered = np.sort(values)
    return np.searchsorted(ordered, wanted, "right") - np.searchsorted(ordered, wanted, "left")


def _distinct(values: np.ndarray) -> np.ndarray:
    """The values in order, each once."""
    if int(values.max()) < _DENSE * len(values):
        return np.flatnonzero(np.bincount(values))
    return np.unique(values)
