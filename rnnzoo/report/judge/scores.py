"""Claims about scores: one variant against another, or against all."""

from __future__ import annotations

from rnnzoo.report.judge.contract import (
    Evidence,
    UnadjustedVerdict,
    VerdictText,
    number_of_claim,
)
from rnnzoo.report.verdict import Word
from rnnzoo.spec.experiment import Claim


def worse(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    return _ordered(claim, task, evidence, worse=True)


def better(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
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


def same(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    """Supported where the difference is inside the margin on both sides, refuted where it is
    outside on either.
    """
    margin = number_of_claim(claim)
    above_low, below_low = evidence.difference(task, claim.a, claim.b, -margin)
    above_high, below_high = evidence.difference(task, claim.a, claim.b, margin)
    # two one-sided tests, both of which must reject (Schuirmann 1987)
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


def none_better(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    """Supported where each variant is significantly not better by the margin; refuted where one of
    them is.
    """
    margin = number_of_claim(claim)
    names = [name for name in evidence.names(task) if name != claim.b]
    differences = {name: evidence.difference(task, name, claim.b, -margin) for name in names}
    nearest = max(differences, key=lambda name: differences[name][0])
    best = min(differences, key=lambda name: differences[name][1])

    def tell(word: Word, level: float) -> VerdictText:
        shown = best if word == "refuted" else nearest
        # Bonferroni here too: the interval is that of the p-value below
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
        # it holds of all, so the largest counts (Berger 1982); one refutes it: Bonferroni
        differences[nearest][0],
        min(1.0, len(names) * differences[best][1]),
        test,
        tell,
        evidence.tests,
    )
