"""Where a long line of text breaks, for terminals and tables of a fixed width."""

from __future__ import annotations

import re
import textwrap

_SHARE = re.compile(r"(?<=[0-9]) %")
_JOINED = "\u00a0%"  # textwrap does not break there, as rich would


def fold(text: str, width: int, first: str = "", rest: str = "") -> str:
    """A text in lines of a width: they break between words, but not between a number and its `%`.

    A word that is wider, such as a path or a command, stays whole, for it is copied.

    Args:
        first: what the first line begins with.
        rest: what the others begin with.
    """
    folded = textwrap.fill(
        _SHARE.sub(_JOINED, text),
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return folded.replace(_JOINED, " %")
