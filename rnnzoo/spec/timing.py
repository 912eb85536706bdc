"""Times of the training steps of two variants, measured side by side: written by a sweep, read by a
report.

Plain and frozen values with a JSON form.  Reading checks every number, since a table may come from
anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from rnnzoo.errors import number_of
from rnnzoo.spec.trial import StudyKey

ROUNDS = 15  # of one epoch of each variant, after an epoch that compiles


@dataclass(frozen=True, slots=True)
class Side:
    """Both variants at one size.

    Attributes:
        units, layers: of the model; of the variant B, where variants have equal numbers of weights.
        a, b: seconds a training step in each round, evaluation of the validation split included.
    """

    units: int
    layers: int
    a: tuple[float, ...]
    b: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """How many times as fast A was as B, round by round."""
        return tuple(slow / fast for fast, slow in zip(self.a, self.b))

    @property
    def words(self) -> str:
        units = number_of(self.units, "unit")
        return f"{units} in {self.layers} layers" if self.layers > 1 else units


@dataclass(frozen=True, slots=True)
class Timing:
    """A measurement of two variants on a task.

    Attributes:
        a, b: identities of their studies.
        machine: the processor that it was measured on.
        sides: one for each size, the smallest first.
    """

    a: str
    b: str
    machine: str
    sides: tuple[Side, ...]

    def of(self) -> tuple[str, str, str]:
        """Task, and the two variants' labels."""
        a, b = StudyKey.parse(self.a), StudyKey.parse(self.b)
        return a.task, a.marked, b.marked

    def turned(self) -> Timing:
        """The same measurement with A and B exchanged."""
        sides = (replace(side, a=side.b, b=side.a) for side in self.sides)
        return replace(self, a=self.b, b=self.a, sides=tuple(sides))

    def to_dict(self) -> dict[str, Any]:
        sides = [
            {"units": side.units, "layers": side.layers, "a": list(side.a), "b": list(side.b)}
            for side in self.sides
        ]
        return {"a": self.a, "b": self.b, "machine": self.machine, "sides": sides}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Timing:
        """The timing that `to_dict` has written.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: it cannot have.
        """
        sides = tuple(_side(side) for side in content["sides"])
        timing = cls(str(content["a"]), str(content["b"]), str(content["machine"]), sides)
        seconds = chain.from_iterable((*side.a, *side.b) for side in sides)
        if not sides or not all(0.0 < second < math.inf for second in seconds):
            raise ValueError("a measured time is a finite number above 0")
        if any(not side.a or len(side.a) != len(side.b) for side in sides):
            raise ValueError("two variants that were measured side by side have as many times each")
        if not (StudyKey.find(timing.a) and StudyKey.find(timing.b)):
            raise ValueError("what was measured are two studies, each experiment/variant/task/hash")
        return timing


def _side(content: Mapping[str, Any]) -> Side:
    a, b = (tuple(map(float, content[name])) for name in ("a", "b"))
    return Side(int(content["units"]), int(content["layers"]), a, b)
