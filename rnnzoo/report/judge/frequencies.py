"""Claims about how often trainings do something: solve the task, or diverge."""

from __future__ import annotations

from collections.abc import Sequence

from rnnzoo.report.judge.advice import EASIER, HARDER, advice
from rnnzoo.report.judge.contract import Diverging, Evidence, UnadjustedVerdict, VerdictText
from rnnzoo.report.verdict import LEVEL, Word, counted
from rnnzoo.spec.experiment import Claim
from rnnzoo.stats.shares import more_often, share_interval, trials_for_shares

SHARES_APART = (0.5, 0.25)  # differences between shares for which advice is given


def solves(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
    """Shares of all trials: nothing is chosen, and one that diverged or failed has not solved the
    task.

    Each share has its exact interval; an interval of their difference would be another test's, and
    could contradict the word.
    """
    solved_a, solved_b = evidence.solved(task, claim.a), evidence.solved(task, claim.b)
    words = ("solves it in", "solve the task", "solved")
    return _more_often(claim, words, solved_a, solved_b, settle=_other_task(solved_a, solved_b))


def _other_task(a: tuple[int, int], b: tuple[int, int]) -> str:
    """What settles it where all trainings solve the task, or none: no number of trials."""
    count, trials = a[0] + b[0], a[1] + b[1]
    return {0: EASIER, trials: HARDER}.get(count, "")


def diverges(claim: Claim, task: str, evidence: Evidence) -> UnadjustedVerdict:
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
    settle: str = "",
) -> UnadjustedVerdict:
    """Which of two shares of trainings is the larger.

    Args:
        words: what one variant does, what several do, and what the numbers are called.
        a, b: how many of how many trainings.
        settle: what would settle it, where that is no number of trials.
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
            settle or advice(needed, a[1]),
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
