"""Claims about weights, speed, and shares of the variance of scores."""

from __future__ import annotations

import math
import statistics

from rnnzoo.errors import in_percent
from rnnzoo.report.judge.contract import (
    Evidence,
    UnadjustedVerdict,
    VerdictText,
    number_of_claim,
)
from rnnzoo.report.verdict import LEVEL, Word, ends, percent
from rnnzoo.spec.experiment import Claim
from rnnzoo.spec.timing import Side
from rnnzoo.stats.medians import median_interval, median_tests


def weights(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    low, high = evidence.weights(task, claim.a, claim.b)
    limit = number_of_claim(claim)
    span = ends(in_percent(low, 1), in_percent(high, 1))
    text = VerdictText(
        f"{claim.a} has {span} of the weights of {claim.b}, over the sizes that are searched",
        {"lowest": low, "highest": high},
        "it depends on the size: narrow the range of units",
    )
    return _counted(high < limit, low >= limit, "counted", text)


def share(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    """An interval of 95 % on one side of the number."""
    explained, limit = evidence.share(task, claim.name), number_of_claim(claim)
    subject = f"{claim.name} explains" if claim.name else "all interactions together explain"
    left_out = ", ".join(evidence.excluded(task))
    without = f"; without {left_out}, whose scores spread too wide" if left_out else ""
    bounds = ends(in_percent(explained.low), in_percent(explained.high))
    above, below = explained.low > limit, explained.high < limit
    if " below " in claim.form:
        above, below = below, above
    text = VerdictText(
        f"{subject} {in_percent(explained.value)} of the variance ({in_percent(LEVEL)}:"
        f" {bounds}){without}",
        {"share": explained.value, "low": explained.low, "high": explained.high},
        "more trials, until the interval lies on one side",
    )
    test = "functional ANOVA of a regression forest, interval over resampled trials"
    return _counted(above, below, test, text)


def _counted(supported: bool, refuted: bool, test: str, text: VerdictText) -> UnadjustedVerdict:
    return UnadjustedVerdict(
        0.0 if supported else 1.0, 0.0 if refuted else 1.0, test, lambda word, level: text
    )


def faster(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    """By the median of the ratios of each round, at the smallest and at the largest size.

    Supported where it is at or above the number at every size, refuted where it is below at every
    size: so each size is tested at the whole level (Berger 1982).
    """
    timing, limit = evidence.timing(task, claim.a, claim.b), number_of_claim(claim)
    tests = [median_tests(side.ratios, limit) for side in timing.sides]
    medians = [statistics.median(side.ratios) for side in timing.sides]

    def tell(word: Word, level: float) -> VerdictText:
        bounds = [median_interval(side.ratios, level) for side in timing.sides]
        speeds = [_speed(side, *ends, level) for side, ends in zip(timing.sides, bounds)]
        where = (
            f"in {len(timing.sides[0].a)} epochs of each that took turns, on {timing.machine}; how"
            " many times as fast is the median over the rounds, each of its own ratio, and not"
            " the ratio of the median times"
        )
        numbers = {
            "ratio_lowest": min(medians), "ratio_highest": max(medians), "limit": limit,
            "low": min(low for low, _ in bounds), "high": max(high for _, high in bounds),
        }  # fmt: skip
        settle = "a quieter machine, or another number"
        if min(medians) < limit <= max(medians):
            settle = "it depends on the size: narrow the range of units"
        finite = {name: number for name, number in numbers.items() if math.isfinite(number)}
        return VerdictText(f"{claim.a} is {'; '.join(speeds)}; measured {where}", finite, settle)

    at_least, below = zip(*tests)
    test = "sign test of the ratios of epochs that took turns, at each size"
    return UnadjustedVerdict(max(at_least), max(below), test, tell, tested=True, scale="times")


def _speed(side: Side, low: float, high: float, level: float) -> str:
    ratio, a, b = (statistics.median(rounds) for rounds in (side.ratios, side.a, side.b))
    bounds = (
        ends(f"{low:.2f}", f"{high:.2f}") if math.isfinite(low) else "so few rounds exclude nothing"
    )
    steps = f"{_milliseconds(a)} against {_milliseconds(b)} ms a step"
    return f"{ratio:.2f} times as fast at {side.words} ({percent(level)}: {bounds}; {steps})"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g}" if seconds < 1.0 else f"{1000 * seconds:.0f}"
