"""Claims + evidence -> verdicts: supported, refuted or undecided, with the numbers and what would
settle it.

In: claims, and evidence about variants.  Out: one `Verdict` for each claim and task.  Evidence is
`Searches`, the trials of an experiment, or `Printed`, a table of a paper with one number for each
variant, where nothing can be tested and a claim holds as far as its numbers do.

At most 5 % of the studies in which the truth lies on the border have a wrong word anywhere, for or
against any claim: each claim's two directions share its level, and the claims share that of the
study (Holm 1979).  A large p-value supports nothing: "same as" is supported where the difference is
significantly inside the margin, both ways (two one-sided tests, Schuirmann 1987).  The interval
beside a word has the level at which that word was decided, and comes from the same test: it lies on
one side of the boundary exactly where there is a word.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol, TypeVar

from rnnzoo.errors import StatsError, listed, number_of
from rnnzoo.report.learnt import Nothing
from rnnzoo.report.verdict import LEVEL, Scale, Verdict, Word, counted, ends, percent
from rnnzoo.spec.claims import DIVERGES, FASTER, SHARES, SOLVES, judged
from rnnzoo.spec.experiment import Claim
from rnnzoo.spec.seeds import checksum_seed
from rnnzoo.spec.timing import Side, Timing
from rnnzoo.stats.compare import (
    ALPHA,
    DRAWS,
    POWER,
    Comparison,
    Trials,
    Welch,
    detectable,
    fewest_trials,
    holm,
    holm_levels,
    partial_conjunction,
    trials_needed,
)
from rnnzoo.stats.importance import Share
from rnnzoo.stats.medians import median_interval, median_tests
from rnnzoo.stats.shares import more_often, share_interval, trials_for_shares

T = TypeVar("T")

_WITHOUT = {
    **dict.fromkeys(SHARES, ""),
    FASTER: "sweep again with this claim, which measures it at the end",
}
SHARES_APART = (0.5, 0.25)  # differences between shares for which advice is given
MANY = 10_000  # trials; beyond, a number is no advice
MOSTLY = 0.9  # of the trials; where fewer completed, a verdict says so


@dataclass(frozen=True, slots=True)
class VerdictText:
    """What a verdict says once its word is known.

    Attributes:
        sentence: what was found.
        settle: what would settle an undecided claim.
    """

    sentence: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    settle: str = ""


@dataclass(frozen=True, slots=True)
class Diverging:
    """How many trainings of a variant diverged.

    Attributes:
        diverged, trainings: in the search, of those that diverged or completed.
        otherwise: how many of the search ended otherwise, and so do not count, by what became of
            them.
        fresh: the same two numbers of the rounds of a second stage; None where there are none.
    """

    diverged: int
    trainings: int
    otherwise: Mapping[str, int] = field(default_factory=dict)
    fresh: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class UnadjustedVerdict:
    """What the evidence says before it is known how many claims there are.

    Attributes:
        supports, refutes: one-sided p-values; 0 and 1 where a claim follows from counting.
        test: how they were computed.
        tell: the text, for a word and the level at which it was decided.
        tested: whether they are p-values, which need an adjustment for several claims.
        scale: what the numbers are.
    """

    supports: float
    refutes: float
    test: str
    tell: Callable[[Word, float], VerdictText]
    tested: bool = False
    scale: Scale = "score"

    @property
    def p(self) -> float:
        """Of both words together."""
        return min(1.0, 2 * min(self.supports, self.refutes))

    def word(self, p: float) -> Word:
        """The word, for a p-value of both that is adjusted for several claims."""
        if p > ALPHA:
            return "undecided"
        return "supported" if self.supports <= self.refutes else "refuted"


class Evidence(Protocol):
    """What a claim can be held against."""

    def names(self, task: str) -> Sequence[str]:
        """Variants that a claim about all of them is about."""

    def difference(self, task: str, a: str, b: str, shift: float) -> tuple[float, float]:
        """P-values of "A is worse than B by more than `shift`" and of "A is not worse by as
        much".
        """

    def describe(self, task: str, a: str, b: str, level: float) -> tuple[str, Mapping[str, float]]:
        """The two and their difference with an interval, as a sentence and as numbers."""

    def settle(self, task: str, a: str, b: str, margin: float | None, level: float) -> str:
        """How many trials would show differences of stated sizes, or that there is none beyond a
        margin.
        """

    def weights(self, task: str, a: str, b: str) -> tuple[float, float]:
        """Lowest and highest ratio of weights, over the sizes that were searched."""

    def share(self, task: str, name: str) -> Share:
        """Share of the variance that a hyper-parameter explains by itself; of all interactions for
        an empty name.
        """

    def solved(self, task: str, name: str) -> tuple[int, int]:
        """How many trials of a variant solve the task, and of how many, whatever became of them."""

    def diverged(self, task: str, name: str) -> Diverging:
        """How many trainings of a variant diverged."""

    def timing(self, task: str, a: str, b: str) -> Timing:
        """How fast two variants trained side by side."""

    def excluded(self, task: str) -> Sequence[str]:
        """The variants whose trials the shares are not about."""

    def test(self, a: str, b: str) -> str:
        """How differences are tested."""

    @property
    def tests(self) -> bool:
        """Whether what `difference` returns are p-values."""


def judge(claims: Sequence[Claim], tasks: Sequence[str], evidence: Evidence) -> tuple[Verdict, ...]:
    """Verdicts, in the order of the claims; a claim that names no task is judged on each."""
    return judge_pairs(judged(claims, tasks), evidence)


def judge_pairs(
    pairs: Sequence[tuple[Claim, str]], evidence: Evidence, share: float = 1.0
) -> tuple[Verdict, ...]:
    """A verdict on each claim and task.

    Args:
        share: of the study's error rate that these claims have; the rest is for those that are
            confirmed.
    """
    findings = [_finding(claim, task, evidence) for claim, task in pairs]
    tested = [
        position
        for position, finding in enumerate(findings)
        if isinstance(finding, UnadjustedVerdict) and finding.tested
    ]
    # a text is not tested
    p = [min(1.0, findings[position].p / share) for position in tested]  # type: ignore[union-attr]
    levels = [share * level for level in holm_levels(p)]
    adjusted = dict(zip(tested, zip(holm(p), levels)))
    return tuple(
        _verdict(claim, task, finding, adjusted.get(position))
        for position, ((claim, task), finding) in enumerate(zip(pairs, findings))
    )


def _verdict(
    claim: Claim, task: str, finding: UnadjustedVerdict | str, adjusted: tuple[float, float] | None
) -> Verdict:
    """The verdict of a finding, with the adjusted p-value of its words and the level that was left
    for it.
    """
    about = {"note": claim.note, "names_task": bool(claim.task or claim.over)}
    if isinstance(finding, str):
        more = _WITHOUT.get(claim.form, "more trials that complete")
        return Verdict(claim.text, task, "undecided", finding, "none", more, **about)  # type: ignore[arg-type]
    p, alpha = adjusted or (0.0 if 0.0 in (finding.supports, finding.refutes) else 1.0, ALPHA)
    word, level = finding.word(p), 1.0 - alpha
    text = finding.tell(word, level)
    return Verdict(
        claim.text,
        task,
        word,
        text.sentence,
        finding.test,
        text.settle if word == "undecided" else "",
        p if adjusted else None,
        numbers=text.numbers,
        level=level,
        scale=finding.scale,
        **about,  # type: ignore[arg-type]
    )


def _finding(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict | str:
    """What the evidence says; a text where it cannot say anything."""
    try:
        return _over(claim, evidence) if claim.over else _FORMS[claim.form](claim, task, evidence)
    except StatsError as error:
        return str(error)


def _over(claim: Claim, evidence: Evidence) -> UnadjustedVerdict:
    """One claim about several tasks: it holds on all, or on more than half, of them.

    It is refuted where so few are left that it cannot.  Both are partial conjunctions of what each
    task says by itself.
    """
    parts = [_on(claim, task, evidence) for task in claim.tasks]
    left = len(parts) - claim.needed + 1  # tasks without which it cannot hold

    def tell(word: Word, level: float) -> VerdictText:
        part_level = 1.0 - (1.0 - level) / (claim.needed if word == "refuted" else left)
        texts = {task: part.tell(word, part_level) for task, part in zip(claim.tasks, parts)}
        numbers = {
            f"{task}/{name}": value
            for task, text in texts.items()
            for name, value in text.numbers.items()
        }
        settle = "; ".join(
            f"on {task}: {text.settle}" for task, text in texts.items() if text.settle
        )
        sentence = "; ".join(f"on {task}: {text.sentence}" for task, text in texts.items())
        return VerdictText(
            sentence, {"tasks": float(len(parts)), "needed": float(claim.needed), **numbers}, settle
        )

    supports = partial_conjunction([part.supports for part in parts], claim.needed)
    refutes = partial_conjunction([part.refutes for part in parts], left)
    test = (
        f"{parts[0].test}; on at least {claim.needed} of {len(parts)} tasks, by partial conjunction"
    )
    return UnadjustedVerdict(supports, refutes, test, tell, parts[0].tested, parts[0].scale)


def _on(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    """What one of several tasks says.

    Raises:
        StatsError: nothing.
    """
    try:
        return _FORMS[claim.form](claim, task, evidence)
    except StatsError as error:
        raise StatsError(f"on {task}: {error}") from None


# ------------------------------------------------------------------ one function for each form


def _worse(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    return _ordered(claim, task, evidence, worse=True)


def _better(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    return _ordered(claim, task, evidence, worse=False)


def _ordered(claim: Claim, task: str, evidence: Evidence, worse: bool) -> UnadjustedVerdict:
    """A difference of any size supports it, one of the other sign refutes it."""
    above, below = evidence.difference(task, claim.a, claim.b, 0.0)

    def tell(word: Word, level: float) -> VerdictText:
        sentence, numbers = evidence.describe(task, claim.a, claim.b, level)
        settle = evidence.settle(task, claim.a, claim.b, None, level) if word == "undecided" else ""
        return VerdictText(sentence, {**numbers, "worse": above, "better": below}, settle)

    supports, refutes = (above, below) if worse else (below, above)
    return UnadjustedVerdict(
        supports, refutes, evidence.test(claim.a, claim.b), tell, evidence.tests
    )


def _same(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    """Supported where the difference is inside the margin on both sides, refuted where it is
    outside on either.
    """
    margin = _number(claim)
    above_low, below_low = evidence.difference(task, claim.a, claim.b, -margin)
    above_high, below_high = evidence.difference(task, claim.a, claim.b, margin)
    inside = max(above_low, below_high)

    def tell(word: Word, level: float) -> VerdictText:
        sentence, numbers = evidence.describe(task, claim.a, claim.b, level)
        settle = (
            evidence.settle(task, claim.a, claim.b, margin, level) if word == "undecided" else ""
        )
        return VerdictText(
            f"{sentence}; the margin is {margin:g}",
            {**numbers, "margin": margin, "inside": inside},
            settle,
        )

    test = f"{evidence.test(claim.a, claim.b)}, against the margin on both sides"
    return UnadjustedVerdict(inside, min(above_high, below_low), test, tell, evidence.tests)


def _none_better(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    """Supported where each variant is significantly not better by the margin; refuted where one of
    them is.
    """
    margin = _number(claim)
    names = [name for name in evidence.names(task) if name != claim.b]
    differences = {name: evidence.difference(task, name, claim.b, -margin) for name in names}
    nearest = max(differences, key=lambda name: differences[name][0])
    best = min(differences, key=lambda name: differences[name][1])

    def tell(word: Word, level: float) -> VerdictText:
        shown = best if word == "refuted" else nearest
        pair_level = 1.0 - (1.0 - level) / len(names) if word == "refuted" else level
        text, numbers = evidence.describe(task, shown, claim.b, pair_level)
        settle = evidence.settle(task, shown, claim.b, margin, level) if word == "undecided" else ""
        text = f"the one that comes closest is {text}; the margin is {margin:g}"
        return VerdictText(
            text, {**numbers, "margin": margin, "variants": float(len(names))}, settle
        )

    test = (
        f"{evidence.test(nearest, claim.b)}, against the margin, for each of {len(names)} variants"
    )
    return UnadjustedVerdict(
        differences[nearest][0],
        min(1.0, len(names) * differences[best][1]),
        test,
        tell,
        evidence.tests,
    )


def _weights(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    low, high = evidence.weights(task, claim.a, claim.b)
    limit = _number(claim)
    span = ends(f"{low:.1%}", f"{high:.1%}")
    text = VerdictText(
        f"{claim.a} has {span} of the weights of {claim.b}, over the sizes that are searched",
        {"lowest": low, "highest": high},
        "it depends on the size: narrow the range of units",
    )
    return _counted(high < limit, low >= limit, "counted", text)


def _counted(supported: bool, refuted: bool, test: str, text: VerdictText) -> UnadjustedVerdict:
    return UnadjustedVerdict(
        0.0 if supported else 1.0, 0.0 if refuted else 1.0, test, lambda word, level: text
    )


def _share(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    """An interval of 95 % on one side of the number."""
    share, limit = evidence.share(task, claim.name), _number(claim)
    subject = f"{claim.name} explains" if claim.name else "all interactions together explain"
    left_out = ", ".join(evidence.excluded(task))
    without = f"; without {left_out}, whose scores spread too wide" if left_out else ""
    bounds = ends(f"{share.low:.0%}", f"{share.high:.0%}")
    above, below = share.low > limit, share.high < limit
    if " below " in claim.form:
        above, below = below, above
    text = VerdictText(
        f"{subject} {share.value:.0%} of the variance ({LEVEL:.0%}: {bounds}){without}",
        {"share": share.value, "low": share.low, "high": share.high},
        "more trials, until the interval lies on one side",
    )
    test = "functional ANOVA of a regression forest, interval over resampled trials"
    return _counted(above, below, test, text)


def _solves(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    """Shares of all trials: nothing is chosen, and one that diverged or failed has not solved the
    task.

    Each share has its exact interval; an interval of their difference would be another test's, and
    could contradict the word.
    """
    solved_a, solved_b = evidence.solved(task, claim.a), evidence.solved(task, claim.b)
    return _more_often(claim, ("solves it in", "solve the task", "solved"), solved_a, solved_b)


def _diverges(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    """Shares of the trainings of the search that diverged or completed; the others say nothing of
    it.

    The rounds of a second stage are told and not tested: how many there are depends on the scores
    that they gave, and one that diverged counts as the worst score, so that their shares are not
    binomial.
    """
    a, b = evidence.diverged(task, claim.a), evidence.diverged(task, claim.b)
    words = ("diverged in", "diverge", "diverged")
    remarks = [*_not_counted(claim.a, a), *_not_counted(claim.b, b)]
    if a.fresh and b.fresh:
        in_a, in_b = (
            f"{name} in {count} of {of}"
            for name, (count, of) in ((claim.a, a.fresh), (claim.b, b.fresh))
        )
        remarks.append(f"in the rounds, which are not tested: {in_a}, {in_b}")
    return _more_often(claim, words, (a.diverged, a.trainings), (b.diverged, b.trainings), remarks)


def _not_counted(name: str, diverging: Diverging) -> list[str]:
    """What became of trainings of which it is not known whether they would have diverged."""
    if not diverging.otherwise:
        return []
    kinds = ", ".join(f"{count} {kind}" for kind, count in diverging.otherwise.items())
    return [f"not counted of {name}: {kinds}"]


def _more_often(
    claim: Claim,
    words: tuple[str, str, str],
    a: tuple[int, int],
    b: tuple[int, int],
    remarks: Sequence[str] = (),
) -> UnadjustedVerdict:
    """Which of two shares of trainings is the larger.

    Args:
        words: what one variant does, what several do, and what the numbers are called.
        a, b: how many of how many trainings.
    """
    does, do, name = words
    more, less = more_often(*a, *b)
    difference = a[0] / a[1] - b[0] / b[1]

    def tell(word: Word, level: float) -> VerdictText:
        shares = (
            f"{_share_of(claim.a, does, *a)}, {_share_of(claim.b, does, *b)}:"
            f" {_points_apart(difference)}"
        )
        gaps = {gap: trials_for_shares(gap, 1.0 - level) for gap in SHARES_APART}
        needed = {
            f"shares that differ by {100 * gap:.0f} percentage points": count
            for gap, count in gaps.items()
        }
        return VerdictText(
            "; ".join([shares, *remarks]),
            {
                f"{name}_a": float(a[0]), "trials_a": float(a[1]), f"{name}_b": float(b[0]),
                "trials_b": float(b[1]), "difference": difference, "more": more, "less": less,
            },
            _advice(needed, a[1]),
        )  # fmt: skip

    return UnadjustedVerdict(
        more,
        less,
        f"Boschloo's exact test of the shares that {do}",
        tell,
        tested=True,
        scale="share",
    )


def _points_apart(difference: float) -> str:
    """A difference of two shares: not "50% more often", which would be three of twelve after two of
    twelve.
    """
    points = f"{abs(100 * difference):.0f}"
    if points == "0":
        return "as often"
    return (
        f"{points} percentage point{'' if points == '1' else 's'}"
        f" {'more' if difference > 0 else 'less'}"
    )


def _share_of(name: str, does: str, count: int, trials: int) -> str:
    return f"{name} {does} {counted(count, trials, share_interval(count, trials, LEVEL))}"


def _faster(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    """By the median of the ratios of each round, at the smallest and at the largest size.

    Supported where it is at or above the number at every size, refuted where it is below at every
    size: so each size is tested at the whole level (Berger 1982).
    """
    timing, limit = evidence.timing(task, claim.a, claim.b), _number(claim)
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


_FORMS: Mapping[str, Callable[[Claim, str, Evidence], UnadjustedVerdict]] = {
    "A worse than B": _worse,
    "A better than B": _better,
    "A same as B": _same,
    "no variant better than B": _none_better,
    "importance of NAME above N%": _share,
    "importance of NAME below N%": _share,
    "interactions above N%": _share,
    "interactions below N%": _share,
    "weights of A below N% of B": _weights,
    SOLVES: _solves,
    DIVERGES: _diverges,
    FASTER: _faster,
}


def _number(claim: Claim) -> float:
    assert claim.number is not None, "the claim was read without its number"
    return claim.number


def _advice(needed: Mapping[str, int], run: int) -> str:
    """How many trials of each show what; what so many would have shown already is said so."""
    return "; ".join(f"{words}: {_about(trials, run)}" for words, trials in needed.items())


def _about(trials: int, run: int) -> str:
    if trials <= run:
        return f"{POWER:.0%} of such studies would have shown it"
    if trials > MANY:
        return f"more than {MANY:,} trials of each"
    figures = 10 ** max(0, math.floor(math.log10(trials)) - 1)
    return f"about {math.ceil(trials / figures) * figures:,} trials of each"


# ------------------------------------------------------------------ evidence


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
        idle: task and variant of those that have not.
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
        text = f"{a} {size.a:.3f}, {b} {size.b:.3f}: {by} ({percent(level)}: {_bounds(low, high)})"
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

        Nothing where a variant has learnt nothing, or all scores are equal: more trials of the kind
        would not help.
        """
        if self._equal(task, a, b) or any((task, name) in self.idle for name in (a, b)):
            return ""
        size, run = self.comparison(task, a, b), min(len(self.of(task, name)) for name in (a, b))
        alpha = (1.0 - level) / 2
        least = fewest_trials(alpha, self.pairs(a, b))

        def needed(distance: float, power: float = POWER) -> int:
            return max(least, trials_needed(size.error, run, distance, alpha, power))

        if margin is None:
            if self.margin:
                shown = (2 * self.margin, self.margin)
            else:
                shown = _round_differences(size.error, alpha)
            return _advice(
                {f"a difference of {difference:g}": needed(difference) for difference in shown}, run
            )
        if not margin:
            return "a margin above 0"
        side_power = (1.0 + POWER) / 2  # each side of the margin must be seen
        equal, apart = needed(margin, side_power), needed(margin)
        return _advice(
            {"if the two are equal": equal, f"if they differ by {2 * margin:g}": apart}, run
        )

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
    return f"{end:+.3f}" if math.isfinite(end) else "any"


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
    return float(f"{steps[-1]:.1g}"), float(f"{steps[-2]:.1g}")


@dataclass(frozen=True, slots=True)
class Printed:
    """One number for each variant and task, as a paper prints them, lower is better; there is
    nothing to test.
    """

    scores: Mapping[str, Mapping[str, float]]
    tests: bool = False

    def test(self, a: str, b: str) -> str:
        return "the numbers as printed"

    def names(self, task: str) -> Sequence[str]:
        return list(self.scores[task])

    def difference(self, task: str, a: str, b: str, shift: float) -> tuple[float, float]:
        difference = self.scores[task][a] - self.scores[task][b] - shift
        return float(difference <= 0), float(difference >= 0)

    def describe(self, task: str, a: str, b: str, level: float) -> tuple[str, Mapping[str, float]]:
        score_a, score_b = self.scores[task][a], self.scores[task][b]
        return f"{a} {score_a:g}, {b} {score_b:g}", {
            "a": score_a,
            "b": score_b,
            "difference": score_a - score_b,
        }

    def settle(self, task: str, a: str, b: str, margin: float | None, level: float) -> str:
        return "numbers that differ"

    def weights(self, task: str, a: str, b: str) -> tuple[float, float]:
        raise StatsError("a table of scores does not say how many weights there are")

    def share(self, task: str, name: str) -> Share:
        raise StatsError("a table of scores does not say what explains them")

    def solved(self, task: str, name: str) -> tuple[int, int]:
        raise StatsError("a table of scores does not say how many trainings solved the task")

    def diverged(self, task: str, name: str) -> Diverging:
        raise StatsError("a table of scores does not say how many trainings diverged")

    def timing(self, task: str, a: str, b: str) -> Timing:
        raise StatsError("a table of scores does not say how fast variants train")

    def excluded(self, task: str) -> Sequence[str]:
        return ()
