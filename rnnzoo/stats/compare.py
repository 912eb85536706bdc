"""Comparison of two variants, each tuned by its own search: does one do better?

In: for every trial the score that selects and the score that is reported; lower is better.  Out:
differences, p-values and intervals, all of which repeat the selection.  Contains the comparison of
Greff et al. 2015 (the best tenth of the trials, Welch's t-test) and its replacement here, a
permutation test over the labels of all trials.

Why a replacement: the best k of N trials were selected for being good, so they are closer to each
other than k trials at random.  Welch's test takes their small spread for precision.  A permutation
test that repeats the selection in every draw has no such error: if labels mean nothing, every
relabelling is as likely as the observed one.

The test statistic is the difference of means over its standard error (Janssen 1997; Chung and
Romano 2013).  If both variants have the same distribution, the test is exact.  If only their means
agree, and one spreads wider or fails more often, the test is right for many trials; a test on the
bare difference is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rnnzoo.errors import StatsError
from rnnzoo.stats._scipy import special, stats

Array = np.ndarray[Any, Any]
FEWEST = 3
ALPHA = 0.05
POWER = 0.8
DRAWS = 4_999  # 5,000 with the observed labels, so that p-values are round numbers
HALVINGS = 10  # bisection steps for each bound of an interval
MOST_DRAWS = 39_999  # likewise 40,000
EQUAL = 1e-12  # as a share of the largest score: smaller differences are rounding errors
NEAR = 1e-9  # relative tolerance: sums of the same numbers in another order count as equal


@dataclass(frozen=True, eq=False, slots=True)
class Trials:
    """All trials of one variant, sorted by the score that selects, the best first.

    Attributes:
        on: (trials,) the score that selects; infinite for a trial that did not complete.
        report: (trials,) the score that is reported; infinite likewise.
        index: (trials,) the number of each trial.  In a paired comparison, trials of two variants
            with the same number are a pair.
    """

    on: Array
    report: Array
    index: Array

    @classmethod
    def of(
        cls,
        on: Sequence[float] | Array,
        report: Sequence[float] | Array,
        index: Sequence[int] | Array | None = None,
    ) -> Trials:
        """Check and sort trials; `index` is their order unless given.

        Raises:
            StatsError: shapes differ, a score is NaN, or fewer than three trials completed.
        """
        selecting, reported = np.asarray(on, dtype=float), np.asarray(report, dtype=float)
        numbers = np.arange(len(selecting)) if index is None else np.asarray(index)
        if (
            selecting.ndim != 1
            or selecting.shape != reported.shape
            or selecting.shape != numbers.shape
        ):
            raise StatsError("a trial has one score that selects and one that is reported")
        if (
            np.isnan(selecting).any()
            or np.isnan(reported).any()
            or (np.isfinite(selecting) != np.isfinite(reported)).any()
        ):
            raise StatsError(
                "a trial has two finite scores, or two infinite ones if it did not complete"
            )
        if np.isfinite(selecting).sum() < FEWEST:
            raise StatsError(
                f"a comparison needs {FEWEST} complete trials, not {np.isfinite(selecting).sum()}"
            )
        # stable: of equal scores the first trial stays first, on every machine
        order = np.argsort(selecting, kind="stable")
        return cls(selecting[order], reported[order], numbers[order])

    def __len__(self) -> int:
        return len(self.on)

    def capped(self, worst: float) -> Trials:
        """The trials with `worst` as the reported score of each that did not complete; they are
        still selected last.
        """
        return Trials(self.on, np.where(np.isfinite(self.report), self.report, worst), self.index)

    def mean(self, keep: int) -> float:
        """Mean reported score of the best `keep` trials."""
        return float(self.report[:keep].mean())

    def only(self, index: Array) -> Trials:
        """The trials with these numbers."""
        chosen = np.isin(self.index, index)
        return Trials(self.on[chosen], self.report[chosen], self.index[chosen])

    def by_index(self) -> Trials:
        order = np.argsort(self.index, kind="stable")
        return Trials(self.on[order], self.report[order], self.index[order])


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """The p-values of a permutation test.

    Attributes:
        worse: p-value of "A is worse": the share of relabellings with a statistic at least as
            large.
        better: p-value of "A is better".
    """

    worse: float
    better: float


@dataclass(frozen=True, slots=True)
class Welch:
    """Welch's t-test between the selected trials (Greff et al. 2015).

    Attributes:
        p: two-sided.
        false_alarms: the share of relabellings in which it reports a difference at 5 %, that is,
            its true level on these scores.
    """

    p: float
    false_alarms: float


class Comparison:
    """Compares the best `keep` trials of A and B; every relabelling repeats the selection.

    Attributes:
        a, b: mean reported scores of the best `keep` trials of each.
        difference: `a - b`; above 0, A is worse.
        error: the standard error of the difference, selection included.
    """

    def __init__(
        self,
        a: Trials,
        b: Trials,
        keep: int,
        seed: int | Sequence[int],
        draws: int = DRAWS,
        paired: bool = False,
    ) -> None:
        """Args:
            keep: the number of trials of each to compare.
            seed: of the relabellings; they depend on nothing else but the numbers of trials.
            paired: trials with the same number were drawn at the same point of the space, so labels
                are swapped within such pairs only.  Trials without a partner are excluded.

        Raises:
            StatsError: `keep` is below 3, or more than the trials.

        Source:
            Janssen 1997, Studentized permutation tests for non-i.i.d. hypotheses and the
            generalized Behrens-Fisher problem; Chung and Romano 2013, Exact and asymptotically
            robust permutation tests; Phipson and Smyth 2010 (p-values of random permutations are
            never 0).  The protocol is that of Greff et al. 2015, section IV.
        """
        if paired:
            both = np.intersect1d(a.index, b.index)
            a, b = a.only(both), b.only(both)
        _check(a, b, keep)
        a, b = _capped(a, b)
        self.a, self.b = a.mean(keep), b.mean(keep)
        self.difference = self.a - self.b
        self.keep, self.seed, self.draws, self.paired = keep, seed, draws, paired
        a, b = a.by_index(), b.by_index()  # the trials of a pair have the same position in both
        self.on, self.report = np.concatenate([a.on, b.on]), np.concatenate([a.report, b.report])
        self.size = len(self.on)
        self.of_a = np.arange(self.size) < len(a)
        # ties break by chance, not by label
        self.tie_breakers = np.random.default_rng(seed).random(self.size)
        self.error = float(self._statistics(self._observed, 0.0).error[0])

    def test(self, shift: float = 0.0) -> PermutationTest:
        """P-values against the hypothesis that A is worse by `shift`: 0 for "no difference", else a
        margin.

        The shift is subtracted from A's scores before labels are permuted.
        """
        return permutation_test(self._statistics(self._relabelled, shift).t)

    def welch(self) -> Welch:
        p = self._statistics(self._relabelled, 0.0).welch
        return Welch(float(p[0]), float((p[1:] < ALPHA).mean()))

    def interval(self, level: float) -> tuple[float, float]:
        """All differences that the test does not reject; each side has half of the error `1 -
        level`.

        A bound is infinite if there are too few trials to reject any difference.
        """
        tail = (1.0 - level) / 2
        low = self._bound(-1, lambda shift: self.test(shift).worse <= tail)
        return low, self._bound(1, lambda shift: self.test(shift).better <= tail)

    def _bound(self, side: int, rejected: Callable[[float], bool]) -> float:
        """The end of the differences that are not rejected, below (-1) or above (1) the observed
        one.
        """
        inside, outside = self._bracketed(side, 0.0, rejected)
        # Whether 0 lies outside must be what the test says of 0.  By halving alone it need not be:
        # steps are coarse, and of a few relabellings p-values go up and down with the shift.
        zero = -side * self.difference
        if zero > 0 and zero < outside and rejected(0.0):
            _, outside = self._halved(side, inside if inside < zero else 0.0, zero, rejected)
        elif zero > 0 and zero >= outside and not rejected(0.0):
            _, outside = self._bracketed(side, zero, rejected)
        return self.difference + side * outside

    def _bracketed(
        self, side: int, inside: float, rejected: Callable[[float], bool]
    ) -> tuple[float, float]:
        """Two distances from the observed difference near to each other, of which the first is not
        rejected and the second is; the second is infinite where none is.

        Args:
            inside: one that is not rejected.
        """
        scale = max(1.0, float(np.abs(self.report).max()))
        step = max(self.error, NEAR * scale)
        reach = 8 * (float(np.ptp(self.report)) + abs(self.difference)) + step
        outside = inside + step
        while not rejected(self.difference + side * outside):
            if outside > reach:
                return outside, math.inf
            inside, outside = outside, 2 * outside
        return self._halved(side, inside, outside, rejected)

    def _halved(
        self, side: int, inside: float, outside: float, rejected: Callable[[float], bool]
    ) -> tuple[float, float]:
        """The two distances nearer to each other."""
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            if rejected(self.difference + side * middle):
                outside = middle
            else:
                inside = middle
        return inside, outside

    @cached_property
    def _packed(self) -> Array:
        """(trials, draws / 8) all labels, eight of one trial in a byte: kept for as many tests as
        an interval takes.
        """
        labels = relabellings(self.of_a, self.seed, self.draws, self.paired)
        return np.packbits(labels.T, axis=1)

    def _observed(self, trials: Array) -> Array:
        """(trials, 1) the labels of these trials as they are."""
        return self.of_a[trials, None]

    def _relabelled(self, trials: Array) -> Array:
        """(trials, 1 + draws) the labels of these trials as they are, then relabelled."""
        labels = np.unpackbits(self._packed[trials], axis=1, count=1 + self.draws)
        return labels.view(bool)

    def _statistics(self, labels_of: Callable[[Array], Array], shift: float) -> _Statistics:
        """The statistics of each relabelling, with `shift` subtracted from A's scores.

        Args:
            labels_of: (trials, draws) the labels of these trials, true for A.
        """
        shifts = np.where(self.of_a, shift, 0.0)
        # under the hypothesis all of A's scores are shifted, those that select too
        order = np.lexsort((self.tie_breakers, self.on - shifts))
        labels, counts = self._needed(labels_of, order)
        order = order[: len(labels)]
        report = _centered((self.report - shifts)[order])
        ranks = np.arange(1, 1 + len(order), dtype=counts.dtype)[:, None]
        size_a = int(self.of_a.sum())
        a = _Selected.of(labels, counts, report, self.keep, size_a)
        b = _Selected.of(~labels, ranks - counts, report, self.keep, self.size - size_a)
        pairs = order % (self.size // 2) if self.paired else None
        return _Statistics(a, b, _standard_error(a, b, report, pairs))

    def _needed(self, labels_of: Callable[[Array], Array], order: Array) -> tuple[Array, Array]:
        """Labels and their counts of as many of the best trials as are needed: every relabelling
        has `keep` of each label and one more among them.
        """
        size_a = int(self.of_a.sum())
        wanted_a, wanted_b = min(self.keep + 1, size_a), min(self.keep + 1, self.size - size_a)
        # a guess that mostly suffices: labels of all trials take much longer to count
        count = min(self.size, 4 * self.keep + 16)
        while True:
            labels = labels_of(order[:count])
            counts = _counts(labels)
            fewest_a, fewest_b = int(counts[-1].min()), count - int(counts[-1].max())
            if count == self.size or (fewest_a >= wanted_a and fewest_b >= wanted_b):
                return labels, counts
            count = min(self.size, 2 * count)


def permutation_test(statistics: Array) -> PermutationTest:
    """The p-values of a statistic, (1 + draws,): the observed value first, then one of each
    relabelling.
    """
    observed, permuted = float(statistics[0]), statistics[1:]
    tolerance = NEAR * max(1.0, abs(observed))
    return PermutationTest(
        worse=float((1 + (permuted >= observed - tolerance).sum()) / len(statistics)),
        better=float((1 + (permuted <= observed + tolerance).sum()) / len(statistics)),
    )


def relabellings(of_a: Array, seed: int | Sequence[int], draws: int, paired: bool) -> Array:
    """(1 + draws, trials), true for A: first the labels as they are, then random permutations.

    Args:
        of_a: (trials,) true for the trials of A, which come first.
        paired: the first trials of A and B are a pair, then the second, and so on; labels are
            swapped within pairs only.
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


def _counts(labels: Array) -> Array:
    """(trials, draws) how many labels are true from the first trial to this one."""
    counts = np.empty(labels.shape, dtype=np.min_scalar_type(len(labels)))
    counts[0] = labels[0]
    # small numbers, row after row: several times as fast as `cumsum`
    for before, label, after in zip(counts, labels[1:], counts[1:]):
        np.add(before, label, out=after)
    return counts


def _centered(report: Array) -> Array:
    """Scores minus their mean: squares of large numbers would lose small differences.

    Equal scores become exactly 0.
    """
    centered = report - report.mean()
    return np.asarray(np.where(np.abs(centered) <= EQUAL * np.abs(report).max(), 0.0, centered))


def _check(a: Trials, b: Trials, keep: int) -> None:
    if keep < FEWEST:
        raise StatsError(f"at least {FEWEST} trials must be kept, not {keep}")
    if keep > min(len(a), len(b)):
        raise StatsError(f"{keep} trials are to be kept, and there are {min(len(a), len(b))}")


def _capped(a: Trials, b: Trials) -> tuple[Trials, Trials]:
    both = np.concatenate([a.report, b.report])
    # one cap for both: what a failure counts as must not depend on its label
    worst = float(both[np.isfinite(both)].max())
    return a.capped(worst), b.capped(worst)


@dataclass(frozen=True, eq=False, slots=True)
class _Selected:
    """The selected trials of one label, of each relabelling.

    Attributes:
        chosen: (trials, draws) 1 for selected trials, else 0; trials are sorted by the score that
            selects.
        keep: how many are selected.
        share: of the label's trials, that are selected.
        mean, spread: (draws,) mean and variance of the reported scores of the selected trials.
        edge: (draws,) mean reported score of the last trial that is selected and the first that is
            not.
    """

    chosen: Array
    keep: int
    share: float
    mean: Array
    spread: Array
    edge: Array

    @classmethod
    def of(cls, labels: Array, counts: Array, report: Array, keep: int, size: int) -> _Selected:
        """Select in each draw.

        Args:
            labels: (trials, draws) true for the label's trials.
            counts: (trials, draws) how many of these there are from the first trial to this one.
            report: (trials,) reported scores.
            keep: how many to select.
            size: how many trials the label has, with those that the arrays leave out.
        """
        # as floats, which NumPy hands to BLAS; matrices of other types it multiplies slowly
        chosen = (labels & (counts <= keep)).astype(float)
        mean = report @ chosen / keep
        # a difference of squares, which rounding may put below 0
        spread = np.maximum(report**2 @ chosen / keep - mean**2, 0.0) * keep / (keep - 1)
        last = np.add.reduce(counts < keep, axis=0, dtype=counts.dtype)
        # where all of the label's trials are selected, there is no first that is not
        following = last
        if keep < size:
            following = np.add.reduce(counts <= keep, axis=0, dtype=counts.dtype)
        edge = (report[last] + report[following]) / 2
        return cls(chosen, keep, keep / size, mean, spread, edge)

    @property
    def variance(self) -> Array:
        """The variance of the mean over searches of this size.

        From the influence function of the mean of the best share q: (score - edge) / q for a
        selected trial.
        """
        return (self.spread + (1.0 - self.share) * (self.mean - self.edge) ** 2) / self.keep


def _standard_error(a: _Selected, b: _Selected, report: Array, pairs: Array | None) -> Array:
    """(draws,) the standard error of the difference; for pairs, that of the differences within
    pairs.

    Args:
        pairs: (trials,) the number of each trial's pair; None where there are no pairs.
    """
    if pairs is None:
        variance = a.variance + b.variance
    else:
        influence = a.chosen * (report[:, None] - a.edge) - b.chosen * (report[:, None] - b.edge)
        within = np.zeros((pairs.max() + 1, influence.shape[1]))
        for pair, of_trial in zip(pairs, influence):
            within[pair] += of_trial
        # trials of A, and as many of B: each has its partner
        count = a.keep / a.share
        squares = (within**2).sum(axis=0) - within.sum(axis=0) ** 2 / count
        variance = np.maximum(squares, 0.0) / a.keep / (a.keep - 1)
    # if all scores are equal, the statistic is 0 / 1
    least = NEAR * float(np.abs(report).max()) or 1.0
    return np.asarray(np.maximum(np.sqrt(variance), least))


@dataclass(frozen=True, eq=False, slots=True)
class _Statistics:
    """The selected trials of A and B, and the standard error of their difference, a row for each
    relabelling.
    """

    a: _Selected
    b: _Selected
    error: Array

    @property
    def t(self) -> Array:
        return np.asarray((self.a.mean - self.b.mean) / self.error)

    @property
    def welch(self) -> Array:
        """Two-sided p-values of Welch's t-test for groups of one size."""
        # variances of the means
        of_a, of_b = self.a.spread / self.a.keep, self.b.spread / self.b.keep
        total, distance = of_a + of_b, np.abs(self.a.mean - self.b.mean)
        with np.errstate(divide="ignore", invalid="ignore"):
            freedom = total**2 / ((of_a**2 + of_b**2) / (self.a.keep - 1))
            p = 2 * special.stdtr(freedom, -distance / np.sqrt(total))
        return np.asarray(np.where(total > 0, p, np.where(distance == 0.0, 1.0, 0.0)))


def smallest_p(trials: int, paired: bool = False, draws: int = DRAWS) -> float:
    """The smallest p-value that `trials` trials of each variant can have: one out of all
    relabellings.
    """
    count = 2.0**trials if paired else float(special.comb(2 * trials, trials))
    return max(1.0 / count, 1.0 / (draws + 1))


def fewest_trials(alpha: float, paired: bool = False) -> int:
    """The smallest number of trials of each variant that can have a one-sided p-value of at most
    `alpha`.
    """
    trials = FEWEST
    # as if every relabelling were drawn: the number of draws can be raised, see `draws_for`
    while smallest_p(trials, paired, 2**62) > alpha:
        trials += 1
    return trials


def draws_for(claims: int) -> int:
    """The number of relabellings to draw: enough for p-values several times smaller than `claims`
    claims need.
    """
    # a p-value can then be a tenth of Holm's strictest level, ALPHA / claims
    return min(max(DRAWS, 200 * claims - 1), MOST_DRAWS)


# ------------------------------------------------------------------ one variant


def tuned_interval(
    trials: Trials, keep: int, level: float, seed: int, draws: int = 2_000
) -> tuple[float, float]:
    """Interval of the mean of a variant's best `keep` trials over searches of this size.

    The mean plus and minus its standard error times a quantile of Student's t with `keep` degrees
    of freedom.  The error comes from a bootstrap over all trials that repeats the selection.
    Percentiles of the bootstrap would be too narrow, since no resample contains a trial better than
    the best one.

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
    # trials are sorted: the best have the lowest numbers
    best = np.partition(drawn, keep - 1, axis=1)[:, :keep]
    error = float(trials.report[best].mean(axis=1).std(ddof=1))
    mean, reach = (
        float(trials.report[:keep].mean()),
        float(stats.t.ppf((1.0 + level) / 2, keep)) * error,
    )
    low = mean - reach
    # scores that are never negative, as errors are, have no negative mean
    return max(low, 0.0) if trials.report.min() >= 0.0 else low, mean + reach


# ------------------------------------------------------------------ several claims, more trials


def partial_conjunction(p: Sequence[float], needed: int) -> float:
    """P-value of "at least `needed` of these hold", under any dependence between them.

    If all are needed, it is the largest p-value (Berger 1982); if one is, the smallest times their
    number (Bonferroni).

    Source:
        Benjamini and Heller 2008, Screening for partial conjunction hypotheses, equation 4.
    """
    return min(1.0, (len(p) - needed + 1) * sorted(p)[needed - 1])


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted for multiple tests: the chance that any true hypothesis falls below 0.05 is
    at most 5 %.

    Source:
        Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    adjusted = [0.0] * len(p)
    highest = 0.0
    for rank, number in enumerate(sorted(range(len(p)), key=lambda number: p[number])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[number]))
        adjusted[number] = highest
    return tuple(adjusted)


def holm_levels(p: Sequence[float], alpha: float = ALPHA) -> tuple[float, ...]:
    """The level that each p-value had to reach in Holm's procedure; after the first failure it
    stays the same.
    """
    levels = [0.0] * len(p)
    remaining = len(p)
    for number in sorted(range(len(p)), key=lambda number: p[number]):
        levels[number] = alpha / remaining
        if p[number] <= alpha / remaining:
            remaining -= 1
    return tuple(levels)


def trials_needed(
    error: float, trials: int, distance: float, alpha: float = ALPHA, power: float = POWER
) -> int:
    """About how many trials each variant needs for a test to detect a difference at a distance from
    a boundary.

    Assumes that the standard error falls with the square root of the trials, as it does if a fixed
    share is selected.

    Args:
        error: standard error of the difference, measured with `trials` trials of each.
        distance: between the difference and the boundary.
        alpha: of the one-sided test.

    Source:
        The normal approximation of any textbook: N = N0 ((z_alpha + z_power) s / distance)^2.
    """
    return min(2**31, math.ceil(trials * (detectable(error, alpha, power) / distance) ** 2))


def detectable(error: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """The distance from a boundary that a one-sided test of level `alpha` detects with this
    power.
    """
    return float(stats.norm.ppf(1 - alpha) + stats.norm.ppf(power)) * error
