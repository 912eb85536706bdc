"""A verdict -> the sentence that a newcomer reads first: the answer, by how much, and after how
many trainings.

In: a claim, its verdict, what variants are called and what scores are measured in.  Out: a
sentence.  Each label stands beside the title of its cell where it comes first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from rnnzoo.errors import listed
from rnnzoo.report.verdict import Verdict
from rnnzoo.spec.claims import COMPARED, DIVERGES, FASTER, SOLVES
from rnnzoo.spec.experiment import Claim

_PAIRS = COMPARED[:3]
_RELATIONS: Mapping[tuple[str, str], str] = {
    ("A worse than B", "supported"): "worse",
    ("A worse than B", "refuted"): "better",
    ("A better than B", "supported"): "better",
    ("A better than B", "refuted"): "worse",
    ("A same as B", "supported"): "same",
}
_WHETHER = {"A worse than B": "{a} is worse than {b}", "A better than B": "{a} is better than {b}"}
# and what is counted
_SHARES = {SOLVES: ("solves {task}", "solved"), DIVERGES: ("diverges", "diverged")}
_STATED = {
    **_WHETHER,
    "A same as B": "{a} and {b} are the same within {number:g}",
    COMPARED[3]: "no variant is better than {b} by more than {number:g}",
    DIVERGES: "{a} diverges more often than {b}",
    FASTER: "{a} trains at least {number:g} times as fast as {b}",
}
# a title's own abbreviation, which the label says already
_SHORT = re.compile(r"\s*\([A-Z]+\)(?=$|,)")
_LOWER = re.compile(r"[A-Z][a-z]*\b(?!\d)")


def answers(
    pairs: Sequence[tuple[Claim, str]],
    verdicts: Sequence[Verdict],
    titles: Mapping[str, str],
    units: Mapping[str, str],
) -> list[str]:
    """A sentence for each verdict, in their order.

    Args:
        pairs: claim and task of each.
        titles: of the variants' cells, by label.
        units: of the scores, by task.
    """
    names = _Names(titles)
    return [
        _answer(claim, verdict, names, units.get(task, ""))
        for (claim, task), verdict in zip(pairs, verdicts)
    ]


class _Names:
    """Labels, each with its cell's title where it comes first."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        self.titles, self.titled = titles, set[str]()

    def __call__(self, label: str) -> str:
        title = subtitle(label, self.titles.get(label, ""))
        if label in self.titled or not title:
            return label
        self.titled.add(label)
        return f"{label} ({title})"


def subtitle(label: str, title: str) -> str:
    """What a cell's title adds to its label, as it stands within a sentence: "No forget gate"
    begins small, "LSTM with peepholes" and "MUT1" do not.  Empty where it adds nothing.
    """
    title = _SHORT.sub("", title)
    if title.lower() in ("", label.lower()):
        return ""
    return title[0].lower() + title[1:] if _LOWER.match(title) else title


def _answer(claim: Claim, verdict: Verdict, names: _Names, unit: str) -> str:
    if claim.over:
        return _over(claim, verdict, names)
    if claim.form == COMPARED[3]:
        return _none_better(claim, verdict, names, unit)
    if claim.form in _SHARES and "trials_a" in verdict.numbers:
        return _shares(claim, verdict, names)
    if claim.form == FASTER and verdict.scale == "times":
        return _faster(claim, verdict, names)
    if claim.form not in _PAIRS:
        return verdict.detail
    a, b = names(claim.a), names(claim.b)
    low, high = (
        verdict.numbers.get(name, side * math.inf) for name, side in (("low", -1), ("high", 1))
    )
    trainings = _trainings(verdict)
    if verdict.word == "undecided":
        return f"{_open(claim, verdict, a, b)}{_between(low, high, unit)}{trainings}"
    relation = "same" if verdict.word == "same" else _relation(claim, verdict)
    if relation == "same":
        return (
            f"{a} and {b} are the same within"
            f" {measured(f'{_margin(claim, verdict):g}', unit)}{trainings}"
        )
    least, most = (low, high) if relation == "worse" else (-high, -low)
    return f"{a} is {relation} than {b}{_by_how_much(least, most, unit)}{trainings}"


def _relation(claim: Claim, verdict: Verdict) -> str:
    """What A is to B; where they are not the same, the difference says it."""
    return _RELATIONS.get(
        (claim.form, verdict.word), "worse" if verdict.numbers["difference"] > 0 else "better"
    )


def _margin(claim: Claim, verdict: Verdict) -> float:
    return verdict.numbers["margin"] if claim.number is None else claim.number


def _open(claim: Claim, verdict: Verdict, a: str, b: str) -> str:
    if claim.form in _WHETHER:
        return f"Whether {_WHETHER[claim.form].format(a=a, b=b)} stays open"
    within = ""
    if claim.number is not None or "margin" in verdict.numbers:
        within = f" within {_margin(claim, verdict):g}"
    return f"Whether {a} and {b} are the same{within} stays open"


def _between(low: float, high: float, unit: str) -> str:
    """What is still possible; nothing where all is."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    below, above = _figures(abs(low), abs(high), low, high)
    if low >= 0.0:
        return f": {measured(f'{below} to {above}', unit, 'worse')}"
    if high <= 0.0:
        return f": {measured(f'{above} to {below}', unit, 'better')}"
    return f": between {below} better and {measured(above, unit, 'worse')}"


def _by_how_much(least: float, most: float, unit: str) -> str:
    if math.isfinite(least) and math.isfinite(most):
        return ", by " + measured(" to ".join(_figures(least, most, least, most)), unit)
    if math.isfinite(least):
        return ", by at least " + measured(_figures(least, least, least, least)[0], unit)
    return ""


def _figures(first: float, second: float, low: float, high: float) -> tuple[str, str]:
    """Two figures of the width of an interval, and one of an end that is nearly 0."""
    sizes = [
        math.floor(math.log10(size))
        for size in (high - low, max(abs(low), abs(high)))
        if size > 0.0
    ]
    least = [math.floor(math.log10(size)) for size in (abs(low), abs(high)) if size > 0.0]
    places = max(2, 1 - min(sizes, default=0), -min(least, default=0))
    return f"{first:.{min(places, 5)}f}", f"{second:.{min(places, 5)}f}"


def measured(number: str, unit: str, word: str = "") -> str:
    """A number with its unit: 0.1 nats per frame, 0.1 in mean squared error; with `worse`, 0.1 nats
    per frame worse, 0.1 worse in mean squared error.
    """
    words = (
        [number, unit, word] if unit.startswith("nats") else [number, word, unit and f"in {unit}"]
    )
    return " ".join(filter(None, words))


def _trainings(verdict: Verdict) -> str:
    numbers = verdict.numbers
    if verdict.confirmed and numbers.get("rounds"):
        return f"; {numbers['rounds']:.0f} trainings of each"
    if "kept" not in numbers:
        return ""
    of_a, of_b, kept = (int(numbers[name]) for name in ("trials_a", "trials_b", "kept"))
    trainings = f"{of_a} trainings of each" if of_a == of_b else f"{of_a} and {of_b} trainings"
    return f"; the best {kept} of {trainings}"


def _none_better(claim: Claim, verdict: Verdict, names: _Names, unit: str) -> str:
    by = f" by more than {measured(f'{claim.number:g}', unit)}" if claim.number else ""
    if verdict.word == "undecided":
        return f"Whether any variant is better than {names(claim.b)}{by} stays open"
    subject = "No variant" if verdict.word == "supported" else "At least one variant"
    return f"{subject} is better than {names(claim.b)}{by}"


def _shares(claim: Claim, verdict: Verdict, names: _Names) -> str:
    does, counted = _SHARES[claim.form]
    a, of_a, b, of_b = (
        verdict.numbers[name] for name in (f"{counted}_a", "trials_a", f"{counted}_b", "trials_b")
    )
    than = "less" if verdict.word == "refuted" else "more"
    text = f"{names(claim.a)} {does.format(task=claim.task)} {than} often than {names(claim.b)}"
    text = f"Whether {text} stays open" if verdict.word == "undecided" else text
    return f"{text}: {a:.0f} of {of_a:.0f} trainings against {b:.0f} of {of_b:.0f}"


def _faster(claim: Claim, verdict: Verdict, names: _Names) -> str:
    a, b, number = names(claim.a), names(claim.b), f"{claim.number:g}"
    low, high = (verdict.numbers[name] for name in ("ratio_lowest", "ratio_highest"))
    lowest, highest = f"{low:.2f}", f"{high:.2f}"
    ratio = f"{lowest} to {highest} times, by its size" if lowest != highest else f"{lowest} times"
    if verdict.word == "undecided":
        return f"Whether {a} trains at least {number} times as fast as {b} stays open: {ratio}"
    at_least = "at least" if verdict.word == "supported" else "less than"
    return f"{a} trains {at_least} {number} times as fast as {b}: {ratio}"


def _over(claim: Claim, verdict: Verdict, names: _Names) -> str:
    stated = _STATED.get(claim.form)
    if stated is None or not verdict.numbers:
        return verdict.detail
    count = len(claim.tasks)
    every = "both tasks" if count == 2 else f"all {count} tasks"
    tasks = every if claim.over == "all" else f"most tasks ({claim.needed} of {count})"
    a, b = names(claim.a), names(claim.b)
    text = f"{stated.format(a=a, b=b, number=claim.number)} on {tasks}"
    if verdict.word == "undecided":
        return f"Whether {text} stays open"
    against = [part.task for part in verdict.parts if part.word in ("refuted", "same")]
    where = f": not on {listed(against)}" if against else ""
    return text if verdict.word == "supported" else f"It is not so that {text}{where}"
