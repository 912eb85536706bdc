"""What tasks share whose inputs are symbols and whose answers are classes: one-hot inputs or ids,
the share of wrong answers, and predictors that know the present symbol only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rnnzoo.tasks import Split, Task
from rnnzoo.tasks._packed import padded

LOSS = "categorical"
SOLVED = 0.01  # share of wrong answers
_NAMES = {"\n": "end of a line", " ": "space", "\t": "tab"}


def one_hot(symbols: np.ndarray, count: int) -> np.ndarray:
    """(..., count) uint8 from symbols 0 to `count` - 1."""
    hot: np.ndarray = np.eye(count, dtype=np.uint8)[symbols]
    return hot


def numbers(text: str, symbols: str) -> np.ndarray:
    """The symbols of a text as numbers from 0."""
    return np.array([symbols.index(character) for character in text], np.int32)


def next_of(sequences: Sequence[np.ndarray]) -> Split:
    """Sequences of ids: each symbol but the last is shown, and the one behind it asked for."""
    lengths = np.array([len(sequence) - 1 for sequence in sequences], np.int32)
    width = int(lengths.max())
    x = padded(np.concatenate([sequence[:-1] for sequence in sequences]), lengths, width)
    y = padded(np.concatenate([sequence[1:] for sequence in sequences]), lengths, width)
    return Split(x[..., None], y, lengths)


def called(symbol: str) -> str:
    """What a symbol is called where it is shown."""
    if symbol in _NAMES:
        return _NAMES[symbol]
    return symbol if symbol.isprintable() else symbol.encode("unicode_escape").decode()


def task(
    name: str,
    splits: Mapping[str, Split],
    classes: int,
    baselines: Mapping[str, float] | None = None,
    note: str = "",
    by_length: bool = False,
    solved: float = SOLVED,
    names: tuple[str, ...] = (),
    vocabulary: int = 0,
) -> Task:
    """A task with one class a step, or a sequence, scored by the share of wrong answers.

    Args:
        baselines: beside those of `most_frequent`.
        names: of the classes.
        vocabulary: of how many symbols inputs are ids; 0 where they are one-hot.
    """
    scores = {
        **most_frequent(splits["train"], splits["test"], classes, "the symbol"),
        **(baselines or {}),
    }
    return Task(
        name=name,
        splits=splits,
        loss=LOSS,
        per="sequence" if splits["train"].y.ndim == 1 else "step",
        outputs=classes,
        metric="error",
        unit="share of wrong answers",
        baselines=dict(sorted(scores.items(), key=lambda named: -named[1])),
        note=note,
        solved=solved,
        by_length=by_length,
        classes=names,
        vocabulary=vocabulary,
    )


def of_text(
    name: str, splits: Mapping[str, Split], symbols: str, solved: float, note: str = ""
) -> Task:
    """A task of texts, as `next_of` shows them: the next character."""
    names = tuple(map(called, symbols))
    count = len(symbols)
    return task(name, splits, count, note=note, solved=solved, names=names, vocabulary=count)


def most_frequent(train: Split, test: Split, classes: int, symbol: str) -> dict[str, float]:
    """Scores on `test` of two predictors fitted on `train`; neither knows any step but the present
    one.

    `most frequent class` always gives one answer; `most frequent class under ...` gives one for
    each symbol, and the former's under a symbol that `train` does not have.  A network that is
    worse than the second has learnt nothing from one step to the next.

    Args:
        symbol: what the inputs are called, as `the soprano`.
    """
    known, asked = answers(train), answers(test)
    kinds = 1 + int(max(known[0].max(), asked[0].max()))
    # how often each class came under each symbol
    counts = np.zeros((kinds, classes), int)
    np.add.at(counts, known, 1)
    usual = counts.sum(0).argmax()
    under = np.where(counts.any(1), counts.argmax(1), usual)
    symbols, targets = asked
    return {
        "most frequent class": float((targets != usual).mean()),
        f"most frequent class under {symbol}": float((targets != under[symbols]).mean()),
    }


def answers(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """The present symbol and the class of every answer that counts."""
    symbols = split.x[..., 0] if split.x.dtype == np.int32 else split.x.argmax(-1)
    if split.y.ndim == 1:
        return symbols[np.arange(len(split)), split.lengths - 1], split.y
    counts = np.arange(split.width) < split.lengths[:, None]
    if split.weights is not None:
        counts &= split.weights > 0
    return symbols[counts], split.y[counts]
