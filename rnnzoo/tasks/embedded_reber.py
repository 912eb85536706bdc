"""The continual embedded Reber grammar: strings that nobody separates, whose last symbol but one is
their second one (Gers, Schmidhuber and Cummins 2000, Learning to forget).

A string of the Reber grammar goes from B to E by the arrows of `_ARROWS`, two from each place, both
alike.  The embedded one is B, then T or P, a string of the Reber grammar, the same T or P, and E.
A sequence is `strings` of them, one behind the other, one symbol a step; those of `test` have
`test_strings`.  Each inner E asks for the symbol that follows, T or P; no other step counts.  To
answer, a network must remember one symbol for 8 steps on average, and then begin anew.

The paper asks for every next symbol, and trains on streams that end with a mistake or after a
million symbols.  There an LSTM without a forget gate solves no stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Split, Task, _generated, _symbols
from rnnzoo.tasks._packed import padded

OPTIONS: dict[str, Any] = {"strings": 8, "test_strings": 8, **_generated.SIZES}
ABOUT = "strings of the embedded Reber grammar in a row: was the second symbol of this one T or P?"
SOLVABLE = True
LOSS = _symbols.LOSS
SYMBOLS = "BTPSXVE"
_FIRST, _LAST = 0, 5
_ARROWS = (  # from each place but the last: what is shown, and where it leads
    (("T", 1), ("P", 2)),
    (("S", 1), ("X", 3)),
    (("T", 2), ("V", 4)),
    (("X", 2), ("S", _LAST)),
    (("P", 3), ("V", _LAST)),
)


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Generate the task."""
    counts = {"length": options["strings"], "test_lengths": [options["test_strings"]]}
    splits = _generated.at_lengths({**options, **counts}, seed, _make)
    return _symbols.task("embedded_reber", splits, 2, names=("T", "P"))


def _make(count: int, strings: int, rng: np.random.Generator) -> Split:
    """Sequences of so many strings."""
    texts = [_in_a_row(strings, rng) for _ in range(count)]
    lengths = np.array([len(text) for text in texts], np.int32)
    width = int(lengths.max())
    shown = _symbols.numbers("".join(texts), SYMBOLS)
    following = np.append(shown[1:], 0)
    # the inner E has T or P behind it, and the outer one a B or nothing
    asks = (shown == SYMBOLS.index("E")) & np.isin(following, (1, 2))
    steps = (_symbols.one_hot(shown, len(SYMBOLS)), np.where(asks, following - 1, 0), asks)
    x, y, counts = (padded(array, lengths, width) for array in steps)
    return Split(x, y.astype(np.int32), lengths, counts.astype(np.float32))


def _in_a_row(strings: int, rng: np.random.Generator) -> str:
    return "".join([_embedded(rng) for _ in range(strings)])


def _embedded(rng: np.random.Generator) -> str:
    outer = "TP"[rng.integers(2)]
    return f"B{outer}{_reber(rng)}{outer}E"


def _reber(rng: np.random.Generator) -> str:
    shown, place = ["B"], _FIRST
    while place != _LAST:
        symbol, place = _ARROWS[place][rng.integers(2)]
        shown.append(symbol)
    return "".join([*shown, "E"])
