"""Two variants, each tuned by a search of its own: does one do better?

In: of every trial the score that selects and the score that is reported; lower is better.  Out: differences, p-values and
intervals, all of them with the selection repeated.  Contains the comparison of Greff et al. 2015 (the best tenth of the
trials, Welch's t-test) and what replaces it here: a permutation of the labels of all trials.

Why it is replaced: the best k of N were chosen for being good, so they are closer to each other than k trials are.  Welch's
test takes their small spread for precision.  A permutation test that chooses anew in every draw has no such error: where
labels mean nothing, every relabelling is as likely as the one that was seen.

What is permuted is the difference of means over its standard error (Janssen 1997; Chung and Romano 2013).  Where the two have
one distribution the test is exact; where only their means agree, and one spreads wider or fails more often, it is right with
many trials, which the bare difference is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats

from rnnzoo.errors import StatsError

Array = np.ndarray[Any, Any]
FEWEST = 3
ALPHA = 0.05
POWER = 0.8
DRAWS = 4_999
HALVINGS = 10  # of the span in which a bound of an interval lies
MOST_DRAWS = 39_999
EQUAL = 1e-12  # of the largest score: what rounding leaves of a difference of none
NEAR = 1e-9  # statistics of the same numbers, added up in another order, count as equal


@dataclass(frozen=True, eq=False, slots=True)
class Trials:
    """All trials of one variant, by the score that selects, the best first.

    Attributes:
        on: (trials,) the score that selects; infinite for a trial that did not complete.
        report: (trials,) the score that is reported; infinite likewise.
        index: (trials,) the number of each; trials of two variants with one number are a pair, if anything pairs them.
    """

    on: Array
    report: Array
    index: Array

    @classmethod
    def of(
        cls, on: Sequence[float] | Array, report: Sequence[float] | Array, index: Sequence[int] | Array | None = None
    ) -> Trials:
        """Sort and check.

        Raises:
            StatsError: shapes differ, a score is NaN, or fewer than three trials completed.
        """
        one, two = np.asarray(on, dtype=float), np.asarray(report, dtype=float)
        number = np.arange(len(one)) if index is None else np.asarray(index)
        if one.ndim != 1 or one.shape != two.shape or one.shape != number.shape:
            raise StatsError("a trial has one score that selects and one that is reported")
        if np.isnan(one).any() or np.isnan(two).any() or (np.isfinite(one) != np.isfinite(two)).any():
            raise StatsError("a trial has two finite scores, or two infinite ones if it did not complete")
        if np.isfinite(one).sum() < FEWEST:
            raise StatsError(f"a comparison needs {FEWEST} complete trials, not {np.isfinite(one).sum()}")
        order = np.argsort(one, kind="stable")
        return cls(one[order], two[order], number[order])

    def __len__(self) -> int:
        return len(self.on)

    def capped(self, worst: float) -> Trials:
        """What did not complete gets the worst reported score there is; it is still chosen last."""
        return Trials(self.on, np.where(np.isfinite(self.report), self.report, worst), self.index)

    def mean(self, keep: int) -> float:
        """Mean reported score of the best."""
        return float(self.report[:keep].mean())

    def only(self, index: Array) -> Trials:
        """The trials of these numbers."""
        chosen = np.isin(self.index, index)
        return Trials(self.on[chosen], self.report[chosen], self.index[chosen])

    def by_index(self) -> Trials:
        order = np.argsort(self.index, kind="stable")
        return Trials(self.on[order], self.report[order], self.index[order])


@dataclass(frozen=True, slots=True)
class Exchange:
    """What permuting the labels says.

    Attributes:
        worse: p-value for "A is worse": the share of relabellings with a statistic at least as large.
        better: p-value for "A is better".
    """

    worse: float
    better: float


@dataclass(frozen=True, slots=True)
class Welch:
    """Welch's t-test between the kept trials (Greff et al. 2015).

    Attributes:
        p: two-sided.
        false_alarms: share of the relabellings that it calls a difference at 5 %: what its p-value is worth here.
    """

    p: float
    false_alarms: float


class Comparison:
    """The best `keep` trials of A and of B, chosen anew in every relabelling.

    Attributes:
        a, b: mean reported scores of the best `keep` of each.
        difference: that of A less that of B; above 0, A is worse.
        error: the standard error of the difference, selection included.
    """

    def __init__(
        self, a: Trials, b: Trials, keep: int, seed: int | Sequence[int], draws: int = DRAWS, paired: bool = False
    ) -> None:
        """Args:
            keep: how many trials of each are compared.
            seed: the same one gives the same relabellings, whatever is tested with them.
            paired: trials of one number were drawn at the same point of the space: their labels are exchanged with each
                other only.  Trials of one variant alone are then left out.

        Raises:
            StatsError: `keep` is below 3, or more than the trials.

        Source:
            Janssen 1997, Studentized permutation tests for non-i.i.d. hypotheses and the generalized Behrens-Fisher
            problem; Chung and Romano 2013, Exact and asymptotically robust permutation tests; Phipson and Smyth 2010 (p-values
            of random permutations are never 0).  The protocol is that of Greff et al. 2015, section IV.
        """
        if paired:
            both = np.intersect1d(a.index, b.index)
            a, b = a.only(both), b.only(both)
        _check(a, b, keep)
        a, b = _capped(a, b)
        self.a, self.b = a.mean(keep), b.mean(keep)
        self.difference = self.a - self.b
        self.keep, self.seed, self.draws, self.paired = keep, seed, draws, paired
        a, b = a.by_index(), b.by_index()  # so that a pair stands at one place in both
        self.on, self.report = np.concatenate([a.on, b.on]), np.concatenate([a.report, b.report])
        self.size = len(self.on)
        self.of_a = np.arange(self.size) < len(a)
        self.breaks = np.random.default_rng(seed).random(self.size)  # ties fall by chance, not by label
        self.error = float(self._seen(self.of_a[None], 0.0).error[0])

    def test(self, shift: float = 0.0) -> Exchange:
        """P-values against the hypothesis that A is worse by `shift`; 0 tests "no difference", a margin "by the margin".

        A's scores are moved by as much before labels are exchanged.
        """
        return self._test(self._labels(), shift)

    def welch(self) -> Welch:
        p = self._seen(self._labels(), 0.0).welch
        return Welch(float(p[0]), float((p[1:] < ALPHA).mean()))

    def interval(self, level: float) -> tuple[float, float]:
        """All differences that the test does not refuse, each side at half of what is left of the level.

        Infinite where so few trials cannot refuse any.
        """
        labels, tail = self._labels(), (1.0 - level) / 2

        low = self._bound(-1, lambda shift: self._test(labels, shift).worse <= tail)
        return low, self._bound(1, lambda shift: self._test(labels, shift).better <= tail)

    def _bound(self, side: int, refused: Callable[[float], bool]) -> float:
        """Where the differences end that are not refused, on one side of the one that was seen."""
        scale = max(1.0, float(np.abs(self.report).max()))
        step = max(self.error, NEAR * scale)
        reach = 8 * (float(np.ptp(self.report)) + abs(self.difference)) + step
        inside, outside = 0.0, step
        while not refused(self.difference + side * outside):
            if outside > reach:
                return side * math.inf
            inside, outside = outside, 2 * outside
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if refused(self.difference + side * middle) else (middle, outside)
        return self.difference + side * outside

    def _test(self, labels: Array, shift: float) -> Exchange:
        t = self._seen(labels, shift).t
        room = NEAR * max(1.0, abs(float(t[0])))
        return Exchange(
            worse=float((1 + (t[1:] >= t[0] - room).sum()) / len(t)),
            better=float((1 + (t[1:] <= t[0] + room).sum()) / len(t)),
        )

    def _labels(self) -> Array:
        """(1 + draws, trials) of true for A: first the labels as they are, then relabellings."""
        return relabellings(self.of_a, self.seed, self.draws, self.paired)

    def _seen(self, labels: Array, shift: float) -> _Seen:
        """What each relabelling shows, once A's scores are moved by `-shift`."""
        on, report = (scores - np.where(self.of_a, shift, 0.0) for scores in (self.on, self.report))
        order = np.lexsort((self.breaks, on))
        order = order[: self._looked_at(labels, order)]
        report = _centred(report[order])
        ours = _Kept.of(labels[:, order], report, self.keep, int(self.of_a.sum()))
        theirs = _Kept.of(~labels[:, order], report, self.keep, int((~self.of_a).sum()))
        pairs = order % (self.size // 2) if self.paired else None
        return _Seen(ours, theirs, _error(ours, theirs, report, pairs))

    def _looked_at(self, labels: Array, order: Array) -> int:
        """How many of the best trials hold all that matters: of every relabelling `keep` of each label, and one more."""
        wanted = [min(self.keep + 1, int(of.sum())) for of in (self.of_a, ~self.of_a)]
        count = min(self.size, 4 * self.keep + 16)
        while count < self.size:
            ours = labels[:, order[:count]].sum(axis=1)
            if (ours >= wanted[0]).all() and (count - ours >= wanted[1]).all():
                break
            count = min(self.size, 2 * count)
        return count


def relabellings(of_a: Array, seed: int | Sequence[int], draws: int, paired: bool) -> Array:
    """(1 + draws, trials) of true for A: first the labels as they are, then exchanged at random.

    Args:
        of_a: (trials,) true for those of A, which come first.
        paired: the first trial of A is at one point with the first of B, and so on: their labels are exchanged with each
            other only.
    """
    rng = np.random.default_rng(seed)
    labels = np.empty((1 + draws, len(of_a)), dtype=bool)
    labels[0] = of_a
    if paired:
        flipped = rng.random((draws, len(of_a) // 2)) < 0.5
        labels[1:] = np.concatenate([~flipped, flipped], axis=1)
    else:
        labels[1:] = rng.permuted(np.broadcast_to(of_a, (draws, len(of_a))), axis=1)
    return labels


def _centred(report: Array) -> Array:
    """Scores less their mean, since squares of large numbers would lose what differs; equal ones are exactly 0."""
    centred = report - report.mean()
    return np.asarray(np.where(np.abs(centred) <= EQUAL * np.abs(report).max(), 0.0, centred))


def _check(a: Trials, b: Trials, keep: int) -> None:
    if keep < FEWEST:
        raise StatsError(f"at least {FEWEST} trials must be kept, not {keep}")
    if keep > min(len(a), len(b)):
        raise StatsError(f"{keep} trials are to be kept, and there are {min(len(a), len(b))}")


def _capped(a: Trials, b: Trials) -> tuple[Trials, Trials]:
    both = np.concatenate([a.report, b.report])
    worst = float(both[np.isfinite(both)].max())
    return a.capped(worst), b.capped(worst)


@dataclass(frozen=True, eq=False, slots=True)
class _Kept:
    """The kept trials of one label, a row for each relabelling.

    Attributes:
        chosen: (draws, trials) of 0 and 1, where trials stand in the order of what selects.
        share: how many of the label's trials are kept.
        mean, spread: of the reported scores of those that are kept; the spread is their variance.
        edge: reported score where the selection ends: of the last that is kept and the first that is not.
    """

    chosen: Array
    share: float
    mean: Array
    spread: Array
    edge: Array

    @classmethod
    def of(cls, labels: Array, report: Array, keep: int, size: int) -> _Kept:
        counts = np.cumsum(labels, axis=1, dtype=np.int32)
        chosen = (labels & (counts <= keep)).astype(float)
        last = (labels & (counts >= keep) & (counts <= keep + 1)).astype(float)
        mean = chosen @ report / keep
        spread = np.maximum(chosen @ report**2 / keep - mean**2, 0.0) * keep / (keep - 1)
        return cls(chosen, keep / size, mean, spread, last @ report / last.sum(axis=1))

    @property
    def keep(self) -> float:
        return float(self.chosen[0].sum())

    @property
    def variance(self) -> Array:
        """Of the mean, over searches of this size.

        The influence function of a mean of the best share q: (score - edge) / q for a trial that is kept.
        """
        return (self.spread + (1.0 - self.share) * (self.mean - self.edge) ** 2) / self.keep


def _error(ours: _Kept, theirs: _Kept, report: Array, pairs: Array | None) -> Array:
    """Standard error of the difference; of pairs that of the differences within them.

    Args:
        pairs: (trials,) the number of each trial's pair; None where there are no pairs.
    """
    if pairs is None:
        variance = ours.variance + theirs.variance
    else:
        influence = ours.chosen * (report - ours.edge[:, None]) - theirs.chosen * (report - theirs.edge[:, None])
        within = influence @ (pairs[:, None] == np.arange(pairs.max() + 1))
        count = ours.keep / ours.share
        squares = (within**2).sum(axis=1) - within.sum(axis=1) ** 2 / count
        variance = np.maximum(squares, 0.0) / ours.keep / (ours.keep - 1)
    least = NEAR * float(np.abs(report).max())
    return np.asarray(np.maximum(np.sqrt(variance), least or 1.0))  # where all scores are equal, 0 over something is 0


@dataclass(frozen=True, eq=False, slots=True)
class _Seen:
    """A's kept trials beside B's, a row for each relabelling."""

    ours: _Kept
    theirs: _Kept
    error: Array

    @property
    def t(self) -> Array:
        return np.asarray((self.ours.mean - self.theirs.mean) / self.error)

    @property
    def welch(self) -> Array:
        """Two-sided p-values of Welch's t-test for groups of one size."""
        shares = [one.spread / one.keep for one in (self.ours, self.theirs)]  # variance of each mean
        total, distance = shares[0] + shares[1], np.abs(self.ours.mean - self.theirs.mean)
        with np.errstate(divide="ignore", invalid="ignore"):
            freedom = total**2 / ((shares[0] ** 2 + shares[1] ** 2) / (self.ours.keep - 1))
            p = 2 * special.stdtr(freedom, -distance / np.sqrt(total))
        return np.asarray(np.where(total > 0, p, np.where(distance == 0.0, 1.0, 0.0)))


def smallest_p(trials: int, paired: bool = False, draws: int = DRAWS) -> float:
    """The smallest p-value that so many trials of each of two variants can have: one relabelling of all there are."""
    relabellings = 2.0**trials if paired else float(special.comb(2 * trials, trials))
    return max(1.0 / relabellings, 1.0 / (draws + 1))


def fewest_trials(alpha: float, paired: bool = False) -> int:
    """How many trials of each variant can have a one-sided p-value of at most `alpha`."""
    trials = FEWEST
    while smallest_p(trials, paired, 2**62) > alpha:
        trials += 1
    return trials


def draws_for(claims: int) -> int:
    """How many relabellings show a p-value that is small enough for so many claims, several times over."""
    return min(max(DRAWS, 200 * claims - 1), MOST_DRAWS)


# ---------------------------------------------------------------------------------------------- one variant


def tuned_interval(trials: Trials, keep: int, level: float, seed: int, draws: int = 2_000) -> tuple[float, float]:
    """Interval of the mean of a variant's best `keep`: what other searches of this size would find.

    The mean, and as far to both sides as the bootstrap over all trials, with the selection repeated, spreads, times the
    quantile of Student's t with `keep` degrees of freedom: fewer trials than that say how much it spreads.  Its percentiles
    alone are too narrow, since no resample holds a better trial than the best one.

    Args:
        level: such as 0.95.

    Raises:
        StatsError: `keep` is below 3, or more than the trials.

    Source:
        Efron and Tibshirani 1993, An introduction to the bootstrap, chapters 6 and 13.
    """
    _check(trials, trials, keep)
    trials, _ = _capped(trials, trials)
    drawn = np.random.default_rng(seed).integers(len(trials), size=(draws, len(trials)))
    best = np.partition(drawn, keep - 1, axis=1)[:, :keep]  # trials are sorted, so the best have the lowest numbers
    error = float(trials.report[best].mean(axis=1).std(ddof=1))
    mean, reach = float(trials.report[:keep].mean()), float(stats.t.ppf((1.0 + level) / 2, keep)) * error
    low = mean - reach
    return max(low, 0.0) if trials.report.min() >= 0.0 else low, mean + reach


# ---------------------------------------------------------------------------------------------- several claims, more trials


def partial_conjunction(p: Sequence[float], needed: int) -> float:
    """P-value of "at least so many of these hold", however they depend on each other.

    With all of them needed it is the largest (Berger 1982), with one the smallest times their number (Bonferroni).

    Source:
        Benjamini and Heller 2008, Screening for partial conjunction hypotheses, equation 4.
    """
    return min(1.0, (len(p) - needed + 1) * sorted(p)[needed - 1])


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted for being several: all of them below 0.05 at once only by a chance of 5 %.

    Source:
        Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    found = [0.0] * len(p)
    highest = 0.0
    for rank, at in enumerate(sorted(range(len(p)), key=lambda one: p[one])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[at]))
        found[at] = highest
    return tuple(found)


def holm_levels(p: Sequence[float], alpha: float = ALPHA) -> tuple[float, ...]:
    """What each p-value had to stay below in Holm's procedure; all that failed had to pass the first that failed."""
    found = [0.0] * len(p)
    open_ = len(p)
    for at in sorted(range(len(p)), key=lambda one: p[one]):
        found[at] = alpha / open_
        if p[at] <= alpha / open_:
            open_ -= 1
    return tuple(found)


def trials_needed(error: float, trials: int, distance: float, alpha: float = ALPHA, power: float = POWER) -> int:
    """About how many trials each variant needs for a test to tell a difference that lies so far from a boundary.

    Takes a standard error that falls with the square root of the trials, as it does where a share of them is kept.

    Args:
        error: standard error of the difference, from so many `trials` of each.
        distance: between the difference and the boundary.
        alpha: of the one-sided test.

    Source:
        The normal approximation of any textbook: N = N0 ((z_alpha + z_power) s / distance)^2.
    """
    return min(2**31, math.ceil(trials * (detectable(error, alpha, power) / distance) ** 2))


def detectable(error: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """The distance from a boundary that a one-sided test of level `alpha` sees so often."""
    return float(stats.norm.ppf(1 - alpha) + stats.norm.ppf(power)) * error
