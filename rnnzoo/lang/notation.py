"""Notations of papers and terminals, read as what they mean: `h_{t-1}`, `xₜ`, Greek letters,
primes.

In: the text of an expression.  Out: the same in ASCII, of the same length, so that the place of
everything behind stays right; what is not part of the language is reported, with what to write.
"""

from __future__ import annotations

import re
from dataclasses import replace

from rnnzoo.errors import Mistakes, Span
from rnnzoo.lang.primitives import CALLS
from rnnzoo.lang.tree import REPORTED, is_reported
from rnnzoo.spec.cell import (
    FOREIGN,
    SHOWN_DIGITS,
    SHOWN_MINUS,
    SHOWN_NOW,
    SHOWN_TRANSPOSED,
    SIGNS,
    foreign_words,
    shown_words,
)
from rnnzoo.spec.document import Code

_LAGGED = re.compile(r"\b([A-Za-z]\w*?)_?\{\s*t\s*-\s*([1-9]\d*)\s*\}")
_NOW = re.compile(r"\b([A-Za-z]\w*?)_?\{\s*t\s*\}")
_SHOWN_MATRIX = re.compile(rf"\b([A-Za-z][A-Za-z0-9_]*){SHOWN_TRANSPOSED}")
_SHOWN = re.compile(rf"\b([A-Za-z][A-Za-z0-9_]*){SHOWN_NOW}({SHOWN_MINUS}[{SHOWN_DIGITS}]+)?")
# `R'` is read as a name that ends in this letter, which Python allows and no user's text has
PRIME = "\N{MODIFIER LETTER PRIME}"
# `C[t-1]'`, which is read as `C'[t-1]`
_PRIME_OF_LAGGED = re.compile(r"\b([A-Za-z]\w*)(\[[^\[\]']*\])'(?!')")
_QUOTED = re.compile(r"(?<![\w')\]])'")  # a prime stands behind what it belongs to
# sign in a terminal -> name in the language, as of the sigmoid; most operations have no sign
_SHOWN_CALLS = {operation.unicode: name for name, operation in CALLS.items()}
# of products with a matrix, too
_DOTS = frozenset("\N{MIDDLE DOT}\N{DOT OPERATOR}\N{MULTIPLICATION SIGN}")
_AFTER_MATRIX = re.compile(r"\b[A-Z]\w*\s*$")


def this_step(name: str) -> str:
    """An operand as a fix shows it: papers write `x_t` for this step's `x`."""
    return "x" if name == "x_t" else name


def readable(code: Code, mistakes: Mistakes) -> Code | None:
    """An expression that Python's parser can read; None if foreign signs remain."""
    code = _unicode_notation(_latex_notation(code, mistakes), mistakes)
    in_ascii = _foreign_letters(code, mistakes)
    return None if in_ascii is None else _primes(in_ascii, mistakes)


def _latex_notation(code: Code, mistakes: Mistakes) -> Code:
    """Report `h_{t-1}` and `x_{t}`, and read them as intended; the text keeps its length, so that
    positions stay right.
    """
    text = code.text
    for pattern in (_LAGGED, _NOW):
        for match in pattern.finditer(text):
            name = match[1].removesuffix("_")
            if pattern is _LAGGED:
                meant = f"{name}[t-{match[2]}]"
                fix = (
                    f"write {meant} for {name}_{{t-{match[2]}}}, and bare names, such as x, for"
                    " this step's"
                )
            else:
                meant = name
                fix = f"write {meant} for {name}_{{t}}"
            mistakes.add(
                _word_span(code, match), "subscripts in braces are not part of the language", fix
            )
            text = text[: match.start()] + meant.ljust(len(match[0])) + text[match.end() :]
    return replace(code, text=text)


def _unicode_notation(code: Code, mistakes: Mistakes) -> Code:
    """Report `xₜ` and `hₜ₋₁`; the first is read as `x`, the second as an unreadable name, as
    `h[t-1]` is longer.
    """
    text = code.text
    for match in _SHOWN_MATRIX.finditer(code.text):
        mistakes.add(_word_span(code, match), *shown_words(match[0], f"{match[1]}'"))
        text = text[: match.end() - 1] + "'" + text[match.end() :]
    for match in _SHOWN.finditer(code.text):
        name, back = match.groups()
        meant = name
        if back:
            meant += "[t-" + "".join(str(SHOWN_DIGITS.index(digit)) for digit in back[1:]) + "]"
        mistakes.add(_word_span(code, match), *shown_words(match[0], meant))
        readable = REPORTED * len(match[0]) if back else name.ljust(len(match[0]))
        text = text[: match.start()] + readable + text[match.end() :]
    return replace(code, text=text)


def _primes(code: Code, mistakes: Mistakes) -> Code:
    """Read `R'` as a name of its own; a prime behind a bracket is reported and left out."""
    if _QUOTED.search(code.text):  # a text in quotes is refused as one
        return code
    text = _PRIME_OF_LAGGED.sub(r"\1'\2", code.text)
    for match in re.finditer(r"(?<=[)\]])'+", text):
        span = replace(_character_span(code, match.start()), length=len(match[0]))
        fix = "transpose it by its name, R' @ h[t-1]; (R @ S)' is S' @ (R' @ ...)"
        mistakes.add(span, "only the name of a matrix is transposed", fix)
        text = text[: match.start()] + " " * len(match[0]) + text[match.end() :]
    return replace(code, text=text.replace("'", PRIME))


def _word_fix(text: str, word: re.Match[str]) -> str:
    """What to write for a word with foreign letters that is called; empty where it is not."""
    if not text[word.end() :].lstrip().startswith("("):
        return ""
    if word[0] in _SHOWN_CALLS:
        return f"write {_SHOWN_CALLS[word[0]]}(...)"
    return "write an operation, such as tanh(...)"


def _sign(text: str, sign: re.Match[str]) -> tuple[str, str]:
    """What to read for a sign, and what to write where that depends on what stands before it."""
    if sign[0] in _DOTS and _AFTER_MATRIX.search(text[: sign.start()]):
        return "@", "write @ after a matrix, * between vectors"
    return SIGNS.get(sign[0], sign[0]), ""


def _foreign_letters(code: Code, mistakes: Mistakes) -> Code | None:
    """Report words with foreign letters and replace them by names of their own; None if foreign
    signs remain.
    """
    text = code.text
    for word in re.finditer(r"\w+", text):
        if (foreign := FOREIGN.search(word[0])) is not None and not is_reported(word[0]):
            problem, fix = foreign_words(foreign[0])
            mistakes.add(
                _character_span(code, word.start() + foreign.start()),
                problem,
                _word_fix(text, word) or fix,
            )
            text = text[: word.start()] + REPORTED * len(word[0]) + text[word.end() :]
    signs = [match for match in FOREIGN.finditer(text) if match[0] != REPORTED]
    for sign in signs:
        (problem, fix), (readable, meant) = foreign_words(sign[0]), _sign(text, sign)
        mistakes.add(_character_span(code, sign.start()), problem, meant or fix)
        text = text[: sign.start()] + readable + text[sign.end() :]
    return None if any(sign[0] not in SIGNS for sign in signs) else replace(code, text=text)


def _character_span(code: Code, index: int) -> Span:
    """The place of a character by its number in the text."""
    before = code.text[:index].split("\n")
    return code.span(len(before) - 1, len(before[-1]))


def _word_span(code: Code, word: re.Match[str]) -> Span:
    return replace(_character_span(code, word.start()), length=len(word[0]))
