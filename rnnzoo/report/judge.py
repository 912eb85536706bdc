"""Claims + evidence -> verdicts: supported, refuted or undecided, with the numbers and what would settle it.

In: claims, and evidence about variants.  Out: one `Verdict` for each claim and task.  Evidence is `Searches`, the trials of an
experiment, or `Printed`, a table of a paper with one number for each variant, where nothing can be tested and a claim holds
as far as its numbers do.

A verdict is wrong in at most 5 % of the studies in which the truth lies on the border, over all claims of a study (Holm 1979);
for supporting and for refuting, each by itself.  A large p-value supports nothing: "same as" is supported where the
difference is significantly inside the margin, both ways (two one-sided tests, Schuirmann 1987).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from rnnzoo.errors import StatsError
from rnnzoo.spec.claims import SOLVES
from rnnzoo.spec.experiment import Claim
from rnnzoo.stats.compare import ALPHA, Effect, Exchange, Trials, effect, exchange, holm, trials_needed
from rnnzoo.stats.importance import Share
from rnnzoo.stats.shares import difference_interval, more_often, share_interval

LEVEL = 0.95
DRAWS = 4_999
MANY = 10_000  # trials; beyond, a number is no advice
MOSTLY = 0.9  # of the trials; where fewer completed, a verdict says so
Word = Literal["supported", "refuted", "undecided"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence says of a claim on a task.

    Attributes:
        found: the numbers, as a sentence.
        test: how it was judged.
        settle: for an undecided claim, what would settle it.
        p: adjusted p-value of the word; None where nothing was tested.
        numbers: everything that the word rests on, by name.
        names_task: whether the claim itself says on which task.
    """

    claim: str
    task: str
    word: Word
    found: str
    test: str
    settle: str = ""
    p: float | None = None
    note: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    names_task: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "numbers": dict(self.numbers)}


@dataclass(frozen=True, slots=True)
class Finding:
    """What the evidence says before it is known how many claims there are.

    Attributes:
        supports, refutes: p-values; 0 and 1 where a claim follows from counting.
        tested: whether they are p-values, that need an adjustment for several claims.
    """

    supports: float
    refutes: float
    found: str
    test: str
    settle: str = ""
    tested: bool = False
    numbers: Mapping[str, float] = field(default_factory=dict)


class Evidence(Protocol):
    """What a claim can be held against."""

    def names(self, task: str) -> Sequence[str]:
        """Variants that a claim about all of them is about."""

    def difference(self, task: str, a: str, b: str, shift: float) -> tuple[float, float]:
        """P-values of "A is worse than B by more than `shift`" and of "A is not worse by as much"."""

    def describe(self, task: str, a: str, b: str) -> tuple[str, Mapping[str, float]]:
        """The two and their difference, as a sentence and as numbers."""

    def settle(self, task: str, a: str, b: str, boundary: float) -> str:
        """What would show on which side of a boundary the difference lies."""

    def weights(self, task: str, a: str, b: str) -> tuple[float, float]:
        """Lowest and highest ratio of weights, over the sizes that were searched."""

    def share(self, task: str, name: str) -> Share:
        """Share of the variance that a hyper-parameter explains by itself; of all interactions for an empty name."""

    def solved(self, task: str, name: str) -> tuple[int, int]:
        """How many trials of a variant solve the task, and of how many, whatever became of them."""

    def without(self, task: str) -> Sequence[str]:
        """The variants whose trials the shares are not about."""

    @property
    def test(self) -> str:
        """How differences are tested."""

    @property
    def tests(self) -> bool:
        """Whether what `difference` returns are p-values."""


def judge(claims: Sequence[Claim], tasks: Sequence[str], evidence: Evidence) -> tuple[Verdict, ...]:
    """Verdicts, in the order of the claims; a claim that names no task is judged on each."""
    pairs = [(claim, task) for claim in claims for task in ([claim.task] if claim.task else tasks)]
    findings = [_finding(claim, task, evidence) for claim, task in pairs]
    tested = [at for at, one in enumerate(findings) if isinstance(one, Finding) and one.tested]
    supports = dict(zip(tested, holm([findings[at].supports for at in tested])))  # type: ignore[union-attr]
    refutes = dict(zip(tested, holm([findings[at].refutes for at in tested])))  # type: ignore[union-attr]
    return tuple(
        _verdict(claim, task, finding, supports.get(at), refutes.get(at))
        for at, ((claim, task), finding) in enumerate(zip(pairs, findings))
    )


def _verdict(claim: Claim, task: str, finding: Finding | str, supports: float | None, refutes: float | None) -> Verdict:
    names_task = bool(claim.task)
    if isinstance(finding, str):
        more = "more trials that complete"
        return Verdict(claim.text, task, "undecided", finding, "none", more, note=claim.note, names_task=names_task)
    for_it, against = supports, refutes
    if supports is None or refutes is None:
        for_it, against = finding.supports, finding.refutes
    word: Word = "supported" if for_it <= ALPHA else "refuted" if against <= ALPHA else "undecided"  # type: ignore[operator]
    p = {"supported": supports, "refuted": refutes, "undecided": None}[word]
    settle = finding.settle if word == "undecided" else ""
    told = (claim.text, task, word, finding.found, finding.test, settle, p, claim.note, finding.numbers)
    return Verdict(*told, names_task=names_task)


def _finding(claim: Claim, task: str, evidence: Evidence) -> Finding | str:
    """What the evidence says; a text where it cannot say anything."""
    try:
        return _FORMS[claim.form](claim, task, evidence)
    except StatsError as error:
        return str(error)


# ---------------------------------------------------------------------------------------------- one function for each form


def _worse(claim: Claim, task: str, evidence: Evidence) -> Finding:
    return _ordered(claim, task, evidence, worse=True)


def _better(claim: Claim, task: str, evidence: Evidence) -> Finding:
    return _ordered(claim, task, evidence, worse=False)


def _ordered(claim: Claim, task: str, evidence: Evidence, worse: bool) -> Finding:
    """A difference of any size supports it, one of the other sign refutes it."""
    above, below = evidence.difference(task, claim.a, claim.b, 0.0)
    found, numbers = evidence.describe(task, claim.a, claim.b)
    supports, refutes = (above, below) if worse else (below, above)
    settle = evidence.settle(task, claim.a, claim.b, 0.0)
    return Finding(
        supports, refutes, found, evidence.test, settle, evidence.tests, {**numbers, "worse": above, "better": below}
    )


def _same(claim: Claim, task: str, evidence: Evidence) -> Finding:
    """Supported where the difference is inside the margin on both sides, refuted where it is outside on either."""
    margin = _number(claim)
    above_low, below_low = evidence.difference(task, claim.a, claim.b, -margin)
    above_high, below_high = evidence.difference(task, claim.a, claim.b, margin)
    found, numbers = evidence.describe(task, claim.a, claim.b)
    difference = numbers["difference"]
    settle = evidence.settle(task, claim.a, claim.b, margin if difference > 0 else -margin)
    return Finding(
        supports=max(above_low, below_high),
        refutes=min(1.0, 2 * min(above_high, below_low)),
        found=f"{found}; the margin is {margin:g}",
        test=f"{evidence.test}, against the margin on both sides",
        settle=settle,
        tested=evidence.tests,
        numbers={**numbers, "margin": margin, "inside": max(above_low, below_high)},
    )


def _none_better(claim: Claim, task: str, evidence: Evidence) -> Finding:
    """Supported where each variant is significantly not better by the margin; refuted where one of them is."""
    margin = _number(claim)
    names = [name for name in evidence.names(task) if name != claim.b]
    found = {name: evidence.difference(task, name, claim.b, -margin) for name in names}
    nearest = max(found, key=lambda name: found[name][0])
    best = min(found, key=lambda name: found[name][1])
    supports, refutes = found[nearest][0], min(1.0, len(names) * found[best][1])
    shown = best if refutes <= ALPHA else nearest
    text, numbers = evidence.describe(task, shown, claim.b)
    return Finding(
        supports=supports,
        refutes=refutes,
        found=f"the one that comes closest is {text}; the margin is {margin:g}",
        test=f"{evidence.test}, against the margin, for each of {len(names)} variants",
        settle=evidence.settle(task, nearest, claim.b, -margin),
        tested=evidence.tests,
        numbers={**numbers, "margin": margin, "variants": float(len(names))},
    )


def _weights(claim: Claim, task: str, evidence: Evidence) -> Finding:
    low, high = evidence.weights(task, claim.a, claim.b)
    limit = _number(claim)
    span = f"{low:.1%}" if f"{low:.1%}" == f"{high:.1%}" else f"{low:.1%} to {high:.1%}"
    return Finding(
        supports=0.0 if high < limit else 1.0,
        refutes=0.0 if low >= limit else 1.0,
        found=f"{claim.a} has {span} of the weights of {claim.b}, over the sizes that are searched",
        test="counted",
        settle="it depends on the size: narrow the range of units",
        numbers={"lowest": low, "highest": high},
    )


def _share(claim: Claim, task: str, evidence: Evidence) -> Finding:
    """An interval of 95 % on one side of the number."""
    share, limit = evidence.share(task, claim.name), _number(claim)
    what = f"{claim.name} explains" if claim.name else "all interactions together explain"
    left_out = ", ".join(evidence.without(task))
    without = f"; without {left_out}, whose scores spread too wide" if left_out else ""
    above, below = share.low > limit, share.high < limit
    if " below " in claim.form:
        above, below = below, above
    return Finding(
        supports=0.0 if above else 1.0,
        refutes=0.0 if below else 1.0,
        found=f"{what} {share.value:.0%} of the variance ({LEVEL:.0%}: {share.low:.0%} to {share.high:.0%}){without}",
        test="functional ANOVA of a regression forest, interval over resampled trials",
        settle="more trials, until the interval lies on one side",
        numbers={"share": share.value, "low": share.low, "high": share.high},
    )


def _solves(claim: Claim, task: str, evidence: Evidence) -> Finding:
    """Shares of all trials: nothing is chosen, and one that diverged or failed has not solved the task."""
    (a, of_a), (b, of_b) = evidence.solved(task, claim.a), evidence.solved(task, claim.b)
    more, less = more_often(a, of_a, b, of_b)
    low, high = difference_interval(a, of_a, b, of_b, LEVEL)
    difference = a / of_a - b / of_b
    return Finding(
        supports=more,
        refutes=less,
        found=f"{_share_solved(claim.a, a, of_a)}, {_share_solved(claim.b, b, of_b)}: {abs(difference):.0%}"
        f" {'more' if difference >= 0 else 'less'} often ({LEVEL:.0%}: {low:+.0%} to {high:+.0%})",
        test="Boschloo's exact test of the shares that solve the task",
        settle="more trials",
        tested=True,
        numbers={
            "solved_a": float(a), "trials_a": float(of_a), "solved_b": float(b), "trials_b": float(of_b),
            "difference": difference, "low": low, "high": high, "more": more, "less": less,
        },
    )  # fmt: skip


def _share_solved(name: str, solved: int, trials: int) -> str:
    low, high = share_interval(solved, trials, LEVEL)
    return f"{name} solves it in {solved} of {trials} ({low:.0%} to {high:.0%})"


_FORMS: Mapping[str, Callable[[Claim, str, Evidence], Finding]] = {
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
}


def _number(claim: Claim) -> float:
    assert claim.number is not None, "the claim was read without its number"
    return claim.number


# ---------------------------------------------------------------------------------------------- evidence


@dataclass(eq=False)
class Searches:
    """The trials of an experiment: each variant was tuned by a search of its own.

    Attributes:
        trials: by task and variant.
        complete: likewise, how many trials completed, and of how many.
        keep: how many of each are compared, by task.
        shares: by task: the share of each hyper-parameter, and of all interactions under the empty name.
        without: by task: the variants that the shares are not about.
        ratio: (task, variant, variant) -> lowest and highest ratio of weights.
        solving: by task and variant, how many trials solve the task, and of how many; None for a task of which it is not
            known from which score on it is solved.
        control: the baseline's second run, which no claim is about.
        seed: words; the same results always give the same verdicts.
    """

    trials: Mapping[tuple[str, str], Trials | StatsError]
    complete: Mapping[tuple[str, str], tuple[int, int]]
    keep: Mapping[str, int]
    shares: Callable[[str], Mapping[str, Share]]
    ratio: Callable[[str, str, str], tuple[float, float]]
    without: Callable[[str], Sequence[str]] = lambda task: ()
    solving: Mapping[tuple[str, str], tuple[int, int] | None] = field(default_factory=dict)
    control: str = ""
    seed: str = ""
    tests: bool = True
    _known: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    @property
    def test(self) -> str:
        return "permutation of all trials' labels, the best chosen anew each time"

    def names(self, task: str) -> Sequence[str]:
        return [name for where, name in self.trials if where == task and name != self.control]

    def of(self, task: str, name: str) -> Trials:
        found = self.trials[task, name]
        if isinstance(found, StatsError):
            raise StatsError(f"{name}: {found}")
        return found

    def exchange(self, task: str, a: str, b: str, shift: float = 0.0) -> Exchange:
        def compute() -> Exchange:
            return exchange(
                self.of(task, a), self.of(task, b), self.keep[task], self._rng(task, a, b, shift), shift, DRAWS
            )

        return self._once(("exchange", task, a, b, shift), compute)

    def effect(self, task: str, a: str, b: str) -> Effect:
        def compute() -> Effect:
            return effect(self.of(task, a), self.of(task, b), self.keep[task], LEVEL, self._rng(task, a, b, "effect"))

        return self._once(("effect", task, a, b), compute)

    def difference(self, task: str, a: str, b: str, shift: float) -> tuple[float, float]:
        found = self.exchange(task, a, b, shift)
        return found.worse, found.better

    def describe(self, task: str, a: str, b: str) -> tuple[str, Mapping[str, float]]:
        tested, size = self.exchange(task, a, b), self.effect(task, a, b)
        word = "worse" if size.difference > 0 else "better"
        lacking = [
            f"{name}: only {done} of {of} trials completed"
            for name, (done, of) in ((name, self.complete[task, name]) for name in (a, b))
            if done < MOSTLY * of
        ]
        text = (
            f"{a} {size.a:.3f}, {b} {size.b:.3f}: {word} by {abs(size.difference):.3f}"
            f" ({LEVEL:.0%}: {size.low:+.3f} to {size.high:+.3f})"
        )
        numbers = {
            "a": size.a, "b": size.b, "difference": size.difference, "low": size.low, "high": size.high,
            "trials_a": float(len(self.of(task, a))), "trials_b": float(len(self.of(task, b))), "kept": float(self.keep[task]),
            "welch": tested.welch, "welch_false_alarms": tested.false_alarms,
        }  # fmt: skip
        return "; ".join([text, *lacking]), numbers

    def settle(self, task: str, a: str, b: str, boundary: float) -> str:
        run = min(len(self.of(task, name)) for name in (a, b))
        needed = trials_needed(self.effect(task, a, b), boundary, run)
        if needed <= run:
            return "a few more trials"
        if needed > MANY:
            return f"more than {MANY:,} trials: the difference is very close to {boundary:g}"
        return f"about {needed:,} trials of each, if the difference is what it seems"

    def weights(self, task: str, a: str, b: str) -> tuple[float, float]:
        return self.ratio(task, a, b)

    def share(self, task: str, name: str) -> Share:
        return self._once(("shares", task), lambda: self.shares(task))[name]

    def solved(self, task: str, name: str) -> tuple[int, int]:
        found = self.solving.get((task, name))
        if found is None:
            raise StatsError(f"these trials do not say from which score on {task} is solved")
        return found

    def _rng(self, *words: object) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32(" ".join(map(str, (self.seed, *words))).encode()))

    def _once(self, key: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]


@dataclass(frozen=True, slots=True)
class Printed:
    """One number for each variant and task, as a paper prints them, lower is better; there is nothing to test."""

    scores: Mapping[str, Mapping[str, float]]
    tests: bool = False

    @property
    def test(self) -> str:
        return "the numbers as printed"

    def names(self, task: str) -> Sequence[str]:
        return list(self.scores[task])

    def difference(self, task: str, a: str, b: str, shift: float) -> tuple[float, float]:
        difference = self.scores[task][a] - self.scores[task][b] - shift
        return float(difference <= 0), float(difference >= 0)

    def describe(self, task: str, a: str, b: str) -> tuple[str, Mapping[str, float]]:
        one, two = self.scores[task][a], self.scores[task][b]
        return f"{a} {one:g}, {b} {two:g}", {"a": one, "b": two, "difference": one - two}

    def settle(self, task: str, a: str, b: str, boundary: float) -> str:
        return "numbers that differ"

    def weights(self, task: str, a: str, b: str) -> tuple[float, float]:
        raise StatsError("a table of scores does not say how many weights there are")

    def share(self, task: str, name: str) -> Share:
        raise StatsError("a table of scores does not say what explains them")

    def solved(self, task: str, name: str) -> tuple[int, int]:
        raise StatsError("a table of scores does not say how many trainings solved the task")

    def without(self, task: str) -> Sequence[str]:
        return ()
