"""What would settle an undecided claim, in numbers of trials."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rnnzoo.errors import in_percent
from rnnzoo.stats.compare import POWER

MANY = 10_000  # trials; beyond, a number is no advice
HARDER = "a harder task: both variants solve this one, which no longer separates them"
EASIER = "an easier task, or more epochs: neither variant solves this one"


def advice(needed: Mapping[str, int], run: int) -> str:
    """How many trials of each show what; what so many would have shown already is said so."""
    return "; ".join(f"{words}: {_about(trials, run)}" for words, trials in needed.items())


def _about(trials: int, run: int) -> str:
    if trials <= run:
        return f"{in_percent(POWER)} of such studies would have shown it"
    if trials > MANY:
        return f"more than {MANY:,} trials of each"
    figures = 10 ** max(0, math.floor(math.log10(trials)) - 1)
    return f"about {math.ceil(trials / figures) * figures:,} trials of each"
