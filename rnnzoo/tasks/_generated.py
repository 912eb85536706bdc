"""What generated tasks share: a generator for each split, so that a size or a seed more leaves the
others as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rnnzoo.errors import nearest
from rnnzoo.spec.seeds import checksum_seed
from rnnzoo.tasks import SPLITS, Split, Task, Wrong, digest_of, to_width

SIZES = {"train": 2000, "valid": 500, "test": 500}  # options: sequences of each split
LENGTHS: dict[str, Any] = {"test_lengths": []}  # an option: lengths of `test`, if others than train
LOSS = "squared"  # where answers are numbers
_SPLIT_OF = dict(zip(SIZES, SPLITS))


def too_short(least: int, options: Mapping[str, Any], task: str) -> Iterator[Wrong]:
    """A length in which the task has no room."""
    yield from too_small("length", least, options, task)
    short = [length for length in options.get("test_lengths", ()) if length < least]
    if short:
        yield Wrong(
            "test_lengths",
            f"task '{task}': `test_lengths` must be at least {least} each, not {short[0]}",
        )


def too_small(option: str, least: int, options: Mapping[str, Any], task: str) -> Iterator[Wrong]:
    """A number below which the task makes no sense."""
    if options[option] < least:
        yield Wrong(
            option, f"task '{task}': `{option}` must be at least {least}, not {options[option]}"
        )


def not_among(
    option: str, known: Collection[str], options: Mapping[str, Any], task: str
) -> Iterator[Wrong]:
    """A word of which the task knows only a few others."""
    if options[option] not in known:
        words = f"task '{task}': `{option}` cannot be '{options[option]}'"
        yield Wrong(option, words, nearest(options[option], known))


def splits(
    options: Mapping[str, Any], seed: int, make: Callable[[int, np.random.Generator], Split]
) -> dict[str, Split]:
    """`make(sequences, generator)` for every split."""
    return {split: make(options[size], rng) for split, size, rng in draws(seed)}


def draws(seed: int) -> Iterator[tuple[str, str, np.random.Generator]]:
    """Each split, the option that says how many sequences it has, and its generator."""
    for size, split in _SPLIT_OF.items():
        yield split, size, np.random.default_rng([seed, checksum_seed(size)])


def at_lengths(
    options: Mapping[str, Any],
    seed: int,
    make: Callable[[int, int, np.random.Generator], Split],
    at_length: Callable[[int, int, np.random.Generator], Split] | None = None,
) -> dict[str, Split]:
    """`make(sequences, length, generator)` for every split; for `test` so many sequences of each of
    its lengths, where these are given.

    Args:
        at_length: makes those where `make` makes sequences that are also shorter.
    """
    lengths = sorted(set(options["test_lengths"]))
    drawn = splits(options, seed, lambda count, rng: make(count, options["length"], rng))
    if lengths:
        generators = [
            np.random.default_rng([seed, checksum_seed(f"test {length}")]) for length in lengths
        ]
        drawn["test"] = _joined(
            [
                (at_length or make)(options["test"], length, generator)
                for length, generator in zip(lengths, generators)
            ]
        )
    return drawn


def _joined(parts: Sequence[Split]) -> Split:
    """One split of all their sequences, padded to the longest."""
    width = max(part.width for part in parts)

    def padded(arrays: Iterable[np.ndarray]) -> np.ndarray:
        return np.concatenate([to_width(array, width) for array in arrays])

    targets, weights = [part.y for part in parts], [part.weights for part in parts]
    return Split(
        padded(part.x for part in parts),
        padded(targets) if targets[0].ndim > 1 else np.concatenate(targets),
        np.concatenate([part.lengths for part in parts]),
        padded(array for array in weights if array is not None) if weights[0] is not None else None,
    )


def one_number(
    name: str, splits: Mapping[str, Split], usual: tuple[str, float], solved: float
) -> Task:
    """A task whose answer is one number for each sequence.

    Args:
        usual: what always gives the same answer is called, and that answer.
        solved: the error from which on it is solved.
    """
    called, answer = usual
    return Task(
        name=name,
        splits=splits,
        loss=LOSS,
        per="sequence",
        outputs=1,
        metric="mse",
        unit="mean squared error",
        baselines={called: float(np.mean((splits["test"].y - answer) ** 2))},
        digest=digest_of(splits),
        solved=solved,
    )
