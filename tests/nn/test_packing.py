"""Where the rows of packed batches come from, and how many of them a batch has room for."""

from __future__ import annotations

import numpy as np
import pytest

from rnnzoo.nn.data import dealt
from rnnzoo.nn.packing import ROUND, is_worth_it, longest_first, packed, room, room_of

WIDTH, TIME = 9, 7


def rows_of(index: list[int], lengths: list[int]) -> list[tuple[int, int]]:
    """(sequence, step) row by row, as the module says; the longest sequence comes first."""
    return [
        (sequence, step)
        for step in range(TIME)
        for sequence, length in zip(index, lengths, strict=True)
        if step < length
    ]


@pytest.mark.parametrize(
    ("index", "lengths"),
    [([2, 8, 4], [7, 5, 3]), ([0, 1], [1, 1]), ([3, 5, 0], [6, 2, 0]), ([6], [7])],
)
def test_every_step_is_one_row_and_knows_the_step_before(
    index: list[int], lengths: list[int]
) -> None:
    packing = packed(np.array([index]), np.array([lengths]), WIDTH, TIME, 16)
    assert packing is not None
    expected = rows_of(index, lengths)
    steps, before, offsets = (array[0] for array in packing)
    assert [divmod(int(step), WIDTH) for step in steps[: len(expected)]] == expected
    assert list(offsets) == [sum(step < end for _, step in expected) for end in range(TIME + 1)]
    first = [sequence for sequence, step in expected if step == 0]
    for row, (sequence, step) in enumerate(expected):
        # the initial states come first, one for each sequence of the batch
        previous = first.index(sequence) if step == 0 else expected.index((sequence, step - 1))
        assert before[row] == (previous if step == 0 else len(index) + previous)


def test_the_sequences_of_a_batch_are_packed_from_the_longest_on() -> None:
    order = longest_first(np.array([[2, 7, 0, 7], [1, 1, 3, 2]]))
    assert order.tolist() == [[1, 3, 0, 2], [2, 3, 0, 1]]


def test_batches_that_have_no_room_are_not_packed() -> None:
    index, lengths = np.arange(4).reshape(2, 2), np.array([[7, 2], [6, 6]])
    assert packed(index, lengths, WIDTH, TIME, 12) is not None
    assert packed(index, lengths, WIDTH, TIME, 11) is None


def test_random_batches_have_room() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 120, 200)
    rows = room(lengths, 16)
    sums = np.array([rng.choice(lengths, 16, replace=False).sum() for _ in range(5000)])
    assert (sums > rows).mean() <= 0.001
    assert rows < 1.15 * np.quantile(sums, 0.999)


@pytest.mark.parametrize("batch", [3, 8, 20])
def test_the_room_is_never_more_than_the_longest_sequences_need(batch: int) -> None:
    lengths = np.array([50, 1, 1, 1, 1, 1, 1, 40])
    assert room(lengths, batch) <= -(-int(np.sort(lengths)[-batch:].sum()) // ROUND) * ROUND


def test_sequences_of_nearly_one_length_are_padded() -> None:
    assert not is_worth_it(room(np.arange(50, 56), 3), 3, 55)
    assert is_worth_it(room(np.array([10, 20, 100, 30, 10, 10]), 2), 2, 100)


def test_sequences_are_dealt_to_batches_of_about_as_many_steps() -> None:
    lengths = np.array([9, 1, 8, 2, 7, 3, 6, 4, 5])
    rows = np.arange(9) + 10
    index, real = dealt(rows, lengths, 4, 5)
    assert index.shape == real.shape == (5, 4)
    assert sorted(index[real > 0]) == list(rows)
    assert list(real.sum(axis=1)) == [3, 3, 3, 0, 0]
    steps = np.where(real > 0, lengths[np.maximum(index - 10, 0)], 0)
    assert list(steps.sum(axis=1)) == [18, 15, 12, 0, 0]
    assert room_of(steps) == 32
