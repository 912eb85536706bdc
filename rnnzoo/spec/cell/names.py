"""Legal names, and what to write for signs and subscripts of printed mathematics."""

from __future__ import annotations

import keyword
import re
import unicodedata

from rnnzoo.errors import Mistakes, Span

MAX_NAME = 40  # characters: longer ones make equations that nobody can read
FOREIGN = re.compile(r"[^\x00-\x7f]")
# Signs of printed mathematics, and what to write for each.
SIGNS = {"\N{MINUS SIGN}": "-", "\N{MULTIPLICATION SIGN}": "*", "\N{MIDDLE DOT}": "*",
         "\N{DOT OPERATOR}": "*",
         "\N{CIRCLED DOT OPERATOR}": "*", "\N{RING OPERATOR}": "*",
         "\N{DIVISION SIGN}": "/"}  # fmt: skip
# How `rnnzoo show` prints the time of a name: this step, so many steps before.
SHOWN_NOW = "\N{LATIN SUBSCRIPT SMALL LETTER T}"
SHOWN_MINUS = "\N{SUBSCRIPT MINUS}"
SHOWN_DIGITS = "\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089"
SHOWN_BEFORE = f"{SHOWN_NOW}{SHOWN_MINUS}{SHOWN_DIGITS[1]}"
SHOWN_TRANSPOSED = "\N{MODIFIER LETTER CAPITAL T}"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")  # of an equation, a weight, an option
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # of a cell


def shown_words(written: str, meant: str) -> tuple[str, str]:
    """What to say of a name with its time in subscript letters."""
    problem = f"'{written}' is how `rnnzoo show` prints it, and not part of the language"
    return problem, f"write {meant} for {written}"


def foreign_words(char: str) -> tuple[str, str]:
    """Problem and fix for a character that looks like an English letter or a sign of the language
    but is neither.
    """
    name = unicodedata.name(char, f"U+{ord(char):04X}").lower()
    greek = name.removeprefix("greek small letter ").replace("lamda", "lambda_")
    fix = "names are English letters, digits and `_`; signs are ASCII"
    if name.startswith("greek small letter ") and greek.isidentifier():
        fix = f"write {greek}"
    elif char in SIGNS:
        fix = f"write {SIGNS[char]}"
    return f"'{char}' ({name}) is not part of the language", fix


def legal_name(name: str, span: Span, mistakes: Mistakes) -> bool:
    """Whether a name can be used in equations; if not, report why."""
    if keyword.iskeyword(name) or (keyword.issoftkeyword(name) and name == "_"):
        mistakes.add(
            span,
            f"'{name}' is a word of Python and cannot be a name",
            f"write {name}_ or another letter",
        )
    elif foreign := FOREIGN.search(name):
        mistakes.add(span, *foreign_words(foreign[0]))
    elif not NAME.fullmatch(name):
        mistakes.add(
            span,
            f"'{name[:60]}' cannot be a name",
            "use English letters, digits and `_`, a letter first",
        )
    elif len(name) > MAX_NAME:
        mistakes.add(span, f"a name of more than {MAX_NAME} characters", "shorten it")
    else:
        return True
    return False
