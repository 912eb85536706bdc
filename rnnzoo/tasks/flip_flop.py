"""Flip-flop language: read back the bit that was written last (Liu, Ash, Goel, Krishnamurthy and
Zhang 2023, Exposing Attention Glitches with Flip-Flop Language Modeling).

Instructions w (write), r (read) and i (ignore), each followed by a bit, one symbol a step.  The
first instruction is w, the last r; the others are i with probability `ignored`, else w or r alike.
Bits after w and i are random, and a bit after r is that of the last w.  Each r asks for the bit
that follows; no other step counts.  The paper has sequences of 512 symbols, trains with `ignored`
0.8 and tests with 0.98 and 0.1 besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, Wrong, _generated, _symbols

OPTIONS: dict[str, Any] = {"length": 100, "ignored": 0.8, **_generated.SIZES, **_generated.LENGTHS}
ABOUT = "flip-flop language: at each read, the bit written last; others must be ignored"
SOLVABLE = True
LOSS = _symbols.LOSS
SYMBOLS = "01wri"
WRITE, READ, IGNORE = (SYMBOLS.index(letter) for letter in "wri")


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether the sequence consists of pairs, and something may be ignored."""
    yield from _generated.too_short(6, options, "flip_flop")
    given = {"length": [options["length"]], "test_lengths": options["test_lengths"]}
    for option, lengths in given.items():
        odd = [length for length in lengths if length % 2]
        if odd:
            words = f"task 'flip_flop': `{option}` must be even, not {odd[0]}"
            yield Wrong(option, words, "each instruction is followed by a bit")
    if not 0 < options["ignored"] < 1:
        yield Wrong(
            "ignored",
            f"task 'flip_flop': `ignored` must be above 0 and below 1, not {options['ignored']}",
            "the share of instructions that are to be ignored",
        )


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    ignored = options["ignored"]
    splits = _generated.at_lengths(
        options, seed, lambda count, length, rng: _make(count, length // 2, ignored, rng)
    )
    before = {"the bit before": _bit_before(splits["test"])}
    return _symbols.task("flip_flop", splits, 2, before, by_length=bool(options["test_lengths"]))


def _make(count: int, pairs: int, ignored: float, rng: np.random.Generator) -> Split:
    other = (1 - ignored) / 2
    instructions = rng.choice([WRITE, READ, IGNORE], (count, pairs), p=[other, other, ignored])
    instructions[:, 0], instructions[:, -1] = WRITE, READ
    # which pair wrote last, at every pair
    writer = np.maximum.accumulate(np.where(instructions == WRITE, np.arange(pairs), 0), axis=1)
    bits = rng.integers(0, 2, (count, pairs))
    bits = np.where(instructions == READ, np.take_along_axis(bits, writer, 1), bits)
    shown = np.stack([instructions, bits], -1).reshape(count, 2 * pairs)
    y = np.stack([bits, np.zeros_like(bits)], -1).reshape(shown.shape).astype(np.int32)
    return Split(
        _symbols.one_hot(shown, len(SYMBOLS)),
        y,
        np.full(count, 2 * pairs, np.int32),
        (shown == READ).astype(np.float32),
    )


def _bit_before(test: Split) -> float:
    """The share of reads that do not give the bit of the instruction before, whatever that is."""
    shown = test.x.argmax(-1)
    rows, steps = np.nonzero(shown == READ)
    return float((shown[rows, steps - 1] != test.y[rows, steps]).mean())
