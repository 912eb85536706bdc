"""Numbers that follow from words: those that results rest on, as they were from the start."""

from __future__ import annotations

import hashlib
import zlib

import pytest

from rnnzoo.spec.seeds import checksum_seed, derive_seed, uniform

WORDS = ("", "0 v t 0 learning_rate", "1 lstm adding 3 trial ~", "über")


@pytest.mark.parametrize("words", WORDS)
def test_a_seed_is_the_first_bits_of_the_hash(words: str) -> None:
    bits = "".join(f"{byte:08b}" for byte in hashlib.sha256(words.encode()).digest())
    assert [derive_seed(words, count) for count in (31, 32, 53)] == [
        int(bits[:count], 2) for count in (31, 32, 53)
    ]
    assert derive_seed(words) == derive_seed(words, 32)
    assert uniform(words) == int(bits[:53], 2) / 2**53
    assert checksum_seed(words) == zlib.crc32(words.encode())


def test_seeds_are_those_of_the_studies_that_were_run() -> None:
    assert derive_seed("0 rnn adding 0 trial", 31) == 2117398065
    assert checksum_seed("train") == 1550247075
