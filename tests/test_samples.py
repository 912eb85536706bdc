"""Shards of the tests: together they are all, and none is in two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.samples import Shard


@given(st.lists(st.integers()), st.integers(1, 9))
def test_each_test_is_in_one_shard_and_shards_are_of_a_size(tests: list[int], of: int) -> None:
    shards = [Shard(number, of).split(tests) for number in range(1, of + 1)]
    places = sorted(test for own, _ in shards for test in own)
    assert places == sorted(tests)
    for own, others in shards:
        assert sorted(own + others) == sorted(tests)
    sizes = [len(own) for own, _ in shards]
    assert max(sizes) - min(sizes) <= 1


def test_a_shard_is_a_number_of_a_count() -> None:
    assert Shard.parse("2/4") == Shard(2, 4)


@pytest.mark.parametrize("text", ["", "2", "0/4", "5/4", "a/b", "1/0"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no shard|invalid literal"):
        Shard.parse(text)
