"""Names of Greek letters, and the letters."""

from __future__ import annotations

from collections.abc import Mapping
from unicodedata import lookup

_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau"
    " upsilon phi chi psi omega"
)
GREEK: Mapping[str, str] = {
    name: lookup(f"GREEK SMALL LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")
    for name in _NAMES.split()
}


def greek(name: str) -> str:
    """The letter that a name means, or the name."""
    return GREEK.get(name, name)
