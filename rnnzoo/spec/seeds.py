"""Numbers that follow from words, so that whoever knows the words gets the same: seeds, and points
of a search.

In: words that say what a number is for.  Out: the number.  Results rest on these; another function
gives other results.
"""

from __future__ import annotations

import hashlib
import zlib


def derive_seed(words: str, bits: int = 32) -> int:
    """The first bits of the SHA-256 of the words, 64 at most: words that differ little give numbers
    that differ at random.
    """
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") >> (64 - bits)


def seed_for(seed: int, purpose: str) -> int:
    """A seed of its own for each purpose of a training, so that none of them disturbs another."""
    return derive_seed(f"{seed} {purpose}", 31)


def uniform(words: str) -> float:
    """A number in [0, 1) with 53 bits, all that a float has."""
    return derive_seed(words, 53) / 2**53


def checksum_seed(words: str) -> int:
    """The CRC-32 of the words: 32 bits.

    For what is drawn in a report and for generated data, whose numbers have rested on it from the
    start.  A generator of NumPy's mixes its seed, so that a checksum is good enough there.
    """
    return zlib.crc32(words.encode())
