"""What is wrong with an expression that Python's parser cannot read.

In: its text.  Out: the place, and what to write, guessed from what people do write: a command of
LaTeX, a word of Python, a product without @, a bracket without its partner.
"""

from __future__ import annotations

import keyword
import re

from rnnzoo.errors import Span
from rnnzoo.lang.notation import PRIME, this_step
from rnnzoo.lang.primitives import CALLS
from rnnzoo.spec.document import Code


def place(code: Code, error: SyntaxError) -> Span:
    """Where the parser stopped; it was given one parenthesis more than the text has."""
    lines = code.text.split("\n")
    line = min(max((error.lineno or 1) - 1, 0), len(lines) - 1)
    column = (error.offset or 1) - 1 - (1 if line == 0 else 0)
    return code.span(line, min(max(column, 0), max(len(lines[line]) - 1, 0)))


def fix(text: str) -> str:
    """What to write instead."""
    if "\\" in text:
        return "commands of LaTeX are not read: write an operation, such as tanh(a)"
    if "|" in text:
        return "write abs(a), or norm(a) of all units"
    if (call := re.search(rf"\b({'|'.join(CALLS)})\s+([A-Za-z]\w*)", text)) is not None:
        return f"an operation has brackets: {call[1]}({call[2]} ...)"
    if "'" in text or PRIME in text:
        return "a prime transposes a matrix: write R' @ h[t-1]"
    if (power := re.search(r"\b([A-Z]\w*)\s*\^\s*\{?T\b", text)) is not None:
        return f"write {power[1]}' for the transposed matrix"
    if re.search(r"(?<![=!<>:])=(?!=)", text):
        return "an equation has one `=`; to compare, write =="
    if word := next((word for word in re.findall(r"[a-z]+", text) if keyword.iskeyword(word)), ""):
        return f"'{word}' is a word of Python and cannot be a name: write {word}_ or another letter"
    if (pair := re.search(r"\b([A-Z]\w*)\s+([A-Za-z]\w*|\()", text)) is not None:
        operand = "(...)" if pair[2] == "(" else this_step(pair[2])
        return f"a product is written with @: {pair[1]} @ {operand}"
    if (tilde := re.search(r"\b([A-Za-z]\w*)~", text)) is not None:
        return f"a name has letters, digits and `_`: write {tilde[1]}_new for {tilde[0]}"
    if re.search(r"\[[^\]]*;|;[^\[]*\]", text):
        return "vectors are joined with commas: W @ [h[t-1], x]"
    if re.search(r"[-+*/@%]\s*$", text):
        return "something is missing at the end; an equation goes on below only inside brackets"
    return "an equation is arithmetic, operations such as tanh(a), and products W @ x"


_CLOSING = {"(": ")", "[": "]", "{": "}"}


def lone_bracket(text: str) -> tuple[int, int] | None:
    """Row and column of the first bracket without its partner; our own parentheses must not become
    one.
    """
    open_at: list[tuple[str, int, int]] = []
    for row, line in enumerate(text.split("\n")):
        for column, char in enumerate(line):
            if char in _CLOSING:
                open_at.append((char, row, column))
            elif char in ")]}":
                if not open_at or _CLOSING[open_at[-1][0]] != char:
                    return row, column
                open_at.pop()
    return open_at[0][1:] if open_at else None


def bracket_words(code: Code, position: tuple[int, int]) -> tuple[str, str]:
    """What is wrong with a bracket without its partner, and the fix."""
    char = code.text.split("\n")[position[0]][position[1]]
    if char not in _CLOSING:
        return f"this {char} closes nothing", "delete it, or open a bracket before it"
    return f"this {char} is never closed", f"close it with {_CLOSING[char]}"
