"""Irish folk tunes as text in ABC notation: predict the next character.

The tunes of O'Neill's Music of Ireland (1903) out of the music21 package, as far as they are not
longer than `longest` characters and are written in the characters of `VOCABULARY`.  Of a tune's
head, the meter and the key are kept (`M:6/8`, `K:G`), a line each; of its body, all but texts in
quotation marks, comments, the signs that join lines, and those of ornaments (`.`, `~`, `H`, `T`).
Spaces in a row are one.  Nothing is downloaded, and music21 itself is never imported.

One symbol more begins and ends every tune.  The score is the cross-entropy in nats a character,
ends included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import TaskError
from rnnzoo.tasks import SPLITS, Report, Split, Task, Wrong, _generated, _music21, _symbols

OPTIONS: dict[str, Any] = {"longest": 200}
ABOUT = "Irish folk tunes in ABC from the music21 package: the next character (no download)"
NOTE = "A task of our own: no published numbers. Versions of one tune may be in two splits."
VOCABULARY = "\n '(),-/1234689:<=>ABCDEFGKM[]^abcdefgmz{|}"
EDGE = 0  # begins and ends a tune; characters are numbered from 1
SYMBOLS = 1 + len(VOCABULARY)
NAMES = ("edge of a tune", "end of a line", "space", *VOCABULARY[2:])
ORDERS = {"unigram": 1, "bigram": 2, "5-gram": 5}
SHORTEST = 150  # below it, hardly a tune is left
_EVERY = 10  # of so many tunes, one is for validation and one for test


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there are tunes so short."""
    return _generated.too_small("longest", SHORTEST, options, "folk_tunes")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """The tunes, out of the package.

    Raises:
        TaskError: the music21 package or a file of its corpus is missing.
    """
    texts = [text for text in tunes() if len(text) <= options["longest"]]
    numbered = [numbers(text) for text in texts]
    parts = {
        "train": [tune for at, tune in enumerate(numbered) if at % _EVERY > 1],
        "validation": numbered[0::_EVERY],
        "test": numbered[1::_EVERY],
    }
    return Task(
        name="folk_tunes",
        splits={name: _split(parts[name]) for name in SPLITS},
        loss="categorical",
        per="step",
        outputs=SYMBOLS,
        metric="cross_entropy",
        unit="nats per character",
        baselines={
            name: cross_entropy(parts["train"], parts["test"], order)
            for name, order in ORDERS.items()
        },
        note=NOTE,
        classes=NAMES,
    )


def tunes() -> list[str]:
    """All that are written in the characters of the vocabulary, in the order of the book."""
    corpus = _music21.corpus("oneills1850")
    try:
        books = [path.read_text("latin-1") for path in sorted(corpus.glob("*.abc"))]
    except OSError as error:
        raise TaskError(f"cannot read music21's corpus: {error}", _music21.INSTALL) from None
    texts = [tune(block) for book in books for block in re.split(r"(?m)^X:", book)[1:]]
    return [text for text in texts if set(text) <= set(VOCABULARY)]


def tune(block: str) -> str:
    """The text of one tune in ABC, from behind its `X:` on."""
    plain = re.sub("%.*", "", block.partition("\n")[2])
    lines = plain.splitlines()
    head = "\n".join(_field(name, lines) for name in ("M:", "K:"))
    body = re.sub(r"(?m)^[A-Za-z]:(?![|:]).*", "", plain)
    text = re.sub(r'"[^"]*"|[\\.~!HT]', "", body)
    spaced = re.sub(r"[ \t]+", " ", text)
    return f"{head}\n" + re.sub(r" *\n[ \n]*", "\n", spaced).strip()


def _field(name: str, lines: Sequence[str]) -> str:
    """The first line of that name without its spaces."""
    first = next((line for line in lines if line.startswith(name)), name)
    return first.replace(" ", "")


def numbers(text: str) -> np.ndarray:
    """A tune as symbols, with both of its edges."""
    inside = [1 + VOCABULARY.index(character) for character in text]
    return np.array([EDGE, *inside, EDGE], np.int32)


def _split(tunes: Sequence[np.ndarray]) -> Split:
    lengths = np.array([len(tune) - 1 for tune in tunes], np.int32)
    x = np.zeros((len(tunes), int(lengths.max()), SYMBOLS), np.uint8)
    y = np.zeros(x.shape[:2], np.int32)
    for row, tune in enumerate(tunes):
        x[row, : lengths[row]] = _symbols.one_hot(tune[:-1], SYMBOLS)
        y[row, : lengths[row]] = tune[1:]
    return Split(x, y, lengths)


def cross_entropy(train: Sequence[np.ndarray], test: Sequence[np.ndarray], order: int) -> float:
    """Nats a character of an n-gram model that was counted on `train`.

    Orders are interpolated as Witten and Bell 1991 do (their method C): behind a context that came
    n times with k different symbols, the shorter context has the weight k / (n + k); behind the
    empty one come all symbols alike.
    """
    chance = np.full(sum(len(tune) - 1 for tune in test), 1 / SYMBOLS)
    for reach in range(order):
        context, grams = _grams(train, reach)
        context_tested, grams_tested = _grams(test, reach)
        came = _counted(context, context_tested)
        kinds = _counted(np.unique(grams) // SYMBOLS, context_tested)
        seen = _counted(grams, grams_tested) + kinds * chance
        chance = np.where(came > 0, seen / np.maximum(came + kinds, 1), chance)
    return float(-np.log(chance).mean())


def _grams(tunes: Sequence[np.ndarray], reach: int) -> tuple[np.ndarray, np.ndarray]:
    """For each symbol but the first of every tune, the `reach` symbols before it as one number, and
    these with the symbol.
    """
    contexts = []
    for tune in tunes:
        padded = np.concatenate([np.full(max(reach - 1, 0), EDGE), tune[:-1]]).astype(np.int64)
        context = np.zeros(len(tune) - 1, np.int64)
        for back in range(reach):
            context = context * SYMBOLS + padded[back : back + len(context)]
        contexts.append(context)
    joined = np.concatenate(contexts)
    return joined, joined * SYMBOLS + np.concatenate([tune[1:] for tune in tunes])


def _counted(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How often each wanted value is among the values."""
    ordered = np.sort(values)
    return np.searchsorted(ordered, wanted, "right") - np.searchsorted(ordered, wanted, "left")
