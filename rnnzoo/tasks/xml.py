"""XML of Jozefowicz, Zaremba and Sutskever 2015 (section 3.5): tags that open and close; predict
the next character.

A document is made in turns, as in the paper: with probability 1/2, and always from turn
`turns` (50) on, the tag that was opened last is closed, or the document ends where none is open;
otherwise a new tag is opened, of 2 to 10 small letters.  A sequence is one document.  Documents
without a tag are left out, and a line's end begins and ends each, so that its end is predicted too:
choices of ours.

The names of new tags cannot be known, so even who knows the grammar errs.  That error, the mean of
what is expected at each character of test, is known exactly; a training within 2 % of it has solved
the task.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, _symbols

OPTIONS: dict[str, Any] = {"turns": 50, **_generated.SIZES}
ABOUT = "random tags that open and close: the next character"
NOTE = "The score is 1 less the accuracy that the paper has."
SOLVABLE = True
LOSS = _symbols.LOSS
EDGE = "\n"
SYMBOLS = EDGE + string.ascii_lowercase + "</>"
SHORTEST, LONGEST = 2, 10  # letters of a tag
NEAR = 1.02  # how near to the least error a training has solved the task
_LETTER = 1 / len(string.ascii_lowercase)
# that a tag ends behind 2, 3, ... 10 letters; likelier than any letter
_ENDS = tuple(1 / left for left in range(LONGEST - SHORTEST + 1, 0, -1))


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether tags can be nested."""
    return _generated.too_small("turns", 2, options, "xml")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    turns = options["turns"]
    least: list[float] = []  # of each split in turn, of which test is the last

    def make(count: int, rng: np.random.Generator) -> Split:
        documents = [_document(turns, rng) for _ in range(count)]
        sure = np.concatenate([known for _, known in documents])
        least.append(float(1 - sure.mean()))
        return _symbols.next_of([_symbols.numbers(text, SYMBOLS) for text, _ in documents])

    splits = _generated.splits(options, seed, make)
    return _symbols.of_text("xml", splits, SYMBOLS, NEAR * least[-1], NOTE)


def _document(turns: int, rng: np.random.Generator) -> tuple[str, list[float]]:
    """A document, and the probability of the likeliest character at each place but the first, where
    all before it is known.
    """
    text = EDGE
    sure: list[float] = []
    names: list[str] = []  # of the tags that are open
    turn = 0
    while True:
        is_late = turn >= turns
        either = 1.0 if is_late else 0.5  # closed, or not
        if is_late or (turn > 0 and rng.random() < either):
            if not names:
                return text + EDGE, [*sure, either]
            name = names.pop()
            text += f"</{name}>"
            sure += [1.0, either, *[1.0] * len(name), 1.0]
        else:
            name = _name(rng)
            text += f"<{name}>"
            first = [1.0, either] if names else [either if turn else 1.0, _LETTER]
            sure += [*first, _LETTER, *_ENDS[: len(name) - 1]]
            names.append(name)
        turn += 1


def _name(rng: np.random.Generator) -> str:
    count = rng.integers(SHORTEST, LONGEST, endpoint=True)
    return "".join(string.ascii_lowercase[letter] for letter in rng.integers(0, 26, count))
