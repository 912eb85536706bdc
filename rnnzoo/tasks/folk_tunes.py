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
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import TaskError
from rnnzoo.tasks import (
    SPLITS,
    Report,
    Split,
    Task,
    Wrong,
    _generated,
    _music21,
    _ngrams,
    _symbols,
)

OPTIONS: dict[str, Any] = {"longest": 200}
ABOUT = "Irish folk tunes in ABC from the music21 package: the next character (no download)"
LOSS = "categorical"
NOTE = "A task of our own: no published numbers. Versions of one tune may be in two splits."
VOCABULARY = "\n '(),-/1234689:<=>ABCDEFGKM[]^abcdefgmz{|}"
EDGE = 0  # begins and ends a tune; characters are numbered from 1
SYMBOLS = 1 + len(VOCABULARY)
NAMES = ("edge of a tune", "end of a line", "space", *VOCABULARY[2:])
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
        "train": [tune for number, tune in enumerate(numbered) if number % _EVERY > 1],
        "validation": numbered[0::_EVERY],
        "test": numbered[1::_EVERY],
    }
    return Task(
        name="folk_tunes",
        splits={name: _split(parts[name]) for name in SPLITS},
        loss=LOSS,
        per="step",
        outputs=SYMBOLS,
        metric="cross_entropy",
        unit="nats per character",
        baselines=_ngrams.baselines(parts["train"], parts["test"], SYMBOLS),
        note=NOTE,
        classes=NAMES,
    )


def tunes() -> list[str]:
    """All that are written in the characters of the vocabulary, in the order of the book."""
    corpus = _music21.folder("corpus/oneills1850")
    try:
        books = [path.read_text("latin-1") for path in sorted(corpus.glob("*.abc"))]
    except OSError as error:
        raise TaskError(f"cannot read music21's corpus: {error}", _music21.INSTALL) from None
    if not books:
        raise TaskError(f"music21's corpus has no tunes in {corpus.name}", _music21.INSTALL)
    # what stands before the first number belongs to the book
    blocks = chain.from_iterable(re.split(r"(?m)^X:", book)[1:] for book in books)
    texts = map(tune, blocks)
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
