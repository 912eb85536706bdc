"""Parts of a sweep: some variants, or every n-th trial, so that several machines share the work.

In: what `--only` and `--shard` say.  Out: a `Part`, which says of each trial whether it belongs to
it.  The points, seeds and orders of trials are functions of (seed, variant, task, index), so the
trials of all parts are those of the whole sweep.  A part is no part of a study's identity.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnzoo.errors import UsageError, argument, nearest
from rnnzoo.spec import points
from rnnzoo.spec.experiment import Experiment

MOST = 10_000  # shards
_SHARD = re.compile(r"\s*([1-9][0-9]*)\s*/\s*([1-9][0-9]*)\s*")


@dataclass(frozen=True, slots=True)
class Part:
    """Which trials of an experiment one sweep runs.

    Attributes:
        only: labels of variants; none: all.
        shard, of: the trials of each search whose index is `shard` - 1 modulo `of`.
    """

    only: tuple[str, ...] = ()
    shard: int = 1
    of: int = 1

    @property
    def whole(self) -> bool:
        """Whether it is the whole sweep."""
        return not self.only and self.of == 1

    def has(self, variant: str) -> bool:
        """Whether it has trials of a variant."""
        return not self.only or variant in self.only

    def holds(self, variant: str, index: int) -> bool:
        """Whether it has the trial of an index."""
        return self.has(variant) and index % self.of == self.shard - 1

    def count(self, variant: str, trials: int) -> int:
        """How many of the first `trials` trials of a search it has."""
        return len(range(self.shard - 1, trials, self.of)) if self.has(variant) else 0

    def enough_for(self, count: int) -> int:
        """The least number of trials of a search that has all that the part has of the first
        `count`.
        """
        return max(0, count - (count - self.shard) % self.of)

    def overlaps(self, other: Part) -> bool:
        """Whether both may have a trial in common."""
        if self.only and other.only and not {*self.only} & {*other.only}:
            return False
        # an index of both exists exactly then (Chinese remainder theorem)
        return (self.shard - other.shard) % math.gcd(self.of, other.of) == 0

    def to_dict(self) -> dict[str, Any]:
        return {"only": list(self.only), "shard": self.shard, "of": self.of}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Part:
        return cls(tuple(content["only"]), content["shard"], content["of"])

    def __str__(self) -> str:
        shard = f"shard {self.shard}/{self.of}" if self.of > 1 else ""
        variants = ", ".join(self.only)
        if shard and variants:
            return f"{shard} of {variants}"
        return shard or variants or "everything"


WHOLE = Part()


def part_of(
    experiment: Experiment, only: str | Sequence[str] = (), shard: str | None = None
) -> Part:
    """The part of an experiment that `--only` and `--shard` name.

    Args:
        only: labels of variants; in a text, with commas between them.
        shard: `2/8`, the second of eight; None: all.

    Raises:
        UsageError: no such variant or shard, or a shard of a search whose trials need each other.
    """
    labels = _labels(experiment, only)
    if shard is None:
        return Part(labels)
    match = _SHARD.fullmatch(shard)
    number, of = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= of <= MOST:
        raise UsageError(
            f"{argument('shard', shard)} names no part",
            f"write I/N, as 2/8 for the second of eight: I from 1 to N, N at most {MOST:,}",
        )
    if of > 1:
        _check_independent(experiment)
    return Part(labels, number, of)


def _labels(experiment: Experiment, only: str | Sequence[str]) -> tuple[str, ...]:
    words = [only] if isinstance(only, str) else list(only)
    asked = [label.strip() for word in words for label in word.split(",")]
    labels = list(dict.fromkeys(filter(None, asked)))
    if words and not labels:
        raise UsageError(f"{argument('only')} names no variant", f"{argument('only', 'VARIANT')}")
    known = [variant.label for variant in experiment.variants]
    for label in labels:
        if label not in known:
            raise UsageError(
                f"{argument('only', label)}: no variant of '{experiment.name}' is called so",
                nearest(label, known),
            )
    return () if {*labels} == {*known} else tuple(labels)


def _check_independent(experiment: Experiment) -> None:
    """
    Raises:
        UsageError: what trials a search has, or how far they train, depends on its other trials.
    """
    search = experiment.search
    reason = ""
    if not points.ours(search.sampler.name):
        reason = f"the points of '{search.sampler.name}' follow from the trials before"
    elif search.pruner is not None:
        reason = f"the pruner '{search.pruner.name}' stops trials by what the others have reached"
    elif search.rungs is not None:
        reason = "which trials go on from a rung depends on all of them"
    if reason:
        raise UsageError(
            f"{reason}, so a shard of a search cannot be run by itself",
            f"{argument('only', 'VARIANT')} runs the searches of some variants, each of them whole",
        )
