"""Words of Omniglot's letters, from movements of a pen: which letters are they?  A task of our own,
the open stand-in for online handwriting (IAM-OnDB), which cannot be had without registration.

A word has 1 to `letters` letters of one alphabet, drawn at random, and one person writes all of
them: drawers of train are in no other split (`_pen`).  They stand side by side, 20 points apart
where a drawing is 105 wide.  Of each stroke one point of `every` is kept, the first one among them,
and the last one.  A step is what it is in `omniglot`.  Which steps belong to which letter is not
told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import (
    Report,
    Split,
    Task,
    Wrong,
    _data_folder,
    _generated,
    _pen,
    _transcription,
)
from rnnzoo.tasks._packed import stacked
from rnnzoo.tasks._pen import Drawing

ALPHABETS = {
    "small1": ("Balinese", "Early_Aramaic", "Greek", "Korean", "Latin"),
    "small2": ("Greek", "Japanese_(katakana)", "Latin", "Sanskrit", "Tagalog"),
}
OPTIONS: dict[str, Any] = {
    "set": "small1",
    "alphabet": "Latin",
    "letters": 5,
    "every": 4,
    **_generated.SIZES,
}
ABOUT = "words of Omniglot's letters, from movements of the pen (ctc; downloaded once, 3 MB)"
LOSS = _transcription.LOSS
GAP = 20.0  # between letters


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is such a set with such an alphabet, and whether a word has letters, and these
    have points.
    """
    wrong = list(_generated.not_among("set", ALPHABETS, options, "omniglot_words"))
    known = ALPHABETS.get(options["set"], ())
    yield from wrong or _generated.not_among("alphabet", known, options, "omniglot_words")
    for option in ("letters", "every"):
        yield from _generated.too_small(option, 1, options, "omniglot_words")


def sources(options: Mapping[str, Any], folder: Path) -> Iterable[Path]:
    """The file."""
    return _data_folder.sources(_pen.FILES[options["set"]])


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Read the drawings and write words of them.

    Raises:
        TaskError: the file is nowhere to be had, or holds something else.
    """
    path = _data_folder.checked(_pen.FILES[options["set"]], progress)
    letters = [
        _thinned(drawing, options["every"])
        for drawing in _pen.drawings(path)
        if drawing.alphabet == options["alphabet"]
    ]
    words = {
        split: _words(_hands(letters, split), options["letters"], options[size], rng)
        for split, size, rng in _generated.draws(seed)
    }
    spread = _pen.spread([word.moves for word in words["train"]])
    names = sorted({letter.character for letter in letters})
    splits = {split: _split(written, spread, names, options) for split, written in words.items()}
    return _transcription.task("omniglot_words", splits, tuple(names))


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """What one person wrote.

    Attributes:
        letters: the characters, in their order.
        moves: as `_pen.moves`.
    """

    letters: tuple[str, ...]
    moves: np.ndarray


def _thinned(drawing: Drawing, every: int) -> Drawing:
    """With one point of so many, counted from the first one of each stroke, and the last ones."""
    order = np.arange(len(drawing.begins))
    first = np.maximum.accumulate(np.where(drawing.begins, order, 0))
    is_last = np.append(drawing.begins[1:], True)
    kept = ((order - first) % every == 0) | is_last
    return replace(drawing, points=drawing.points[kept], begins=drawing.begins[kept])


def _hands(letters: Iterable[Drawing], split: str) -> list[list[Drawing]]:
    """The letters of each drawer of a split."""
    drawers: dict[int, list[Drawing]] = {}
    for letter in letters:
        if letter.split == split:
            drawers.setdefault(letter.drawer, []).append(letter)
    return list(drawers.values())


def _words(
    hands: Sequence[Sequence[Drawing]], most: int, count: int, rng: np.random.Generator
) -> list[Word]:
    words = []
    for _ in range(count):
        hand = hands[int(rng.integers(len(hands)))]
        chosen = rng.integers(len(hand), size=rng.integers(1, most + 1))
        words.append(_word([hand[number] for number in chosen]))
    return words


def _word(letters: Sequence[Drawing]) -> Word:
    """Letters side by side."""
    placed = []
    end = 0.0
    for letter in letters:
        left, right = letter.points[:, 0].min(), letter.points[:, 0].max()
        placed.append(letter.points + np.array([end - left, 0]))
        end += right - left + GAP
    begins = np.concatenate([letter.begins for letter in letters])
    moves = _pen.moves(np.concatenate(placed), begins)
    return Word(tuple(letter.character for letter in letters), moves)


def _split(
    words: Sequence[Word], spread: float, names: Sequence[str], options: Mapping[str, Any]
) -> Split:
    x, lengths = stacked(_pen.scaled([word.moves for word in words], spread))
    y = np.zeros((len(words), options["letters"]), np.int32)
    for row, word in zip(y, words):
        row[: len(word.letters)] = [1 + names.index(letter) for letter in word.letters]
    return Split(x, y, lengths)
