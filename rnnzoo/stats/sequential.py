"""A mean that is looked at again and again, until it is known well enough: intervals that hold at every look.

In: paired differences, one a round.  Out: intervals.  An interval of a t-test covers a mean in 95 of 100 studies if it is
looked at once; whoever looks after each round and stops at the first clear one is wrong far more often.  Two remedies:

    Boundary    looks after each round from `first` to `most`: one nominal level for all of them, so low that all together
                keep the level of the study (Pocock 1977).  It needs `most`, and gives the narrower intervals.
    anytime     an interval that holds at all rounds at once, however many there will be (Robbins 1970; Lai 1976; Wang and
                Ramdas 2023): for a study whose end is open.

Both suppose differences that are independent and normally distributed.  `tests/stats/test_sequential.py` says what they do
where these are skewed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from scipy import special

Array = np.ndarray[Any, Any]
STUDIES = 200_000  # simulated for a boundary
SEED = 1977
SHAPE = 1.0  # of the boundary: the level of a look grows with the rounds, since early looks decide little
LARGEST = 0.25  # level that a boundary is simulated for: p-values above it need not be known
POWER = 0.8
MANY = 1_000  # rounds; beyond, a number is no advice
FEW = 20  # simulated studies; a share of fewer is no quantile
SPREAD = 1.0  # of the mixture of effects, in standard deviations of a difference, that `anytime` is narrowest for


@dataclass(frozen=True, slots=True)
class Boundary:
    """Looks after each round from `first` to `most`."""

    first: int
    most: int

    def nominal(self, level: float, rounds: int) -> float:
        """The one-sided level of the look after so many rounds, with which all looks together have this one-sided level."""
        smallest = _smallest_p(self.first, self.most)
        rank = math.floor(level * len(smallest))
        if rank < FEW:  # too far in the tail to be simulated: a bound that always holds (Bonferroni)
            return level / (self.most - self.first + 1)
        return float(smallest[rank - 1]) * _part(rounds, self.most)

    def quantile(self, level: float, rounds: int) -> float:
        """Of t, at the look after so many rounds; after more than `most` at the level of the last, as if planned later."""
        return -float(special.stdtrit(rounds - 1, self.nominal(level, min(rounds, self.most))))

    def half_width(self, differences: Array, level: float) -> float:
        """How far the bound on either side lies from the mean, each with an error of `level` over all looks; infinite where
        there is no look.
        """
        rounds = len(differences)
        if not self.first <= rounds <= self.most:
            return math.inf
        return self.expected(rounds, level) * float(differences.std(ddof=1))

    def expected(self, rounds: int, level: float) -> float:
        """The half-width after so many rounds, in standard deviations of a difference."""
        return self.quantile(level, rounds) / math.sqrt(rounds) if rounds >= self.first else math.inf


@dataclass(frozen=True, slots=True)
class Anytime:
    """Looks whenever, and as long as one likes, from round `first` on."""

    first: int

    def half_width(self, differences: Array, level: float) -> float:
        """Half the width of the interval of the mean, for an error of `level` over all rounds; infinite where none is.

        Source:
            Wang and Ramdas 2023, Anytime-valid t-tests and confidence sequences, for a normal mixture over the effect.
        """
        rounds = len(differences)
        if rounds < max(self.first, 2):
            return math.inf
        return self.expected(rounds, level) * float(differences.std(ddof=1))

    def expected(self, rounds: int, level: float) -> float:
        """The half-width after so many rounds, in standard deviations of a difference."""
        if rounds < max(self.first, 2):
            return math.inf
        mixture = 1.0 + rounds * SPREAD**2
        bound = ((2.0 * level) ** 2 / mixture) ** (1.0 / rounds)
        if bound * mixture <= 1.0:
            return math.inf
        squared = (rounds - 1) * mixture * (1.0 - bound) / (bound * mixture - 1.0)
        return math.sqrt(squared / rounds)


class Expecting(Protocol):
    """Looks, of which it is known how wide an interval will be."""

    @property
    def first(self) -> int: ...

    def expected(self, rounds: int, level: float) -> float: ...

    def __hash__(self) -> int: ...


@cache
def rounds_needed(looks: Expecting, spread: float, level: float, room: float, both: bool) -> int | None:
    """After how many rounds an interval fits into the room between a true difference and a bound, in 80 % of the studies.

    Args:
        spread: standard deviation of a difference.
        level: of the interval, on either side.
        room: from the true difference to the bound.
        both: whether there is a bound on either side, as far.

    Returns:
        None where it takes more than 1,000, or there is no room.
    """
    for rounds in range(looks.first, MANY + 1):
        if room_needed(looks, spread, level, rounds, both) < room:
            return rounds
    return None


def room_needed(looks: Expecting, spread: float, level: float, rounds: int, both: bool = False) -> float:
    """How far a true difference must lie from a bound, for an interval after so many rounds to fit between in 80 % of the
    studies; the arguments are those of `rounds_needed`.  Infinite before the first look.
    """
    quantile = float(special.ndtri((1.0 + POWER) / 2 if both else POWER))
    return spread * (looks.expected(rounds, level) + quantile / math.sqrt(rounds)) if rounds > 0 else math.inf


def _part(rounds: int, most: int) -> float:
    """How much of the level of the last look an earlier one has."""
    return float((rounds / most) ** SHAPE)


@cache
def _smallest_p(first: int, most: int) -> Array:
    """(studies,) the smallest one-sided p-value, in parts of the level of its look, of studies without an effect, sorted."""
    generator = np.random.Generator(np.random.PCG64(SEED))
    totals = np.zeros(STUDIES)
    squares = np.zeros(STUDIES)
    smallest = np.ones(STUDIES)
    for rounds in range(1, most + 1):
        differences = generator.standard_normal(STUDIES)
        totals += differences
        squares += differences**2
        if rounds >= first:
            variance = (squares - totals**2 / rounds) / (rounds - 1)
            t, part = totals / np.sqrt(rounds * variance), _part(rounds, most)
            near = np.flatnonzero(t > -special.stdtrit(rounds - 1, LARGEST * part))
            smallest[near] = np.minimum(smallest[near], special.stdtr(rounds - 1, -t[near]) / part)
    return np.sort(smallest)
