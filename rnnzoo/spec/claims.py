"""What a claim can say: one table of sentence forms, each with blanks for names and numbers.

In: a sentence with its place, and the names that it may use.  Out: a `Claim`, its blanks filled in;
what it means is judged on the runs (`rnnzoo.report.judge`).  Contains the findings of Greff et al.
2015 (worse, same, importance, interactions, counts of weights) and of Jozefowicz et al. 2015
(better, no variant better), shares of trainings that solve a task or diverge, and speed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Protocol

from rnnzoo.errors import Mistakes, Remark, Span, listed, nearest
from rnnzoo.spec import shares
from rnnzoo.spec.cell import CellSpec
from rnnzoo.spec.document import MAX_NUMBER, MAX_TEXT, Node, Scalar, Table, describe
from rnnzoo.spec.experiment import OURS, Claim, Experiment
from rnnzoo.spec.hyperparameters import HYPERPARAMETERS
from rnnzoo.spec.keys import Entry, Key, Text
from rnnzoo.spec.meant import meant
from rnnzoo.spec.shares import NUMBER, SHARE

CLAIM: Mapping[str, Key] = {
    "claim": Key("a sentence about variants, judged on the runs", Text(most=MAX_TEXT), needed=True),
    "note": Key("where it is from, which reports show", Text(most=MAX_TEXT), "none"),
}
SOLVES = "A solves TASK more often than B"
DIVERGES = "A diverges more often than B"
FASTER = "A at least N times as fast as B"
SHARES = (SOLVES, DIVERGES)  # of trainings are compared, and not scores
# A and B are variants, TASK a task, NAME a searched hyper-parameter, N a number, N% a share; any
# form without a TASK may follow `on TASK:`, `on all tasks:` or `on most tasks:`.
FORMS = (
    "A worse than B",
    "A better than B",
    "A same as B",
    "A same as B within N",
    "no variant better than B",
    "no variant better than B by N",
    "importance of NAME above N%",
    "importance of NAME below N%",
    "interactions above N%",
    "interactions below N%",
    "weights of A below N% of B",
    *SHARES,
    FASTER,
)
# as `Claim.form` has them
COMPARED = ("A worse than B", "A better than B", "A same as B", "no variant better than B")
# the family of claims about more than one task, where each task has its own
SEVERAL = "several tasks"
CONFIRMED = COMPARED[:3]  # what the second stage of a sweep decides: each is about two variants
# each has a p-value or an interval, and so shares the error rate
TESTED = (*SHARES, *COMPARED, FASTER)
WITH_MARGIN = {
    "A same as B": "end the claim with `within 0.1`",
    "no variant better than B": "end the claim with `by 0.1`",
}
_BLANKS = {
    "A": r"(?P<A>\S+)",
    "B": r"(?P<B>\S+)",
    "TASK": r"(?P<TASK>\S+)",
    "NAME": r"(?P<NAME>\S+)",
    "N": f"(?P<N>{NUMBER})",
    "N%": f"(?P<N>{SHARE})",
}
_ON = re.compile(r"\s*on\s+(?:(?P<OVER>all|most)\s+tasks|(?P<TASK>\S+?))\s*:\s*")


class Pair(Protocol):
    """Two variants, and what is said or asked of them."""

    @property
    def a(self) -> str: ...

    @property
    def b(self) -> str: ...


def variants_of(pairs: Iterable[Pair]) -> tuple[str, ...]:
    """The variants that claims or questions compare, each once: in order, B ahead of A."""
    return tuple(dict.fromkeys(chain.from_iterable((pair.b, pair.a) for pair in pairs)))


def _pattern(form: str) -> re.Pattern[str]:
    return re.compile(r"\s+".join(_BLANKS.get(word, word) for word in form.split()) + r"\s*")


_PATTERNS = {form: _pattern(form) for form in FORMS}


@dataclass(frozen=True, slots=True)
class Known:
    """The names that a claim may use, and the experiment's `margin:`.

    Attributes:
        solved: whether a task, by its label, has a score from which on it counts as solved.
        control: which of the variants is the baseline once more; empty where none is.
    """

    variants: Collection[str]
    tasks: Collection[str]
    searched: Collection[str]
    margin: float | None
    solved: Callable[[str], bool] = lambda task: False
    control: str = ""


def read(node: Node, known: Known, mistakes: Mistakes) -> Claim | None:
    """A claim: a sentence, or a table of a sentence and a note."""
    note = ""
    if isinstance(node, Table) and "claim" in node.entries:
        entry = Entry(node, mistakes, "a claim", CLAIM)
        note = entry.text("note")
        sentence = _sentence(entry.node("claim") or node)
        entry.done()
    else:
        sentence = _sentence(node)
    if sentence is None:
        fix = (
            "write it as in `nfg worse than lstm`, or as {claim: nfg worse than lstm, note:"
            " where it is from}"
        )
        mistakes.add(node.span, f"a claim is a sentence, not {describe(node)}", fix)
        return None
    if len(sentence[0]) > MAX_TEXT:
        mistakes.add(
            sentence[1],
            f"a claim of more than {MAX_TEXT} characters",
            f"write one of: {'; '.join(FORMS)}",
        )
        return None
    claim = parse(*sentence, known, mistakes)
    return replace(claim, note=note) if claim else None


def check_of_cell(spec: CellSpec, cells: Collection[str], tasks: Collection[str]) -> None:
    """Look at what a cell's file claims: an experiment could ask it whose variants are called as
    their cells are, and which gives a `margin:`.

    Args:
        cells, tasks: names that the claim may use.

    Raises:
        SpecError: it is no claim, or names what is not there.
    """
    mistakes = Mistakes()
    if spec.claim and spec.claim_span is not None:
        searched = [*HYPERPARAMETERS]
        known = Known({spec.name, *cells}, tasks, searched, margin=1.0, solved=lambda task: True)
        parse(" ".join(spec.claim.split()), spec.claim_span, known, mistakes)
    mistakes.raise_if_any()


def _sentence(node: Node) -> tuple[str, Span] | None:
    """A claim's text and place; YAML takes an unquoted `on TASK: ...` for a table of one entry.

    None for anything else.
    """
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return " ".join(node.value.split()), node.span
    if isinstance(node, Table) and len(node.entries) == 1:
        ((key, value),) = node.entries.items()
        if key.startswith("on ") and isinstance(value, Scalar) and isinstance(value.value, str):
            return f"{key}: {' '.join(value.value.split())}", node.keys[key]
    return None


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A claim's sentence taken apart; what stands in its blanks may still be wrong.

    Attributes:
        over: `all` or `most`, where the claim is about so many tasks.
        on: the task of `on TASK:`, where there is one.
        blanks: what stands in the blanks of the form, as it is written.
        number: what stands in the blank N, else the experiment's margin; None where there is
            neither.
    """

    text: str
    span: Span
    form: str
    over: str
    on: str
    blanks: Mapping[str, str]
    number: float | None

    @property
    def names(self) -> dict[str, str]:
        """What the claim names, by blank; a form with a task of its own goes before `on TASK:`."""
        named = {"TASK": self.on} if self.on else {}
        return named | {blank: name for blank, name in self.blanks.items() if blank != "N"}

    @property
    def number_span(self) -> Span:
        return _within(self.span, self.blanks["N"]) if "N" in self.blanks else self.span

    def claim(self, tasks: Collection[str]) -> Claim:
        names = self.names
        return Claim(
            self.text,
            self.span,
            # whether the margin is the claim's own or the experiment's makes no other claim of it
            self.form.removesuffix(" within N").removesuffix(" by N"),
            names.get("TASK", ""),
            names.get("A", ""),
            names.get("B", ""),
            names.get("NAME", ""),
            self.number,
            over=self.over,
            tasks=tuple(tasks) if self.over else (),
        )


def parse(text: str, span: Span, known: Known, mistakes: Mistakes) -> Claim | None:
    """The claim of a sentence; None, and mistakes, where it has none of the forms or names what is
    not there.
    """
    sentence = _taken_apart(text, span, known.margin)
    if sentence is None:
        mistakes.add(span, "this is not a claim that can be judged", _nearest_form(text, known))
        return None
    before = len(mistakes.collected)
    _check_names(sentence.names, span, known, mistakes)
    _check_tasks(sentence, known, mistakes)
    _check_number(sentence, mistakes)
    _check_comparison(sentence, known, mistakes)
    return sentence.claim(known.tasks) if len(mistakes.collected) == before else None


def _taken_apart(text: str, span: Span, margin: float | None) -> _Sentence | None:
    """The parts of a sentence; None where it has none of the forms."""
    prefix = _ON.match(text)
    form, match = _matching_form(text[prefix.end() :] if prefix else text)
    if match is None:
        return None
    blanks = match.groupdict()
    number = shares.number(blanks["N"]) if "N" in blanks else margin
    over, on = (prefix["OVER"], prefix["TASK"]) if prefix else ("", "")
    return _Sentence(text, span, form, over or "", on or "", blanks, number)


def _matching_form(sentence: str) -> tuple[str, re.Match[str] | None]:
    """The form that a sentence has, and its blanks; empty and None where it has none."""
    for form, pattern in _PATTERNS.items():
        match = pattern.fullmatch(sentence)
        if match is not None:
            return form, match
    return "", None


def _nearest_form(text: str, known: Known) -> str:
    """The fix for a sentence that matches no form."""
    listing = f"one of: {'; '.join(FORMS)}"
    names = {"A": known.variants, "TASK": known.tasks, "NAME": known.searched}
    claims = [f"'{claim}'" for claim in meant(text, FORMS, names)]
    return f"did you mean {listed(claims, 'or')}?  ({listing})" if claims else f"write {listing}"


def _check_names(names: Mapping[str, str], span: Span, known: Known, mistakes: Mistakes) -> None:
    variant = ("the variant '{}', which is not here", known.variants, ("variants",))
    kinds = {
        "A": variant, "B": variant,
        "TASK": ("the task '{}', which is not here", known.tasks, ("task", "tasks")),
        "NAME": ("the hyper-parameter '{}', which is not searched", known.searched,
            ("search", "variants")),
    }  # fmt: skip
    for blank, name in names.items():
        phrase, members, supposes = kinds[blank]
        if name not in members:
            problem = f"the claim is about {phrase.format(name)}"
            mistakes.add(_within(span, name), problem, nearest(name, members), supposes)
    if names.get("A") and names.get("A") == names.get("B"):
        mistakes.add(span, f"the claim compares '{names['A']}' with itself")


_OF_NOTHING = {
    FASTER: ("nothing is 0 times as fast", "write a number above 0, as 1.5"),
    "weights of A below N% of B": ("no variant has fewer than no weights",
        "write a share above 0, as 80%"),
    "A same as B": ("no trainings show that two variants differ by nothing at all",
        "give a `margin:` above 0"),
    "A same as B within N": (
        "no trainings show that two variants differ by nothing at all",
        "write how much difference is none, as within 0.1",
    ),
}  # fmt: skip


def _check_number(sentence: _Sentence, mistakes: Mistakes) -> None:
    """Report a number that no claim of the form can have."""
    form, written = sentence.form, sentence.blanks.get("N", "")
    if sentence.number is not None and not sentence.number <= MAX_NUMBER:
        problem, fix = f"the number {written} is too large", f"write one of at most {MAX_NUMBER:g}"
        mistakes.add(sentence.number_span, problem, fix)
    is_share = form.startswith(("importance", "interactions"))
    if is_share and sentence.number is not None and not 0 < sentence.number < 1:
        problem = f"a share lies between 0 and 1, and {written} does not"
        mistakes.add(sentence.number_span, problem, f"write {shares.forms(0.2)}")
    if sentence.number == 0.0 and form in _OF_NOTHING:
        mistakes.add(sentence.number_span, *_OF_NOTHING[form])


def _check_comparison(sentence: _Sentence, known: Known, mistakes: Mistakes) -> None:
    """Report a claim without anything to compare with, or without the margin that it needs."""
    form = sentence.form
    if form.startswith("no variant"):
        best = sentence.blanks["B"]
        if not {*known.variants} - {best, known.control}:
            problem = f"there is no variant that could be better: '{best}' is the only one"
            fix = "add a variant, or delete the claim"
            mistakes.add(sentence.span, problem, fix, ("variants",))
            return
    if form in WITH_MARGIN and sentence.number is None:
        problem = f"`{form}` needs a margin: how much difference is none?"
        fix = f"give the experiment a `margin:`, or {WITH_MARGIN[form]}"
        mistakes.add(sentence.span, problem, fix, ("margin",))


def _check_tasks(sentence: _Sentence, known: Known, mistakes: Mistakes) -> None:
    """Report tasks that do not fit the claim."""
    over = f"{sentence.over} tasks" if sentence.over else ""
    if sentence.form == SOLVES:
        _check_solves(sentence.blanks["TASK"], over or sentence.on, sentence.span, known, mistakes)
    if over and len(known.tasks) == 1:
        problem = f"`on {over}:` is about several tasks, and there is one"
        mistakes.add(sentence.span, problem, f"leave out `on {over}:`")


def _check_solves(task: str, prefix: str, span: Span, known: Known, mistakes: Mistakes) -> None:
    """Report a claim about solving a task that names the task twice, or a task that has no score
    that solves it.
    """
    if prefix:
        mistakes.add(
            span, "a claim about solving a task names the task itself", f"leave out `on {prefix}:`"
        )
    elif task in known.tasks and not known.solved(task):
        able = [f"`{task}`" for task in known.tasks if known.solved(task)]
        solvable = ", ".join(able) or "those of `rnnzoo list tasks` that are generated"
        mistakes.add(
            _within(span, task),
            f"no score counts as a solution of the task '{task}'",
            f"compare scores, as in `on {task}: A better than B`; {solvable} can be solved",
        )


def _within(span: Span, name: str) -> Span:
    """The place of a word in a sentence that stands on one line; else that of the sentence."""
    match = re.compile(rf"(?<![^\s'\"\[]){re.escape(name)}(?=[\s:,'\"\]]|$)").search(
        span.text, span.column - 1
    )
    return replace(span, column=match.start() + 1, length=len(name)) if match else span


def judged(claims: Sequence[Claim], tasks: Sequence[str]) -> list[tuple[Claim, str]]:
    """Every claim with each task that it is judged on; one about several at once is there once,
    with what it says of them.
    """
    return [(claim, where) for claim in claims for where in _places(claim, tasks)]


def questions(claim: Claim, tasks: Sequence[str]) -> list[tuple[str, ...]]:
    """The question that a claim asks on each task, or on several at once; equal for claims that ask
    the same.

    A claim and its opposite ask the same, since one test answers both: A worse than B, and A better
    than B.
    """
    question = min(_put(claim))
    return (
        [("", *question)] if claim.over else [(task, *question) for task in tasks_of(claim, tasks)]
    )


def _put(claim: Claim) -> list[tuple[str, ...]]:
    """The question in the words of the claim and, where there is an opposite claim, in the words of
    that.
    """
    form, a, b = claim.form, claim.a, claim.b
    # 33.3% and 0.333 differ in their last bits
    number = "" if claim.number is None else f"{claim.number:.12g}"
    needed = claim.needed if claim.over else 1  # of so many tasks:
    # without which it cannot hold, and the opposite does
    left = len(claim.tasks) - needed + 1 if claim.over else 1
    if form == "A better than B":
        form, a, b = "A worse than B", b, a
    if form == "A same as B":
        a, b = sorted((a, b))
    put: list[tuple[str, ...]] = [(form, a, b, claim.name, number, str(needed))]
    if form == "A worse than B" or form in SHARES:
        put.append((form, b, a, claim.name, number, str(left)))
    if form.startswith(("importance", "interactions")):
        opposite = (
            form.replace("above", "below") if "above" in form else form.replace("below", "above")
        )
        put.append((opposite, a, b, claim.name, number, str(left)))
    return put


def _places(claim: Claim, tasks: Sequence[str]) -> Sequence[str]:
    if claim.over:
        return [f"{claim.over} tasks"]  # no label has a blank
    return [claim.task] if claim.task else tasks


def family(where: str, families: str) -> str:
    """The name of the family of claims that share an error rate.

    Args:
        where: what a claim is judged on, as in `judged`: a task, or several at once.
        families: `file` or `task`.
    """
    if families == "file":
        return ""
    return SEVERAL if " " in where else where


def tasks_of(claim: Claim, tasks: Sequence[str]) -> Sequence[str]:
    """All tasks that a claim is about."""
    return claim.tasks or ([claim.task] if claim.task else tasks)


def approximate(experiment: Experiment) -> Remark | None:
    """Why the p-values of claims are approximate; None where the trials of a search do not depend
    on each other, or no claim rests on them.
    """
    search, claims = experiment.search, experiment.claims
    if experiment.confirm and all(claim.form in CONFIRMED for claim in claims):
        return None
    if search.sampler.name not in OURS:
        dependence = f"'{search.sampler.name}' goes by the trials before"
    elif search.pruner is not None:
        dependence = f"'{search.pruner.name}' prunes by the trials before"
    elif search.rungs is not None:
        dependence = "on rungs the best of each search go on"
    elif search.points:
        dependence = "the first trials of each search are at `points:` that were chosen"
    elif search.earlier:
        dependence = "the first trials of each search are drawn from an `earlier:` space"
    else:
        return None
    return Remark(
        f"{dependence}, and p-values are exact for independent trials only",
        "sampler random, grid or qmc and no pruner, rungs, points or earlier, where verdicts count;"
        " or `confirm:`",
    )
