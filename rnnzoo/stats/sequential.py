"""Sequential tests of a mean: intervals that hold at every look, until the mean is known well
enough.

In: paired differences, one per round.  Out: intervals.  The interval of a t-test covers the mean in
95 of 100 studies if one looks at it once.  Looking after each round and stopping at the first clear
result is wrong far more often.  Two remedies:

    Boundary    looks after each round from `first` to `most`, at a nominal level so low that all
                looks together keep the level of the study (Pocock 1977).  Needs `most`; its
                intervals are the narrower ones.
    Anytime     an interval that holds at all rounds at once, without an end (Robbins 1970; Lai
                1976; Wang and Ramdas 2023): for a study of open length.

Both assume independent, normally distributed differences.  `tests/stats/test_sequential.py` shows
how they behave if differences are skewed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np

from rnnzoo.stats._scipy import special

Array = np.ndarray[Any, Any]
STUDIES = 200_000  # simulated for a boundary
SEED = 1977  # any: two looks must have one boundary
# of the boundary: a look's level grows with the rounds, since early looks decide little
SHAPE = 1.0
LARGEST = 0.25  # level up to which a boundary is simulated: larger p-values are not needed
POWER = 0.8
MANY = 1_000  # rounds; a larger number is no advice
FEW = 20  # simulated studies below a quantile; with fewer it is not an estimate
# of the mixture of effects for which `Anytime` is narrowest, in standard deviations of a difference
SPREAD = 1.0


@dataclass(frozen=True, slots=True)
class Boundary:
    """Looks after each round from `first` to `most`."""

    first: int
    most: int

    def nominal(self, level: float, rounds: int) -> float:
        """The one-sided level of the look after `rounds` rounds at which all looks together have
        the level `level`.
        """
        smallest = _smallest_p(self.first, self.most)
        rank = math.floor(level * len(smallest))
        # too far in the tail for a simulation: a bound that always holds (Bonferroni)
        if rank < FEW:
            return level / (self.most - self.first + 1)
        return float(smallest[rank - 1]) * _relative_level(rounds, self.most)

    def quantile(self, level: float, rounds: int) -> float:
        """The quantile of t at the look after `rounds` rounds; beyond `most` rounds, at the level
        of the last look.
        """
        return -float(special.stdtrit(rounds - 1, self.nominal(level, min(rounds, self.most))))

    def half_width(self, differences: Array, level: float) -> float:
        """The distance of either bound from the mean, each with an error of `level` over all looks;
        infinite at no look.
        """
        rounds = len(differences)
        if not self.first <= rounds <= self.most:
            return math.inf
        return self.expected(rounds, level) * float(differences.std(ddof=1))

    def expected(self, rounds: int, level: float) -> float:
        """The half width after `rounds` rounds, in standard deviations of a difference; infinite
        before the first look.
        """
        if rounds < self.first:
            return math.inf
        return self.quantile(level, rounds) / math.sqrt(rounds)


@dataclass(frozen=True, slots=True)
class Anytime:
    """Looks at any time from round `first` on, without an end."""

    first: int

    def half_width(self, differences: Array, level: float) -> float:
        """The distance of either bound from the mean, each with an error of `level` over all
        rounds; infinite at no look.

        Source:
            Wang and Ramdas 2023, Anytime-valid t-tests and confidence sequences, for a normal
            mixture over the effect.
        """
        rounds = len(differences)
        if rounds < max(self.first, 2):
            return math.inf
        return self.expected(rounds, level) * float(differences.std(ddof=1))

    def expected(self, rounds: int, level: float) -> float:
        """The half width after `rounds` rounds, in standard deviations of a difference; infinite
        before the first look.
        """
        if rounds < max(self.first, 2):
            return math.inf
        mixture = 1.0 + rounds * SPREAD**2
        # `level` is that of one bound, and the mixture is of effects on both sides
        bound = ((2.0 * level) ** 2 / mixture) ** (1.0 / rounds)
        if bound * mixture <= 1.0:  # after so few rounds no effect is excluded at this level
            return math.inf
        squared = (rounds - 1) * mixture * (1.0 - bound) / (bound * mixture - 1.0)
        return math.sqrt(squared / rounds)


class Expecting(Protocol):
    """A plan of looks whose interval widths can be predicted."""

    @property
    def first(self) -> int: ...

    def expected(self, rounds: int, level: float) -> float: ...

    def __hash__(self) -> int: ...


@cache
def rounds_needed(
    looks: Expecting, spread: float, level: float, room: float, both: bool
) -> int | None:
    """The number of rounds after which an interval fits between a true difference and a bound in 80
    % of studies.

    Args:
        spread: the standard deviation of a difference.
        level: of the interval, on either side.
        room: the distance between the true difference and the bound.
        both: whether there is a bound at this distance on both sides.

    Returns:
        None if that takes more than 1,000 rounds, or if there is no room.
    """
    for rounds in range(looks.first, MANY + 1):
        if room_needed(looks, spread, level, rounds, both) < room:
            return rounds
    return None


def room_needed(
    looks: Expecting, spread: float, level: float, rounds: int, both: bool = False
) -> float:
    """The distance between a true difference and a bound at which an interval fits between them in
    80 % of studies.

    Args are those of `rounds_needed`.  Infinite before the first look.
    """
    if rounds <= 0:
        return math.inf
    # how far the mean of so many rounds strays from the difference, in 80 % of studies
    quantile = float(special.ndtri((1.0 + POWER) / 2 if both else POWER))
    return spread * (looks.expected(rounds, level) + quantile / math.sqrt(rounds))


def _relative_level(rounds: int, most: int) -> float:
    """The level of a look as a share of the level of the last look."""
    return float((rounds / most) ** SHAPE)


@cache
def _smallest_p(first: int, most: int) -> Array:
    """(studies,) the smallest one-sided p-value of each simulated study without an effect, sorted.

    P-values are divided by the relative level of their look.
    """
    # by name: what `default_rng` draws with may change with NumPy, and verdicts would with it
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
            t, relative = totals / np.sqrt(rounds * variance), _relative_level(rounds, most)
            # the distribution function is slow, so it is asked for what is needed alone
            small = np.flatnonzero(t > -special.stdtrit(rounds - 1, LARGEST * relative))
            smallest[small] = np.minimum(
                smallest[small], special.stdtr(rounds - 1, -t[small]) / relative
            )
    return np.sort(smallest)
