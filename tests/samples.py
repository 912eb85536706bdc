"""How large the samples of tests are: `make test` takes a part of what `make test-all` takes.

Of cells: what takes milliseconds is tested for each; what compiles is tested for `compiled`
or for `FEW`, and by `make test-all` for each.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
import pytest

from rnnzoo import registry
from rnnzoo.lang import ir
from rnnzoo.lang.probes import probes
from rnnzoo.lang.view import view
from rnnzoo.spec.cell import FAMILIES, built_in_names

T = TypeVar("T")
ALL = bool(os.environ.get("RNNZOO_TEST_ALL"))  # set by `make test-all`
# tasks that are read from files of one's own, or that are looked for or downloaded
OF_FILES = (
    "arrays", "japanese_vowels", "jsb_chorales", "mnist", "muse_data", "nottingham",
    "omniglot", "omniglot_words", "penn_treebank", "piano_midi", "spoken_digits", "table", "text",
    "text8",
)  # fmt: skip
FREE_TASKS = tuple(name for name in registry.built_in("tasks") if name not in OF_FILES)
FEW = ("clockwork", "depth_gated", "lstm")  # a clock; layers that differ; two states


def examples(count: int) -> int:
    """How many examples of a property are looked at, of this many; `make test` takes the first
    quarter.
    """
    return count if ALL else -(-count // 4)


def slow(*case: object) -> object:
    """A case that only `make test-all` looks at; another of its kind is in `make test`."""
    return pytest.param(*case, marks=pytest.mark.slow)


def slow_outside_of(sample: Collection[object], values: Iterable[object]) -> list[object]:
    """All values, for `parametrize`; those outside of the sample are slow."""
    return [
        value if value in sample else pytest.param(value, marks=pytest.mark.slow)
        for value in values
    ]


@cache
def compiled() -> tuple[str, ...]:
    """`FEW`, and a cell of each other family: the oldest, and of those the first by name."""
    cells = sorted(map(view, built_in_names()), key=lambda cell: (cell.year, cell.name))
    covered = {cell.family for cell in cells if cell.name in FEW}
    names = [*FEW]
    for family in FAMILIES:
        oldest = [cell.name for cell in cells if cell.family == family][:1]
        names += [] if family in covered else oldest
    return tuple(sorted(names))


def inputs_of(cell: ir.Cell, inputs: int, axes: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """(*axes, columns) of what a layer of a cell reads, x having so many inputs."""
    drawn = probes(cell, inputs, axes, np.random.default_rng(seed))
    return np.concatenate([*drawn.values()], -1)


def layers_at_most(cell: ir.Cell, layers: int) -> int:
    """So many, or one where further layers cannot read what the first one reads."""
    return 1 if any(each.is_as_wide_as_x for each in cell.named_inputs) else layers


def cells(sample: tuple[str, ...]) -> list[object]:
    """Every cell of the zoo, for `parametrize`; those outside of the sample are slow."""
    return slow_outside_of(sample, built_in_names())


@dataclass(frozen=True, slots=True)
class Shard:
    """The tests that one of several machines runs: of all, every `of`-th from the `number`-th on.

    Tests of one file are dealt out, so that shards take about as long as each other.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """
        Raises:
            ValueError: it is not as `1/4`.
        """
        number, _, of = text.partition("/")
        shard = cls(int(number), int(of))
        if not 1 <= shard.number <= shard.of:
            raise ValueError(f"there is no shard {text}")
        return shard

    def split(self, tests: Sequence[T]) -> tuple[list[T], list[T]]:
        """Its own of these tests, and the others."""
        own = list(tests[self.number - 1 :: self.of])
        others = [test for place, test in enumerate(tests, 1) if (place - self.number) % self.of]
        return own, others
