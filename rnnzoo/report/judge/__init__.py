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

    contract      what evidence can be asked, and what a form finds in it
    scores, frequencies, costs    one function for each form of a claim
    advice        what would settle an undecided claim
    searches, printed    evidence: the trials of an experiment, a table of a paper
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rnnzoo.errors import StatsError
from rnnzoo.report.judge import costs, frequencies, scores
from rnnzoo.report.judge.contract import Diverging, Evidence, UnadjustedVerdict, VerdictText
from rnnzoo.report.judge.printed import Printed
from rnnzoo.report.judge.searches import Searches
from rnnzoo.report.verdict import Verdict, Word, numbers_by_task
from rnnzoo.spec.claims import DIVERGES, FASTER, SHARES, SOLVES, judged
from rnnzoo.spec.experiment import Claim
from rnnzoo.stats.compare import ALPHA, holm, holm_levels, partial_conjunction

__all__ = ["Diverging", "Printed", "Searches", "judge", "judge_pairs"]

_WITHOUT = {
    **dict.fromkeys(SHARES, ""),
    FASTER: "sweep again with this claim, which measures it at the end",
}

_FORMS: Mapping[str, Callable[[Claim, str, Evidence], UnadjustedVerdict]] = {
    "A worse than B": scores.worse,
    "A better than B": scores.better,
    "A same as B": scores.same,
    "no variant better than B": scores.none_better,
    "importance of NAME above N%": costs.share,
    "importance of NAME below N%": costs.share,
    "interactions above N%": costs.share,
    "interactions below N%": costs.share,
    "weights of A below N% of B": costs.weights,
    SOLVES: frequencies.solves,
    DIVERGES: frequencies.diverges,
    FASTER: costs.faster,
}


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
    # p / share at the whole error rate is p at a share of it; a text is not tested
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
        # the factor of `partial_conjunction`: `left` of what supports, `needed` of what refutes
        part_level = 1.0 - (1.0 - level) / (claim.needed if word == "refuted" else left)
        texts = {task: part.tell(word, part_level) for task, part in zip(claim.tasks, parts)}
        numbers = numbers_by_task((task, text.numbers) for task, text in texts.items())
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
