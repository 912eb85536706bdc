"""Where a loop keeps what its steps yield: in sequences that it reads for the last time, and in rows of its own.

In: values and their sizes, and sequences that nothing reads afterwards.  Out: a `Plan`.  Under XLA rows of one's own are
filled with zeros first: for an LSTM that took as long as two thirds of its forward loop.  So the gates go where the
projections of x were, and the adjoints of the pre-activations where the gates were.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Room:
    """Rows of one size, one for each step.

    Attributes:
        over: number of the sequence whose rows they are, each replaced once it has been read; None for new ones.
        before: number of a carried value: one row more, the first, holds what it begins with, so that row t is the value
            before step t and row t + 1 the one after it.
    """

    width: int
    over: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the rows of which room a value lies."""

    room: int
    first: int
    width: int

    @property
    def end(self) -> int:
        return self.first + self.width


@dataclass(frozen=True, slots=True)
class Plan(Generic[Key]):
    """Rooms, and the place of each value in them."""

    rooms: tuple[Room, ...]
    places: Mapping[Key, Place]

    def added(self, key: Key, room: Room) -> Plan[Key]:
        """The same with one more value in a room of its own."""
        place = Place(len(self.rooms), 0, room.width)
        return Plan((*self.rooms, room), {**self.places, key: place})

    def inside(self, room: int) -> list[Key]:
        return [key for key, place in self.places.items() if place.room == room]


def plan(values: Mapping[Key, int], free: Mapping[int, int]) -> Plan[Key]:
    """Place values of these sizes, the widest first, in free sequences of these sizes, as long as they fit.

    Args:
        values: key -> size.
        free: number of a sequence -> its size.
    """
    rooms: list[Room] = []
    taken: list[int] = []
    opened: dict[int, int] = {}  # sequence -> room
    places: dict[Key, Place] = {}
    for key, width in sorted(values.items(), key=lambda one: -one[1]):
        fits = [at for at, size in free.items() if (taken[opened[at]] if at in opened else 0) + width <= size]
        at = min(fits, key=lambda one: free[one], default=None)
        if at is None or at not in opened:
            rooms.append(Room(width) if at is None else Room(free[at], at))
            taken.append(0)
            if at is not None:
                opened[at] = len(rooms) - 1
        room = len(rooms) - 1 if at is None else opened[at]
        places[key] = Place(room, taken[room], width)
        taken[room] += width
    return Plan(tuple(rooms), {key: places[key] for key in values})
