"""What a claim can say: one table of sentence forms.

In: a sentence with its place, and the names that it may use.  Out: nothing but mistakes; what a claim means is judged on the
runs.  Contains the findings of Greff et al. 2015 (worse, same, importance, interactions) and their counts of weights.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from rnnzoo.errors import Mistakes, Span, nearest
from rnnzoo.spec.document import Node, Scalar, Table

# A and B are variants, NAME a searched hyper-parameter, N a number; any form may follow `on TASK:`.
FORMS = (
    "A worse than B",
    "A better than B",
    "A same as B",
    "A same as B within N",
    "no variant better than B",
    "importance of NAME above N",
    "importance of NAME above N%",
    "interactions below N%",
    "weights of A below N% of B",
)
_NUMBER = r"[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+|/[1-9][0-9]*)?"  # 0.5, 1e-3 or 2/3
_BLANKS = {"A": r"(?P<A>\S+)", "B": r"(?P<B>\S+)", "NAME": r"(?P<NAME>\S+)", "N": _NUMBER, "N%": _NUMBER + "%"}
_TASK = re.compile(r"\s*on\s+(?P<TASK>\S+?)\s*:\s*")


def _pattern(form: str) -> re.Pattern[str]:
    return re.compile(r"\s+".join(_BLANKS.get(word, word) for word in form.split()) + r"\s*")


_PATTERNS = {form: _pattern(form) for form in FORMS}


@dataclass(frozen=True, slots=True)
class Known:
    """The names that a claim may use, and whether the experiment has a `margin:`."""

    variants: Collection[str]
    tasks: Collection[str]
    searched: Collection[str]
    margin: bool


def sentence(node: Node) -> tuple[str, Span] | None:
    """A claim's text and place; YAML takes an unquoted `on TASK: ...` for a table of one entry.  None for anything else."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return " ".join(node.value.split()), node.span
    if isinstance(node, Table) and len(node.entries) == 1:
        ((key, value),) = node.entries.items()
        if key.startswith("on ") and isinstance(value, Scalar) and isinstance(value.value, str):
            return f"{key}: {' '.join(value.value.split())}", node.keys[key]
    return None


def check(text: str, span: Span, known: Known, mistakes: Mistakes) -> None:
    """Whether a sentence has one of the forms, and its names are there."""
    prefix = _TASK.match(text)
    rest = text[prefix.end() :] if prefix else text
    form, found = next(((form, found) for form, one in _PATTERNS.items() if (found := one.fullmatch(rest))), ("", None))
    if found is None:
        mistakes.add(span, "this is not a claim that can be judged", f"write one of: {'; '.join(FORMS)}")
        return
    names = {**(prefix.groupdict() if prefix else {}), **found.groupdict()}
    _check_names(names, span, known, mistakes)
    if form == "A same as B" and not known.margin:
        fix = "give the experiment a `margin:`, or end the claim with `within 0.1`"
        mistakes.add(span, "`same as` needs a margin: how much difference is none?", fix)


def _check_names(names: Mapping[str, str], span: Span, known: Known, mistakes: Mistakes) -> None:
    variant = ("the variant '{}', which is not here", known.variants)
    kinds = {
        "A": variant, "B": variant, "TASK": ("the task '{}', which is not here", known.tasks),
        "NAME": ("the hyper-parameter '{}', which is not searched", known.searched),
    }  # fmt: skip
    for blank, name in names.items():
        what, there = kinds[blank]
        if name not in there:
            mistakes.add(_within(span, name), f"the claim is about {what.format(name)}", nearest(name, there))
    if names.get("A") and names.get("A") == names.get("B"):
        mistakes.add(span, f"the claim compares '{names['A']}' with itself")


def _within(span: Span, name: str) -> Span:
    """The place of a word in a sentence that stands on one line; else that of the sentence."""
    found = re.compile(rf"(?<![^\s'\"\[]){re.escape(name)}(?=[\s:,'\"\]]|$)").search(span.text, span.column - 1)
    return replace(span, column=found.start() + 1, length=len(name)) if found else span
