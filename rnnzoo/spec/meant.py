"""A sentence that is not a claim -> the claim that its writer probably meant.

In: a sentence, the forms of claims, and the names that a claim may use.  Out: a sentence in one of
the forms, with the names and numbers of the given one; a blank that they do not fill stays a
letter.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

CLOSE = 0.6  # shares of a sentence's words that a form must have
CLOSE_WORD = 0.7  # likewise of a word's letters: `then` is `than`, `worst` is `worse`
_NUMBER = re.compile(r"[0-9.]+(?:[eE][-+]?[0-9]+)?(?:%|/[0-9]+)?")
_FILLERS = (
    "is", "are", "does", "performs", "the", "a", "much", "clearly", "significantly", "slightly",
)  # fmt: skip
# What people write, in the words of the forms
_HABITS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(_FILLERS, ()),
    **dict.fromkeys(("equal", "equivalent", "identical", "alike"), ("same",)),
    **dict.fromkeys(("beats", "outperforms"), ("better", "than")),
    **dict.fromkeys(("faster", "slower"), ("times", "as", "fast", "as")),
    **{word: (word,) for word in ("on", "for", "in", "of", "and", "or", "so")},
    "equals": ("same", "as"), "inferior": ("worse",), "superior": ("better",), "to": ("as",),
    "over": ("above",), "under": ("below",), "explodes": ("diverges",), "learns": ("solves",),
    "interaction": ("interactions",),
}  # fmt: skip
_DENIALS = ("not", "never", "isn't", "doesn't")  # there is no form that denies one


def meant(
    sentence: str, forms: Sequence[str], names: Mapping[str, Collection[str]]
) -> tuple[str, ...]:
    """The claim that is probably meant; none where no form is near, or several are equally near,
    and more than one where tasks are named in words that claims do not have.

    Args:
        names: for each of the blanks A, TASK and NAME, the names that may fill it; those of A may
            fill B too.
    """
    prefixes, rest = _prefixes(sentence, names["TASK"])
    if any(word.lower() in _DENIALS for word in rest.split()):
        return ()
    known = set(" ".join(forms).split())
    words, blanks = _read(rest.split(), known, names)
    ranked = sorted(((_likeness(words, form.split()), form) for form in forms), reverse=True)
    (best, form), (second, _) = ranked[:2]
    strangers = "A" in blanks and not {blanks["A"], blanks.get("B")} & {*names["A"]}
    if best < CLOSE or best == second or strangers:
        return ()
    if prefixes == ("",) and "TASK" in blanks and "TASK" not in form.split():
        prefixes = (f"on {blanks['TASK']}: ",)
    if "A" not in form.split() and "A" in blanks:  # it is about one variant
        blanks["B"] = blanks["A"]
    claim = " ".join(blanks.get(word.rstrip("%"), word) for word in form.split())
    return tuple(f"{prefix}{claim}" for prefix in prefixes)


def _prefixes(sentence: str, tasks: Collection[str]) -> tuple[tuple[str, ...], str]:
    """Where a claim is judged, as claims say it, and the rest of the sentence."""
    place, colon, rest = sentence.partition(":")
    if not colon:
        return ("",), sentence
    words = place.replace(",", " ").split()
    named = [word for word in dict.fromkeys(words) if word in tasks]
    if named:
        return tuple(f"on {task}: " for task in named), rest
    over = _over({*words})
    if over and len(tasks) == 1:  # a claim about several would be refused
        return ("",), rest
    return tuple(f"on {which} tasks: " for which in over) or ("on TASK: ",), rest


def _over(words: Collection[str]) -> tuple[str, ...]:
    """Which tasks are meant where none is named; both readings where it is some of them."""
    if not {"most", "majority"}.isdisjoint(words):
        return ("most",)
    if not {"all", "each", "every", "any", "both"}.isdisjoint(words):
        return ("all",)
    return ("all", "most") if "tasks" in words else ()


def _read(
    words: Sequence[str], known: Collection[str], names: Mapping[str, Collection[str]]
) -> tuple[list[str], dict[str, str]]:
    """The words of a sentence as a form has them, and what fills its blanks."""
    read: list[str] = []
    blanks: dict[str, str] = {}
    for word in words:
        said = _said(word, known, names)
        if said == ["A"]:
            said = ["B"] if "A" in blanks and word != blanks["A"] else ["A"]
        if len(said) == 1 and said[0] in ("A", "B", "TASK", "NAME", "N"):
            blanks.setdefault(said[0], word)
        read += said
    if "slower" in words and {"A", "B"} <= {*blanks}:
        blanks["A"], blanks["B"] = blanks["B"], blanks["A"]
    return read, blanks


def _said(word: str, known: Collection[str], names: Mapping[str, Collection[str]]) -> Sequence[str]:
    """One word in the language of the forms: the blank that it fills, or words of forms.

    An unknown word may be a variant.
    """
    for blank, members in names.items():
        if word in members:
            return [blank]
    if _NUMBER.fullmatch(word):
        return ["N"]
    lower = word.lower()
    if lower in known or lower in _HABITS:
        return _HABITS.get(lower, [lower])
    near: Iterable[str] = difflib.get_close_matches(
        lower, sorted({*known, *_HABITS}), 1, CLOSE_WORD
    )
    return next((list(_HABITS.get(habit, [habit])) for habit in near), ["A"])


def _likeness(words: Sequence[str], form: Sequence[str]) -> float:
    return difflib.SequenceMatcher(
        None, words, [word.rstrip("%") for word in form], autojunk=False
    ).ratio()
