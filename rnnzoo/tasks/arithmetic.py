"""Arithmetic of Jozefowicz, Zaremba and Sutskever 2015 (section 3.5): a sum or a difference of two
numbers among letters that mean nothing, and its result digit by digit.

A sequence is `3e36d9-h1h39f94eeh43keg3c=-13991064.`: two numbers of at most `digits` digits, each
of either sign, `+` or `-` between them, letters behind each character, `=`, the result, and a point
that ends it.  Each step shows a character and asks for the next; only those of the result and the
point count, and the digits before are shown.  The symbols are the paper's 40.

The paper does not say how numbers and letters are drawn.  Here a number has 1 to `digits` digits,
all equally likely, and is negative half of the time; 0 to `letters` letters stand behind each
character before `=`, all numbers of them equally likely.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, _symbols

OPTIONS: dict[str, Any] = {"digits": 8, "letters": 3, "train": 10_000, "valid": 1000, "test": 1000}
ABOUT = "sums and differences among letters that mean nothing: the result, digit by digit"
SOLVABLE = True
LOSS = _symbols.LOSS
SYMBOLS = string.digits + string.ascii_lowercase + "+-=."
MOST_DIGITS = 18  # numbers and results have 64 bits
_LETTERS = list(string.ascii_lowercase)


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether numbers can be held."""
    if options["digits"] > MOST_DIGITS:
        words = f"`digits` must be at most {MOST_DIGITS}, not {options['digits']}"
        yield Wrong("digits", f"task 'arithmetic': {words}")


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    digits, letters = options["digits"], options["letters"]
    splits = _generated.splits(options, seed, lambda count, rng: _make(count, digits, letters, rng))
    return _symbols.of_text("arithmetic", splits, SYMBOLS, _symbols.SOLVED)


def _make(count: int, digits: int, letters: int, rng: np.random.Generator) -> Split:
    texts = _problems(count, digits, rng)
    mixed = [f"{_mixed(problem, letters, rng)}={result}." for problem, result in texts]
    split = _symbols.next_of([_symbols.numbers(text, SYMBOLS) for text in mixed])
    # the character behind `=` is asked for where `=` is shown
    begins = np.array([text.index("=") for text in mixed])
    steps = np.arange(split.width)
    counts = (steps >= begins[:, None]) & (steps < split.lengths[:, None])
    return Split(split.x, split.y, split.lengths, counts.astype(np.float32))


def _problems(count: int, digits: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """(`-12+3`, `-9`) and so on."""
    lengths = rng.integers(1, digits, (count, 2), endpoint=True)
    least = np.where(lengths == 1, 0, 10 ** (lengths - 1))
    signs = rng.choice([-1, 1], (count, 2))
    numbers = signs * rng.integers(least, 10**lengths)
    operators = rng.choice([-1, 1], count)
    results = numbers[:, 0] + operators * numbers[:, 1]
    signs_of = {1: "+", -1: "-"}
    return [
        (f"{first}{signs_of[operator]}{second}", str(result))
        for (first, second), operator, result in zip(numbers, operators, results)
    ]


def _mixed(problem: str, letters: int, rng: np.random.Generator) -> str:
    """The problem with letters behind each of its characters."""
    counts = rng.integers(0, letters, len(problem), endpoint=True)
    drawn = iter(rng.choice(_LETTERS, int(counts.sum())).tolist())
    parts = []
    for character, count in zip(problem, counts):
        parts += [character, *islice(drawn, count)]
    return "".join(parts)
