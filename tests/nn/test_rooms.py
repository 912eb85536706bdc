"""Where a loop keeps its values: nothing lies over anything else, and free sequences are used before new rows are asked for."""

from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.nn.rooms import Place, Room, plan

sizes = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.integers(1, 300), max_size=8)
frees = st.dictionaries(st.integers(0, 9), st.integers(1, 300), max_size=5)


@given(sizes, frees)
def test_every_value_has_a_place_of_its_size_and_shares_it_with_none(
    values: dict[str, int], free: dict[int, int]
) -> None:
    found = plan(values, free)
    assert list(found.places) == list(values)
    columns = [(p.room, column) for p in found.places.values() for column in range(p.first, p.end)]
    assert len(columns) == len(set(columns)) == sum(values.values())
    assert all(p.end <= found.rooms[p.room].width for p in found.places.values())


@given(sizes, frees)
def test_rooms_are_free_sequences_used_once_or_as_wide_as_their_one_value(
    values: dict[str, int], free: dict[int, int]
) -> None:
    found = plan(values, free)
    over = [room.over for room in found.rooms if room.over is not None]
    assert len(over) == len(set(over))
    for at, room in enumerate(found.rooms):
        inside = found.inside(at)
        assert inside
        if room.over is None:
            assert [values[key] for key in inside] == [room.width]
            assert room.width > max((free[one] - sum(_of(values, found, one)) for one in free), default=0)
        else:
            assert room.width == free[room.over]


def _of(values: dict[str, int], found, sequence: int) -> list[int]:  # type: ignore[no-untyped-def]
    return [values[k] for k, p in found.places.items() if found.rooms[p.room].over == sequence]


def test_the_gates_of_an_lstm_go_where_their_projections_were() -> None:
    found = plan({"gates": 192, "candidate": 64}, {0: 256})
    assert found.rooms == (Room(256, over=0),)
    assert found.places == {"gates": Place(0, 0, 192), "candidate": Place(0, 192, 64)}


def test_what_fits_nowhere_has_rows_of_its_own() -> None:
    found = plan({"a": 3, "b": 2}, {7: 2})
    assert found.rooms == (Room(3), Room(2, over=7))
    assert found.added("c", Room(4, before=1)).places["c"] == Place(2, 0, 4)
