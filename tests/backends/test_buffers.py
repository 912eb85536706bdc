"""Where a loop keeps its values: nothing lies over anything else, and free sequences are used
before new rows are asked for.
"""

from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.backends.tensorflow.buffers import Buffer, Slice, assign

sizes = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=2), st.integers(1, 300), max_size=8
)
frees = st.dictionaries(st.integers(0, 9), st.integers(1, 300), max_size=5)


@given(sizes, frees)
def test_every_value_has_a_place_of_its_size_and_shares_it_with_none(
    values: dict[str, int], free: dict[int, int]
) -> None:
    assigned = assign(values, free)
    assert list(assigned.slices) == list(values)
    columns = [
        (p.buffer, column) for p in assigned.slices.values() for column in range(p.first, p.end)
    ]
    assert len(columns) == len(set(columns)) == sum(values.values())
    assert all(p.end <= assigned.buffers[p.buffer].width for p in assigned.slices.values())


@given(sizes, frees)
def test_rooms_are_free_sequences_used_once_or_as_wide_as_their_one_value(
    values: dict[str, int], free: dict[int, int]
) -> None:
    assigned = assign(values, free)
    over = [buffer.reuses for buffer in assigned.buffers if buffer.reuses is not None]
    assert len(over) == len(set(over))
    for number, buffer in enumerate(assigned.buffers):
        inside = assigned.values_in(number)
        assert inside
        if buffer.reuses is None:
            assert [values[key] for key in inside] == [buffer.width]
            assert buffer.width > max(
                (free[sequence] - sum(_of(values, assigned, sequence)) for sequence in free),
                default=0,
            )
        else:
            assert buffer.width == free[buffer.reuses]


def _of(values: dict[str, int], assigned, sequence: int) -> list[int]:  # type: ignore[no-untyped-def]
    return [
        values[k]
        for k, p in assigned.slices.items()
        if assigned.buffers[p.buffer].reuses == sequence
    ]


def test_the_gates_of_an_lstm_go_where_their_projections_were() -> None:
    assigned = assign({"gates": 192, "candidate": 64}, {0: 256})
    assert assigned.buffers == (Buffer(256, reuses=0),)
    assert assigned.slices == {"gates": Slice(0, 0, 192), "candidate": Slice(0, 192, 64)}


def test_what_fits_nowhere_has_rows_of_its_own() -> None:
    assigned = assign({"a": 3, "b": 2}, {7: 2})
    assert assigned.buffers == (Buffer(3), Buffer(2, reuses=7))
    assert assigned.added("c", Buffer(4, carries=1)).slices["c"] == Slice(2, 0, 4)
