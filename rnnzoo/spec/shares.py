"""How a share is written in a file: `20%`, `0.2` and `1/5` are one number.

In: what is written, in a claim or under a key.  Out: the number.
"""

from __future__ import annotations

import re
from fractions import Fraction

NUMBER = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
SHARE = rf"{NUMBER}(?:\s*%|\s*/\s*[1-9][0-9]*)?"
_SHARE = re.compile(SHARE)
LARGEST_DENOMINATOR = 100  # of a fraction that is proposed


def number(written: object) -> float | None:
    """The number that a text or a number is, also one that is no share; None for all else."""
    if isinstance(written, bool):
        return None
    if isinstance(written, int | float):
        return float(written)
    if not isinstance(written, str) or not _SHARE.fullmatch(written):
        return None
    if written.endswith("%"):
        return float(written[:-1]) / 100
    above, _, below = written.partition("/")
    return float(above) / float(below or 1)


def forms(share: float) -> str:
    """A share in each of its forms, for messages: `20%, 0.2 or 1/5`."""
    fraction = Fraction(share).limit_denominator(LARGEST_DENOMINATOR)
    return f"{share:.0%}, {share:.2g} or {fraction}"
