"""The trials of an experiment, as evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

from rnnzoo.errors import StatsError, listed, number_of, signed
from rnnzoo.report.judge.advice import HARDER, advice
from rnnzoo.report.judge.contract import Diverging
from rnnzoo.report.learnt import Nothing
from rnnzoo.report.verdict import ends, percent
from rnnzoo.spec.seeds import checksum_seed
from rnnzoo.spec.timing import Timing
from rnnzoo.stats.compare import (
    DRAWS,
    POWER,
    Comparison,
    Trials,
    Welch,
    detectable,
    fewest_trials,
    trials_needed,
)
from rnnzoo.stats.importance import Share

T = TypeVar("T")

MOSTLY = 0.9  # of the trials; where fewer completed, a verdict says so


@dataclass(eq=False)
class Searches:
    """The trials of an experiment: each variant was tuned by a search of its own.

    Attributes:
        trials: by task and variant.
        complete: likewise, how many trials completed, and of how many.
        keep: how many of each are compared, by task.
        shares: by task: the share of each hyper-parameter, and of all interactions under the empty
            name.
        excluded: by task: the variants that the shares are not about.
        ratio: (task, variant, variant) -> lowest and highest ratio of weights.
        solving: by task and variant, how many trials solve the task, and of how many; None for a
            task of which it is not known from which score on it is solved.
        diverging: by task and variant, how many trainings diverged.
        timings: by task and two variants, how fast they trained side by side.
        control: the baseline's second run, which no claim is about.
        seed: words; the same results always give the same verdicts.
        margin: what "same as" means in the experiment; advice is given for differences of it and of
            twice as much.
        nothing: by task, what a variant must beat to have learnt something.
        idle: task and variant of those that are not clearly better than that.
        exhausted: by task, the score at and below which it separates variants no more.
        pairs: whether trials of two variants with one index were drawn at one point.
        draws: relabellings.
    """

    trials: Mapping[tuple[str, str], Trials | StatsError]
    complete: Mapping[tuple[str, str], tuple[int, int]]
    keep: Mapping[str, int]
    shares: Callable[[str], Mapping[str, Share]]
    ratio: Callable[[str, str, str], tuple[float, float]]
    excluded: Callable[[str], Sequence[str]] = lambda task: ()
    solving: Mapping[tuple[str, str], tuple[int, int] | None] = field(default_factory=dict)
    diverging: Mapping[tuple[str, str], Diverging] = field(default_factory=dict)
    timings: Mapping[tuple[str, str, str], Timing] = field(default_factory=dict)
    control: str = ""
    seed: str = ""
    tests: bool = True
    margin: float | None = None
    nothing: Mapping[str, Nothing] = field(default_factory=dict)
    idle: Collection[tuple[str, str]] = ()
    exhausted: Mapping[str, float] = field(default_factory=dict)
    pairs: Callable[[str, str], bool] = lambda a, b: False
    draws: int = DRAWS
    _known: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def names(self, task: str) -> Sequence[str]:
        return [name for where, name in self.trials if where == task and name != self.control]

    def of(self, task: str, name: str) -> Trials:
        trials = self.trials[task, name]
        if isinstance(trials, StatsError):
            raise StatsError(f"{name}: {trials}")
        return trials

    def test(self, a: str, b: str) -> str:
        if self.pairs(a, b):
            return (
                "permutation of labels within pairs of trials at one point, the best chosen anew"
                " each time"
            )
        return "permutation of all trials' labels, the best chosen anew each time"

    def comparison(self, task: str, a: str, b: str) -> Comparison:
        def compute() -> Comparison:
            of_a, of_b, keep = self.of(task, a), self.of(task, b), self.keep[task]
            return Comparison(
                of_a, of_b, keep, self._seed(task, a, b), self.draws, self.pairs(a, b)
            )

        return self._once(("comparison", task, a, b), compute)

    def difference(self, task: str, a: str, b: str, shift: float) -> tuple[float, float]:
        tested = self._once(
            ("test", task, a, b, shift), lambda: self.comparison(task, a, b).test(shift)
        )
        return tested.worse, tested.better

    def welch(self, task: str, a: str, b: str) -> Welch:
        return self._once(("welch", task, a, b), self.comparison(task, a, b).welch)

    def describe(self, task: str, a: str, b: str, level: float) -> tuple[str, Mapping[str, float]]:
        size, welch = self.comparison(task, a, b), self.welch(task, a, b)
        low, high = self._once(("interval", task, a, b, level), lambda: size.interval(level))
        word = "worse" if size.difference > 0 else "better"
        by = f"{word} by {abs(size.difference):.3f}" if size.difference else "no difference"
        text = (
            f"{a} {size.a:z.3f}, {b} {size.b:z.3f}: {by} ({percent(level)}: {_bounds(low, high)})"
        )
        numbers = {
            "a": size.a, "b": size.b, "difference": size.difference, "error": size.error,
            "trials_a": float(len(self.of(task, a))), "trials_b": float(len(self.of(task, b))),
            "kept": float(self.keep[task]), "welch": welch.p,
            "welch_false_alarms": welch.false_alarms,
        }  # fmt: skip
        bounds = {
            name: bound for name, bound in (("low", low), ("high", high)) if math.isfinite(bound)
        }
        return "; ".join([text, *self._remarks(task, a, b)]), {**numbers, **bounds}

    def _remarks(self, task: str, a: str, b: str) -> list[str]:
        """What a reader must know before taking a difference for one of two cells."""
        remarks = ["all scores are equal"] if self._equal(task, a, b) else []
        idle = [name for name in (a, b) if (task, name) in self.idle]
        if idle:
            are = "are" if len(idle) > 1 else "is"
            remarks.append(
                f"{listed(idle)} {are} not clearly better than '{self.nothing[task].name}',"
                " which learns nothing"
            )
        for name in (a, b):
            done, of = self.complete[task, name]
            if done < MOSTLY * of:
                remarks.append(f"{name}: only {done} of {number_of(of, 'trial')} completed")
        return remarks

    def _equal(self, task: str, a: str, b: str) -> bool:
        reported = chain(self.of(task, a).report, self.of(task, b).report)
        return len({float(score) for score in reported if math.isfinite(score)}) == 1

    def settle(self, task: str, a: str, b: str, margin: float | None, level: float) -> str:
        """From the spread of the two searches and not from the difference that was found, which is
        mostly chance.

        A harder task where both are as good as perfect: no number of trials helps there.  Nothing
        where the mean of a variant is that of having learnt nothing, or all scores are equal.
        """
        size, run = self.comparison(task, a, b), min(len(self.of(task, name)) for name in (a, b))
        if margin is None and max(size.a, size.b) <= self.exhausted.get(task, -math.inf):
            return HARDER
        if self._equal(task, a, b) or self._learnt_nothing(task, size):
            return ""
        alpha = (1.0 - level) / 2
        least = fewest_trials(alpha, self.pairs(a, b))

        def needed(distance: float, power: float = POWER) -> int:
            return max(least, trials_needed(size.error, run, distance, alpha, power))

        if margin is None:
            if self.margin:
                shown = (2 * self.margin, self.margin)
            else:
                shown = _round_differences(size.error, alpha)
            return advice(
                {f"a difference of {difference:g}": needed(difference) for difference in shown}, run
            )
        if not margin:
            return "a margin above 0"
        side_power = (1.0 + POWER) / 2  # each side of the margin must be seen
        equal, apart = needed(margin, side_power), needed(margin)
        return advice(
            {"if the two are equal": equal, f"if they differ by {2 * margin:g}": apart}, run
        )

    def _learnt_nothing(self, task: str, size: Comparison) -> bool:
        nothing = self.nothing.get(task)
        return nothing is not None and not nothing.beaten(max(size.a, size.b))

    def weights(self, task: str, a: str, b: str) -> tuple[float, float]:
        return self.ratio(task, a, b)

    def share(self, task: str, name: str) -> Share:
        return self._once(("shares", task), lambda: self.shares(task))[name]

    def solved(self, task: str, name: str) -> tuple[int, int]:
        solved = self.solving.get((task, name))
        if solved is None:
            raise StatsError(
                f"no trial of {name} has ended, or these do not say from which score on {task} is"
                " solved"
            )
        return solved

    def diverged(self, task: str, name: str) -> Diverging:
        diverged = self.diverging.get((task, name))
        if diverged is None or not diverged.trainings:
            raise StatsError(f"no trial of {name} has completed or diverged")
        return diverged

    def timing(self, task: str, a: str, b: str) -> Timing:
        timing = self.timings.get((task, a, b))
        if timing is None:
            raise StatsError(f"not measured: how fast {a} and {b} train side by side on {task}")
        return timing

    def _seed(self, *words: object) -> int:
        return checksum_seed(" ".join(map(str, (self.seed, *words))))

    def _once(self, key: tuple[Any, ...], compute: Callable[[], T]) -> T:
        """What `compute` yields; computed only when its key is asked for first."""
        if key not in self._known:
            self._known[key] = compute()
        known: T = self._known[key]
        return known


def _bounds(low: float, high: float) -> str:
    """An interval, or that the test has none at this level."""
    if math.isinf(low) and math.isinf(high):
        return "so few trials exclude nothing"
    return ends(_bound(low), _bound(high))


def _bound(end: float) -> str:
    return signed(end) if math.isfinite(end) else "any"


def _round_differences(error: float, alpha: float) -> tuple[float, float]:
    """Two round differences at and below what the present trials would show: 1, 2 or 5 times a
    power of ten.
    """
    limit = detectable(max(error, 1e-12), alpha)
    power = 10.0 ** math.floor(math.log10(limit))
    steps = [
        factor * power
        for factor in (0.2, 0.5, 1.0, 2.0, 5.0)
        if factor * power <= limit * (1 + 1e-9)
    ]
    # as it is printed: 0.2 * 0.1 is 0.020000000000000004
    return float(f"{steps[-1]:.1g}"), float(f"{steps[-2]:.1g}")
